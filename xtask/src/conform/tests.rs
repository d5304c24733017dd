//! Cases against a server that says what it is told to say.

use response_egress::Url;
use response_testkit::wire::Flavour;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::cases::Case;
use super::peer::Peer;
use super::{Conform, Finding, Trouble};
use crate::error::ChoreError;
use crate::wire::Wire;

/// An answer: its status, its media type, its body.
type Canned = (u16, &'static str, String);

/// What comes of a case whose requests are answered so, one after another.
fn found(case: Case, flavour: Flavour, answers: Vec<Canned>) -> Finding {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let serving = async {
            for (status, media_type, body) in answers {
                let (stream, _) = listener.accept().await.unwrap();
                let mut wire = Wire::over(stream).unwrap();
                let head = wire.head().await.unwrap().unwrap();
                wire.body(&head, |_| ()).await.unwrap();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\n\
                     connection: close\r\ncontent-length: {length}\r\n\r\n"
                );
                wire.send((head + &body).as_bytes()).await.unwrap();
            }
            std::future::pending().await
        };
        let peer = peer(&base, flavour);
        tokio::select! {
            found = case.ask(&peer) => found,
            found = serving => found,
        }
    })
}

fn peer(base: &str, flavour: Flavour) -> Peer {
    let base = Url::parse(base).unwrap();
    let patience = std::time::Duration::from_secs(10);
    Peer::new(base, "m", "k", flavour, patience).unwrap()
}

fn response(status: &str, output: &Value) -> Value {
    let is_over = status == "completed";
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "status": status,
        "completed_at": is_over.then_some(2), "background": false, "error": null,
        "incomplete_details": null, "instructions": null, "model": "m", "output": output,
        "parallel_tool_calls": true, "previous_response_id": null, "max_output_tokens": null,
        "max_tool_calls": null, "metadata": {}, "store": true, "temperature": 1.0, "top_p": 1.0,
        "presence_penalty": 0, "frequency_penalty": 0, "top_logprobs": 0, "tools": [],
        "tool_choice": "auto", "truncation": "disabled", "text": {"format": {"type": "text"}},
        "reasoning": {"effort": null, "summary": null}, "service_tier": "default",
        "usage": null, "safety_identifier": null, "prompt_cache_key": null,
    })
}

fn message(text: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    })
}

fn answer(status: u16, body: &Value) -> Canned {
    (status, "application/json", body.to_string())
}

fn fault(found: Finding) -> String {
    match found {
        Err(Trouble::Fault(fault)) => fault,
        other => panic!("{other:?} is no fault"),
    }
}

#[test]
fn an_answer_that_is_right_passes_and_any_other_is_told() {
    let right = response("completed", &json!([message("Hello.")]));
    for flavour in [Flavour::OpenAi, Flavour::OpenResponses] {
        found(Case::Plain, flavour, vec![answer(200, &right)]).unwrap();
    }
    let mut nameless = right.clone();
    nameless["id"] = json!(7);
    let cases = [
        (
            answer(200, &nameless),
            "`response.id` must be a text that is not empty",
        ),
        (
            answer(200, &response("completed", &json!([]))),
            "the output holds no message",
        ),
        (
            answer(200, &response("cancelled", &json!([]))),
            "cancelled, not completed",
        ),
        (
            answer(500, &json!({"error": "no"})),
            "the status is 500, not 200: {\"error\":\"no\"}",
        ),
        (
            (200, "text/plain", "hi".to_owned()),
            "the answer is no JSON",
        ),
    ];
    for (canned, expected) in cases {
        let told = fault(found(Case::Plain, Flavour::OpenAi, vec![canned]));
        assert!(told.contains(expected), "{told}");
    }
}

/// A stream of one frame that is no stream, and one that breaks a rule.
#[test]
fn a_stream_that_is_wrong_is_told_by_its_frame() {
    let created = json!({
        "type": "response.created", "sequence_number": 0,
        "response": response("in_progress", &json!([])),
    });
    let frame = |event: &Value| {
        let name = event["type"].as_str().unwrap();
        format!("event: {name}\ndata: {event}\n\n")
    };
    let ended = json!({
        "type": "response.completed", "sequence_number": 1,
        "response": response("completed", &json!([message("Hi.")])),
    });
    let cases = [
        (
            "text/event-stream",
            frame(&created),
            "a stream ends with `response.completed`",
        ),
        (
            "text/plain",
            frame(&created),
            "the media type is text/plain",
        ),
        (
            "text/event-stream",
            frame(&created) + &frame(&ended),
            "frame 1 (response.completed)",
        ),
        (
            "text/event-stream",
            "data: {}\n\n".to_owned(),
            "a frame is a line",
        ),
    ];
    for (media_type, body, expected) in cases {
        let canned = vec![(200, media_type, body)];
        let told = fault(found(Case::Stream, Flavour::OpenAi, canned));
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn what_a_server_does_not_offer_is_no_fault() {
    let refused = json!({"error": {
        "message": "not here", "type": "invalid_request_error", "param": "background", "code": null,
    }});
    let told = found(
        Case::Background,
        Flavour::OpenAi,
        vec![answer(400, &refused)],
    );
    assert!(matches!(told, Err(Trouble::NotOffered(why)) if why == "not here"));
    let told = found(Case::Tokens, Flavour::OpenAi, vec![answer(404, &refused)]);
    assert!(matches!(told, Err(Trouble::NotOffered(_))));
    let told = fault(found(
        Case::Background,
        Flavour::OpenAi,
        vec![answer(400, &json!({}))],
    ));
    assert_eq!(told, "`answer.error` is missing");
}

#[test]
fn a_server_that_is_not_there_fails_every_case() {
    let chore = Conform {
        url: "http://127.0.0.1:9/v1/".to_owned(),
        model: "m".to_owned(),
        key: "k".to_owned(),
        mcp: Some("default".to_owned()),
        open_responses: true,
        patience: 5,
    };
    let asked = Case::ALL
        .iter()
        .filter(|case| case.is_about(Flavour::OpenResponses))
        .count();
    match chore.run() {
        Err(ChoreError::Findings { count, .. }) => assert_eq!(count, asked),
        other => panic!("{other:?}"),
    }
    let nowhere = Conform {
        url: "nowhere".to_owned(),
        ..chore
    };
    assert!(matches!(nowhere.run(), Err(ChoreError::Refused(why)) if why.contains("nowhere")));
}
