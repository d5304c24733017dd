//! Bodies as client libraries and programs send them, with all that they put in.

use response_domain::item::{CallKind, ItemBody, Part};
use response_domain::spec::{
    Draft, InputItem, ReasoningForm, ToolChoice, ToolOffer, ToolSelection,
};
use serde_json::{Value, json};

use crate::HostedTools;
use crate::dialect::openai::request::draft;

fn sent(body: &Value) -> Draft {
    let read = draft(&body.to_string(), HostedTools::Ignore);
    read.unwrap_or_else(|problem| panic!("{}: {body}", problem.message))
}

/// The items of a draft, each in a few words.
fn told(draft: &Draft) -> Vec<String> {
    let items = draft.items.iter().map(|item| match item {
        InputItem::Reference(id) => format!("see {}", id.ordinal),
        InputItem::New(body) => of_body(body),
    });
    items.collect()
}

fn of_body(body: &ItemBody) -> String {
    match body {
        ItemBody::Message(message) => {
            let parts: String = message.content.iter().map(of_part).collect();
            format!("{}: {parts}", message.role.as_str())
        }
        ItemBody::Reasoning(reasoning) => format!(
            "thinks {:?} {}",
            reasoning.summary,
            reasoning.sealed.as_deref().unwrap_or("open")
        ),
        ItemBody::FunctionCall(call) => {
            let kind = match call.runner.kind() {
                CallKind::Callers => "calls",
                CallKind::Servers => "had called",
                CallKind::Asks => "asks for",
                CallKind::Nobodys => "dreams of",
            };
            format!(
                "{kind} {}({}) {}",
                call.name, call.arguments, call.call_id.0
            )
        }
        ItemBody::FunctionCallOutput(output) => {
            format!("{} said {}", output.call_id.0, output.output)
        }
        ItemBody::ApprovalResponse(answer) => format!("{:?} {}", answer.consent, answer.request),
        ItemBody::ToolList(list) => format!("list of {}", list.label),
        ItemBody::Compaction(_) => "compaction".to_owned(),
        ItemBody::Foreign(raw) => raw.to_value()["type"].as_str().unwrap().to_owned(),
    }
}

fn of_part(part: &Part) -> String {
    match part {
        Part::Text(text) => text.to_string(),
        Part::Refusal(text) => format!("[no: {text}]"),
        Part::Image { url, .. } => format!("[{url}]"),
        Part::File(file) => format!("[{}]", file.name.as_deref().unwrap_or("file")),
        Part::Other(raw) => raw.as_str().to_owned(),
    }
}

fn functions(draft: &Draft) -> Vec<&str> {
    let Some(ToolSelection::Offered(offers)) = &draft.tools else {
        panic!("{draft:?}");
    };
    let names = offers.iter().map(|offer| match offer {
        ToolOffer::Function(function) => &*function.name,
        ToolOffer::Server(server) => &*server.label,
    });
    names.collect()
}

#[test]
fn openai_python_sends_nulls_and_what_it_was_given_back() {
    let body = json!({
        "model": "gpt-4.1",
        "input": [
            {"role": "user", "content": "Extract the event."},
            {"id": "rs_68af", "summary": [], "type": "reasoning", "content": null,
                "encrypted_content": "gAAAAAB", "status": null},
            {"id": "msg_68af", "content": [{"annotations": [], "text": "{}", "type": "output_text",
                "logprobs": [], "parsed": null}], "role": "assistant", "status": "completed",
                "type": "message", "phase": null},
            {"arguments": "{\"city\":\"Paris\"}", "call_id": "call_1", "name": "get_weather",
                "type": "function_call", "id": "fc_68af", "status": "completed", "namespace": null},
            {"type": "function_call_output", "call_id": "call_1", "output": "21"},
        ],
        "text": {"format": {"type": "json_schema", "strict": true, "name": "CalendarEvent", "schema": {
            "properties": {"name": {"title": "Name", "type": "string"}}, "required": ["name"],
            "title": "CalendarEvent", "type": "object", "additionalProperties": false}}},
        "tools": [{"type": "function", "name": "get_weather", "description": null, "strict": true,
            "parameters": {"type": "object", "properties": {}, "additionalProperties": false}}],
        "stream": true,
        "max_output_tokens": null,
    });
    let draft = sent(&body);
    assert_eq!(
        told(&draft),
        [
            "user: Extract the event.",
            "thinks [] gAAAAAB",
            "assistant: {}",
            r#"calls get_weather({"city":"Paris"}) call_1"#,
            "call_1 said 21",
        ]
    );
    assert_eq!(functions(&draft), ["get_weather"]);
    let format = draft.controls.response_format.unwrap().to_value();
    assert_eq!(format["json_schema"]["name"], "CalendarEvent");
    assert_eq!(format["json_schema"]["strict"], true);
}

