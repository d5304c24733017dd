//! What is asked and answered is what the `OpenAPI` document says.

use response_domain::execution::ExecutionState;
use response_domain::failure::FailureCode;
use response_domain::spec::{Delivery, ResponseSpec};
use response_domain::status::{Change, IncompleteReason};
use serde_json::json;

use super::{BASES, get};
use crate::sample::{accepted, answered, failed, put, spec, then, worked};
use crate::shapes::assert_shape;
use crate::world::World;

#[tokio::test]
async fn every_state_of_a_response_has_the_described_shape() {
    let world = World::new([]).await;
    let background = ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    };
    let busy = |number| worked(accepted(number, spec()), &[ExecutionState::Unknown]);
    let responses = [
        accepted(1, background),
        then(answered(busy(3), "yes"), Change::Complete),
        then(busy(4), failed(FailureCode::ModelError)),
        then(busy(5), Change::Cancel),
        then(busy(6), Change::Stop(IncompleteReason::ContentFilter)),
        then(busy(7), Change::Stop(IncompleteReason::ToolDepth)),
    ];
    for response in &responses {
        put(&world, response).await;
        for base in BASES {
            let path = format!("{base}/responses/{}", response.id);
            assert_shape("OpenAiResponse", &get(&world, &path).await.json());
            let items = get(&world, &format!("{path}/input_items")).await;
            assert_shape("OpenAiItemList", &items.json());
        }
    }
}

#[test]
fn requests_of_clients_have_the_described_shapes() {
    let message = json!({"role": "user", "content": [{"type": "input_text", "text": "time?"}]});
    for request in [
        json!({"model": "m", "input": "hi"}),
        json!({
            "model": "m",
            "input": [
                message,
                {"id": "msg_1"},
                {"type": "item_reference", "id": "msg_1"},
                {"type": "function_call_output", "call_id": "c", "output": "noon"},
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {"type": "mcp_approval_response", "approval_request_id": "r", "approve": true},
            ],
            "instructions": null,
            "tools": [
                {"type": "function", "name": "clock", "parameters": null, "strict": true},
                {"type": "mcp", "server_label": "default", "require_approval": {"never": {}}},
                {"type": "web_search"},
            ],
            "tool_choice": {"type": "function", "name": "clock"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
            "reasoning": {"effort": "low"},
            "include": ["reasoning.encrypted_content"],
            "conversation": {"id": "conv_1"},
            "metadata": {"a": "b"},
            "client_metadata": {},
        }),
    ] {
        assert_shape("OpenAiCreateResponse", &request);
        assert_shape("OpenAiCountTokens", &request);
        assert_shape("OpenAiCompact", &request);
    }
    for conversation in [json!({}), json!({"items": [message], "metadata": null})] {
        assert_shape("OpenAiCreateConversation", &conversation);
    }
    assert_shape("OpenAiUpdateConversation", &json!({"metadata": {}}));
    assert_shape("OpenAiCreateItems", &json!({"items": [message]}));
}
