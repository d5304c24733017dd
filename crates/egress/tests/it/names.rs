//! Names and what they resolve to: the policy holds at the moment of the connection.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use response_egress::{
    AddressPolicy, ClientOptions, ConnectFault, EgressClient, EgressError, Looking, Lookup,
    Outbound, Refusal, Url,
};
use tokio::time::Instant;

use crate::server::{RawServer, Then};

/// Gives the answers of a script, one for each lookup, and keeps the names it was asked for.
#[derive(Debug)]
struct Scripted {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    names: Mutex<Vec<String>>,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Self::giving(answers.iter().map(parse).collect())
    }

    fn giving(answers: Vec<Vec<IpAddr>>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into()),
            names: Mutex::default(),
        })
    }

    fn names(&self) -> Vec<String> {
        self.names.lock().unwrap().clone()
    }
}

impl Lookup for Scripted {
    fn look_up(&self, name: &str) -> Looking {
        self.names.lock().unwrap().push(name.to_owned());
        let answer = self.answers.lock().unwrap().pop_front();
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
    let lookup = Scripted::new(&[]);
    let client = client(AddressPolicy::public_only(), lookup.clone());
    let spellings = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
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
    assert!(lookup.names().is_empty());
}

#[tokio::test]
async fn a_name_without_an_address_is_a_failed_connection() {
    for script in [Scripted::new(&[]), Scripted::new(&[&[]])] {
        let client = client(AddressPolicy::public_only(), script);
        let url = Url::parse("http://nowhere.test/").unwrap();
        let error = client.send(Outbound::get(&url)).await.unwrap_err();
        assert!(matches!(error, EgressError::Connect(_)), "{error:?}");
        assert_eq!(error.connect_fault(), Some(ConnectFault::NoAddress));
    }
}

#[tokio::test]
async fn a_name_is_judged_by_its_addresses_and_by_nothing_else() {
    let server = RawServer::answering(OK).await;
    for (name, asked) in [
        ("localhost", "localhost"),
        ("any.localhost", "any.localhost"),
        ("metadata.google.internal", "metadata.google.internal"),
        ("printer.local", "printer.local"),
        ("rebind.test.", "rebind.test."),
        ("REBIND.test", "rebind.test"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("127.0.0.1.nip.test", "127.0.0.1.nip.test"),
    ] {
        let url = Url::parse(&format!("http://{name}:{}/", server.port)).unwrap();
        let lookup = Scripted::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
        let client = client(public_and_loopback(), lookup.clone());
        client.send(Outbound::get(&url)).await.unwrap();
        let error = client.send(Outbound::get(&url)).await.unwrap_err();
        assert!(matches!(error, EgressError::Refused(_)), "{name}");
        assert_eq!(lookup.names(), [asked, asked]);
    }
    assert_eq!(server.connections(), 8);
}

#[tokio::test]
async fn of_very_many_addresses_all_are_judged_and_a_few_are_tried() {
    let server = RawServer::answering(OK).await;
    let dead = |count: u8| (0..count).map(|at| IpAddr::from([127, 0, 1, at]));
    let here = [IpAddr::from([127, 0, 0, 1])];
    let inside = [IpAddr::from([10, 0, 0, 1])];
    let send = async |found: Vec<IpAddr>| {
        let client = client(public_and_loopback(), Scripted::giving(vec![found]));
        client.send(Outbound::get(&named(&server))).await
    };
    assert!(send(dead(7).chain(here).collect()).await.is_ok());
    let error = send(dead(8).chain(here).collect()).await.unwrap_err();
    assert_eq!(error.connect_fault(), Some(ConnectFault::Unreachable));
    let many = dead(250).cycle().take(4_000).chain(inside).collect();
    let error = send(many).await.unwrap_err();
    assert!(matches!(error, EgressError::Refused(_)), "{error:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_is_used_again_leads_to_the_address_that_was_vetted() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec();
    let server = RawServer::start(vec![answer], Then::Again).await;
    let lookup = Scripted::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = client(public_and_loopback(), lookup.clone());
    for _ in 0..2 {
        let inbound = client.send(Outbound::get(&named(&server))).await.unwrap();
        let soon = Instant::now() + Duration::from_secs(10);
        inbound.bytes_capped(1, soon).await.unwrap();
    }
    assert_eq!((server.connections(), lookup.names().len()), (1, 1));
    // Another name, port or scheme has other connections, and so a lookup of its own.
    let other = Url::parse(&format!("http://other.test:{}/", server.port)).unwrap();
    let error = client.send(Outbound::get(&other)).await.unwrap_err();
    assert!(matches!(error, EgressError::Refused(_)), "{error:?}");
    assert_eq!(lookup.names(), ["rebind.test", "other.test"]);
}

#[test]
fn proxies_that_the_environment_names_are_not_used() {
    // The environment of a running process cannot be changed safely, so another test runs in a
    // process of its own; nobody listens where these proxies should be.
    let name = "names::the_address_that_was_vetted_is_the_one_that_is_called";
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .envs(
            ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
                .map(|it| (it, "http://127.0.0.1:1")),
        )
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        run.status.success() && report.contains("1 passed"),
        "{report}"
    );
}