#[test]
fn openai_node_sends_schemas_and_files() {
    let body = json!({
        "model": "gpt-4o-2024-08-06",
        "instructions": "You are terse.",
        "input": [{"role": "user", "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
        ]}],
        "text": {"format": {"type": "json_schema", "name": "math", "strict": true, "schema": {
            "type": "object", "properties": {}, "required": [], "additionalProperties": false,
            "$schema": "http://json-schema.org/draft-07/schema#"}}, "verbosity": "low"},
        "reasoning": {"effort": "minimal"},
        "background": true,
        "store": true,
        "stream": true,
        "stream_options": {"include_obfuscation": false},
        "metadata": {"topic": "demo"},
    });
    let draft = sent(&body);
    assert_eq!(
        told(&draft),
        ["user: What is this?[data:image/png;base64,iVBORw0KGgo=][a.pdf]"]
    );
    assert_eq!((draft.background, draft.stream), (Some(true), Some(true)));
    assert_eq!(draft.controls.reasoning_effort.as_deref(), Some("minimal"));
}

/// What the command line program Codex sends at the second turn of a task.
fn codex() -> Value {
    json!({
        "model": "gpt-5-codex",
        "instructions": "You are a coding agent running in the Codex CLI.",
        "input": [
            {"type": "message", "role": "developer", "content": [
                {"type": "input_text", "text": "<permissions instructions>"}]},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "<environment_context/>"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "List files."}],
                "id": "msg_0197a0b0-7d3e-7c11-b2a4-000000000000"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "**Listing**"}],
                "content": null, "encrypted_content": "gAAAAAB"},
            {"type": "function_call", "name": "exec_command", "arguments": "{\"cmd\":\"ls\"}",
                "call_id": "call_1"},
            {"type": "function_call_output", "call_id": "call_1", "output": "src\n",
                "id": "fco_0197a0b0-7d3e-7c11-b2a4-000000000001"},
            {"type": "custom_tool_call", "status": "completed", "call_id": "call_2",
                "name": "apply_patch", "input": "*** Begin Patch"},
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": "Success."},
            {"type": "local_shell_call", "call_id": "call_3", "status": "completed",
                "action": {"type": "exec", "command": ["ls"]}},
            {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
            {"type": "ghost_snapshot", "ghost_commit": {"id": "abc"}},
            {"type": "message", "role": "assistant", "phase": "commentary", "content": [
                {"type": "output_text", "text": "There is src."}]},
            {"type": "function_call_output", "call_id": "call_1", "output": [
                {"type": "input_text", "text": "seen: "},
                {"type": "input_image", "image_url": "data:image/png;base64,AA=="}]},
        ],
        "tools": [
            {"type": "function", "name": "exec_command", "description": "Runs a command.", "strict": false,
                "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}},
                    "required": ["cmd"], "additionalProperties": false}},
            {"type": "custom", "name": "apply_patch", "description": "Edits files.",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
            {"type": "web_search", "external_web_access": true},
            {"type": "namespace", "name": "multi_agent", "description": "", "tools": []},
            {"type": "tool_search"},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": false,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": false,
        "stream": true,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0197a0b0-7d3e-7c11-b2a4-000000000002",
        "text": {"verbosity": "medium"},
        "service_tier": null,
        "client_metadata": {"x-codex-installation-id": "1"},
    })
}

