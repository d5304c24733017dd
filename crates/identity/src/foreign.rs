//! Keys that another service gave out: that service is asked whose they are, in the way in which the
//! platform's gateway asks it (`keycloak-apikey`).

use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::ports::auth::{AuthError, Flaw};
use response_egress::{EgressClient, Outbound, StatusCode, Url};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::answers::{Answers, unavailable};
use crate::json::Object;
use crate::keys::sha256;
use crate::watch::checked;

/// How such a key begins.
pub(crate) const PREFIX: &str = "sk_";
/// No service gives out a longer key.
const LONGEST: usize = 512;
/// How long the other service may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST_ANSWER: usize = 64 * 1024;
/// A key that is not known is not asked about again for so long at most: it may be made any moment.
const LONGEST_NO: Duration = Duration::from_secs(10);
/// Where the answer says who it is, in this order.
const NAMES: [&str; 4] = ["subject", "user_id", "sub", "id"];
/// Where an answer may take back that the key is good.
const WORDS: [&str; 2] = ["valid", "active"];

/// The keys of another service.
pub(crate) struct ForeignKeys {
    url: Url,
    client: EgressClient,
    answers: Answers<Option<OwnerId>>,
    good_for: Duration,
}

impl ForeignKeys {
    pub(crate) fn new(url: Url, client: EgressClient, good_for: Duration) -> Self {
        Self {
            url,
            client,
            answers: Answers::new(good_for),
            good_for,
        }
    }

    /// Whose this key is.
    pub(crate) async fn owner(&self, key: &str) -> Result<OwnerId, AuthError> {
        if key.len() > LONGEST {
            return Err(AuthError::Invalid(Flaw::Malformed));
        }
        let digest = sha256(key.as_bytes());
        let owner = self.answers.get(digest, self.ask(key)).await?;
        owner.ok_or(AuthError::Invalid(Flaw::Key))
    }

    async fn ask(&self, key: &str) -> Result<(Option<OwnerId>, Duration), AuthError> {
        let answer = self.answer(key).await;
        checked(
            "foreign",
            match &answer {
                Ok(Some(_)) => "good",
                Ok(None) => "refused",
                Err(_) => "failed",
            },
        );
        let owner = answer.map_err(unavailable)?;
        let good_for = match owner {
            Some(_) => self.good_for,
            None => self.good_for.min(LONGEST_NO),
        };
        Ok((owner, good_for))
    }

    async fn answer(&self, key: &str) -> Result<Option<OwnerId>, AskError> {
        let deadline = Instant::now() + PATIENCE;
        let question = json!({ "api_key": key }).to_string();
        let question = Outbound::post(&self.url).json(question).deadline(deadline);
        let answer = self.client.send(question).await?;
        match answer.status() {
            StatusCode::OK => {
                let text = answer.bytes_capped(LONGEST_ANSWER, deadline).await?;
                owner_in(&text)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(None),
            status => Err(AskError::Status(status)),
        }
    }
}

/// Why nobody knows whose a key is. The words are for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("the service that knows the key did not answer")]
    Call(#[from] response_egress::EgressError),
    #[error("the service that knows the key answered with status {0}")]
    Status(StatusCode),
    #[error("the service that knows the key did not say whose it is")]
    NoOwner,
}

/// Whose a key is by this answer.
pub(crate) fn owner_in(text: &[u8]) -> Result<Option<OwnerId>, AskError> {
    let answer = Object::read(text).ok_or(AskError::NoOwner)?;
    let is_no = |word: &&str| answer.get(word) == Some(&Value::Bool(false));
    if WORDS.iter().any(is_no) {
        return Ok(None);
    }
    let text = |name: &&str| answer.get(name).and_then(Value::as_str);
    let mut names = NAMES.iter().filter_map(text);
    let name = names.find(|name| !name.is_empty());
    let owner = OwnerId::of_subject(None, name.ok_or(AskError::NoOwner)?);
    owner.map(Some).map_err(|_invalid| AskError::NoOwner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_in_an_answer_is_the_owner() {
        for (answer, owner) in [
            (r#"{"subject":"ada"}"#, Some("ada")),
            (
                r#"{"user_id":"7","subject":"ada","email":"a@b.example","username":"x"}"#,
                Some("ada"),
            ),
            (r#"{"id":"4","sub":"3","user_id":"2"}"#, Some("2")),
            (r#"{"id":"4","sub":"3"}"#, Some("3")),
            (r#"{"id":"4"}"#, Some("4")),
            (r#"{"subject":"","user_id":"2"}"#, Some("2")),
            (r#"{"subject":null,"user_id":7,"id":"4"}"#, Some("4")),
            (r#"{"subject":"guest"}"#, Some("|guest")),
            (r#"{"subject":"consumer|a"}"#, Some("|consumer|a")),
            (r#"{"subject":"ada","valid":true}"#, Some("ada")),
            (r#"{"subject":"ada","valid":false}"#, None),
            (r#"{"active":false}"#, None),
        ] {
            let found = owner_in(answer.as_bytes()).unwrap();
            assert_eq!(found.as_ref().map(OwnerId::as_str), owner, "{answer}");
        }
    }

    #[test]
    fn an_answer_without_a_name_is_none() {
        for answer in [
            "",
            "{}",
            "null",
            "[]",
            "<html>ada</html>",
            r#""ada""#,
            r#"[{"subject":"ada"}]"#,
            r#"{"subject":7}"#,
            r#"{"subject":{"id":"ada"}}"#,
            r#"{"data":{"subject":"ada"}}"#,
            r#"{"subject":"a","subject":"b"}"#,
            "{\"subject\":\"a\\u0000\"}",
            &format!(r#"{{"subject":"{}"}}"#, "x".repeat(256)),
        ] {
            assert!(owner_in(answer.as_bytes()).is_err(), "{answer:.60}");
        }
    }
}
