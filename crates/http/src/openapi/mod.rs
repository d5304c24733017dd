//! The `OpenAPI` document of the native dialect: a path for each route of the table. What is said of
//! the operations and of the shapes stands as JSON beside this file.

use response_domain::failure::FailureCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::routes::{Operation, ROUTES, RouteEntry};

const OPERATIONS: &str = include_str!("operations.json");
const COMPONENTS: &str = include_str!("components.json");

/// What is said of one operation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    summary: String,
    description: String,
    tag: String,
    #[serde(default)]
    parameters: Vec<String>,
    body: Option<String>,
    answer: Answered,
    queued: Option<Answered>,
    errors: Vec<u16>,
}

/// What is said of its answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    description: String,
    schema: Option<String>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    page: bool,
    #[serde(default)]
    text: bool,
    about: Option<String>,
}

/// The shapes, and what they are told with.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Components {
    security_schemes: Value,
    parameters: Value,
    headers: Value,
    schemas: Map<String, Value>,
}

impl Operation {
    /// Its name in the document.
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::Cancel => "cancel",
            Self::InputItems => "input_items",
            Self::Events => "events",
            Self::Alive => "alive",
            Self::Ready => "ready",
            Self::Metrics => "metrics",
            Self::Index => "index",
            Self::OpenApi => "open_api",
            Self::Docs => "docs",
        }
    }
}

/// The document, as text for people and machines.
#[expect(
    clippy::expect_used,
    reason = "the files are part of the program, and a test reads them"
)]
pub(crate) fn document() -> String {
    let mut described: Map<String, Value> =
        serde_json::from_str(OPERATIONS).expect("operations.json is an object");
    let mut paths = Map::new();
    for route in ROUTES {
        let description = described.remove(route.operation.name()).unwrap_or_default();
        let description = serde_json::from_value(description)
            .expect("operations.json describes every operation of the table");
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(route.verb.key().to_owned(), operation(route, description));
        }
    }
    assert!(
        described.is_empty(),
        "operations.json describes what no route does: {described:?}"
    );
    let mut components: Components =
        serde_json::from_str(COMPONENTS).expect("components.json is an object");
    let codes: Vec<&str> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    let codes = json!({ "enum": codes });
    components.schemas.insert("FailureCode".to_owned(), codes);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Response API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One request in, tools run, one answer out.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "./", "description": "Where this document was fetched" }],
        "security": [{ "bearer": [] }, { "api_key": [] }, {}],
        "tags": [
            { "name": "responses", "description": "Creating and reading responses." },
            { "name": "service", "description": "The service itself; needs no credential." },
        ],
        "paths": paths,
        "components": components,
    });
    format!("{document:#}\n")
}

fn operation(route: &RouteEntry, described: Described) -> Value {
    let Described {
        summary,
        description,
        tag,
        parameters,
        body,
        answer,
        queued,
        errors,
    } = described;
    let mut responses = Map::new();
    responses.insert("200".to_owned(), answered(answer, &[]));
    if let Some(queued) = queued {
        responses.insert("201".to_owned(), answered(queued, &["Location"]));
    }
    for status in errors {
        responses.insert(status.to_string(), refused(status, route.operation));
    }
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }))
        .collect();
    let mut operation = Map::from_iter([
        ("operationId".to_owned(), json!(route.operation.name())),
        ("summary".to_owned(), json!(summary)),
        ("description".to_owned(), json!(description)),
        ("tags".to_owned(), json!([tag])),
        ("parameters".to_owned(), json!(parameters)),
        ("responses".to_owned(), Value::Object(responses)),
    ]);
    if tag == "service" {
        operation.insert("security".to_owned(), json!([]));
    }
    if let Some(schema) = body {
        let content = json!({ "application/json": { "schema": schema_of(&schema) } });
        let body = json!({ "required": true, "content": content });
        operation.insert("requestBody".to_owned(), body);
    }
    Value::Object(operation)
}

fn answered(answer: Answered, more: &[&str]) -> Value {
    let Answered {
        description,
        schema,
        stream,
        page,
        text,
        about,
    } = answer;
    let mut content = Map::new();
    if let Some(schema) = schema {
        let json = json!({ "schema": schema_of(&schema) });
        content.insert("application/json".to_owned(), json);
    }
    if stream {
        let json = json!({ "schema": schema_of("StreamEvent") });
        content.insert("text/event-stream".to_owned(), json);
    }
    if page {
        let json = json!({ "schema": { "type": "string" } });
        content.insert("text/html".to_owned(), json);
    }
    if text {
        let json = json!({ "schema": { "type": "string" } });
        content.insert("text/plain".to_owned(), json);
    }
    let mut headers = vec!["X-Request-Id"];
    headers.extend(more);
    headers.extend(about.map(|_response| "X-Response-Id"));
    json!({ "description": description, "headers": headers_of(&headers), "content": content })
}

fn refused(status: u16, operation: Operation) -> Value {
    let (description, more): (&str, &[&str]) = match status {
        400 => ("The request is not acceptable.", &["X-Should-Retry"]),
        401 => (
            "A credential is missing or not valid.",
            &["WWW-Authenticate"],
        ),
        404 => ("There is no such thing, or not for this caller.", &[]),
        408 => (
            "A tool did not answer in time, or the body did not come in time.",
            &["X-Should-Retry"],
        ),
        409 => (
            "The response to continue has not ended.",
            &["X-Should-Retry"],
        ),
        413 => ("The body is too large.", &[]),
        415 => ("The body is not JSON.", &[]),
        429 => (
            "As many background responses wait as allowed, or the model server allows no more requests for now.",
            &["Retry-After"],
        ),
        502 => ("The model server cannot be reached or is failing.", &[]),
        503 => (
            "The service, or something behind it, is not available.",
            &["Retry-After"],
        ),
        504 => ("The model, or the run, took too long.", &["X-Should-Retry"]),
        _ => (
            "The run failed, or the service is at fault.",
            &["X-Should-Retry"],
        ),
    };
    let schema = match (status, operation) {
        (503, Operation::Ready) => "NotReady",
        _ => "Error",
    };
    let mut headers = vec!["X-Request-Id"];
    headers.extend(more);
    if (status, operation) == (503, Operation::Create) {
        headers.push("X-Should-Retry");
    }
    json!({
        "description": description,
        "headers": headers_of(&headers),
        "content": { "application/json": { "schema": schema_of(schema) } },
    })
}

fn schema_of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn headers_of(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| {
            let reference = json!({ "$ref": format!("#/components/headers/{name}") });
            ((*name).to_owned(), reference)
        })
        .collect()
}
