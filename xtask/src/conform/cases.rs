//! What a server is asked.

use response_testkit::wire::{Flavour, check_item, check_list};
use serde_json::{Value, json};

use super::peer::{Peer, ended, output, text};
use super::{Finding, Trouble, background, conversations, must, refusals, servers, tools};

/// One thing that clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Plain,
    Parts,
    Settings,
    Stored,
    Continued,
    Passing,
    Stream,
    Tools,
    StreamedTools,
    Choice,
    Server,
    Approval,
    Background,
    Resumed,
    Cancelled,
    Deleted,
    Conversation,
    Tokens,
    BadRequests,
    Missing,
    Key,
}

const QUESTION: &str = "Say hello in exactly three words.";

impl Case {
    pub(super) const ALL: &'static [Self] = &[
        Self::Plain,
        Self::Parts,
        Self::Settings,
        Self::Stored,
        Self::Continued,
        Self::Passing,
        Self::Stream,
        Self::Tools,
        Self::StreamedTools,
        Self::Choice,
        Self::Server,
        Self::Approval,
        Self::Background,
        Self::Resumed,
        Self::Cancelled,
        Self::Deleted,
        Self::Conversation,
        Self::Tokens,
        Self::BadRequests,
        Self::Missing,
        Self::Key,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "an answer",
            Self::Parts => "a transcript of messages and parts",
            Self::Settings => "settings are told again",
            Self::Stored => "what is stored can be fetched and its input listed",
            Self::Continued => "a response is continued",
            Self::Passing => "what is not stored is gone",
            Self::Stream => "an answer is streamed",
            Self::Tools => "tools of the caller",
            Self::StreamedTools => "tools of the caller, streamed",
            Self::Choice => "tools are chosen and forbidden",
            Self::Server => "tools of a server",
            Self::Approval => "a call that has to be allowed",
            Self::Background => "a response in the background",
            Self::Resumed => "a stream in the background is told again from anywhere",
            Self::Cancelled => "a response in the background is cancelled",
            Self::Deleted => "what is deleted is gone",
            Self::Conversation => "conversations and their items",
            Self::Tokens => "tokens are counted",
            Self::BadRequests => "bad requests are refused by their field",
            Self::Missing => "what does not exist is not found",
            Self::Key => "a wrong key is refused",
        }
    }

    /// Whether this flavour has it at all.
    pub(super) const fn is_about(self, flavour: Flavour) -> bool {
        match self {
            Self::Conversation | Self::Tokens => matches!(flavour, Flavour::OpenAi),
            _ => true,
        }
    }

    pub(super) async fn ask(self, peer: &Peer) -> Finding {
        match self {
            Self::Plain => plain(peer).await,
            Self::Parts => parts(peer).await,
            Self::Settings => settings(peer).await,
            Self::Stored => stored(peer).await,
            Self::Continued => continued(peer).await,
            Self::Passing => passing(peer).await,
            Self::Stream => stream(peer).await,
            Self::Tools => tools::called(peer).await,
            Self::StreamedTools => tools::streamed(peer).await,
            Self::Choice => tools::chosen(peer).await,
            Self::Server => servers::called(peer).await,
            Self::Approval => servers::allowed(peer).await,
            Self::Background => background::polled(peer).await,
            Self::Resumed => background::resumed(peer).await,
            Self::Cancelled => background::cancelled(peer).await,
            Self::Deleted => deleted(peer).await,
            Self::Conversation => conversations::kept(peer).await,
            Self::Tokens => tokens(peer).await,
            Self::BadRequests => refusals::bad_requests(peer).await,
            Self::Missing => refusals::missing(peer).await,
            Self::Key => refusals::wrong_key(peer).await,
        }
    }
}

async fn plain(peer: &Peer) -> Finding {
    let response = peer.response(&json!({"input": QUESTION})).await?;
    ended(&response, "completed", "message")
}

async fn parts(peer: &Peer) -> Finding {
    let input = json!([
        {"type": "message", "role": "developer", "content": "Answer in one word."},
        {"role": "user", "content": [{"type": "input_text", "text": "My name is Alice."}]},
        {"type": "message", "role": "assistant", "content": [
            {"type": "output_text", "text": "Hello Alice.", "annotations": []},
        ]},
        {"type": "message", "role": "user", "content": "What is my name?"},
    ]);
    let response = peer.response(&json!({"input": input})).await?;
    ended(&response, "completed", "message")
}