#[test]
fn codex_sends_its_own_ids_and_tools_that_are_hosted_elsewhere() {
    let draft = sent(&codex());
    assert_eq!(
        told(&draft),
        [
            "developer: <permissions instructions>",
            "user: <environment_context/>",
            "user: List files.",
            r#"thinks ["**Listing**"] gAAAAAB"#,
            r#"calls exec_command({"cmd":"ls"}) call_1"#,
            "call_1 said src\n",
            "custom_tool_call",
            "custom_tool_call_output",
            "local_shell_call",
            "web_search_call",
            "ghost_snapshot",
            "assistant: There is src.",
            "call_1 said seen: ",
        ]
    );
    assert_eq!(functions(&draft), ["exec_command"]);
    let unknown: Vec<&str> = draft.unknown_tools.iter().map(|kind| &**kind).collect();
    assert_eq!(
        unknown,
        ["custom", "web_search", "namespace", "tool_search"]
    );
    assert_eq!(draft.reasoning, ReasoningForm::Sealed);
    assert_eq!(draft.store, Some(false));
    let refused = super::super::draft(&codex().to_string(), HostedTools::Refuse).unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("tools[1].type"));
}

#[test]
fn the_ai_sdk_refers_to_what_is_stored() {
    let id = |prefix: &str, ordinal: u8| format!("{prefix}_{}0000{ordinal}", "0".repeat(26));
    let body = json!({
        "model": "m",
        "input": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "item_reference", "id": id("rs", 1)},
            {"type": "item_reference", "id": id("msg", 2)},
            {"type": "item_reference", "id": id("fc", 3)},
            {"type": "function_call_output", "call_id": "call_1", "output": "{\"celsius\":21}"},
            {"type": "mcp_approval_response", "approval_request_id": id("mcpr", 4), "approve": true},
        ],
        "tools": [
            {"type": "function", "name": "weather", "description": "d", "parameters": {"$schema":
                "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}}},
            {"type": "mcp", "server_label": "docs", "server_url": "https://mcp.example.com/mcp",
                "require_approval": {"never": {"tool_names": ["ask"]}},
                "allowed_tools": {"read_only": true, "tool_names": ["ask"]},
                "headers": {"X-Key": "k"}, "authorization": "t"},
        ],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [
            {"type": "function", "name": "weather"}, {"type": "mcp", "server_label": "docs"}]},
        "stream": true,
    });
    let draft = sent(&body);
    assert_eq!(
        told(&draft),
        [
            "system: Be kind.",
            "user: Weather?",
            "see 1",
            "see 2",
            "see 3",
            r#"call_1 said {"celsius":21}"#,
            &format!("Given {}", id("item", 4)),
        ]
    );
    assert_eq!(functions(&draft), ["weather", "docs"]);
    assert_eq!(draft.tool_choice, Some(ToolChoice::Auto));
    assert_eq!(draft.allowed_tools.unwrap().len(), 2);
    assert_eq!(draft.tool_secrets.headers("docs").count(), 2);
}

