//! Signatures as the receivers' own libraries judge them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use response_domain::ports::webhook::{Letter, WebhookSender};
use response_domain::time::Timestamp;
use response_egress::header::{HeaderMap, HeaderName, HeaderValue};

use crate::others::{Case, Understood, Verifier, in_javascript, in_python};
use crate::receiver::{Receiver, Request};
use crate::world::{OLD_SECRET, SECRET, letter, secrets, sender};

const PLAIN_SECRET: &str = "your-webhook-secret-key";
const FOREIGN_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// In the words of OpenAI's events, with something in it that is not ASCII.
const BODY: &str = r#"{"id":"evt_1","object":"event","created_at":1,"type":"response.completed","data":{"id":"resp_größe€"}}"#;

#[expect(
    clippy::disallowed_methods,
    reason = "verifiers look at the real clock"
)]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

/// What a receiver gets that is sent this.
async fn received(signed_by: &[&str], at: Timestamp) -> Request {
    let receiver = Receiver::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let letter = Letter {
        at,
        body: BODY.into(),
        secrets: secrets(signed_by),
        ..letter(&receiver.url())
    };
    assert!(sender().send(letter).await.unwrap().is_taken());
    receiver.requests().remove(0)
}

/// Asks every verifier that knows such secrets about each request; `X-Signature` apart. All must agree.
fn judged(questions: &[(&str, &Request)]) -> Vec<bool> {
    let of = |verifier, kept: fn(&str) -> bool| {
        let kept = questions
            .iter()
            .enumerate()
            .filter(move |(_, it)| kept(it.0));
        kept.map(move |(at, (secret, request))| (at, Case::new(verifier, secret, request)))
    };
    // The library of the standard takes base64 only.
    let standard = |secret: &str| secret.starts_with("whsec_");
    let (at, cases): (Vec<_>, Vec<_>) = of(Verifier::OpenAi, |_| true)
        .chain(of(Verifier::Standard, standard))
        .unzip();
    let mut believed = vec![None; questions.len()];
    for verdicts in [in_python(&cases), in_javascript(&cases)] {
        for ((at, case), verdict) in at.iter().zip(&cases).zip(verdicts) {
            let is_believed = verdict.is_some();
            assert!(verdict.is_none_or(|it| it == understood()));
            let before = believed[*at].replace(is_believed);
            assert!(
                before.is_none_or(|before| before == is_believed),
                "{at}: {:?}",
                case.verifier
            );
        }
    }
    let believed: Vec<bool> = believed.into_iter().map(Option::unwrap).collect();
    for ((secret, request), &is_believed) in questions.iter().zip(&believed) {
        let verdict = in_rust(secret, request);
        assert!(verdict.is_none_or(|it| it == is_believed), "{secret}");
    }
    believed
}

/// Whether the standard's own library for Rust believes a request; none about a secret that it cannot read,
/// which is base64 without its padding, or none.
fn in_rust(secret: &str, request: &Request) -> Option<bool> {
    let verifier = standardwebhooks::Webhook::new(secret).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    secret
        .starts_with("whsec_")
        .then(|| verifier.verify(&request.body, &headers).is_ok())
}

fn understood() -> Understood {
    Understood {
        event: "response.completed".to_owned(),
        of: "resp_größe€".to_owned(),
    }
}

#[tokio::test]
async fn everybody_elses_verifier_believes_what_is_sent() {
    let now = now();
    let padded = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let mut sent = Vec::new();
    for secret in [SECRET, padded, PLAIN_SECRET] {
        sent.push((secret, received(&[secret], now).await));
    }
    let own = sent.iter().map(|(secret, request)| (*secret, request));
    assert_eq!(judged(&own.collect::<Vec<_>>()), [true; 3]);
    let foreign = sent.iter().map(|(_, request)| (FOREIGN_SECRET, request));
    assert_eq!(judged(&foreign.collect::<Vec<_>>()), [false; 3]);
}

#[tokio::test]
async fn during_a_rotation_both_secrets_verify_and_nothing_else_does() {
    let during = received(&[SECRET, OLD_SECRET], now()).await;
    let after = received(&[SECRET], now()).await;
    let questions = [
        (SECRET, &during),
        (OLD_SECRET, &during),
        (FOREIGN_SECRET, &during),
        (SECRET, &after),
        (OLD_SECRET, &after),
    ];
    assert_eq!(judged(&questions), [true, true, false, true, false]);
}

fn altered(request: &Request, alter: impl FnOnce(&mut Request)) -> Request {
    let mut altered = request.clone();
    alter(&mut altered);
    altered
}

#[tokio::test]
async fn what_was_altered_on_the_way_or_kept_too_long_is_refused() {
    let now = now();
    let request = received(&[SECRET, OLD_SECRET], now).await;
    let header = |name: &'static str, value: String| {
        altered(&request, move |it| {
            drop(it.headers.insert(name.to_owned(), value));
        })
    };
    let other = received(&[FOREIGN_SECRET], now).await;
    let table = [
        altered(&request, |it| it.body[7] ^= 1),
        altered(&request, |it| it.body.push(b' ')),
        header("webhook-id", "evt_2".to_owned()),
        header("webhook-timestamp", (now.unix_seconds() - 1).to_string()),
        header(
            "webhook-signature",
            other.headers["webhook-signature"].clone(),
        ),
        header("webhook-signature", "v1,AAAA".to_owned()),
        received(&[SECRET], now.before(Duration::from_mins(10))).await,
        received(&[SECRET], now.after(Duration::from_mins(10))).await,
    ];
    let mut questions = vec![(SECRET, &request)];
    questions.extend(table.iter().map(|request| (SECRET, request)));
    let judged = judged(&questions);
    assert_eq!(judged.iter().position(|believed| !believed), Some(1));
    assert_eq!(judged.iter().filter(|believed| **believed).count(), 1);
}

#[tokio::test]
async fn the_ecosystems_verifier_believes_the_newest_secret() {
    let now = now();
    let mut cases = Vec::new();
    for secret in [SECRET, PLAIN_SECRET] {
        let request = received(&[secret, OLD_SECRET], now).await;
        let case = Case::new(Verifier::Ecosystem, secret, &request);
        let old = Case {
            secret: OLD_SECRET.to_owned(),
            ..case.clone()
        };
        let body = Case {
            body: format!("{BODY} "),
            ..case.clone()
        };
        let mut time = case.clone();
        let earlier = (now.unix_seconds() - 1).to_string();
        time.headers.insert("x-timestamp".to_owned(), earlier);
        cases.extend([case, old, body, time]);
    }
    let of_one = [Some(understood()), None, None, None];
    assert_eq!(in_python(&cases), [of_one.clone(), of_one].concat());
}
