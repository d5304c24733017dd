//! Names and what they resolve to: the policy holds at the moment of the connection.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use response_egress::{
    AddressPolicy, ClientOptions, EgressClient, EgressError, Looking, Lookup, Outbound, Refusal,
    Url,
};

use crate::server::RawServer;

/// Gives the answers of a script, one for each lookup.
#[derive(Debug)]
struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>);

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl Lookup for Scripted {
    fn look_up(&self, _name: &str) -> Looking {
        let answer = self.0.lock().unwrap().pop_front();
        let missing = || io::Error::new(io::ErrorKind::NotFound, "the script has no more answers");
        Box::pin(async move { answer.ok_or_else(missing) })
    }
}

fn client(policy: AddressPolicy, lookup: Arc<Scripted>) -> EgressClient {
    EgressClient::new(ClientOptions {
        policy,
        lookup,
        ..ClientOptions::default()
    })
    .unwrap()
}

fn named(server: &RawServer) -> Url {
    Url::parse(&format!("http://rebind.test:{}/", server.port)).unwrap()
}

/// Public addresses and this machine, so that a test can be reached at all.
fn public_and_loopback() -> AddressPolicy {
    AddressPolicy::PublicOnly {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        deny: Vec::new(),
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn the_address_that_was_vetted_is_the_one_that_is_called() {
    let server = RawServer::answering(OK).await;
    // The name exists nowhere: only the scripted answer can have led to the server.
    let client = client(public_and_loopback(), Scripted::new(&[&["127.0.0.1"]]));
    client.send(Outbound::get(&named(&server))).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_name_that_turns_private_later_is_refused_then() {
    let server = RawServer::answering(OK).await;
    let client = client(
        public_and_loopback(),
        Scripted::new(&[&["127.0.0.1"], &["10.0.0.1"]]),
    );
    client.send(Outbound::get(&named(&server))).await.unwrap();
    let error = client
        .send(Outbound::get(&named(&server)))
        .await
        .unwrap_err();
    let EgressError::Refused(Refusal::Address {
        host,
        address,
        range,
    }) = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (host.as_str(), address.to_string().as_str()),
        ("rebind.test", "10.0.0.1")
    );
    assert_eq!(*range, "private");
    assert!(!error.to_string().contains("10.0.0.1"), "{error}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn one_forbidden_address_among_good_ones_refuses_the_name() {
    let server = RawServer::answering(OK).await;
    for answers in [["127.0.0.1", "192.168.1.1"], ["fe80::1", "127.0.0.1"]] {
        let client = client(public_and_loopback(), Scripted::new(&[&answers]));
        let error = client
            .send(Outbound::get(&named(&server)))
            .await
            .unwrap_err();
        assert!(matches!(error, EgressError::Refused(_)), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_address_on_the_deny_list_is_refused_although_it_is_allowed() {
    let server = RawServer::answering(OK).await;
    let policy = AddressPolicy::PublicOnly {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        deny: vec!["127.0.0.1/32".parse().unwrap()],
    };
    let client = client(policy, Scripted::new(&[&["127.0.0.1"]]));
    for url in [named(&server), server.url.clone()] {
        let error = client.send(Outbound::get(&url)).await.unwrap_err();
        assert!(matches!(error, EgressError::Refused(_)), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn localhost_is_refused_through_the_systems_own_resolver() {
    let server = RawServer::answering(OK).await;
    let url = Url::parse(&format!("http://localhost:{}/", server.port)).unwrap();
    let error = crate::server::client(AddressPolicy::public_only())
        .send(Outbound::get(&url))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Refused(Refusal::Address { .. })),
        "{error:?}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_literal_address_is_refused_although_no_resolver_is_asked() {
    let server = RawServer::answering(OK).await;
    let client = client(AddressPolicy::public_only(), Scripted::new(&[]));
    let spellings = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::ffff:7f00:1]",
    ];
    for host in spellings {
        let url = Url::parse(&format!("http://{host}:{}/", server.port)).unwrap();
        let error = client.send(Outbound::get(&url)).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Refused(Refusal::Address { .. })),
            "{host}: {error:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_without_an_address_is_a_failed_connection() {
    for script in [Scripted::new(&[]), Scripted::new(&[&[]])] {
        let client = client(AddressPolicy::public_only(), script);
        let url = Url::parse("http://nowhere.test/").unwrap();
        let error = client.send(Outbound::get(&url)).await.unwrap_err();
        assert!(matches!(error, EgressError::Connect(_)), "{error:?}");
    }
}