async fn settings(peer: &Peer) -> Finding {
    let wish = json!({
        "input": QUESTION, "instructions": "Be brief.", "metadata": {"case": "settings"},
        "temperature": 0.5, "max_output_tokens": 4000, "parallel_tool_calls": false,
        "truncation": "auto", "user": null, "include": null, "unknown_field": {"a": 1},
    });
    let response = peer.response(&wish).await?;
    for name in [
        "instructions",
        "metadata",
        "temperature",
        "max_output_tokens",
        "parallel_tool_calls",
        "truncation",
    ] {
        must(response.get(name) == wish.get(name), || {
            let told = response.get(name).unwrap_or(&Value::Null);
            format!("`{name}` is told again as {told}")
        })?;
    }
    Ok(())
}

async fn stored(peer: &Peer) -> Finding {
    let response = peer
        .response(&json!({"input": QUESTION, "store": true}))
        .await?;
    let path = format!("/responses/{}", text(&response, "/id"));
    let again = peer.get(&path).await?.response(peer.flavour)?;
    must(again == response, || {
        "what is fetched is not what was answered".to_owned()
    })?;
    let items = peer.get(&format!("{path}/input_items")).await?.json(200)?;
    check_list(&items, |item| check_item(item, peer.flavour))?;
    let said = items.to_string().contains(QUESTION);
    must(said, || "the input does not hold the question".to_owned())?;
    let beyond = peer.get(&format!("{path}/input_items?limit=0")).await?;
    beyond.refusal(400, None).map(drop)
}

async fn continued(peer: &Peer) -> Finding {
    let first = peer.response(&json!({"input": QUESTION})).await?;
    let id = text(&first, "/id");
    let next = json!({"input": "And once more.", "previous_response_id": id});
    let next = peer.response(&next).await?;
    let told = text(&next, "/previous_response_id");
    must(told == id, || {
        format!("`previous_response_id` is {told:?}, not {id:?}")
    })?;
    let reference = output(&first)
        .first()
        .map(|item| text(item, "/id"))
        .unwrap_or_default();
    let items = json!([
        {"type": "item_reference", "id": reference},
        {"role": "user", "content": "Say it again."},
    ]);
    let referred = peer.response(&json!({"input": items})).await?;
    ended(&referred, "completed", "message")
}

async fn passing(peer: &Peer) -> Finding {
    let wish = json!({
        "input": QUESTION, "store": false, "include": ["reasoning.encrypted_content"],
    });
    let response = peer.response(&wish).await?;
    let id = text(&response, "/id");
    peer.get(&format!("/responses/{id}"))
        .await?
        .refusal(404, None)?;
    let next = json!({"input": "More.", "previous_response_id": id});
    let next = peer.post("/responses", &peer.wish(&next)).await?;
    next.refusal(400, Some("previous_response_id")).map(drop)
}

async fn stream(peer: &Peer) -> Finding {
    let events = peer.stream(&json!({"input": "Count from 1 to 5."})).await?;
    let deltas = events
        .iter()
        .filter(|event| text(event, "/type") == "response.output_text.delta");
    must(deltas.count() > 0, || {
        "the answer was told without a delta".to_owned()
    })?;
    let last = events.last().and_then(|event| event.get("response"));
    let last = last.ok_or_else(|| Trouble::Fault("a stream without an end".to_owned()))?;
    ended(last, "completed", "message")?;
    let id = text(last, "/id");
    let again = peer
        .get(&format!("/responses/{id}"))
        .await?
        .response(peer.flavour)?;
    must(again == *last, || {
        "what is fetched is not what was streamed".to_owned()
    })
}

async fn deleted(peer: &Peer) -> Finding {
    let response = peer.response(&json!({"input": QUESTION})).await?;
    let path = format!("/responses/{}", text(&response, "/id"));
    let gone = peer.delete(&path).await?;
    must((200..300).contains(&gone.status), || {
        format!("a response is deleted with the status {}", gone.status)
    })?;
    peer.get(&path).await?.refusal(404, None)?;
    peer.delete(&path).await?.refusal(404, None).map(drop)
}

async fn tokens(peer: &Peer) -> Finding {
    let reply = peer
        .post(
            "/responses/input_tokens",
            &peer.wish(&json!({"input": QUESTION})),
        )
        .await?;
    if reply.status == 404 {
        return Err(Trouble::NotOffered("there is no such path".to_owned()));
    }
    let count = reply.json(200)?;
    must(text(&count, "/object") == "response.input_tokens", || {
        format!("a count is no {}", text(&count, "/object"))
    })?;
    let tokens = count.get("input_tokens").and_then(Value::as_u64);
    must(tokens.is_some_and(|tokens| tokens > 0), || {
        format!("the question has {tokens:?} tokens")
    })
}
