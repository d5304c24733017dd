//! When a bearer token says that it expires. Nothing is verified: whoever makes a token up only turns
//! itself away early, or not.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use response_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::Number;

/// A longer token is not looked at; whom it is for has to judge it anyway.
const LONGEST: usize = 16 * 1024;

/// What is read of a token's claims. A claim that stands twice could mean either, so then there is none.
#[derive(Deserialize)]
struct Claims {
    exp: Option<Number>,
}

/// The `exp` of a token that is a signed JWT; `None` for any other, and for one that is odd in any way.
/// Takes time and memory in proportion to the token, and none to speak of beyond 16 KiB.
pub(crate) fn of(token: &str) -> Option<Timestamp> {
    if token.len() > LONGEST {
        return None;
    }
    let mut parts = token.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_base64url(header) || !is_base64url(signature) {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    // A list would be read as claims too: its first entry as the first of them.
    let claims = claims.trim_ascii_start();
    let claims: Claims = claims
        .starts_with(b"{")
        .then(|| serde_json::from_slice(claims).ok())??;
    moment(&claims.exp?)
}

fn is_base64url(part: &str) -> bool {
    !part.is_empty()
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Seconds since the epoch, with or without a fraction, as a moment; `None` when none is so far away.
pub(crate) fn moment(seconds: &Number) -> Option<Timestamp> {
    let micros = match seconds.as_i64() {
        Some(whole) => whole.checked_mul(1_000_000),
        None => micros(seconds.as_f64()?),
    };
    micros.map(Timestamp::from_micros)
}

fn micros(seconds: f64) -> Option<i64> {
    let distance = Duration::try_from_secs_f64(seconds.abs()).ok()?;
    let micros = i64::try_from(distance.as_micros()).ok()?;
    Some(if seconds < 0.0 { -micros } else { micros })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token with these claims.
    fn token(claims: &str) -> String {
        format!(
            "eyJhbGciOiJSUzI1NiJ9.{}.c2ln",
            URL_SAFE_NO_PAD.encode(claims)
        )
    }

    #[test]
    fn the_number_in_exp_is_a_moment() {
        let moments = [
            (r#"{"exp":1700000000}"#, 1_700_000_000_000_000),
            (
                r#"{"sub":"ada","exp":1700000000,"aud":["a"]}"#,
                1_700_000_000_000_000,
            ),
            (r#"{"exp":1700000000.5}"#, 1_700_000_000_500_000),
            (r#"{"exp":1.7e9}"#, 1_700_000_000_000_000),
            (r#" { "exp" : 0 } "#, 0),
            (r#"{"exp":0.25}"#, 250_000),
            (r#"{"exp":-0.0}"#, 0),
            (r#"{"exp":-1}"#, -1_000_000),
            (r#"{"exp":-1.5}"#, -1_500_000),
            (r#"{"exp":1e-300}"#, 0),
            // The last whole second that a moment can name, and the first.
            (r#"{"exp":9223372036854}"#, 9_223_372_036_854_000_000),
            (r#"{"exp":-9223372036854}"#, -9_223_372_036_854_000_000),
            (r#"{"\u0065xp":7}"#, 7_000_000),
        ];
        for (claims, micros) in moments {
            assert_eq!(
                of(&token(claims)),
                Some(Timestamp::from_micros(micros)),
                "{claims}"
            );
        }
    }

    #[test]
    fn claims_that_are_odd_have_no_expiry() {
        let odd = [
            "",
            "{}",
            "null",
            "[1]",
            "[]",
            "1700000000",
            "not json",
            r#"{"exp":null}"#,
            r#"{"exp":"1700000000"}"#,
            r#"{"exp":true}"#,
            r#"{"exp":[1700000000]}"#,
            r#"{"exp":{"a":1}}"#,
            r#"{"EXP":1700000000}"#,
            r#"{"a":{"exp":1700000000}}"#,
            r#"{"exp":1,"exp":2}"#,
            r#"{"exp":1} {"exp":1}"#,
            r#"{"exp":1"#,
            r#"{"exp":01}"#,
            r#"{"exp":0x10}"#,
            r#"{"exp":NaN}"#,
            r#"{"exp":Infinity}"#,
            r#"{"exp":9223372036855}"#,
            r#"{"exp":-9223372036855}"#,
            r#"{"exp":9223372036854775807}"#,
            r#"{"exp":18446744073709551615}"#,
            r#"{"exp":1e18}"#,
            r#"{"exp":-1e300}"#,
            r#"{"exp":1e400}"#,
            r#"{"exp":123456789012345678901234567890123456789012345678901234567890}"#,
        ];
        for claims in odd {
            assert_eq!(of(&token(claims)), None, "{claims:.80}");
        }
    }

    #[test]
    fn text_that_is_no_jwt_has_no_expiry() {
        let good = token(r#"{"exp":1}"#);
        let payload = URL_SAFE_NO_PAD.encode(r#"{"exp":1}"#);
        let odd = [
            String::new(),
            ".".into(),
            "..".into(),
            "sk-1234567890".into(),
            payload.clone(),
            format!("a.{payload}"),
            format!(".{payload}.c"),
            format!("a.{payload}."),
            format!("{good}.d"),
            format!(" {good}"),
            format!("{good} "),
            format!("Bearer {good}"),
            format!("a=.{payload}.c"),
            format!("a.{payload}.ü"),
            format!("a.{payload}=.c"),
            format!("a.{payload}==.c"),
            r#"a.{"exp":1}.c"#.into(),
            // `_8` is not UTF-8 once decoded.
            "a._____8.c".into(),
        ];
        for token in odd {
            assert_eq!(of(&token), None, "{token}");
        }
        assert!(of(&good).is_some(), "the others differ from a good one");
    }

    #[test]
    fn claims_that_are_nested_very_deep_are_passed_over() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let (open, close) = (open.repeat(1500), close.repeat(1500));
            let claims = format!(r#"{{"a":{open}1{close},"exp":1}}"#);
            assert!(of(&token(&claims)).is_some());
            assert_eq!(of(&token(&format!(r#"{{"exp":{open}1{close}}}"#))), None);
            assert_eq!(of(&token(&open)), None);
        }
    }

    #[test]
    fn a_token_of_hostile_length_is_not_looked_at() {
        let claims = |padding: usize| format!(r#"{{"exp":1,"a":"{}"}}"#, "x".repeat(padding));
        assert!(of(&token(&claims(11_000))).is_some());
        assert_eq!(of(&token(&claims(20_000))), None);
        assert_eq!(of(&".".repeat(64 << 20)), None);
        assert_eq!(of(&".".repeat(LONGEST)), None);
    }
}
