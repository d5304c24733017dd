//! The objects that answers hold: responses, items, lists and errors.

use serde_json::Value;

use super::form::{Field, Form, check, field, optional};
use super::{Fault, Flavour, Verdict, must};

const STATUS: Form = Form::Words(&["in_progress", "completed", "incomplete"]);
const NULLABLE_TEXT: Form = Form::Nullable(&Form::Text);
const NULLABLE_INTEGER: Form = Form::Nullable(&Form::Integer);

const USAGE: &[Field] = &[
    field("input_tokens", Form::Integer),
    field(
        "input_tokens_details",
        Form::Object(&[
            field("cached_tokens", Form::Integer),
            optional("cache_write_tokens", Form::Integer),
        ]),
    ),
    field("output_tokens", Form::Integer),
    field(
        "output_tokens_details",
        Form::Object(&[field("reasoning_tokens", Form::Integer)]),
    ),
    field("total_tokens", Form::Integer),
];

const FAULT: &[Field] = &[
    field("code", Form::Name),
    field("message", Form::Text),
    optional("type", Form::Name),
    optional("param", NULLABLE_TEXT),
];

const TOOL: Form = Form::Object(&[field("type", Form::Name)]);

/// What both flavours want of a response.
const RESPONSE: &[Field] = &[
    field("id", Form::Name),
    field("object", Form::Words(&["response"])),
    field("created_at", Form::Integer),
    field(
        "status",
        Form::Words(&[
            "queued",
            "in_progress",
            "completed",
            "incomplete",
            "failed",
            "cancelled",
        ]),
    ),
    field("error", Form::Nullable(&Form::Object(FAULT))),
    field(
        "incomplete_details",
        Form::Nullable(&Form::Object(&[field("reason", Form::Name)])),
    ),
    field("instructions", NULLABLE_TEXT),
    field("model", Form::Name),
    field("output", Form::List(&Form::Members)),
    field("parallel_tool_calls", Form::Truth),
    field("temperature", Form::Number),
    field(
        "text",
        Form::Object(&[field("format", Form::Object(&[field("type", Form::Name)]))]),
    ),
    field("tool_choice", Form::TextOr(&TOOL)),
    field("tools", Form::List(&TOOL)),
    field("top_p", Form::Number),
    field("usage", Form::Nullable(&Form::Object(USAGE))),
    field("metadata", Form::Members),
    optional(
        "conversation",
        Form::Nullable(&Form::Object(&[field("id", Form::Name)])),
    ),
    optional("user", NULLABLE_TEXT),
];

const REASONING: &[Field] = &[
    field("effort", NULLABLE_TEXT),
    field("summary", NULLABLE_TEXT),
];

/// What Open Responses wants besides, and OpenAI has or leaves out.
const OPEN_RESPONSE: &[Field] = &[
    field("completed_at", NULLABLE_INTEGER),
    field("background", Form::Truth),
    field("frequency_penalty", Form::Number),
    field("presence_penalty", Form::Number),
    field("max_output_tokens", NULLABLE_INTEGER),
    field("max_tool_calls", NULLABLE_INTEGER),
    field("previous_response_id", NULLABLE_TEXT),
    field("prompt_cache_key", NULLABLE_TEXT),
    field("reasoning", Form::Nullable(&Form::Object(REASONING))),
    field("safety_identifier", NULLABLE_TEXT),
    field("service_tier", Form::Text),
    field("store", Form::Truth),
    field("top_logprobs", Form::Integer),
    field("truncation", Form::Words(&["auto", "disabled"])),
];

