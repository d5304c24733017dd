//! The tools that the server offers, as `tools/list` shows them.

use serde_json::{Value, json};

/// The list, in the order in which a client sees it. Tools for tests come last, if at all.
pub(super) fn tools(with_test_tools: bool) -> Vec<Value> {
    let mut tools = vec![google_search(), scrape(), calculator(), clock()];
    if with_test_tools {
        tools.extend([wait(), blob()]);
    }
    tools
}

/// What a client of this platform adds to the arguments of tools whose schema names it.
pub(super) const CONTEXT: [(&str, &str); 4] = [
    ("request_id", "The request this call belongs to"),
    ("conversation_id", "The conversation this call belongs to"),
    ("user_id", "The user this call is made for"),
    ("tool_call_id", "The id of this call"),
];

fn with_context(mut properties: Value) -> Value {
    if let Value::Object(properties) = &mut properties {
        for (name, description) in CONTEXT {
            properties.insert(
                name.to_owned(),
                json!({"type": "string", "description": description}),
            );
        }
    }
    properties
}

/// Annotations of a tool that changes nothing.
fn reading(title: &str, open_world: bool) -> Value {
    json!({
        "title": title, "readOnlyHint": true, "destructiveHint": false,
        "idempotentHint": true, "openWorldHint": open_world,
    })
}

fn google_search() -> Value {
    json!({
        "name": "google_search",
        "description": "Searches the document folder of the development stack and returns titles, \
                        links and snippets, best match first",
        "annotations": reading("Search", true),
        "inputSchema": {
            "type": "object",
            "properties": with_context(json!({
                "q": {"type": "string", "minLength": 1, "description": "What to search for"},
                "num": {"type": "integer", "minimum": 1, "maximum": 20, "default": 5,
                        "description": "How many results to return"},
                "page": {"type": "integer", "minimum": 1, "default": 1,
                         "description": "Which page of results to return"},
            })),
            "required": ["q"],
        },
    })
}

fn scrape() -> Value {
    json!({
        "name": "scrape",
        "description": "Fetches a web page and returns its title and its text",
        "annotations": reading("Fetch a page", true),
        "inputSchema": {
            "type": "object",
            "properties": with_context(json!({
                "url": {"type": "string", "description": "The http or https address of the page"},
            })),
            "required": ["url"],
        },
    })
}

fn calculator() -> Value {
    json!({
        "name": "calculator",
        "description": "Evaluates an arithmetic expression with + - * / ^ and parentheses",
        "annotations": reading("Calculator", false),
        "inputSchema": {
            "type": "object",
            "properties": {
                "expression": {"type": "string", "minLength": 1, "maxLength": 1000,
                               "description": "The expression, for example 12*(7-2)^2"},
            },
            "required": ["expression"],
            "additionalProperties": false,
        },
    })
}

fn clock() -> Value {
    json!({
        "name": "clock",
        "description": "Tells the current date and time",
        "annotations": {"title": "Clock", "readOnlyHint": true, "openWorldHint": false},
        "inputSchema": {
            "type": "object",
            "properties": {
                "timezone_offset": {"type": "string",
                                    "description": "Offset from UTC such as +02:00; UTC without"},
            },
            "additionalProperties": false,
        },
    })
}

fn wait() -> Value {
    json!({
        "name": "wait",
        "description": "Answers after a while; with a progress token it tells its progress",
        "annotations": {"title": "Wait", "readOnlyHint": false, "destructiveHint": true,
                        "idempotentHint": false, "openWorldHint": false},
        "inputSchema": {
            "type": "object",
            "properties": {
                "seconds": {"type": "number", "minimum": 0, "maximum": 86400},
                "progress_every": {"type": "number", "exclusiveMinimum": 0,
                                   "description": "Seconds between two notes of progress"},
            },
            "required": ["seconds"],
            "additionalProperties": false,
        },
    })
}

fn blob() -> Value {
    json!({
        "name": "blob",
        "description": "Returns a text of the given length",
        "annotations": reading("Blob", false),
        "inputSchema": {
            "type": "object",
            "properties": {"bytes": {"type": "integer", "minimum": 0, "maximum": 67_108_864}},
            "required": ["bytes"],
            "additionalProperties": false,
        },
    })
}