#[test]
fn langchain_sends_messages_in_every_form() {
    let body = json!({
        "model": "m",
        "input": [
            {"role": "system", "content": "s", "type": "message"},
            {"role": "user", "content": "u", "type": "message"},
            {"role": "assistant", "content": "", "type": "message"},
            {"type": "message", "role": "assistant", "id": "msg_1",
                "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}]},
            {"type": "function_call", "name": "add", "arguments": "{\"a\": 1}", "call_id": "call_1",
                "id": "fc_1"},
            {"type": "function_call_output", "output": [{"type": "input_text", "text": "2"}],
                "call_id": "call_1"},
            {"type": "mcp_call", "id": "mcp_1", "server_label": "s", "name": "t", "arguments": "{}",
                "output": "o", "error": null, "approval_request_id": null},
            {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": []},
        ],
        "tools": [{"type": "function", "name": "add", "description": "d", "parameters": {
            "properties": {"a": {"type": "integer"}}, "required": ["a"], "type": "object"}}],
        "tool_choice": {"type": "function", "name": "add"},
        "temperature": 0.0,
        "stream": false,
        "user": "u1",
        "include": ["reasoning.encrypted_content"],
    });
    let draft = sent(&body);
    assert_eq!(
        told(&draft),
        [
            "system: s",
            "user: u",
            "assistant: Let me see.",
            r#"calls add({"a": 1}) call_1"#,
            "call_1 said 2",
            "had called t({}) mcp_1",
            "mcp_1 said o",
            "list of s",
        ]
    );
    assert_eq!(draft.tool_choice, Some(ToolChoice::Named("add".into())));
}

#[test]
fn the_agents_sdk_sends_items_back_as_it_got_them() {
    let body = json!({
        "include": [],
        "input": [
            {"content": "Hi", "role": "user"},
            {"id": "rs_1", "summary": [], "type": "reasoning"},
            {"id": "mcpr_theirs", "arguments": "{}", "name": "write", "server_label": "git",
                "type": "mcp_approval_request"},
            {"approval_request_id": "mcpr_theirs", "approve": false, "type": "mcp_approval_response",
                "reason": "not now"},
            {"arguments": "{}", "call_id": "call_1", "name": "transfer_to_b", "type": "function_call",
                "id": "fc_1", "status": "completed"},
            {"call_id": "call_1", "output": "{'assistant': 'b'}", "type": "function_call_output"},
        ],
        "instructions": "You are b.",
        "model": "m",
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "conversation": null,
        "prompt_cache_retention": null,
        "store": null,
        "stream": true,
        "text": {"format": {"type": "json_schema", "name": "final_output", "strict": true,
            "schema": {"type": "object", "properties": {}, "additionalProperties": false}}},
        "tool_choice": "required",
        "tools": [
            {"type": "function", "name": "f", "strict": true, "description": "",
                "parameters": {"type": "object", "properties": {}, "additionalProperties": false}},
            {"type": "mcp", "server_label": "git", "require_approval": "always",
                "server_url": "https://git.example.com"},
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ],
        "top_logprobs": null,
        "truncation": "auto",
        "max_output_tokens": null,
        "metadata": null,
    });
    let draft = sent(&body);
    assert_eq!(
        told(&draft),
        [
            "user: Hi",
            "thinks [] open",
            "asks for write({}) mcpr_theirs",
            "Denied mcpr_theirs",
            "calls transfer_to_b({}) call_1",
            "call_1 said {'assistant': 'b'}",
        ]
    );
    assert_eq!(functions(&draft), ["f", "git"]);
    assert_eq!(draft.tool_choice, Some(ToolChoice::Required));
}

#[test]
fn the_suite_of_open_responses_sends_messages_with_types() {
    let body = json!({
        "model": "m",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "What do you see?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
                {"type": "input_video", "video_url": "https://example.com/a.mp4"}]},
            {"type": "jan:mcp_call", "id": "mcp_1", "status": "completed", "server_label": "s", "name": "t",
                "arguments": "{}", "approval_request_id": null, "output": "o", "error": null},
        ],
        "tools": [{"type": "function", "name": "get_weather", "description": "d", "parameters": {
            "type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}}],
        "presence_penalty": 0, "frequency_penalty": 0,
    });
    assert_eq!(
        told(&sent(&body)),
        [
            "user: What do you see?[data:image/png;base64,AA==]\
             {\"type\":\"video_url\",\"video_url\":{\"url\":\"https://example.com/a.mp4\"}}",
            "had called t({}) mcp_1",
            "mcp_1 said o",
        ]
    );
}
