//! The sender that obeys, and the bodies it is given.

use std::time::Duration;

use futures::FutureExt;
use response_domain::id::EventId;
use response_domain::ports::webhook::{Letter, NotAllowed, WebhookPayloads, WebhookSender};
use response_domain::webhook::{SendFault, WebhookEvent};
use response_testkit::payloads::PlainPayloads;
use response_testkit::sender::{Reply, ScriptedSender, busy, status};
use response_testkit::store_suite::sample::{accepted, at, completed, id};

fn letter(url: &str, number: u32) -> Letter {
    Letter {
        id: EventId::of(id(number)),
        at: at(1),
        event: WebhookEvent::Completed,
        response: id(number),
        endpoint: None,
        url: url.into(),
        body: Vec::new(),
        secrets: Vec::new(),
    }
}

fn urls(letters: &[Letter]) -> Vec<&str> {
    letters.iter().map(|letter| &*letter.url).collect()
}

fn answered(sender: &ScriptedSender, url: &str) -> Option<Reply> {
    sender.send(letter(url, 1)).now_or_never()
}

#[test]
fn answers_come_by_address_and_then_in_order() {
    let sender = ScriptedSender::default();
    let away = || Err(SendFault::ConnectFailed);
    let later = || busy(429, Duration::from_secs(7));
    sender.answer_at("a", [status(500), later()]);
    sender.always_at("b", away());
    sender.answer([status(301), status(404)]);
    for (url, reply) in [
        ("a", status(500)),
        ("b", away()),
        ("c", status(301)),
        ("a", later()),
        ("a", status(404)),
        ("b", away()),
        ("a", status(200)),
        ("c", status(200)),
    ] {
        assert_eq!(answered(&sender, url), Some(reply), "{url}");
    }
    let sent = sender.letters();
    assert_eq!(urls(&sent), ["a", "b", "c", "a", "a", "b", "a", "c"]);
    assert_eq!(sender.letters_to("b").len(), 2);
    assert_eq!(sender.answered(), 8);
}

#[tokio::test]
async fn who_is_held_is_answered_when_it_is_released() {
    let sender = ScriptedSender::default();
    sender.hold("a");
    let held = async { futures::join!(sender.send(letter("a", 1)), sender.send(letter("a", 2))) };
    let released = async {
        assert_eq!(sender.sent_to("a", 2).await.len(), 2);
        assert_eq!(answered(&sender, "b"), Some(status(200)));
        assert_eq!(urls(&sender.sent(3).await), ["a", "a", "b"]);
        assert_eq!(sender.answered(), 1);
        sender.release("a");
    };
    let (replies, ()) = futures::join!(held, released);
    assert_eq!(replies, (status(200), status(200)));
    assert_eq!(answered(&sender, "a"), Some(status(200)));
}

#[test]
fn what_is_refused_is_not_sent() {
    let sender = ScriptedSender::default();
    sender.always_at("a", status(200));
    sender.refuse("a");
    assert!(matches!(sender.admit("a"), Err(NotAllowed(_))));
    assert_eq!(sender.admit("b"), Ok(()));
    assert_eq!(answered(&sender, "a"), Some(Err(SendFault::NotAllowed)));
}

#[test]
fn bodies_can_be_told_apart() {
    let (payloads, event) = (PlainPayloads, WebhookEvent::Completed);
    let text = |body| String::from_utf8(body).unwrap();
    let id = accepted(1).id;
    assert_eq!(
        text(payloads.full(event, &completed(1))),
        format!(
            r#"{{"body":"full","event":"response.completed","id":"{id}","status":"completed"}}"#
        )
    );
    for (body, made) in [
        ("sample", payloads.sample(event, id, at(0))),
        ("thin", payloads.thin(event, id, at(0))),
    ] {
        let ended = at(0).micros();
        assert_eq!(
            text(made),
            format!(
                r#"{{"body":"{body}","ended":{ended},"event":"response.completed","id":"{id}"}}"#
            )
        );
    }
}
