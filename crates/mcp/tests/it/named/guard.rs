//! Whom nobody can have called, however the address is written and wherever its name leads.

use proptest::prelude::*;
use response_domain::ports::tools::{ToolErrorKind, ToolRegistry};
use response_egress::{AddressClass, AddressPolicy, MAX_URL_LENGTH, Url};
use response_mcp::{Options, ServerOptions};
use serde_json::json;

use super::stage::{Names, call, giving, list, policy, tools, tools_with};
use crate::fake::{Answer, Fake};
use crate::world::{self, tool};

async fn willing() -> Fake {
    Fake::start(|seen| match seen.method() {
        "tools/list" => seen.tools(&json!([tool("t")])),
        "tools/call" => seen.says("done"),
        _ => seen.error(200, -32601, "Method not found"),
    })
    .await
}

/// Hosts that are this machine or its network.
const INSIDE: [&str; 27] = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "0.0.0.0",
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
    "[::ffff:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
];

#[tokio::test]
async fn an_inner_address_in_any_spelling_is_refused_when_it_is_named_and_when_it_is_called() {
    let fake = willing().await;
    let names = Names::leading(&[&["127.0.0.1"]]);
    let tools = tools_with(
        &Options::new(Vec::new()),
        AddressPolicy::public_only(),
        names.clone(),
    );
    let context = giving(&[]);
    for host in INSIDE {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{}/mcp", fake.url.port().unwrap());
            let refused = tools.admit(&url).unwrap_err();
            assert!(
                refused.0.contains("only public addresses"),
                "{url}: {refused}"
            );
            let listed = list(&tools, &url, &context).await.unwrap_err();
            let called = call(&tools, &url, &context, &json!({})).await.unwrap_err();
            for error in [listed, called] {
                assert_eq!(error.kind, ToolErrorKind::Unavailable);
                assert!(
                    error.message.contains("its address is not allowed"),
                    "{}",
                    error.message
                );
            }
        }
    }
    assert_eq!((fake.connections(), names.asked()), (0, 0));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_admitted_and_then_not_called() {
    let fake = willing().await;
    // 127.0.0.1 may be called in these, as if it were public; nothing else here may.
    for found in [
        &["127.0.0.2"][..],
        &["127.0.0.1", "127.0.0.2"],
        &["8.8.8.8", "::1"],
        &["::ffff:127.0.0.2"],
        &["0.0.0.0"],
        &["169.254.169.254"],
    ] {
        let tools = tools_with(
            &Options::new(Vec::new()),
            policy(),
            Names::leading(&[found]),
        );
        for name in ["mcp.test", "localhost", "127.0.0.1.nip.test"] {
            let url = format!("http://{name}:{}/mcp", fake.url.port().unwrap());
            assert_eq!(tools.admit(&url), Ok(()));
            let error = list(&tools, &url, &giving(&[])).await.unwrap_err();
            assert_eq!(error.kind, ToolErrorKind::Unavailable);
            assert_eq!(
                error.message,
                "the tool server `theirs` cannot be reached, or is at an address that may not be called"
            );
        }
    }
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn nobody_can_tell_an_address_inside_from_one_where_nobody_is() {
    let gone = willing().await.url.port().unwrap();
    let table: [&[&str]; 3] = [&["10.0.0.1"], &["127.0.0.1"], &[]];
    let mut told = Vec::new();
    for found in table {
        let tools = tools_with(
            &Options::new(Vec::new()),
            policy(),
            Names::leading(&[found]),
        );
        let url = format!("http://mcp.test:{gone}/mcp");
        let error = list(&tools, &url, &giving(&[])).await.unwrap_err();
        told.push((error.kind, error.message));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn a_name_that_turns_inside_between_two_looks_is_called_where_it_was_vetted() {
    // Connections are not kept, so that each request looks anew.
    let fake = Fake::start(|seen| {
        let answer = match seen.method() {
            "tools/list" => seen.tools(&json!([tool("t")])),
            _ => seen.error(200, -32601, "Method not found"),
        };
        answer.with("connection", "close")
    })
    .await;
    let names = Names::leading(&[
        &["127.0.0.1"],
        &["127.0.0.1"],
        &["127.0.0.1"],
        &["127.0.0.2"],
    ]);
    let tools = tools_with(&Options::new(Vec::new()), policy(), names);
    let url = format!("http://rebind.test:{}/mcp", fake.url.port().unwrap());
    list(&tools, &url, &giving(&[])).await.unwrap();
    let error = call(&tools, &url, &giving(&[]), &json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::Unavailable);
    assert_eq!(fake.count("tools/call"), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed_wherever_it_leads() {
    let inside = willing().await;
    for status in [301, 302, 303, 307, 308] {
        let target = format!("http://127.0.0.2:{}/mcp", inside.url.port().unwrap());
        for target in [target, inside.url.to_string()] {
            let fake = Fake::start(move |_| {
                Answer::new(status, "text/plain", "").with("location", &target)
            })
            .await;
            let (tools, context, url) = (tools(), giving(&[("x-k", "v")]), fake.url.as_str());
            let listed = list(&tools, url, &context).await.unwrap_err();
            let called = call(&tools, url, &context, &json!({})).await.unwrap_err();
            for error in [listed, called] {
                assert!(
                    error.message.contains("which is not followed"),
                    "{}",
                    error.message
                );
            }
        }
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn whoever_names_a_bad_address_is_told_what_is_wrong_and_what_is_allowed() {
    let long = format!("https://example.com/{}", "a".repeat(MAX_URL_LENGTH));
    let tools = tools();
    for (url, told) in [
        ("", "absolute URL"),
        ("example.com/mcp", "absolute URL"),
        ("https://", "absolute URL"),
        ("ftp://example.com/", "`ftp`: only `http` and `https`"),
        ("file:///etc/passwd", "`file`: only `http` and `https`"),
        (
            "https://user:hunter2@example.com/",
            "a user name or a password",
        ),
        ("https://hunter2@example.com/", "a user name or a password"),
        ("https://example.com:0/", "1 to 65535"),
        (&long, "2068 bytes long: at most 2048"),
        (
            "http://10.1.2.3/?token=hunter2",
            "`10.1.2.3` may not be called: only public",
        ),
    ] {
        let refused = tools.admit(url).unwrap_err().0;
        assert!(refused.contains(told), "{url}: {refused}");
        let error = list(&tools, url, &giving(&[])).await.unwrap_err();
        assert!(error.message.contains(told), "{url}: {}", error.message);
        for secret in ["hunter2", "passwd", "private"] {
            assert!(!error.message.contains(secret), "{url}: {}", error.message);
        }
    }
    for url in [
        "https://example.com/mcp?token=a",
        "http://8.8.8.8:8080",
        "https://bücher.example/",
    ] {
        assert_eq!(tools.admit(url), Ok(()), "{url}");
    }
}

#[tokio::test]
async fn where_callers_may_name_no_servers_none_is_admitted_listed_or_called() {
    let fake = willing().await;
    let options = Options::new(vec![ServerOptions::new("default", fake.url.clone())]);
    let tools = world::tools_with(&options);
    let url = fake.url.as_str();
    let refused = tools.admit("https://example.com/mcp").unwrap_err();
    assert_eq!(
        refused.0,
        "only the tool servers that are configured here are called"
    );
    let listed = list(&tools, url, &giving(&[])).await.unwrap_err();
    let called = call(&tools, url, &giving(&[]), &json!({}))
        .await
        .unwrap_err();
    for error in [listed, called] {
        assert_eq!(error.kind, ToolErrorKind::Unavailable);
        assert!(
            error
                .message
                .contains("only the tool servers that are configured")
        );
    }
    assert_eq!(fake.connections(), 0);
    world::call(&tools, "t", &json!({})).await.unwrap();
}

fn url_like() -> impl Strategy<Value = String> {
    let scheme = prop_oneof!["https?", "[a-z]{0,6}", Just("HTTP".to_owned())];
    let host = prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<u32>().prop_map(|number| format!("{number:#x}")),
        any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
        any::<std::net::Ipv4Addr>().prop_map(|address| format!("[::ffff:{address}]")),
        "[a-z0-9.%@:\\[\\]-]{0,20}",
        "\\PC{0,12}",
    ];
    let rest = prop_oneof!["(:[0-9]{0,6})?(/[a-z]{0,5})?(\\?hunter2)?", "\\PC{0,20}"];
    (scheme, "(://|:|//|)", "([a-z]{0,3}:hunter2@)?", host, rest).prop_map(
        |(scheme, separator, user, host, rest)| format!("{scheme}{separator}{user}{host}{rest}"),
    )
}

#[tokio::test]
async fn whatever_is_named_only_what_could_be_public_is_admitted() {
    let names = Names::leading(&[&["127.0.0.1"]]);
    let public = AddressPolicy::public_only();
    let tools = tools_with(&Options::new(Vec::new()), public, names);
    proptest!(|(url in prop_oneof![url_like(), "\\PC{0,60}"])| {
        match tools.admit(&url) {
            Ok(()) => {
                let url = Url::parse(&url).unwrap();
                prop_assert!(matches!(url.scheme(), "http" | "https"));
                prop_assert!(url.username().is_empty() && url.password().is_none());
                let host = url.host_str().unwrap().trim_matches(['[', ']']);
                if let Ok(address) = host.parse() {
                    prop_assert_eq!(AddressClass::of(address), AddressClass::Public);
                }
            }
            Err(refused) => prop_assert!(!refused.0.contains("hunter2"), "{}", refused),
        }
    });
}
