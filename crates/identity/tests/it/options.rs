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

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let one = || vec![issuer("https://a.example", KeySet::Discovered)];
    let keys = "https://keys.example/certs";
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
    for (tokens, error) in [
        (tokens(Vec::new()), OptionsError::NoIssuer),
        (
            Tokens {
                audiences: Vec::new(),
                ..tokens(one())
            },
            OptionsError::NoAudience,
        ),
        (
            Tokens {
                algorithms: Vec::new(),
                ..tokens(one())
            },
            OptionsError::NoAlgorithm,
        ),
        (
            tokens(vec![issuer("a", at(keys)), issuer("a", at(keys))]),
            OptionsError::IssuerTwice("a".into()),
        ),
        (
            tokens(vec![
                issuer("a", at(keys)),
                issuer("a", at("https://other.example/")),
            ]),
            OptionsError::IssuerTwice("a".into()),
        ),
        (
            tokens(vec![
                issuer("a|b", at(keys)),
                issuer("c|d", at("https://other.example/")),
            ]),
            OptionsError::IssuerName("c|d".into()),
        ),
    ] {
        assert_eq!(outcome(with_tokens(tokens)), Err(error));
    }
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
