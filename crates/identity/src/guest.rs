//! Everybody is the same guest, and what a caller brings is passed on upstream, where it is judged.

use async_trait::async_trait;
use response_domain::caller::{Caller, Credential, Means, OwnerId, Presented};
use response_domain::ports::auth::{AuthError, Authenticator};

use crate::{expiry, keys};

/// Takes every caller for the one guest. For a machine of one's own, or behind a gateway that
/// authenticates and lets one tenant in. A bearer token is believed when it says that it expires, and in
/// nothing else.
#[derive(Debug, Clone)]
pub struct Guest {
    owner: OwnerId,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            owner: OwnerId::guest(),
        }
    }
}

#[async_trait]
impl Authenticator for Guest {
    async fn authenticate(&self, presented: Presented) -> Result<Caller, AuthError> {
        let credential = passed_on(presented.credential);
        let expires = match &credential {
            Credential::Bearer(token) => expiry::of(token),
            Credential::ApiKey(_) | Credential::Absent => None,
        };
        Ok(Caller {
            owner: self.owner.clone(),
            credential,
            expires,
            means: Means::Guest,
        })
    }
}

/// What is judged elsewhere, which a key of this service is not: whoever sends one means this service, and
/// nobody else is to see it.
fn passed_on(presented: Credential) -> Credential {
    match &presented {
        Credential::Bearer(text) | Credential::ApiKey(text) if keys::is_meant_for_us(text) => {
            Credential::Absent
        }
        Credential::Bearer(_) | Credential::ApiKey(_) | Credential::Absent => presented,
    }
}

#[cfg(test)]
mod tests {
    use response_domain::time::Timestamp;

    use super::*;

    async fn expires(presented: Credential) -> Option<Timestamp> {
        let caller = Guest::default()
            .authenticate(presented.into())
            .await
            .unwrap();
        caller.expires
    }

    #[tokio::test]
    async fn a_bearer_token_tells_when_it_expires_and_nothing_else_does() {
        // The claims are `{"exp":7}`.
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjd9.c2ln".to_owned();
        let told = expires(Credential::bearer(token.clone())).await;
        assert_eq!(told, Some(Timestamp::from_micros(7_000_000)));
        for silent in [
            Credential::Absent,
            Credential::api_key(token),
            Credential::bearer("sk_opaque".into()),
        ] {
            assert_eq!(expires(silent).await, None);
        }
    }

    #[tokio::test]
    async fn everybody_is_the_guest_and_keeps_the_credential() {
        for presented in [
            Credential::Absent,
            Credential::bearer("a".into()),
            Credential::api_key("sk_b".into()),
        ] {
            let caller = Guest::default()
                .authenticate(presented.clone().into())
                .await
                .unwrap();
            assert_eq!(
                (caller.owner.as_str(), caller.credential),
                ("guest", presented)
            );
        }
    }

    #[tokio::test]
    async fn a_key_of_this_service_is_not_passed_on() {
        let key = keys::fresh().unwrap().text.to_string();
        for presented in [Credential::bearer(key.clone()), Credential::api_key(key)] {
            let caller = Guest::default().authenticate(presented.into()).await;
            assert_eq!(caller.unwrap().credential, Credential::Absent);
        }
    }
}
