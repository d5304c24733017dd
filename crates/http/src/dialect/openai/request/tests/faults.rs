//! Bodies with something wrong in them: each fault has its code and its field.

use serde_json::{Value, json};

use super::{read, refused};
use crate::HostedTools;
use crate::dialect::openai::request::{compaction, conversation, count, description, draft, items};

/// Fields, the code of what is wrong with them, and the field at fault.
const FIELDS: &str = r#"
    {"model": null} => missing_required_parameter model
    {"model": 5} => invalid_type model
    {"model": ""} => empty_string model
    {"model": "LONG"} => string_above_max_length model
    {"input": null} => missing_required_parameter input
    {"input": 5} => invalid_type input
    {"input": true} => invalid_type input
    {"input": {"role": "user"}} => invalid_type input
    {"instructions": 5} => invalid_type instructions
    {"instructions": ["a"]} => invalid_type instructions
    {"previous_response_id": 5} => invalid_type previous_response_id
    {"previous_response_id": "nope"} => previous_response_not_found previous_response_id
    {"previous_response_id": "LONG"} => previous_response_not_found previous_response_id
    {"conversation": 5} => invalid_type conversation
    {"conversation": {}} => missing_required_parameter conversation.id
    {"conversation": {"id": 5}} => invalid_type conversation.id
    {"conversation": "nope"} => conversation_not_found conversation
    {"conversation": {"id": "nope"}} => conversation_not_found conversation
    {"conversation": "conv_1", "previous_response_id": "resp_1"} => mutually_exclusive_parameters previous_response_id
    {"max_output_tokens": "16"} => invalid_type max_output_tokens
    {"max_output_tokens": 16.5} => invalid_type max_output_tokens
    {"max_output_tokens": 15} => integer_below_min_value max_output_tokens
    {"max_output_tokens": -1} => integer_below_min_value max_output_tokens
    {"max_output_tokens": 18446744073709551615} => integer_above_max_value max_output_tokens
    {"max_output_tokens": -9223372036854775808} => integer_below_min_value max_output_tokens
    {"max_tool_calls": 0} => integer_below_min_value max_tool_calls
    {"max_tool_calls": "1"} => invalid_type max_tool_calls
    {"max_tool_calls": 4294967296} => integer_above_max_value max_tool_calls
    {"temperature": "1"} => invalid_type temperature
    {"temperature": -0.1} => decimal_below_min_value temperature
    {"temperature": 2.1} => decimal_above_max_value temperature
    {"temperature": {}} => invalid_type temperature
    {"top_p": 1.5} => decimal_above_max_value top_p
    {"top_p": true} => invalid_type top_p
    {"top_logprobs": 21} => integer_above_max_value top_logprobs
    {"top_logprobs": -1} => integer_below_min_value top_logprobs
    {"top_logprobs": 1.5} => invalid_type top_logprobs
    {"presence_penalty": 3} => decimal_above_max_value presence_penalty
    {"frequency_penalty": -2.5} => decimal_below_min_value frequency_penalty
    {"parallel_tool_calls": "yes"} => invalid_type parallel_tool_calls
    {"store": 1} => invalid_type store
    {"stream": "true"} => invalid_type stream
    {"background": 0} => invalid_type background
    {"background": true, "store": false} => unsupported_parameter background
    {"stream_options": true} => invalid_type stream_options
    {"stream_options": {"include_obfuscation": "no"}} => invalid_type stream_options.include_obfuscation
    {"include": "reasoning.encrypted_content"} => invalid_type include
    {"include": ["a", 5]} => invalid_type include[1]
    {"truncation": "sometimes"} => invalid_value truncation
    {"truncation": true} => invalid_type truncation
    {"user": 5} => invalid_type user
    {"safety_identifier": {}} => invalid_type safety_identifier
    {"safety_identifier": "LONG"} => string_above_max_length safety_identifier
    {"prompt_cache_key": 5} => invalid_type prompt_cache_key
    {"prompt_cache_key": "LONG"} => string_above_max_length prompt_cache_key
    {"prompt": {"id": "pmpt_1"}} => unsupported_parameter prompt
    {"metadata": "a"} => invalid_type metadata
    {"metadata": []} => invalid_type metadata
    {"metadata": {"a": 5}} => invalid_type metadata.a
    {"metadata": {"a": null}} => invalid_type metadata.a
    {"metadata": {"a": {"b": "c"}}} => invalid_type metadata.a
    {"metadata": {"a": "b", "c": "LONGEST"}} => string_above_max_length metadata.c
    {"text": "json"} => invalid_type text
    {"text": {"verbosity": "chatty"}} => invalid_value text.verbosity
    {"text": {"verbosity": 5}} => invalid_type text.verbosity
    {"text": {"format": "json_object"}} => invalid_type text.format
    {"text": {"format": {}}} => missing_required_parameter text.format.type
    {"text": {"format": {"type": 5}}} => invalid_type text.format.type
    {"text": {"format": {"type": "xml"}}} => invalid_value text.format.type
    {"text": {"format": {"type": "json_schema", "schema": {}}}} => missing_required_parameter text.format.name
    {"text": {"format": {"type": "json_schema", "name": "a"}}} => missing_required_parameter text.format.schema
    {"text": {"format": {"type": "json_schema", "name": "a", "schema": []}}} => invalid_type text.format.schema
    {"text": {"format": {"type": "json_schema", "name": "", "schema": {}}}} => empty_string text.format.name
    {"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}} => invalid_value text.format.name
    {"text": {"format": {"type": "json_schema", "name": "LONG", "schema": {}}}} => string_above_max_length text.format.name
    {"text": {"format": {"type": "json_schema", "name": "a", "schema": {}, "strict": "yes"}}} => invalid_type text.format.strict
    {"text": {"format": {"type": "json_schema", "name": "a", "schema": {}, "description": 5}}} => invalid_type text.format.description
    {"text": {"format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}}} => missing_required_parameter text.format.name
    {"reasoning": "high"} => invalid_type reasoning
    {"reasoning": {"effort": "extreme"}} => invalid_value reasoning.effort
    {"reasoning": {"effort": 5}} => invalid_type reasoning.effort
    {"reasoning": {"summary": "long"}} => invalid_value reasoning.summary
    {"reasoning": {"generate_summary": true}} => invalid_type reasoning.generate_summary
"#;

/// Items of an input, the code of what is wrong with them, and the field at fault.
const ITEMS: &str = r#"
    "a" => invalid_type input[0]
    5 => invalid_type input[0]
    {} => missing_required_parameter input[0].type
    {"type": null, "content": "a"} => missing_required_parameter input[0].type
    {"type": 5} => invalid_type input[0].type
    {"type": "video"} => invalid_value input[0].type
    {"type": "functioncall"} => invalid_value input[0].type
    {"type": ":"} => invalid_value input[0].type
    {"type": "message", "content": "a"} => missing_required_parameter input[0].role
    {"role": 5, "content": "a"} => invalid_type input[0].role
    {"role": "tool", "content": "a"} => invalid_value input[0].role
    {"role": "user"} => missing_required_parameter input[0].content
    {"role": "user", "content": 5} => invalid_type input[0].content
    {"role": "user", "content": {"type": "input_text", "text": "a"}} => invalid_type input[0].content
    {"role": "user", "content": ["a"]} => invalid_type input[0].content[0]
    {"role": "user", "content": [{"text": "a"}]} => missing_required_parameter input[0].content[0].type
    {"role": "user", "content": [{"type": 5}]} => invalid_type input[0].content[0].type
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a"}}]} => invalid_value input[0].content[0].type
    {"role": "user", "content": [{"type": "input_text"}]} => missing_required_parameter input[0].content[0].text
    {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": 5}]} => invalid_type input[0].content[1].text
    {"role": "assistant", "content": [{"type": "refusal"}]} => missing_required_parameter input[0].content[0].refusal
    {"role": "user", "content": [{"type": "input_image"}]} => missing_required_parameter input[0].content[0].image_url
    {"role": "user", "content": [{"type": "input_image", "image_url": ""}]} => empty_string input[0].content[0].image_url
    {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": {"url": "https://a"}}]} => invalid_type input[0].content[1].image_url
    {"role": "user", "content": [{"type": "input_image", "file_id": 5}]} => invalid_type input[0].content[0].file_id
    {"role": "user", "content": [{"type": "input_image", "image_url": "https://a", "detail": "huge"}]} => invalid_value input[0].content[0].detail
    {"role": "user", "content": [{"type": "input_video"}]} => missing_required_parameter input[0].content[0].video_url
    {"role": "user", "content": [{"type": "input_video", "video_url": {"url": "a"}}]} => invalid_type input[0].content[0].video_url
    {"role": "user", "content": [{"type": "input_file", "filename": "a"}]} => missing_required_parameter input[0].content[0].file_data
    {"role": "user", "content": [{"type": "input_file", "file_data": 5}]} => invalid_type input[0].content[0].file_data
    {"role": "user", "content": [{"type": "input_file", "file_url": 5, "file_id": "a"}]} => invalid_type input[0].content[0].file_url
    {"type": "function_call", "name": "a", "arguments": "{}"} => missing_required_parameter input[0].call_id
    {"type": "function_call", "call_id": "c", "arguments": "{}"} => missing_required_parameter input[0].name
    {"type": "function_call", "call_id": "c", "name": "a"} => missing_required_parameter input[0].arguments
    {"type": "function_call", "call_id": "c", "name": "a", "arguments": {}} => invalid_type input[0].arguments
    {"type": "function_call", "call_id": "LONG", "name": "a", "arguments": ""} => string_above_max_length input[0].call_id
    {"type": "function_call", "call_id": "", "name": "a", "arguments": ""} => empty_string input[0].call_id
    {"type": "function_call", "call_id": "c", "name": "LONG", "arguments": ""} => string_above_max_length input[0].name
    {"type": "function_call_output", "output": "a"} => missing_required_parameter input[0].call_id
    {"type": "function_call_output", "call_id": "c"} => missing_required_parameter input[0].output
    {"type": "function_call_output", "call_id": "c", "output": {"a": 1}} => invalid_type input[0].output
    {"type": "function_call_output", "call_id": "c", "output": [{"type": "video"}]} => invalid_value input[0].output[0].type
    {"type": "reasoning", "summary": "a"} => invalid_type input[0].summary
    {"type": "reasoning", "summary": [{"text": "a"}]} => missing_required_parameter input[0].summary[0].type
    {"type": "reasoning", "summary": [{"type": "reasoning_text", "text": "a"}]} => invalid_value input[0].summary[0].type
    {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text"}]} => missing_required_parameter input[0].content[0].text
    {"type": "reasoning", "summary": [], "encrypted_content": 5} => invalid_type input[0].encrypted_content
    {"type": "item_reference"} => missing_required_parameter input[0].id
    {"type": "item_reference", "id": 5} => invalid_type input[0].id
    {"type": "item_reference", "id": "nope"} => item_not_found input
    {"id": "LONG"} => item_not_found input
    {"type": "compaction"} => missing_required_parameter input[0].encrypted_content
    {"type": "compaction", "encrypted_content": 5} => invalid_type input[0].encrypted_content
    {"type": "mcp_list_tools", "tools": []} => missing_required_parameter input[0].server_label
    {"type": "mcp_list_tools", "server_label": "s"} => missing_required_parameter input[0].tools
    {"type": "mcp_list_tools", "server_label": "s", "tools": {}} => invalid_type input[0].tools
    {"type": "mcp_list_tools", "server_label": "s", "tools": [{"input_schema": {}}]} => missing_required_parameter input[0].tools[0].name
    {"type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "a"}]} => missing_required_parameter input[0].tools[0].input_schema
    {"type": "mcp_call", "server_label": "s", "arguments": "{}"} => missing_required_parameter input[0].name
    {"type": "mcp_call", "name": "a", "arguments": "{}"} => missing_required_parameter input[0].server_label
    {"type": "mcp_call", "server_label": "s", "name": "a"} => missing_required_parameter input[0].arguments
    {"type": "mcp_call", "server_label": "s", "name": "a", "arguments": {}} => invalid_type input[0].arguments
    {"type": "mcp_call", "server_label": "s", "name": "a", "arguments": "", "output": {}} => invalid_type input[0].output
    {"type": "mcp_call", "server_label": "s", "name": "a", "arguments": "", "id": 5} => invalid_type input[0].id
    {"type": "mcp_approval_request", "server_label": "s", "name": "a", "arguments": ""} => missing_required_parameter input[0].id
    {"type": "mcp_approval_request", "id": "i", "name": "a", "arguments": ""} => missing_required_parameter input[0].server_label
    {"type": "mcp_approval_response", "approve": true} => missing_required_parameter input[0].approval_request_id
    {"type": "mcp_approval_response", "approval_request_id": "i"} => missing_required_parameter input[0].approve
    {"type": "mcp_approval_response", "approval_request_id": "i", "approve": "yes"} => invalid_type input[0].approve
    {"type": "mcp_approval_response", "approval_request_id": "i", "approve": true, "reason": 5} => invalid_type input[0].reason
"#;

/// The lines of a table: a value, the code, and the field.
pub(super) fn lines(table: &str) -> impl Iterator<Item = (Value, &str, &str)> {
    let rows = table.lines().filter_map(|line| line.split_once(" => "));
    rows.map(|(value, expected)| {
        let value = value
            .replace("LONGEST", &"é".repeat(513))
            .replace("LONG", &"é".repeat(300));
        let (code, field) = expected.split_once(' ').unwrap();
        (serde_json::from_str(&value).unwrap(), code, field)
    })
}

#[test]
fn a_fault_of_a_field_has_its_code_and_its_name() {
    assert!(lines(FIELDS).count() > 70);
    for (fields, code, field) in lines(FIELDS) {
        let (found, about, message) = refused(read(&fields));
        assert_eq!((&*found, &*about), (code, field), "{fields}: {message}");
        assert!(message.len() < 250 && message.ends_with('.'), "{message}");
    }
}

#[test]
fn a_fault_of_an_item_has_its_code_and_its_place() {
    assert!(lines(ITEMS).count() > 60);
    for (item, code, field) in lines(ITEMS) {
        let (found, about, message) = refused(read(&json!({"input": [item]})));
        assert_eq!((&*found, &*about), (code, field), "{item}: {message}");
        assert!(message.len() < 400 && message.ends_with('.'), "{message}");
        let second = json!({"input": [{"role": "user", "content": "a"}, item]});
        let (_, about, _) = refused(read(&second));
        assert_eq!(about, field.replacen("input[0]", "input[1]", 1));
    }
}

#[test]
fn all_faults_are_told_at_once_and_the_first_gives_the_code() {
    let fields = json!({
        "model": null,
        "temperature": "hot",
        "tools": [{"type": "function"}, {"type": "mcp"}],
        "input": [{"role": "user"}, {"type": 5}],
        "text": {"verbosity": "chatty"},
    });
    let (code, field, message) = refused(read(&fields));
    assert_eq!((&*code, &*field), ("missing_required_parameter", "model"));
    assert_eq!(
        message,
        "Missing required parameter: 'model'. \
         Missing required parameter: 'input[0].content'. \
         Invalid type for 'input[1].type': expected a string, but got an integer instead. \
         Missing required parameter: 'tools[0].name'. \
         Missing required parameter: 'tools[1].server_label'. \
         Invalid value for 'text.verbosity': 'chatty'. Supported values are: 'low', 'medium', and 'high'. \
         Invalid type for 'temperature': expected a decimal, but got a string instead."
    );
}

#[test]
fn no_more_faults_are_told_than_help() {
    let (_, _, message) = refused(read(&json!({"input": vec![5; 1_000]})));
    assert_eq!(message.matches("Invalid type").count(), 16);
}

#[test]
fn sentences_are_those_that_clients_know() {
    for (fields, sentence) in [
        (
            json!({"max_output_tokens": 1}),
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 \
             instead.",
        ),
        (
            json!({"temperature": 2.5}),
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.",
        ),
        (
            json!({"tools": [{"type": "function", "name": "a.b"}]}),
            "Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the \
             pattern '^[a-zA-Z0-9_-]+$'.",
        ),
        (
            json!({"previous_response_id": "resp_123"}),
            "Previous response with id 'resp_123' not found.",
        ),
        (
            json!({"conversation": "conv_123"}),
            "Conversation with id 'conv_123' not found.",
        ),
        (
            json!({"input": [{"type": "item_reference", "id": "rs_123"}]}),
            "Item with id 'rs_123' not found.",
        ),
        (
            json!({"prompt_cache_key": "x".repeat(65)}),
            "Invalid 'prompt_cache_key': string too long. Expected a string with maximum length 64, but got a \
             string with length 65 instead.",
        ),
        (
            json!({"tool_choice": {"type": "function", "name": "a"}}),
            "Tool choice 'a' not found in 'tools' parameter.",
        ),
    ] {
        assert_eq!(refused(read(&fields)).2, sentence);
    }
}

#[test]
fn metadata_are_few_and_short() {
    let pairs = |count: usize, name: usize, value: usize| {
        let pair = |index: usize| (format!("{index:0>name$}"), json!("é".repeat(value)));
        json!({"metadata": Value::Object((0..count).map(pair).collect())})
    };
    assert!(read(&pairs(16, 64, 512)).is_ok());
    let (code, field, _) = refused(read(&pairs(17, 2, 1)));
    assert_eq!(
        (&*code, &*field),
        ("object_above_max_properties", "metadata")
    );
    let (code, field, _) = refused(read(&pairs(1, 65, 1)));
    assert_eq!(code, "string_above_max_length");
    assert!(field.starts_with("metadata.0000"), "{field}");
    let (code, _, _) = refused(read(&pairs(1, 1, 513)));
    assert_eq!(code, "string_above_max_length");
}

#[test]
fn a_text_has_an_end() {
    let long = "x".repeat(10_485_761);
    for (fields, field) in [
        (json!({"input": long}), "input"),
        (
            json!({"input": [{"role": "user", "content": long}]}),
            "input[0].content",
        ),
        (
            json!({"input": [{"type": "function_call_output", "call_id": "c", "output": long}]}),
            "input[0].output",
        ),
    ] {
        let (code, about, _) = refused(read(&fields));
        assert_eq!((&*code, &*about), ("string_above_max_length", field));
    }
    assert!(read(&json!({"input": "é".repeat(10_485_760)})).is_ok());
}

#[test]
fn a_body_that_is_no_object_is_refused_by_everybody() {
    for body in ["", "{", "[]", "5", "null", "\"a\"", "{\"model\":}", "{} {}"] {
        let codes = [
            draft(body, HostedTools::Ignore).map(drop),
            count(body, HostedTools::Ignore).map(drop),
            compaction(body).map(drop),
            conversation(body).map(drop),
            description(body).map(drop),
            items(body).map(drop),
        ];
        for result in codes {
            assert_eq!(result.unwrap_err().code, "invalid_json", "{body}");
        }
    }
}

#[test]
fn conversations_take_a_few_items_and_metadata() {
    let item = json!({"role": "user", "content": "a"});
    let problem = |result: Result<(), crate::problem::Problem>| {
        let problem = result.unwrap_err();
        (problem.code, problem.field.unwrap_or_default().to_string())
    };
    let made = |body: Value| conversation(&body.to_string()).map(drop);
    let added = |body: Value| items(&body.to_string()).map(drop);
    let told = |body: Value| description(&body.to_string()).map(drop);
    let expected = |code, field: &str| (code, field.to_owned());
    let long = "array_above_max_length";
    assert_eq!(
        problem(made(json!({"items": vec![item.clone(); 21]}))),
        expected(long, "items")
    );
    assert_eq!(
        problem(added(json!({"items": vec![item.clone(); 21]}))),
        expected(long, "items")
    );
    let missing = "missing_required_parameter";
    assert_eq!(problem(added(json!({}))), expected(missing, "items"));
    assert_eq!(
        problem(told(json!({"metadata": null}))),
        expected(missing, "metadata")
    );
    assert_eq!(
        problem(told(json!({"metadata": 5}))),
        expected("invalid_type", "metadata")
    );
    assert_eq!(
        problem(made(json!({"items": "a"}))),
        expected("invalid_type", "items")
    );
    let faulty = json!({"items": [item, {"role": "user"}]});
    assert_eq!(
        problem(added(faulty)),
        expected(missing, "items[1].content")
    );
    let lost = json!({"items": [{"type": "item_reference", "id": "nope"}]});
    assert_eq!(problem(added(lost)), expected("item_not_found", "items"));
    let (metadata, none) = conversation("{}").unwrap();
    assert_eq!((metadata.as_str(), none.len()), ("{}", 0));
    let whole = json!({"metadata": {"a": "b"}, "items": vec![item; 20]}).to_string();
    let (metadata, twenty) = conversation(&whole).unwrap();
    assert_eq!((metadata.as_str(), twenty.len()), (r#"{"a":"b"}"#, 20));
    assert_eq!(description(r#"{"metadata":{}}"#).unwrap().as_str(), "{}");
}