/// Checks a response, and each item of its output.
pub(super) fn response(response: &Value, flavour: Flavour) -> Verdict {
    check("response", response, &Form::Object(RESPONSE))?;
    if flavour == Flavour::OpenResponses {
        check("response", response, &Form::Object(OPEN_RESPONSE))?;
    }
    let status = text(response, "status");
    let has = |name| response.get(name).is_some_and(|value| !value.is_null());
    must(
        has("error") == (status == "failed"),
        "a response has an `error` when it failed, and only then",
    )?;
    must(
        has("incomplete_details") == (status == "incomplete"),
        "a response has `incomplete_details` when it is incomplete, and only then",
    )?;
    must(
        !has("completed_at") || status == "completed",
        "a response has a `completed_at` only when it completed",
    )?;
    must(
        !has("usage") || !matches!(status, "queued" | "in_progress"),
        "a response has a `usage` only when it has ended",
    )?;
    let output = response.get("output").and_then(Value::as_array);
    let mut output = output.into_iter().flatten().enumerate();
    output.try_for_each(|(place, one)| {
        item(one, flavour).map_err(|fault| Fault::new(format!("output[{place}]: {fault}")))
    })
}

const MESSAGE: &[Field] = &[
    field("status", STATUS),
    field(
        "role",
        Form::Words(&["user", "assistant", "system", "developer"]),
    ),
    field("content", Form::List(&TOOL)),
];
const CALL: &[Field] = &[
    field("call_id", Form::Name),
    field("name", Form::Name),
    field("arguments", Form::Text),
    field("status", STATUS),
];
const OUTPUT: &[Field] = &[
    field("call_id", Form::Name),
    field("output", Form::TextOr(&Form::List(&TOOL))),
    field("status", STATUS),
];
const SAID: Form = Form::Object(&[field("type", Form::Name), field("text", Form::Text)]);
const THOUGHT: &[Field] = &[
    field("summary", Form::List(&SAID)),
    optional("content", Form::List(&SAID)),
    optional("encrypted_content", Form::Text),
    optional("status", STATUS),
];
const LISTED: &[Field] = &[
    field("server_label", Form::Name),
    field(
        "tools",
        Form::List(&Form::Object(&[
            field("name", Form::Name),
            field("input_schema", Form::Members),
            optional("description", Form::Text),
            optional("annotations", Form::Members),
        ])),
    ),
    optional("error", Form::Text),
];
const MCP_CALL: &[Field] = &[
    field("server_label", Form::Name),
    field("name", Form::Name),
    field("arguments", Form::Text),
    optional(
        "status",
        Form::Words(&[
            "in_progress",
            "calling",
            "completed",
            "incomplete",
            "failed",
        ]),
    ),
    field("output", NULLABLE_TEXT),
    field("error", Form::Nullable(&TOOL)),
    optional("approval_request_id", Form::Nullable(&Form::Name)),
];
const APPROVAL_REQUEST: &[Field] = &[
    field("server_label", Form::Name),
    field("name", Form::Name),
    field("arguments", Form::Text),
];
const APPROVAL_RESPONSE: &[Field] = &[
    field("approval_request_id", Form::Name),
    field("approve", Form::Truth),
    optional("reason", NULLABLE_TEXT),
];
const COMPACTION: &[Field] = &[field("encrypted_content", Form::Text)];
const EXTENSION: &[Field] = &[field("status", Form::Name)];

/// Checks an item.
pub(super) fn item(item: &Value, flavour: Flavour) -> Verdict {
    const HEAD: &[Field] = &[field("id", Form::Name), field("type", Form::Name)];
    check("item", item, &Form::Object(HEAD))?;
    let kind = text(item, "type");
    let fields = match (kind, flavour) {
        ("message", _) => MESSAGE,
        ("function_call", _) => CALL,
        ("function_call_output", _) => OUTPUT,
        ("reasoning", _) => THOUGHT,
        ("compaction", _) => COMPACTION,
        (slug, Flavour::OpenResponses) if slug.contains(':') => EXTENSION,
        (_, Flavour::OpenResponses) => {
            let text = format!("Open Responses has no item {kind}; an extension is `name:{kind}`");
            return Err(Fault::new(text));
        }
        ("mcp_list_tools", _) => LISTED,
        ("mcp_call", _) => MCP_CALL,
        ("mcp_approval_request", _) => APPROVAL_REQUEST,
        ("mcp_approval_response", _) => APPROVAL_RESPONSE,
        (_, Flavour::OpenAi) => &[],
    };
    check(kind, item, &Form::Object(fields))?;
    must(
        kind != "function_call" || item.get("id") != item.get("call_id"),
        "the id of a call is not its `call_id`",
    )?;
    if kind == "mcp_call" {
        mcp_error(item.get("error").unwrap_or(&Value::Null))?;
    }
    let content = item.get("content").and_then(Value::as_array);
    let mut parts = content.into_iter().flatten().enumerate();
    parts.try_for_each(|(place, one)| part(&format!("{kind}.content[{place}]"), one))
}

