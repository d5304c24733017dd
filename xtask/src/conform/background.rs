//! Responses that nobody waits for: polled, told again from anywhere, cancelled.

use std::time::Duration;

use response_testkit::wire::{EndMark, read_frames};
use serde_json::{Value, json};

use super::peer::{Peer, Reply, end_mark, ended, text};
use super::{Finding, Trouble, must};

const QUESTION: &str = "Count from 1 to 20.";
const PAUSE: Duration = Duration::from_millis(100);
/// How often a response is looked at before it is given up.
const LOOKS: usize = 1_200;

/// A response in the background, or that there are none.
async fn queued(peer: &Peer, fields: &Value) -> Result<Reply, Trouble> {
    let reply = peer.post("/responses", &peer.wish(fields)).await?;
    if reply.status == 400 {
        let why = reply.refusal(400, None)?;
        return Err(Trouble::NotOffered(text(&why, "/error/message").to_owned()));
    }
    Ok(reply)
}

fn is_open(response: &Value) -> bool {
    matches!(text(response, "/status"), "queued" | "in_progress")
}

pub(super) async fn polled(peer: &Peer) -> Finding {
    let wish = json!({"input": QUESTION, "background": true});
    let mut response = queued(peer, &wish).await?.response(peer.flavour)?;
    must(response.get("background") == Some(&json!(true)), || {
        "the response does not say that it is in the background".to_owned()
    })?;
    let path = format!("/responses/{}", text(&response, "/id"));
    for _ in 0..LOOKS {
        if !is_open(&response) {
            return ended(&response, "completed", "message");
        }
        tokio::time::sleep(PAUSE).await;
        response = peer.get(&path).await?.response(peer.flavour)?;
    }
    Err(Trouble::Fault(
        "the response does not come to an end".to_owned(),
    ))
}

pub(super) async fn resumed(peer: &Peer) -> Finding {
    let wish = json!({"input": QUESTION, "background": true, "stream": true});
    let live = queued(peer, &wish).await?;
    let events = live.stream(peer.flavour)?;
    let response = events.last().and_then(|event| event.get("response"));
    let response = response.unwrap_or(&Value::Null);
    ended(response, "completed", "message")?;
    let path = format!("/responses/{}?stream=true", text(response, "/id"));
    let again = peer.get(&path).await?;
    let replayed = again.stream(peer.flavour)?;
    must(replayed == events, || {
        "what is told again is not what was told".to_owned()
    })?;
    must(without_comments(&again) == without_comments(&live), || {
        "what is told again differs in its bytes".to_owned()
    })?;
    let last = events.len().saturating_sub(1);
    for after in [0, 1, last / 2, last.saturating_sub(1), last] {
        let tail = peer.get(&format!("{path}&starting_after={after}")).await?;
        must(tail.status == 200, || {
            format!("behind frame {after} the status is {}", tail.status)
        })?;
        let told = read_frames(&tail.body, end_mark(peer.flavour))?;
        let rest = events.get(after.saturating_add(1)..).unwrap_or_default();
        must(told == rest, || {
            format!("behind frame {after} other frames are told")
        })?;
    }
    let foreground = peer.response(&json!({"input": "Say hello."})).await?;
    let path = format!("/responses/{}?stream=true", text(&foreground, "/id"));
    peer.get(&path).await?.refusal(400, None).map(drop)
}

/// The bytes of a stream but for what keeps a connection alive.
fn without_comments(reply: &Reply) -> String {
    let text = String::from_utf8_lossy(&reply.body);
    let blocks = text
        .split_inclusive("\n\n")
        .filter(|block| !block.starts_with(':'));
    blocks.collect()
}

pub(super) async fn cancelled(peer: &Peer) -> Finding {
    let wish = json!({"input": "Count from 1 to 100000.", "background": true});
    let response = queued(peer, &wish).await?.response(peer.flavour)?;
    let path = format!("/responses/{}", text(&response, "/id"));
    let stopped = peer.post(&format!("{path}/cancel"), &json!({})).await?;
    let stopped = stopped.response(peer.flavour)?;
    must(!is_open(&stopped), || {
        format!(
            "a response that was cancelled is {}",
            text(&stopped, "/status")
        )
    })?;
    let again = peer.get(&path).await?.response(peer.flavour)?;
    must(again == stopped, || {
        "what is fetched is not what was cancelled".to_owned()
    })?;
    if text(&stopped, "/status") != "cancelled" {
        // It was faster.
        return Ok(());
    }
    let told = peer.get(&format!("{path}?stream=true")).await?;
    if told.status == 200 {
        let events = read_frames(&told.body, EndMark::Optional)?;
        let last = events.last().map(|event| text(event, "/type"));
        must(last == Some("response.failed"), || {
            format!("the stream of a cancelled response ends with {last:?}")
        })?;
    }
    Ok(())
}
