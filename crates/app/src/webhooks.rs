//! Webhooks, as the settings name them: who posts them, how often, and what signs those to the addresses of
//! requests.

use response_domain::webhook::{CallbackSchedule, SigningSecret, WeakSecret};
use response_egress::AddressPolicy;
use response_engine::policy::{self, Policy};
use response_settings::{ExposeSecret, SigningSecrets, Webhooks};
use response_webhook::{BuildError, HttpSender, Options};

use crate::descriptors;

/// The share of the sending at once that is added for what did not arrive at first.
const PATIENT_SHARE: u16 = 4;

/// Why webhooks cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum WebhooksError {
    /// A secret is none.
    #[error("WEBHOOK_SECRET cannot be used")]
    Secret(#[from] WeakSecret),
    /// There is nobody who posts.
    #[error(transparent)]
    Sender(#[from] BuildError),
}

/// How webhooks are sent, and who posts them, within the guard.
pub(crate) fn of(
    section: Webhooks,
    guard: AddressPolicy,
) -> Result<(policy::Webhooks, HttpSender), WebhooksError> {
    let Webhooks {
        max_attempts,
        retry_delay,
        retry_backoff,
        timeout,
        user_agent,
        secret,
        parallelism,
    } = section;
    let sender = HttpSender::new(Options {
        user_agent: user_agent.as_str().to_owned(),
        timeout,
        policy: guard,
        ..Options::default()
    })?;
    let webhooks = policy::Webhooks {
        secrets: secret.as_ref().map_or(Ok(Vec::new()), secrets)?,
        callback: CallbackSchedule {
            attempts: max_attempts.get(),
            delay: retry_delay,
            growth: retry_backoff.get(),
        },
        timeout,
        prompt: parallelism.get(),
        patient: parallelism.get().div_ceil(PATIENT_SHARE),
    };
    Ok((webhooks, sender))
}

fn secrets(given: &SigningSecrets) -> Result<Vec<SigningSecret>, WeakSecret> {
    given
        .iter()
        .map(|secret| SigningSecret::parse(secret.expose_secret()))
        .collect()
}

/// Says in the log how this process sends, if it does: whoever works on background responses tells how they
/// ended.
pub(crate) fn tell(policy: &Policy) {
    if policy.background.workers == 0 {
        return;
    }
    let policy::Webhooks {
        secrets,
        prompt,
        patient,
        ..
    } = &policy.webhooks;
    let signed = match secrets.len() {
        0 => "not signed, because WEBHOOK_SECRET is not set".to_owned(),
        1 => "signed with 1 secret".to_owned(),
        many => format!("signed with {many} secrets"),
    };
    tracing::info!(
        webhook.secrets = secrets.len(),
        "sending webhooks, {prompt} at once and {patient} that did not arrive at first; those to the \
         addresses of requests are {signed}"
    );
    descriptors::check(u64::from(*prompt) + u64::from(*patient));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use response_settings::{Settings, Sources};

    use super::*;

    fn section(variables: &[(&str, &str)]) -> Option<Webhooks> {
        let upstream = [("RESPONSE_LLM_API_URL", "http://llm-api:8080")];
        let given = variables.iter().copied();
        let sources = Sources::from_variables(upstream.into_iter().chain(given));
        Some(Settings::load(&sources).ok()?.settings.webhooks)
    }

    fn policy(variables: &[(&str, &str)]) -> policy::Webhooks {
        let guard = AddressPolicy::public_only();
        of(section(variables).unwrap(), guard).unwrap().0
    }

    #[test]
    fn without_settings_it_is_as_promised() {
        let webhooks = policy(&[]);
        assert!(webhooks.secrets.is_empty());
        assert_eq!(
            webhooks.callback,
            CallbackSchedule {
                attempts: 3,
                delay: Duration::from_secs(2),
                growth: 1.0,
            }
        );
        assert_eq!(webhooks.timeout, Duration::from_secs(10));
        assert_eq!((webhooks.prompt, webhooks.patient), (2048, 512));
    }

    #[test]
    fn what_did_not_arrive_at_first_has_a_quarter_more() {
        for (given, patient) in [("16", 4), ("17", 5), ("16384", 4096)] {
            assert_eq!(policy(&[("WEBHOOK_PARALLELISM", given)]).patient, patient);
        }
    }

    /// The settings check secrets so that all that is wrong is told at once; what signs them checks again.
    #[test]
    fn the_settings_take_a_secret_exactly_when_it_can_sign() {
        let key = |length: usize| format!("whsec_{}", "A".repeat(length));
        let padded = |length: usize, padding: &str| format!("{}{padding}", key(length));
        for text in [
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned(),
            "your-webhook-secret-key".to_owned(),
            key(31),
            key(32),
            key(33),
            key(34),
            key(86),
            key(87),
            padded(34, "=="),
            padded(34, "="),
            padded(35, "="),
            padded(29, "==="),
            padded(86, "=="),
            key(0),
            "whsec_!".to_owned() + &"A".repeat(40),
            "whsec_-_".to_owned() + &"A".repeat(40),
            "x".repeat(15),
            "x".repeat(16),
            "x".repeat(256),
            "x".repeat(257),
            "two words that are long".to_owned(),
            "ümläüte-are-not-visible-ascii".to_owned(),
        ] {
            let signs = SigningSecret::parse(&text).is_ok();
            let is_taken = section(&[("WEBHOOK_SECRET", &text)]).is_some();
            assert_eq!(is_taken, signs, "{text}");
        }
    }

    #[test]
    fn the_newest_secret_comes_first() {
        let webhooks = policy(&[(
            "WEBHOOK_SECRET",
            "the-newest-of-them-all,the-one-before-that",
        )]);
        let texts: Vec<_> = webhooks.secrets.iter().map(SigningSecret::expose).collect();
        assert_eq!(texts, ["the-newest-of-them-all", "the-one-before-that"]);
    }
}
