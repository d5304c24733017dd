//! Authenticator: who is calling. This build knows one way: everybody is the same guest, and what a
//! caller brings is passed on upstream, where it is judged.

use async_trait::async_trait;
use response_domain::caller::{Caller, Credential, OwnerId};
use response_domain::ports::auth::{AuthError, Authenticator};

/// Takes every caller for the one guest. For a machine of one's own, or behind a gateway that
/// authenticates and lets one tenant in.
#[derive(Debug, Clone)]
pub struct Guest {
    owner: OwnerId,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            owner: OwnerId::new("guest"),
        }
    }
}

#[async_trait]
impl Authenticator for Guest {
    async fn authenticate(&self, presented: Credential) -> Result<Caller, AuthError> {
        Ok(Caller {
            owner: self.owner.clone(),
            credential: presented,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_is_the_guest_and_keeps_the_credential() {
        for presented in [
            Credential::Absent,
            Credential::bearer("a".into()),
            Credential::api_key("sk_b".into()),
        ] {
            let caller = Guest::default()
                .authenticate(presented.clone())
                .await
                .unwrap();
            assert_eq!(
                (caller.owner.as_str(), caller.credential),
                ("guest", presented)
            );
        }
    }
}
