//! Fields of a request and what becomes of them.

use response_domain::item::{ItemBody, Message, Role};
use response_domain::json::Json;
use response_domain::spec::{
    BackgroundStream, InputItem, OnMaxDepth, Overlap, ReasoningForm, ResponseSpec, SpecLimits,
    ToolFailure, ToolSelection, Truncation,
};
use serde_json::{Value, json};

use super::{body, drafted, refused};
use crate::HostedTools;
use crate::dialect::openai::request::{compaction, count, draft};

/// What is told again of a request with these fields.
fn echoed(fields: &Value) -> Value {
    drafted(fields).echo.unwrap().to_value()
}

#[test]
fn a_short_request_asks_for_what_is_usual() {
    let draft = drafted(&json!({}));
    let said = ItemBody::Message(Message::text(Role::User, "hi"));
    assert_eq!(draft.model.as_deref(), Some("m"));
    assert_eq!(draft.items, [InputItem::New(said)]);
    assert_eq!(draft.input.as_ref().map(Json::as_str), Some(r#""hi""#));
    assert_eq!(draft.tools, Some(ToolSelection::Offered(Vec::new())));
    assert_eq!(draft.truncation, Truncation::Whole);
    assert_eq!(draft.overlap, Overlap::Refused);
    assert_eq!(draft.background_stream, BackgroundStream::Followed);
    assert_eq!(draft.reasoning, ReasoningForm::Clear);
    assert_eq!(
        (draft.store, draft.stream, draft.background),
        (None, None, None)
    );
    assert_eq!(draft.echo.as_ref().map(Json::as_str), Some("{}"));
    assert!(draft.tool_secrets.is_empty());
    let spec = ResponseSpec::check(draft, &limits()).unwrap();
    assert_eq!(spec.tools, ToolSelection::Nothing);
}

fn limits() -> SpecLimits {
    SpecLimits {
        tools: 128,
        items: 512,
        metadata_bytes: 65_536,
        max_rounds: 8,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Fail,
    }
}

#[test]
fn null_is_as_good_as_absent_and_unknown_fields_are_passed_over() {
    let nulls = json!({
        "instructions": null, "previous_response_id": null, "conversation": null, "tools": null,
        "tool_choice": null, "parallel_tool_calls": null, "text": null, "reasoning": null,
        "truncation": null, "max_output_tokens": null, "max_tool_calls": null, "temperature": null,
        "top_p": null, "top_logprobs": null, "presence_penalty": null, "frequency_penalty": null,
        "store": null, "background": null, "stream": null, "stream_options": null, "include": null,
        "metadata": null, "user": null, "safety_identifier": null, "prompt_cache_key": null,
        "prompt": null, "service_tier": null, "background_options": null,
    });
    let unknown = json!({
        "client_metadata": {"a": 5}, "context_management": [{"type": "compaction"}],
        "prompt_cache_retention": "24h", "moderation": {"a": []}, "type": "response.create",
        "service_tier": "flex", "access_programs": ["x"], "image": 5, "generate": true,
    });
    let plain = format!("{:?}", drafted(&json!({})));
    assert_eq!(format!("{:?}", drafted(&nulls)), plain);
    assert_eq!(format!("{:?}", drafted(&unknown)), plain);
    let inside = json!({
        "text": {"format": null, "verbosity": null}, "reasoning": {"effort": null, "summary": null},
        "stream_options": {"include_obfuscation": null},
    });
    let told = echoed(&inside);
    assert_eq!(told["text"], json!({"format": {"type": "text"}}));
    assert_eq!(told["reasoning"], json!({"effort": null, "summary": null}));
}

#[test]
fn every_field_has_its_place() {
    let fields = json!({
        "instructions": "be brief", "parallel_tool_calls": false, "truncation": "auto",
        "max_output_tokens": 16, "max_tool_calls": 3, "temperature": 0, "top_p": 0.5, "top_logprobs": 20,
        "presence_penalty": -2, "frequency_penalty": 1.5, "store": false, "stream": true,
        "stream_options": {"include_obfuscation": false}, "metadata": {"k": "v"}, "user": "u",
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content", "later"],
        "safety_identifier": "s".repeat(128), "prompt_cache_key": "c".repeat(64),
        "text": {"verbosity": "low"}, "reasoning": {"effort": "xhigh", "summary": "auto"},
        "previous_response_id": format!("resp_{}", "0".repeat(26)),
    });
    let draft = drafted(&fields);
    let controls = &draft.controls;
    assert_eq!(draft.system_prompt.as_deref(), Some("be brief"));
    assert_eq!(draft.truncation, Truncation::Trim);
    assert_eq!(draft.max_tool_calls, Some(3));
    assert_eq!(draft.reasoning, ReasoningForm::Sealed);
    assert_eq!((draft.store, draft.stream), (Some(false), Some(true)));
    assert_eq!(draft.metadata.as_ref().unwrap().as_str(), r#"{"k":"v"}"#);
    assert_eq!(draft.user.as_deref(), Some("u"));
    assert_eq!(draft.previous.unwrap().raw().bits(), 0);
    assert_eq!(controls.max_tokens, Some(16));
    assert_eq!(
        (controls.temperature, controls.top_p),
        (Some(0.0), Some(0.5))
    );
    assert_eq!(
        (controls.presence_penalty, controls.frequency_penalty),
        (Some(-2.0), Some(1.5))
    );
    assert_eq!(controls.parallel_tool_calls, Some(false));
    assert_eq!(controls.reasoning_effort.as_deref(), Some("xhigh"));
    assert_eq!(controls.verbosity.as_deref(), Some("low"));
    assert_eq!(
        draft.echo.unwrap().to_value(),
        json!({
            "text": {"format": {"type": "text"}, "verbosity": "low"},
            "reasoning": {"effort": "xhigh", "summary": "auto"},
            "truncation": "auto",
            "top_logprobs": 20,
            "safety_identifier": "s".repeat(128),
            "prompt_cache_key": "c".repeat(64),
        })
    );
}

#[test]
fn the_form_of_an_answer_is_that_of_chat_completions_for_the_model() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let bare = json!({"type": "json_schema", "name": "a-1_B", "schema": schema});
    let mut whole = bare.clone();
    whole["description"] = json!("an answer");
    whole["strict"] = json!(true);
    let mut nulls = bare.clone();
    nulls["description"] = Value::Null;
    nulls["strict"] = Value::Null;
    let object = json!({"type": "json_object"});
    let chat_bare =
        json!({"type": "json_schema", "json_schema": {"name": "a-1_B", "schema": schema}});
    let mut chat_whole = chat_bare.clone();
    chat_whole["json_schema"]["description"] = json!("an answer");
    chat_whole["json_schema"]["strict"] = json!(true);
    for (format, chat, shown) in [
        (&bare, Some(&chat_bare), &bare),
        (&whole, Some(&chat_whole), &whole),
        (&nulls, Some(&chat_bare), &bare),
        (&object, Some(&object), &object),
        (&json!({"type": "text"}), None, &json!({"type": "text"})),
    ] {
        let draft = drafted(&json!({"text": {"format": format}}));
        let sent = draft.controls.response_format.map(|json| json.to_value());
        assert_eq!(sent.as_ref(), chat);
        assert_eq!(
            draft.echo.unwrap().to_value()["text"],
            json!({"format": shown})
        );
    }
    // Models write their answers in the order of the schema.
    let text = r#"{"z":1,  "a":[2.50]}"#;
    let body = format!(
        r#"{{"model":"m","input":"a","text":{{"format":{{"type":"json_schema","name":"n","schema":{text}}}}}}}"#
    );
    let draft = draft(&body, HostedTools::Ignore).unwrap();
    let sent = draft.controls.response_format.unwrap();
    assert!(sent.as_str().contains(text), "{sent:?}");
}

#[test]
fn an_earlier_name_of_the_summary_is_understood() {
    let told = echoed(&json!({"reasoning": {"generate_summary": "concise", "mode": "x"}}));
    assert_eq!(
        told["reasoning"],
        json!({"effort": null, "summary": "concise"})
    );
}

#[test]
fn a_conversation_is_named_by_its_id_or_by_an_object() {
    let id = format!("conv_{}", "0".repeat(26));
    for conversation in [
        json!(id),
        json!({"id": id}),
        json!({"id": id, "object": "conversation"}),
    ] {
        let draft = drafted(&json!({"conversation": conversation}));
        assert_eq!(draft.conversation.unwrap().to_string(), id);
    }
}

#[test]
fn who_goes_on_needs_no_input() {
    for fields in [
        json!({"input": null, "previous_response_id": format!("resp_{}", "0".repeat(26))}),
        json!({"input": null, "conversation": format!("conv_{}", "0".repeat(26))}),
        json!({"input": [], "conversation": format!("conv_{}", "0".repeat(26))}),
    ] {
        let draft = drafted(&fields);
        assert_eq!(
            (draft.input.unwrap().as_str(), draft.items.len()),
            ("[]", 0)
        );
    }
}

#[test]
fn a_background_response_may_be_streamed() {
    let draft = drafted(&json!({"background": true, "stream": true}));
    assert!(ResponseSpec::check(draft, &limits()).is_ok());
}

#[test]
fn what_is_counted_is_what_would_be_asked() {
    let fields = json!({
        "instructions": "i", "tools": [{"type": "function", "name": "f"}], "tool_choice": "required",
        "text": {"format": {"type": "json_object"}}, "reasoning": {"effort": "low"}, "truncation": "auto",
        "parallel_tool_calls": true, "previous_response_id": format!("resp_{}", "0".repeat(26)),
    });
    let whole = body(&fields).to_string();
    let counted = count(&whole, HostedTools::Ignore).unwrap();
    let mut asked = draft(&whole, HostedTools::Ignore).unwrap();
    asked.echo = None;
    asked.background_stream = BackgroundStream::Refused;
    assert_eq!(format!("{counted:?}"), format!("{asked:?}"));
    // Other fields have no meaning there.
    let other = body(&json!({"stream": 5, "metadata": "a", "temperature": "hot"}));
    let counted = count(&other.to_string(), HostedTools::Ignore).unwrap();
    assert_eq!(counted.stream, None);
    let faulty = body(&json!({"text": 5})).to_string();
    assert_eq!(refused(count(&faulty, HostedTools::Ignore)).1, "text");
}

#[test]
fn what_is_compacted_is_a_transcript() {
    let fields = json!({"instructions": "i", "prompt_cache_key": "k", "tools": 5, "stream": "x"});
    let compacted = compaction(&body(&fields).to_string()).unwrap();
    assert_eq!(compacted.items.len(), 1);
    assert_eq!(compacted.system_prompt.as_deref(), Some("i"));
    assert_eq!(compacted.tools, Some(ToolSelection::Nothing));
    let id = format!("resp_{}", "0".repeat(26));
    let earlier = json!({"model": "m", "previous_response_id": id});
    assert_eq!(compaction(&earlier.to_string()).unwrap().items.len(), 0);
    for (body, code, field) in [
        (json!({"input": "a"}), "missing_required_parameter", "model"),
        (json!({"model": "m"}), "missing_required_parameter", "input"),
        (
            json!({"model": "m", "input": "a", "prompt_cache_key": "x".repeat(65)}),
            "string_above_max_length",
            "prompt_cache_key",
        ),
    ] {
        let (found, about, _) = refused(compaction(&body.to_string()));
        assert_eq!((&*found, &*about), (code, field));
    }
}
