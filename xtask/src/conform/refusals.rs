//! What is refused: with which status, about which field, and in a form that clients can read.

use serde_json::{Value, json};

use super::peer::{Peer, text};
use super::{Finding, Trouble, must};

pub(super) async fn bad_requests(peer: &Peer) -> Finding {
    let wrong: &[(Value, Option<&str>)] = &[
        (json!({"input": 7}), Some("input")),
        (
            json!({"input": "hi", "temperature": 9}),
            Some("temperature"),
        ),
        (json!({"input": "hi", "stream": "yes"}), Some("stream")),
        (
            json!({"input": "hi", "background": true, "store": false}),
            Some("background"),
        ),
        (
            json!({"input": "hi", "previous_response_id": "resp_nonsense"}),
            Some("previous_response_id"),
        ),
        (
            json!({"input": [{"type": "item_reference", "id": "msg_nonsense"}]}),
            None,
        ),
    ];
    for (fields, param) in wrong {
        for stream in [false, true] {
            let mut wish = peer.wish(fields);
            if let (true, Some(wish)) = (stream, wish.as_object_mut()) {
                wish.entry("stream").or_insert(json!(true));
            }
            let reply = peer.post("/responses", &wish).await?;
            // OpenAI does not find a reference that others do not take.
            if param.is_none() && reply.status == 404 {
                reply.refusal(404, None)?;
                continue;
            }
            let refused = reply.refusal(400, *param);
            refused.map_err(|trouble| about(trouble, fields))?;
        }
    }
    let unknown = json!({"input": "hi", "previous_response_id": "resp_nonsense"});
    let refused = peer.post("/responses", &peer.wish(&unknown)).await?;
    let refused = refused.refusal(400, None)?;
    let code = text(&refused, "/error/code");
    must(code == "previous_response_not_found", || {
        format!("what is unknown has the code {code:?}, not previous_response_not_found")
    })?;
    for body in [&b""[..], b"{", b"[]", b"\"hi\"", b"\xff"] {
        let reply = peer.post_raw("/responses", body, None).await?;
        reply
            .refusal(400, None)
            .map_err(|trouble| about(trouble, &json!(body)))?;
    }
    Ok(())
}

fn about(trouble: Trouble, wish: &Value) -> Trouble {
    match trouble {
        Trouble::Fault(fault) => Trouble::Fault(format!("{wish}: {fault}")),
        other @ Trouble::NotOffered(_) => other,
    }
}

pub(super) async fn missing(peer: &Peer) -> Finding {
    let response = "/responses/resp_00000000000000000000000000";
    peer.get(response).await?.refusal(404, None)?;
    peer.delete(response).await?.refusal(404, None)?;
    peer.get(&format!("{response}/input_items"))
        .await?
        .refusal(404, None)?;
    peer.post(&format!("{response}/cancel"), &json!({}))
        .await?
        .refusal(404, None)?;
    peer.get("/nothing/here")
        .await?
        .refusal(404, None)
        .map(drop)
}

pub(super) async fn wrong_key(peer: &Peer) -> Finding {
    let body = peer.wish(&json!({"input": "hi"})).to_string();
    let reply = peer
        .post_raw("/responses", body.as_bytes(), Some("sk-wrong"))
        .await?;
    if reply.status == 200 {
        return Err(Trouble::NotOffered("any key is taken".to_owned()));
    }
    let refused = reply.refusal(401, None)?;
    let code = text(&refused, "/error/code");
    must(code == "invalid_api_key", || {
        format!("a wrong key has the code {code:?}, not invalid_api_key")
    })
}