/// Checks why the call of a tool server came to nothing.
fn mcp_error(error: &Value) -> Verdict {
    const CODED: &[Field] = &[field("code", Form::Integer), field("message", Form::Text)];
    const SAID: &[Field] = &[field("content", Form::Any)];
    let fields = match text(error, "type") {
        "" => return Ok(()),
        "mcp_tool_execution_error" => SAID,
        "mcp_protocol_error" | "http_error" => CODED,
        other => {
            return Err(Fault::new(format!(
                "a call has no error of the type {other}"
            )));
        }
    };
    check("mcp_call.error", error, &Form::Object(fields))
}

const OUTPUT_TEXT: &[Field] = &[
    field("text", Form::Text),
    field("annotations", Form::List(&TOOL)),
    optional("logprobs", Form::List(&Form::Any)),
];
const TEXT: &[Field] = &[field("text", Form::Text)];
const REFUSAL: &[Field] = &[field("refusal", Form::Text)];
const IMAGE: &[Field] = &[
    field("detail", Form::Words(&["low", "high", "auto", "original"])),
    optional("image_url", NULLABLE_TEXT),
    optional("file_id", NULLABLE_TEXT),
];

/// Checks a part of a message or of reasoning.
fn part(path: &str, part: &Value) -> Verdict {
    let fields = match text(part, "type") {
        "output_text" => OUTPUT_TEXT,
        "input_text" | "reasoning_text" | "summary_text" | "text" => TEXT,
        "refusal" => REFUSAL,
        "input_image" => IMAGE,
        _ => &[],
    };
    check(path, part, &Form::Object(fields))
}

/// Checks a list, and each of its entries.
pub(super) fn list(list: &Value, entry: impl Fn(&Value) -> Verdict) -> Verdict {
    const FIELDS: &[Field] = &[
        field("object", Form::Words(&["list"])),
        field(
            "data",
            Form::List(&Form::Object(&[field("id", Form::Name)])),
        ),
        field("first_id", Form::Nullable(&Form::Name)),
        field("last_id", Form::Nullable(&Form::Name)),
        field("has_more", Form::Truth),
    ];
    check("list", list, &Form::Object(FIELDS))?;
    let entries = list.get("data").and_then(Value::as_array);
    let entries = entries.map_or(&[][..], Vec::as_slice);
    let id_of = |entry: Option<&Value>| entry.and_then(|it| it.get("id")).cloned();
    let agrees = |name, entry| list.get(name).cloned() == Some(id_of(entry).unwrap_or(Value::Null));
    must(
        agrees("first_id", entries.first()) && agrees("last_id", entries.last()),
        "`first_id` and `last_id` are those of the entries, or null when there are none",
    )?;
    for (place, one) in entries.iter().enumerate() {
        let same = |other: &Value| other.get("id") == one.get("id");
        must(
            entries.iter().take(place).all(|other| !same(other)),
            "no two entries have the same id",
        )?;
        entry(one).map_err(|fault| Fault::new(format!("data[{place}]: {fault}")))?;
    }
    Ok(())
}

/// Checks what is answered instead of what was asked for.
pub(super) fn error(answer: &Value) -> Verdict {
    const ERROR: &[Field] = &[
        field("message", Form::Name),
        field("type", Form::Name),
        field("param", NULLABLE_TEXT),
        field("code", NULLABLE_TEXT),
    ];
    const FIELDS: &[Field] = &[field("error", Form::Object(ERROR))];
    check("answer", answer, &Form::Object(FIELDS))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
