//! Functions that the caller runs: the model asks for one, its output is brought, and the model answers.

use serde_json::{Value, json};

use super::peer::{Peer, ended, output, text};
use super::{Finding, Trouble, must};

const QUESTION: &str = "What is the weather like in San Francisco? Use the tool.";

fn weather() -> Value {
    json!([{
        "type": "function", "name": "get_weather",
        "description": "Get the current weather for a location",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string", "description": "The city"}},
            "required": ["location"],
        },
    }])
}

/// A request that makes the model call.
fn wish() -> Value {
    json!({"input": QUESTION, "tools": weather(), "tool_choice": "required"})
}

/// The call that a response ended with, whose arguments must be JSON.
fn call(response: &Value) -> Result<&Value, Trouble> {
    ended(response, "completed", "function_call")?;
    let call = output(response)
        .iter()
        .find(|item| text(item, "/type") == "function_call");
    let call = call.ok_or_else(|| Trouble::Fault("no call".to_owned()))?;
    let name = text(call, "/name");
    must(name == "get_weather", || format!("the call is of {name}"))?;
    let arguments = text(call, "/arguments");
    let is_object = serde_json::from_str::<Value>(arguments).is_ok_and(|it| it.is_object());
    must(is_object, || {
        format!("the arguments are no JSON object: {arguments}")
    })?;
    Ok(call)
}

pub(super) async fn called(peer: &Peer) -> Finding {
    let response = peer.response(&wish()).await?;
    let call_id = text(call(&response)?, "/call_id");
    let brought = json!({
        "type": "function_call_output", "call_id": call_id, "output": "{\"temperature\": 18}",
    });
    let next = json!({
        "input": [brought], "previous_response_id": text(&response, "/id"), "tools": weather(),
    });
    ended(&peer.response(&next).await?, "completed", "message")?;
    // The same by a caller that keeps the transcript itself.
    let mut items = vec![json!({"role": "user", "content": QUESTION})];
    items.extend(output(&response).iter().cloned());
    items.push(brought);
    let next = json!({"input": items, "tools": weather(), "store": false});
    ended(&peer.response(&next).await?, "completed", "message")?;
    let stray = json!({"type": "function_call_output", "call_id": "call_stray", "output": "18"});
    let stray = peer.wish(&json!({"input": [stray], "tools": weather()}));
    peer.post("/responses", &stray)
        .await?
        .refusal(400, None)
        .map(drop)
}

pub(super) async fn streamed(peer: &Peer) -> Finding {
    let events = peer.stream(&wish()).await?;
    let last = events.last().and_then(|event| event.get("response"));
    let last = last.ok_or_else(|| Trouble::Fault("a stream without an end".to_owned()))?;
    let call_id = text(call(last)?, "/call_id");
    let brought = json!({"type": "function_call_output", "call_id": call_id, "output": [
        {"type": "input_text", "text": "{\"temperature\": 18}"},
    ]});
    let next = json!({
        "input": [brought], "previous_response_id": text(last, "/id"), "tools": weather(),
    });
    let events = peer.stream(&next).await?;
    let last = events.last().and_then(|event| event.get("response"));
    ended(last.unwrap_or(&Value::Null), "completed", "message")
}

pub(super) async fn chosen(peer: &Peer) -> Finding {
    let named = json!({"type": "function", "name": "get_weather"});
    let with =
        |choice: Value| json!({"input": QUESTION, "tools": weather(), "tool_choice": choice});
    let response = peer.response(&with(named.clone())).await?;
    call(&response)?;
    let told = response.get("tools").and_then(|tools| tools.get(0));
    for name in ["name", "description", "parameters", "strict"] {
        must(told.is_some_and(|tool| tool.get(name).is_some()), || {
            format!("a tool is told again without its `{name}`")
        })?;
    }
    let none = peer.response(&with(json!("none"))).await?;
    ended(&none, "completed", "message")?;
    let allowed = json!({"type": "allowed_tools", "mode": "required", "tools": [named]});
    call(&peer.response(&with(allowed)).await?).map(drop)
}
