//! Options with which nobody could be recognised, or anybody.

use std::sync::Arc;
use std::time::Duration;

use response_egress::{ClientOptions, EgressClient, Url};
use response_identity::{
    Algorithm, Gateway, Identity, Issuer, KeySet, Options, OptionsError, Tokens,
};
use response_testkit::clock::TestClock;
use tokio::runtime::Handle;

use crate::world::no_options;

fn outcome(options: Options) -> Result<(), OptionsError> {
    let client = EgressClient::new(ClientOptions::default()).unwrap();
    let clock = Arc::new(TestClock::default());
    Identity::new(options, client, clock, Handle::current()).map(|_| ())
}

fn issuer(name: &str, keys: KeySet) -> Issuer {
    let name = name.to_owned();
    Issuer { name, keys }
}

fn at(url: &str) -> KeySet {
    KeySet::At(Url::parse(url).unwrap())
}

fn tokens(issuers: Vec<Issuer>) -> Tokens {
    Tokens {
        issuers,
        audiences: vec!["account".into()],
        algorithms: vec![Algorithm::Rs256],
        leeway: Duration::ZERO,
        cache: 0,
    }
}

fn with_tokens(tokens: Tokens) -> Options {
    Options {
        tokens: Some(tokens),
        ..no_options()
    }
}

fn with_gateway(gateway: Gateway) -> Options {
    Options {
        gateway: Some(gateway),
        ..no_options()
    }
}

const KEYS: &str = "https://keys.example/certs";

#[tokio::test]
async fn without_a_means_or_with_a_gateway_that_anybody_could_be_nothing_is_made() {
    assert_eq!(outcome(no_options()), Err(OptionsError::NoMeans));
    assert_eq!(
        outcome(with_gateway(Gateway::default())),
        Err(OptionsError::BareGateway)
    );
    let empty = Gateway {
        nets: vec!["10.0.0.0/8".parse().unwrap()],
        secrets: vec!["".into()],
    };
    assert_eq!(outcome(with_gateway(empty)), Err(OptionsError::EmptySecret));
}

#[tokio::test]
async fn tokens_of_nobody_or_of_two_that_are_one_are_refused() {
    let one = || tokens(vec![issuer("https://a.example", KeySet::Discovered)]);
    let two = |first: &str, second: &str, keys: &str| {
        tokens(vec![issuer(first, at(KEYS)), issuer(second, at(keys))])
    };
    let (mut deaf, mut mute) = (one(), one());
    deaf.audiences.clear();
    mute.algorithms.clear();
    let elsewhere = "https://other.example/";
    for (tokens, expected) in [
        (tokens(Vec::new()), Err(OptionsError::NoIssuer)),
        (deaf, Err(OptionsError::NoAudience)),
        (mute, Err(OptionsError::NoAlgorithm)),
        (
            two("a", "a", KEYS),
            Err(OptionsError::IssuerTwice("a".into())),
        ),
        (
            two("a", "a", elsewhere),
            Err(OptionsError::IssuerTwice("a".into())),
        ),
        (
            two("a|b", "c|d", elsewhere),
            Err(OptionsError::IssuerName("c|d".into())),
        ),
        // The name of a realm stands before a subject only where it is not the home realm.
        (two("a|b", "c", elsewhere), Ok(())),
        (two("a|b", "c|d", KEYS), Ok(())),
    ] {
        assert_eq!(outcome(with_tokens(tokens)), expected);
    }
}

#[tokio::test]
async fn urls_that_cannot_be_called_are_refused() {
    for bad in [
        issuer("id.example", KeySet::Discovered),
        issuer("ftp://id.example", KeySet::Discovered),
        issuer("https://ada:secret@id.example", KeySet::Discovered),
        issuer("a", at("ftp://id.example/certs")),
        issuer("a", at("https://ada:secret@id.example/certs")),
    ] {
        let name = bad.name.clone();
        match outcome(with_tokens(tokens(vec![bad]))) {
            Err(OptionsError::KeySetUrl { issuer, reason }) => {
                assert_eq!(issuer, name);
                assert!(!reason.contains("secret"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    let foreign = Options {
        foreign_keys: Some(Url::parse("file:///etc/passwd").unwrap()),
        ..no_options()
    };
    assert!(matches!(
        outcome(foreign),
        Err(OptionsError::ForeignKeysUrl { .. })
    ));
}

#[tokio::test]
async fn each_means_alone_is_enough() {
    for options in [
        with_tokens(tokens(vec![issuer(
            "https://a.example",
            KeySet::Discovered,
        )])),
        with_gateway(Gateway {
            nets: vec!["10.0.0.0/8".parse().unwrap()],
            secrets: Vec::new(),
        }),
        with_gateway(Gateway {
            nets: Vec::new(),
            secrets: vec!["a-secret-of-some-length".into()],
        }),
        Options {
            foreign_keys: Some(Url::parse("http://llm-api:8080/auth/validate-api-key").unwrap()),
            ..no_options()
        },
        Options {
            own_keys: Some(crate::own::Keys::new() as _),
            ..no_options()
        },
    ] {
        assert_eq!(outcome(options), Ok(()));
    }
}
