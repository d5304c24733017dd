//! The request that a receiver gets, header by header.

use response_domain::id::{EndpointId, RawId};
use response_domain::ports::webhook::{Letter, WebhookSender};
use response_domain::webhook::WebhookEvent;
use response_webhook::{HttpSender, Options};

use crate::receiver::{Receiver, Request};
use crate::world::{OLD_SECRET, SECRET, letter, secrets, sender};

const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";

async fn sent(letter: impl FnOnce(&str) -> Letter) -> (Request, u16) {
    let receiver = Receiver::answering(TAKEN).await;
    let letter = letter(&receiver.url());
    sender().send(letter).await.unwrap();
    (receiver.requests().remove(0), receiver.port)
}

/// All headers but `host`, as lines.
fn lines(request: &Request) -> Vec<String> {
    let headers = request.headers.iter().filter(|(name, _)| *name != "host");
    headers
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

const ALWAYS: [&str; 11] = [
    "accept: */*",
    "content-length: 33",
    "content-type: application/json",
    "user-agent: jan-response-api/1.0",
    "webhook-id: evt_01jd6hyqkte008000000000001",
    "webhook-timestamp: 1767225600",
    "x-event-id: evt_01jd6hyqkte008000000000001",
    "x-event-type: response.completed",
    "x-jan-event: response.completed",
    "x-jan-response-id: resp_01jd6hyqkte008000000000001",
    "x-timestamp: 1767225600",
];

/// What Python's `hmac` makes of the letter: by the newest secret, by the one before, and for the ecosystem.
const SIGNED: (&str, &str, &str) = (
    "v1,AuBYKmOM92Ymi14I3j1ZRhal1oU+S8EBooT0xl1BW8s=",
    "v1,b/hBcx4ANioJd0N54pWnCqFq/5UhtyDrXSKpDHAFiwA=",
    "sha256=e88dde04bd1be6feb21c69b6f6cb30b7362200abda89d62a296b99c96979b448",
);

#[tokio::test]
async fn an_unsigned_callback_has_these_headers_and_no_others() {
    let (request, port) = sent(letter).await;
    assert_eq!(request.line, "POST /hook HTTP/1.1");
    assert_eq!(request.headers["host"], format!("127.0.0.1:{port}"));
    assert_eq!(lines(&request), ALWAYS);
    assert_eq!(request.body, letter("").body);
}

#[tokio::test]
async fn a_delivery_to_an_endpoint_names_it_and_is_signed_by_every_secret() {
    let (request, _) = sent(|url| Letter {
        endpoint: Some(EndpointId::new(RawId::new(7))),
        secrets: secrets(&[SECRET, OLD_SECRET]),
        ..letter(url)
    })
    .await;
    let mut expected: Vec<String> = ALWAYS.map(str::to_owned).into();
    expected.extend([
        format!("webhook-signature: {} {}", SIGNED.0, SIGNED.1),
        format!("x-signature: {}", SIGNED.2),
        "x-webhook-id: webhook_00000000000000000000000007".to_owned(),
    ]);
    expected.sort();
    assert_eq!(lines(&request), expected);
}

#[tokio::test]
async fn every_event_is_named_in_both_headers() {
    for &event in WebhookEvent::ALL {
        let (request, _) = sent(|url| Letter {
            event,
            ..letter(url)
        })
        .await;
        for name in ["x-jan-event", "x-event-type"] {
            assert_eq!(request.headers[name], event.as_str());
        }
    }
}

#[tokio::test]
async fn path_and_query_are_sent_as_written_and_a_fragment_is_not() {
    let (request, _) = sent(|url| {
        let base = url.strip_suffix("/hook").unwrap();
        letter(&format!("{base}/a%20b/../c?token=x%2Fy&z=ö#part"))
    })
    .await;
    assert_eq!(request.line, "POST /c?token=x%2Fy&z=%C3%B6 HTTP/1.1");
}

#[tokio::test]
async fn a_name_is_asked_for_in_its_own_words() {
    for (host, told) in [
        ("hooks.test", "hooks.test"),
        ("BÜCHER.test", "xn--bcher-kva.test"),
        ("hooks.test.", "hooks.test."),
    ] {
        let (request, port) = sent(|url| letter(&url.replace("127.0.0.1", host))).await;
        assert_eq!(request.headers["host"], format!("{told}:{port}"));
    }
}

#[test]
fn a_user_agent_that_is_no_header_makes_no_sender() {
    let options = Options {
        user_agent: "two\nlines".to_owned(),
        ..Options::default()
    };
    assert!(HttpSender::new(options).is_err());
}
