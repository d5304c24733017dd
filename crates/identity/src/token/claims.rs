//! What a token whose signature is good has to claim.

use std::time::Duration;

use response_domain::ports::auth::{AuthError, Flaw};
use response_domain::time::Timestamp;
use serde_json::Value;

use crate::expiry;
use crate::json::Object;

/// No clock is so wrong that it makes a token this far ahead.
const FAR_AHEAD: Duration = Duration::from_hours(1);
/// What Keycloak writes into the claim `typ` of what is signed by the same key and is no access token.
const OTHER_KINDS: [&str; 4] = ["Refresh", "Offline", "ID", "Logout"];

/// What claims are held to.
#[derive(Debug)]
pub(crate) struct Rules {
    /// For whom a token may be meant.
    pub(crate) audiences: Vec<String>,
    /// How far a clock may be off.
    pub(crate) leeway: Duration,
}

/// What good claims say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person<'a> {
    /// Who it is.
    pub(crate) subject: &'a str,
    /// Until when.
    pub(crate) expires: Timestamp,
}

impl Rules {
    /// Who claims this, if the claims are good now.
    pub(crate) fn judge<'a>(
        &self,
        claims: &'a Object,
        now: Timestamp,
    ) -> Result<Person<'a>, AuthError> {
        let flawed = |flaw| Err(AuthError::Invalid(flaw));
        let text = |name| claims.text(name).map_err(|_not_text| Flaw::Claims);
        let kind = text("typ").map_err(AuthError::Invalid)?;
        if kind.is_some_and(|kind| OTHER_KINDS.contains(&kind)) {
            return flawed(Flaw::Claims);
        }
        let Some(subject) = text("sub").map_err(AuthError::Invalid)? else {
            return flawed(Flaw::Claims);
        };
        self.check_audience(claims).map_err(AuthError::Invalid)?;
        let moment = |name| moment(claims, name).map_err(AuthError::Invalid);
        let (expires, not_before, issued) = (moment("exp")?, moment("nbf")?, moment("iat")?);
        let Some(expires) = expires else {
            return flawed(Flaw::Claims);
        };
        if self.is_over(expires, now) {
            return Err(AuthError::Expired);
        }
        let latest = now.after(self.leeway);
        if not_before.is_some_and(|begins| begins > latest)
            || issued.is_some_and(|issued| issued > latest.after(FAR_AHEAD))
        {
            return flawed(Flaw::NotYet);
        }
        Ok(Person { subject, expires })
    }

    /// Whether something that is good until then is good no more.
    pub(crate) fn is_over(&self, expires: Timestamp, now: Timestamp) -> bool {
        expires.after(self.leeway) <= now
    }

    fn check_audience(&self, claims: &Object) -> Result<(), Flaw> {
        let is_ours = |audience: &str| self.audiences.iter().any(|ours| ours == audience);
        let is_meant = match claims.get("aud") {
            Some(Value::String(audience)) => is_ours(audience),
            Some(Value::Array(audiences)) => {
                let texts: Option<Vec<&str>> = audiences.iter().map(Value::as_str).collect();
                texts.ok_or(Flaw::Claims)?.into_iter().any(is_ours)
            }
            Some(_) | None => return Err(Flaw::Claims),
        };
        is_meant.then_some(()).ok_or(Flaw::Audience)
    }
}

fn moment(claims: &Object, name: &str) -> Result<Option<Timestamp>, Flaw> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(seconds)) => expiry::moment(seconds).map(Some).ok_or(Flaw::Claims),
        Some(_) => Err(Flaw::Claims),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn rules() -> Rules {
        Rules {
            audiences: vec!["account".into(), "jan".into()],
            leeway: Duration::from_secs(30),
        }
    }

    fn good() -> Value {
        json!({ "sub": "ada", "aud": "account", "exp": NOW + 60 })
    }

    /// Good claims with one changed or, for `null`, left out.
    fn with(name: &str, value: &Value) -> Value {
        let mut claims = good();
        match value {
            Value::Null => _ = claims.as_object_mut().unwrap().remove(name),
            value => claims[name] = value.clone(),
        }
        claims
    }

    /// In one word what becomes of these claims.
    fn outcome(claims: &Value) -> &'static str {
        let claims = Object::read(claims.to_string().as_bytes()).unwrap();
        let now = Timestamp::from_micros(NOW * 1_000_000);
        match rules().judge(&claims, now) {
            Ok(_) => "good",
            Err(AuthError::Invalid(flaw)) => flaw.as_str(),
            Err(AuthError::Expired) => "expired",
            Err(_) => "other",
        }
    }

    #[test]
    fn each_claim_is_held_to_its_rule() {
        for (name, value, expected) in [
            ("exp", json!(NOW + 60), "good"),
            ("exp", json!(NOW - 29), "good"),
            ("exp", json!(NOW - 30), "expired"),
            ("exp", json!(NOW - 31), "expired"),
            ("exp", json!(0), "expired"),
            ("exp", json!(-1), "expired"),
            ("exp", json!(1_700_000_000.5), "good"),
            ("exp", json!(1.7e9), "good"),
            ("exp", json!(1e300), "claims"),
            ("exp", json!(i64::MAX), "claims"),
            ("exp", json!(u64::MAX), "claims"),
            ("exp", json!("1700000060"), "claims"),
            ("exp", json!([NOW + 60]), "claims"),
            ("exp", json!(true), "claims"),
            ("exp", json!(null), "claims"),
            ("nbf", json!(NOW), "good"),
            ("nbf", json!(NOW + 30), "good"),
            ("nbf", json!(NOW + 31), "not_yet"),
            ("nbf", json!(1e300), "claims"),
            ("nbf", json!("soon"), "claims"),
            ("iat", json!(NOW + 30), "good"),
            ("iat", json!(NOW + 3630), "good"),
            ("iat", json!(NOW + 3631), "not_yet"),
            ("iat", json!("then"), "claims"),
            ("aud", json!("jan"), "good"),
            ("aud", json!(["x", "jan"]), "good"),
            ("aud", json!(["x"]), "audience"),
            ("aud", json!([]), "audience"),
            ("aud", json!("x"), "audience"),
            ("aud", json!("Account"), "audience"),
            ("aud", json!("account "), "audience"),
            ("aud", json!(["account", 1]), "claims"),
            ("aud", json!({ "account": 1 }), "claims"),
            ("aud", json!(null), "claims"),
            ("sub", json!("a|b"), "good"),
            ("sub", json!(1), "claims"),
            ("sub", json!(["ada"]), "claims"),
            ("sub", json!(null), "claims"),
            ("typ", json!("Bearer"), "good"),
            ("typ", json!("Refresh"), "claims"),
            ("typ", json!("Offline"), "claims"),
            ("typ", json!("ID"), "claims"),
            ("typ", json!("Logout"), "claims"),
            ("typ", json!(1), "claims"),
            ("extra", json!({ "a": [1, 2] }), "good"),
        ] {
            assert_eq!(outcome(&with(name, &value)), expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_person_is_a_subject_until_a_moment() {
        let claims = Object::read(good().to_string().as_bytes()).unwrap();
        let now = Timestamp::from_micros(NOW * 1_000_000);
        let person = rules().judge(&claims, now).unwrap();
        let expires = Timestamp::from_micros((NOW + 60) * 1_000_000);
        assert_eq!(
            person,
            Person {
                subject: "ada",
                expires
            }
        );
    }
}
