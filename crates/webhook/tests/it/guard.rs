//! Whom a sender does not call, however the address is written and whatever its name leads to.

use std::net::{IpAddr, Ipv6Addr};

use response_domain::ports::webhook::WebhookSender;
use response_domain::webhook::SendFault;
use response_egress::{AddressPolicy, MAX_URL_LENGTH};

use crate::receiver::{Act, Receiver, say};
use crate::world::{Names, letter, policy, sender, sender_with};

const TAKEN: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

/// Receivers that nobody is to reach, all on one port: at addresses of this machine, over IPv4 and IPv6.
struct Inside(Vec<Receiver>);

impl Inside {
    async fn start() -> Self {
        let script = || vec![Act::Hear, say(TAKEN)];
        let first = Receiver::start(script()).await;
        let port = first.port;
        let mut all = vec![first];
        for address in [
            IpAddr::from([127, 0, 0, 2]),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ] {
            // Not every machine has these.
            all.extend(Receiver::at(address, port, script()).await);
        }
        Self(all)
    }

    fn port(&self) -> u16 {
        self.0[0].port
    }

    fn connections(&self) -> usize {
        self.0.iter().map(|receiver| receiver.count().made).sum()
    }
}

/// Hosts that are this machine or its network, by number.
const NUMBERS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::80ff:fffe]",
    "[2620:1::5efe:127.0.0.1]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
];

#[tokio::test]
async fn an_inner_address_in_any_spelling_is_refused_when_it_is_named_and_when_it_is_called() {
    let inside = Inside::start().await;
    let names = Names::leading(&[&["127.0.0.1"]]);
    let sender = sender_with(AddressPolicy::public_only(), names.clone());
    for host in NUMBERS {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{}/", inside.port());
            let refused = sender.admit(&url).unwrap_err();
            assert!(
                refused.0.contains("only public addresses"),
                "{url}: {refused}"
            );
            let fault = sender.send(letter(&url)).await.unwrap_err();
            assert_eq!(fault, SendFault::NotAllowed, "{url}");
        }
    }
    assert_eq!(inside.connections(), 0);
    assert!(names.asked().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_inside_is_admitted_and_then_not_called() {
    let inside = Inside::start().await;
    // 127.0.0.1 may be called in these, as if it were public; nothing else here may.
    for found in [
        &["127.0.0.2"][..],
        &["127.0.0.1", "127.0.0.2"],
        &["127.0.0.2", "127.0.0.1"],
        &["8.8.8.8", "127.0.0.1", "::1"],
        &["::ffff:127.0.0.2"],
        &["64:ff9b::127.0.0.2", "127.0.0.1"],
        &["0.0.0.0"],
        &["fe80::1"],
    ] {
        let sender = sender_with(policy(), Names::leading(&[found]));
        for name in [
            "hooks.test",
            "localhost",
            "hooks.internal",
            "127.0.0.1.nip.test",
        ] {
            let url = format!("http://{name}:{}/", inside.port());
            assert_eq!(sender.admit(&url), Ok(()));
            let fault = sender.send(letter(&url)).await.unwrap_err();
            assert_eq!(fault, SendFault::NotAllowed, "{name} at {found:?}");
        }
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_name_that_turns_inside_between_two_looks_is_called_where_it_was_vetted() {
    let inside = Inside::start().await;
    let url = format!("http://rebind.test:{}/", inside.port());
    let names = Names::leading(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let sender = sender_with(policy(), names.clone());
    assert!(sender.send(letter(&url)).await.unwrap().is_taken());
    // One look for one attempt: there is no second that could say something else.
    assert_eq!(names.asked().len(), 1);
    let fault = sender.send(letter(&url)).await.unwrap_err();
    assert_eq!(fault, SendFault::NotAllowed);
    assert_eq!(inside.connections(), 1);
    assert_eq!(inside.0[0].count().made, 1);
}

#[test]
fn whoever_names_a_bad_address_is_told_what_is_wrong_and_what_is_allowed() {
    let long = format!("https://example.com/{}", "a".repeat(MAX_URL_LENGTH));
    let sender = sender_with(AddressPolicy::public_only(), Names::leading(&[&[]]));
    let table = [
        ("", "absolute URL"),
        ("example.com/hook", "absolute URL"),
        ("/hook", "absolute URL"),
        ("https://", "absolute URL"),
        ("https://exa mple.com/", "absolute URL"),
        ("ftp://example.com/", "`ftp`: only `http` and `https`"),
        ("file:///etc/passwd", "`file`: only `http` and `https`"),
        (
            "javascript:alert(1)",
            "`javascript`: only `http` and `https`",
        ),
        (
            "https://user:hunter2@example.com/",
            "a user name or a password",
        ),
        ("https://hunter2@example.com/", "a user name or a password"),
        (
            "https://example.com@127.0.0.1/",
            "a user name or a password",
        ),
        ("https://example.com:0/", "1 to 65535"),
        (&long, "2068 bytes long: at most 2048"),
        (
            "http://10.1.2.3/?token=hunter2",
            "`10.1.2.3` may not be called: only public",
        ),
    ];
    for (url, told) in table {
        let refused = sender.admit(url).unwrap_err().0;
        assert!(refused.contains(told), "{url}: {refused}");
        for secret in ["hunter2", "passwd", "private"] {
            assert!(!refused.contains(secret), "{url}: {refused}");
        }
    }
    for url in [
        "https://example.com/hook?token=a#b",
        "http://8.8.8.8:8080/",
        "https://[2606:4700::1111]/",
        "https://bücher.example/",
    ] {
        assert_eq!(sender.admit(url), Ok(()), "{url}");
    }
}

#[test]
fn an_address_is_told_from_others_by_where_it_leads() {
    let sender = sender();
    for (url, origin) in [
        ("https://hooks.test/a?token=hunter2", "https://hooks.test"),
        ("HTTPS://HOOKS.test:443/b#c", "https://hooks.test"),
        ("http://hooks.test", "http://hooks.test"),
        ("http://hooks.test:8080/", "http://hooks.test:8080"),
        ("http://0x7f.1/", "http://127.0.0.1"),
        ("https://user:hunter2@hooks.test/", "https://hooks.test"),
        ("not a URL", ""),
    ] {
        assert_eq!(&*sender.origin(url), origin, "{url}");
    }
}

#[tokio::test]
async fn an_address_of_a_bad_form_is_not_called_either() {
    let receiver = Receiver::answering(TAKEN).await;
    let port = receiver.port;
    for url in [
        format!("http://user:pass@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/{}", "a".repeat(MAX_URL_LENGTH)),
        // Short as it is written, long as it is sent.
        format!("http://127.0.0.1:{port}/{}", "€".repeat(400)),
        "http://127.0.0.1:0/".to_owned(),
        format!("127.0.0.1:{port}"),
        String::new(),
    ] {
        let fault = sender().send(letter(&url)).await.unwrap_err();
        assert_eq!(fault, SendFault::NotAllowed, "{url}");
    }
    assert_eq!(receiver.count().made, 0);
}
