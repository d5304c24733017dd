//! The gateway in front of real servers.

use std::time::Duration;

use futures::{StreamExt, stream};
use response_devstack::gateway::{Gateway, GatewayOptions};
use response_egress::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use response_egress::{Body, Bytes, Inbound, Method, Outbound, Url};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::chat::{Chat, client, deadline, plainly};

fn before(service: &Url) -> Gateway {
    Gateway::start(&GatewayOptions::to(service.clone())).unwrap()
}

/// A URL where nobody listens.
fn nobody() -> Url {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    Url::parse(&format!("http://{}/", socket.local_addr().unwrap())).unwrap()
}

fn at(gateway: &Gateway, path: &str) -> Url {
    Url::parse(&format!("{}{path}", gateway.url())).unwrap()
}

async fn get(gateway: &Gateway, path: &str) -> Inbound {
    client()
        .send(Outbound::get(&at(gateway, path)).deadline(deadline()))
        .await
        .unwrap()
}

async fn json_of(inbound: Inbound) -> Value {
    serde_json::from_str(&inbound.text_capped(1 << 20, deadline()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_guest_gets_a_token_of_ones_own() {
    let gateway = before(&nobody());
    let login = async || {
        let url = at(&gateway, "llm/auth/guest-login");
        json_of(client().send(Outbound::post(&url)).await.unwrap()).await
    };
    let (first, second) = (login().await, login().await);
    assert_eq!(
        (&first["token_type"], &first["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );
    assert!(
        first["access_token"]
            .as_str()
            .unwrap()
            .starts_with("guest_")
    );
    assert_ne!(first["access_token"], second["access_token"]);
}

#[tokio::test]
async fn a_request_reaches_the_service_without_the_prefix() {
    let chat = Chat::start();
    let gateway = before(chat.model.url());
    let url = at(&gateway, "responses/v1/chat/completions?a=b%20c&d");
    let mut outbound = Outbound::post(&url).json(plainly("say hello").to_string());
    for (name, value) in [
        ("authorization", "Bearer secret"),
        ("x-request-id", "mine-1"),
        ("x-user-id", "someone else"),
        ("x-consumer-username", "admin"),
        ("x-forwarded-for", "6.6.6.6"),
        ("connection", "x-private, keep-alive"),
        ("x-private", "1"),
    ] {
        let name = HeaderName::from_static(name);
        outbound
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let inbound = client().send(outbound).await.unwrap();
    assert_eq!(inbound.status().as_u16(), 200);
    assert_eq!(inbound.header("x-request-id"), Some("mine-1"));
    assert_eq!(inbound.media_type(), Some("application/json"));
    assert!(inbound.header("content-length").is_some());
    assert_eq!(
        json_of(inbound).await["choices"][0]["message"]["content"],
        "hello"
    );

    let seen = chat.model.ledger().take().remove(0);
    assert_eq!(seen.path, "/v1/chat/completions?a=b%20c&d");
    assert_eq!(seen.json(), plainly("say hello"));
    assert_eq!(seen.header("authorization"), Some("Bearer secret"));
    assert_eq!(seen.header("x-request-id"), Some("mine-1"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-prefix"), Some("/responses"));
    assert_eq!(
        seen.header("host"),
        chat.model
            .url()
            .socket_addrs(|| None)
            .unwrap()
            .first()
            .map(ToString::to_string)
            .as_deref()
    );
    for name in ["x-user-id", "x-consumer-username", "x-private"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn statuses_and_bodies_of_the_service_come_through() {
    let chat = Chat::start();
    let gateway = before(chat.model.url());
    let inbound = get(&gateway, "responses/nowhere").await;
    assert_eq!(inbound.status().as_u16(), 404);
    assert_eq!(json_of(inbound).await["error"]["code"], "not_found");
    assert_eq!(
        json_of(get(&gateway, "responses/healthz").await).await,
        json!({"status": "ok"})
    );
    let head = Outbound::new(Method::HEAD, &at(&gateway, "responses/nowhere"));
    let inbound = client().send(head).await.unwrap();
    assert_eq!(inbound.status().as_u16(), 404);
    assert_eq!(inbound.bytes_capped(10, deadline()).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_stream_is_passed_on_frame_by_frame() {
    let chat = Chat::start();
    let gateway = before(chat.model.url());
    let mut body = plainly("say one two three four [[fail:hang-stream]]");
    body["stream"] = json!(true);
    let url = at(&gateway, "responses/v1/chat/completions");
    let inbound = client()
        .send(Outbound::post(&url).json(body.to_string()))
        .await
        .unwrap();
    assert_eq!(inbound.media_type(), Some("text/event-stream"));
    let mut events = inbound.events(Some(Duration::from_secs(5)), 1 << 16);
    // The service's stream never ends, so these frames were not held back for its end.
    for _ in 0..3 {
        assert!(events.next().await.unwrap().is_some());
    }
    drop(events);
    let traffic = chat
        .model
        .ledger()
        .until(|traffic| traffic.open() == 0)
        .await;
    assert_eq!(
        traffic.abandoned, 1,
        "the service was told that the client left"
    );
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_takes_its_request_along() {
    let chat = Chat::start();
    let gateway = before(chat.model.url());
    let url = at(&gateway, "responses/v1/chat/completions");
    let hang = Outbound::post(&url).json(plainly("[[fail:hang]]").to_string());
    let client = client();
    let sending = client.send(hang);
    let ledger = chat.model.ledger();
    tokio::select! {
        answer = sending => assert!(answer.is_err(), "nothing answers"),
        _ = ledger.until(|traffic| traffic.open() == 1) => {}
    }
    assert_eq!(
        ledger.until(|traffic| traffic.open() == 0).await.abandoned,
        1
    );
}

#[tokio::test]
async fn an_upload_is_passed_on_while_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let gateway = before(&service);
    let (saw_first, first_seen) = oneshot::channel();
    let serving = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut saw_first = Some(saw_first);
        while !seen.ends_with(b"second\r\n0\r\n\r\n") {
            assert!(
                socket.read_buf(&mut seen).await.unwrap() > 0,
                "{}",
                seen.escape_ascii()
            );
            if seen.ends_with(b"first\r\n") {
                saw_first.take().unwrap().send(()).unwrap();
            }
        }
        socket
            .write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
    };
    // The second chunk is made only after the service has seen the first.
    let second = stream::once(async {
        first_seen.await.unwrap();
        Ok(Bytes::from_static(b"second"))
    });
    let chunks =
        stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"first"))]).chain(second);
    let upload = Outbound::post(&at(&gateway, "responses/upload"))
        .body(Body::wrap_stream(chunks))
        .deadline(deadline());
    let client = client();
    let (answer, ()) = tokio::join!(client.send(upload), serving);
    assert_eq!(answer.unwrap().status().as_u16(), 201);
}

#[tokio::test]
async fn a_large_upload_arrives_whole() {
    let chat = Chat::start();
    let gateway = before(chat.model.url());
    let body = plainly(&"say it ".repeat(60_000)).to_string();
    let length = HeaderValue::from(body.len());
    let url = at(&gateway, "responses/v1/chat/completions");
    let outbound = Outbound::post(&url)
        .json(body.clone())
        .header(CONTENT_LENGTH, length);
    assert_eq!(
        client().send(outbound).await.unwrap().status().as_u16(),
        200
    );
    let seen = chat.model.ledger().take().remove(0);
    assert!(
        seen.body == body,
        "{} bytes of {}",
        seen.body.len(),
        body.len()
    );
}

#[tokio::test]
async fn what_the_gateway_cannot_do_is_told_in_the_envelope() {
    let gateway = before(&nobody());
    let long = format!("responses/{}", "a".repeat(3000));
    let table = [
        ("", 404, "not_found_error", "route_not_found"),
        ("responsesx/v1", 404, "not_found_error", "route_not_found"),
        (
            "llm/auth/guest-login",
            404,
            "not_found_error",
            "route_not_found",
        ),
        (
            "responses/v1/responses",
            502,
            "upstream_error",
            "service_unavailable",
        ),
        (long.as_str(), 414, "invalid_request_error", "url_too_long"),
    ];
    for (path, status, kind, code) in table {
        let url = at(&gateway, path);
        let own = HeaderValue::from_static("r-1");
        let outbound = Outbound::get(&url).header(HeaderName::from_static("x-request-id"), own);
        // A URL of this length is refused by the test's own client, so it is sent by hand.
        let (given, error) = if path.len() > 2000 {
            by_hand(&url).await
        } else {
            let inbound = client().send(outbound).await.unwrap();
            assert_eq!(inbound.header("x-request-id"), Some("r-1"));
            (inbound.status().as_u16(), json_of(inbound).await)
        };
        let error = &error["error"];
        assert_eq!(
            (given, &error["type"], &error["code"]),
            (status, &json!(kind), &json!(code))
        );
        assert!(
            error["message"].is_string() && error["param"].is_null(),
            "{error}"
        );
        assert_eq!(error["request_id"], "r-1");
    }
}

async fn by_hand(url: &Url) -> (u16, Value) {
    let address = url.socket_addrs(|| None).unwrap();
    let mut socket = tokio::net::TcpStream::connect(address.as_slice())
        .await
        .unwrap();
    let head = format!(
        "GET {} HTTP/1.1\r\nhost: x\r\nx-request-id: r-1\r\nconnection: close\r\n\r\n",
        url.path()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head[9..12].parse().unwrap(),
        serde_json::from_str(body).unwrap(),
    )
}

#[tokio::test]
async fn a_service_that_is_silent_too_long_is_a_timeout() {
    let chat = Chat::start();
    let mut options = GatewayOptions::to(chat.model.url().clone());
    options.patience = Duration::from_millis(100);
    let gateway = Gateway::start(&options).unwrap();
    let url = at(&gateway, "responses/v1/chat/completions");
    let hang = Outbound::post(&url).json(plainly("[[fail:hang]]").to_string());
    let inbound = client().send(hang).await.unwrap();
    assert_eq!(inbound.status().as_u16(), 504);
    assert!(
        json_of(inbound).await["error"]["request_id"]
            .as_str()
            .unwrap()
            .starts_with("req_")
    );
}

#[tokio::test]
async fn a_path_cannot_lead_to_another_host() {
    let chat = Chat::start();
    let gateway = before(chat.model.url());
    for path in [
        "responses//evil.test/x",
        "responses/@evil.test/",
        "responses/../../healthz",
    ] {
        let inbound = get(&gateway, path).await;
        assert!([200, 404].contains(&inbound.status().as_u16()), "{path}");
    }
}
