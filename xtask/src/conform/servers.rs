//! Tools of a server that the service calls: listed, called, and called when the caller allows it.

use serde_json::{Value, json};

use super::peer::{Peer, output, text};
use super::{Finding, Trouble, must};

const QUESTION: &str = "What time is it? Use a tool.";

/// A request that makes the model call a tool of the server.
fn wish(peer: &Peer, approval: &str) -> Result<Value, Trouble> {
    let Some((label, url)) = peer.server() else {
        let why = "no server was named with --mcp".to_owned();
        return Err(Trouble::NotOffered(why));
    };
    let mut server = json!({
        "type": "mcp", "server_label": label, "require_approval": approval,
    });
    if let (Some(url), Some(server)) = (url, server.as_object_mut()) {
        server.insert("server_url".to_owned(), json!(url));
        server.insert("headers".to_owned(), json!({"x-conform": "secret-header"}));
    }
    let choice = json!({"type": "mcp", "server_label": label});
    Ok(json!({"input": QUESTION, "tools": [server], "tool_choice": choice}))
}

/// The items of this type, which may be an extension of Open Responses.
fn items<'a>(response: &'a Value, kind: &str) -> Vec<&'a Value> {
    let is_it = |item: &&Value| {
        let told = text(item, "/type");
        told == kind || told.rsplit_once(':').is_some_and(|(_, bare)| bare == kind)
    };
    output(response).iter().filter(is_it).collect()
}

fn one<'a>(response: &'a Value, kind: &str) -> Result<&'a Value, Trouble> {
    let why = response.get("error").unwrap_or(&Value::Null);
    let none = || Trouble::Fault(format!("the output holds no {kind}: {why}"));
    items(response, kind).into_iter().next().ok_or_else(none)
}

fn keeps_secrets(answer: &Value) -> Finding {
    let tells = answer.to_string().contains("secret-header");
    must(!tells, || {
        "what is given along for a server is told again".to_owned()
    })
}

pub(super) async fn called(peer: &Peer) -> Finding {
    let wish = wish(peer, "never")?;
    let events = peer.stream(&wish).await?;
    let streamed = events.last().and_then(|event| event.get("response"));
    let streamed = streamed.unwrap_or(&Value::Null);
    let plain = peer.response(&wish).await?;
    for response in [streamed, &plain] {
        keeps_secrets(response)?;
        one(response, "mcp_list_tools")?;
        let call = one(response, "mcp_call")?;
        must(text(call, "/status") == "completed", || {
            format!("the call is {}: {call}", text(call, "/status"))
        })?;
        one(response, "message")?;
    }
    // What is known already is not listed once more.
    let next = json!({
        "input": "And now?", "previous_response_id": text(&plain, "/id"),
        "tools": wish.get("tools"),
    });
    let next = peer.response(&next).await?;
    let again = items(&next, "mcp_list_tools").len();
    must(again == 0, || "the tools are listed once more".to_owned())
}

pub(super) async fn allowed(peer: &Peer) -> Finding {
    let wish = wish(peer, "always")?;
    for consent in [true, false] {
        let asked = peer.response(&wish).await?;
        let request = text(one(&asked, "mcp_approval_request")?, "/id");
        must(items(&asked, "mcp_call").is_empty(), || {
            "a call that has to be allowed was made".to_owned()
        })?;
        let answer = json!({
            "type": "mcp_approval_response", "approval_request_id": request, "approve": consent,
        });
        let next = json!({
            "input": [answer], "previous_response_id": text(&asked, "/id"),
            "tools": wish.get("tools"),
        });
        let next = peer.response(&next).await?;
        let calls = items(&next, "mcp_call");
        let approved = calls
            .iter()
            .any(|call| text(call, "/approval_request_id") == request);
        must(approved == consent, || {
            format!("the caller says {consent}, and the calls are {calls:?}")
        })?;
    }
    Ok(())
}
