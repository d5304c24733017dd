//! What settings say about callers, as it arrives at who recognises them.

use async_trait::async_trait;
use response_domain::api_key::{ApiKey, KeyDigest};
use response_domain::caller::OwnerId;
use response_domain::id::ApiKeyId;
use response_domain::ports::store::StoreError;
use response_domain::time::Timestamp;
use response_settings::{Settings, Sources};

use super::*;

/// Nobody's keys.
struct NoKeys;

#[async_trait]
impl ApiKeyStore for NoKeys {
    async fn add_key(&self, _: &ApiKey, _: &KeyDigest) -> Result<(), StoreError> {
        Ok(())
    }

    async fn key_of(&self, _: &KeyDigest, _: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        Ok(None)
    }

    async fn keys_of(&self, _: Option<&OwnerId>) -> Result<Vec<ApiKey>, StoreError> {
        Ok(Vec::new())
    }

    async fn revoke_key(&self, _: ApiKeyId, _: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        Ok(None)
    }
}

const ENABLED: (&str, &str) = ("AUTH_ENABLED", "true");
const ISSUER: (&str, &str) = ("AUTH_ISSUER", "https://a/realm");
const TWO_ISSUERS: (&str, &str) = ("AUTH_ISSUER", "https://a/realm,https://b/realm");
const GATEWAY: (&str, &str) = ("AUTH_GATEWAY_HEADERS", "true");
const SECRET: (&str, &str) = ("AUTH_GATEWAY_SECRET", "hunter2-hunter2-hunter2");
const NETS: (&str, &str) = ("AUTH_GATEWAY_CIDRS", "10.0.0.0/8,fd00::/8");

fn of(variables: &[(&str, &str)]) -> Option<Options> {
    let upstream = ("RESPONSE_LLM_API_URL", "http://llm-api:8080");
    let given = variables.iter().copied().chain([upstream]);
    let loaded = Settings::load(&Sources::from_variables(given)).unwrap();
    options(loaded.settings.auth, Arc::new(NoKeys))
}

#[test]
fn a_start_says_how_callers_are_recognised() {
    for (variables, expected) in [
        (
            &[][..],
            "callers are not told apart: everybody is the guest, who owns everything",
        ),
        (&[ENABLED], "callers are recognised by keys of this service"),
        (
            &[ENABLED, ISSUER, ("AUTH_API_KEYS", "false")],
            "callers are recognised by tokens of https://a/realm",
        ),
        (
            &[ENABLED, ISSUER],
            "callers are recognised by tokens of https://a/realm and keys of this service",
        ),
        (
            &[
                ENABLED,
                TWO_ISSUERS,
                ("AUTH_API_KEY_URL", "https://keys.example/check?key=hunter2"),
                GATEWAY,
                NETS,
                SECRET,
            ],
            "callers are recognised by tokens of https://a/realm, https://b/realm (2 issuers), keys of this \
             service, keys that keys.example vouches for, and the word of the gateway at 10.0.0.0/8, \
             fd00::/8 with its secret",
        ),
        (
            &[GATEWAY, SECRET, ISSUER],
            "callers are recognised by the word of the gateway with its secret",
        ),
    ] {
        assert_eq!(told(of(variables).as_ref()), expected);
    }
}

#[test]
fn each_issuer_has_the_keys_that_are_meant_for_it() {
    let at = |url: &str| KeySet::At(url.parse().unwrap());
    for (urls, expected) in [
        ("", [KeySet::Discovered, KeySet::Discovered]),
        ("https://k/1", [at("https://k/1"), at("https://k/1")]),
        (
            "https://k/1,https://k/2",
            [at("https://k/1"), at("https://k/2")],
        ),
    ] {
        let tokens = of(&[ENABLED, TWO_ISSUERS, ("AUTH_JWKS_URL", urls)])
            .unwrap()
            .tokens
            .unwrap();
        let names = tokens.issuers.iter().map(|issuer| issuer.name.as_str());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["https://a/realm", "https://b/realm"]
        );
        let keys: Vec<_> = tokens
            .issuers
            .into_iter()
            .map(|issuer| issuer.keys)
            .collect();
        assert_eq!(keys, expected, "{urls}");
    }
}

#[test]
fn what_the_settings_say_about_tokens_and_keys_arrives() {
    let options = of(&[
        ENABLED,
        ISSUER,
        ("ACCOUNT", "jan,jan-api"),
        ("AUTH_ALGORITHMS", "ES256,EdDSA"),
        ("AUTH_LEEWAY", "7s"),
        ("AUTH_TOKEN_CACHE", "0"),
        ("AUTH_KEY_CACHE", "9s"),
    ])
    .unwrap();
    let tokens = options.tokens.unwrap();
    assert_eq!(tokens.audiences, ["jan", "jan-api"]);
    assert_eq!(tokens.algorithms, [Algorithm::Es256, Algorithm::EdDsa]);
    assert_eq!((tokens.leeway.as_secs(), tokens.cache), (7, 0));
    assert_eq!(options.key_cache.as_secs(), 9);
    assert!(options.own_keys.is_some() && options.gateway.is_none());
}

#[test]
fn every_algorithm_that_can_be_set_is_the_one_of_its_name() {
    let all = Algorithm::ALL.map(Algorithm::as_str).join(",");
    let tokens = of(&[ENABLED, ISSUER, ("AUTH_ALGORITHMS", &all)])
        .unwrap()
        .tokens
        .unwrap();
    assert_eq!(tokens.algorithms, Algorithm::ALL);
}

#[test]
fn with_the_gateways_word_alone_nothing_else_lets_anybody_in() {
    let options = of(&[GATEWAY, NETS, ISSUER, ("AUTH_API_KEY_URL", "https://k")]).unwrap();
    assert!(options.tokens.is_none());
    assert!(options.own_keys.is_none());
    assert!(options.foreign_keys.is_none());
    assert_eq!(options.gateway.unwrap().nets.len(), 2);
}
