//! The `OpenAPI` document: a path for each route of each dialect's table. What is said of the operations and
//! of the shapes stands as JSON beside this file.

use std::collections::BTreeSet;

use response_domain::failure::FailureCode;
use response_engine::allowances::Cost;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::HostedTools;
use crate::admission::Purpose;
use crate::dialect::native::Native;
use crate::dialect::openai::{Flavour, OpenAi};
use crate::routes::{Routed, Verb, native, openai};

/// What is said of the operations of each dialect.
const NATIVE: &str = include_str!("operations.json");
const OPENAI: &str = include_str!("openai_operations.json");

/// The shapes, in parts.
const COMPONENTS: [&str; 5] = [
    include_str!("components.json"),
    include_str!("webhooks.json"),
    include_str!("openai.json"),
    include_str!("openai_responses.json"),
    include_str!("openai_answers.json"),
];

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
    /// A body that may be absent.
    optional_body: Option<String>,
    answer: Option<Answered>,
    created: Option<Answered>,
    /// What it means that the protocol is switched.
    switched: Option<String>,
    /// Besides those of every operation that needs a caller.
    errors: BTreeSet<u16>,
}

/// How whoever is not let in is answered.
const AT_THE_DOOR: [u16; 3] = [401, 429, 503];

/// What is said of its answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    description: String,
    schema: Option<String>,
    /// How it comes, other than as JSON.
    form: Option<Form>,
    /// It holds a secret, and is not to be kept on the way.
    #[serde(default)]
    secret: bool,
    about: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Stream,
    Events,
    Page,
    Text,
}

/// The shapes, and what they are told with.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Components {
    security_schemes: Map<String, Value>,
    parameters: Map<String, Value>,
    headers: Map<String, Value>,
    schemas: Map<String, Value>,
}

/// A route as the document sees it.
struct Told {
    verb: Verb,
    path: String,
    /// What it is called where it is described.
    name: &'static str,
    /// What stands before that in the document.
    dialect: &'static str,
    /// The shape of its refusals.
    refusal: &'static str,
    /// The shape of its answer when the service cannot work, where that is no refusal.
    trouble: Option<&'static str>,
    /// Whether it may do what must not be repeated.
    runs: bool,
    /// Whether it asks a model.
    asks: bool,
}

impl Told {
    fn id(&self) -> String {
        match self.dialect {
            "" => self.name.to_owned(),
            dialect => format!("{dialect}_{}", self.name),
        }
    }

    /// Operations of a dialect that has several flavours are told under that of the route.
    fn tag<'a>(&self, said: &'a str) -> &'a str
    where
        Self: 'a,
    {
        match self.dialect {
            "" => said,
            dialect => dialect,
        }
    }
}

fn native_routes() -> impl Iterator<Item = Told> {
    Native::ROUTES.iter().map(|route| Told {
        verb: route.verb,
        path: route.path.to_owned(),
        name: route.operation.name(),
        dialect: "",
        refusal: "Error",
        trouble: match route.operation {
            native::Operation::Ready => Some("NotReady"),
            native::Operation::AuthHealth => Some("NotRecognising"),
            _ => None,
        },
        asks: route.operation.cost() == Cost::Heavy,
        runs: matches!(
            route.operation,
            native::Operation::Create
                | native::Operation::CreateWebhook
                | native::Operation::RotateSecret
                | native::Operation::TestWebhook
        ),
    })
}

fn openai_routes(flavour: Flavour) -> impl Iterator<Item = Told> {
    let dialect = OpenAi {
        flavour,
        hosted: HostedTools::Ignore,
    };
    let mounted = OpenAi::ROUTES.iter();
    let mounted = mounted.filter(move |route| dialect.has(route.operation));
    mounted.map(move |route| Told {
        verb: route.verb,
        path: format!("{}{}", dialect.prefix(), route.path),
        name: route.operation.name(),
        dialect: match flavour {
            Flavour::OpenAi => "openai",
            Flavour::OpenResponses => "openresponses",
        },
        refusal: "OpenAiError",
        trouble: None,
        asks: route.operation.cost() == Cost::Heavy,
        runs: matches!(
            route.operation,
            openai::Operation::Create
                | openai::Operation::CountTokens
                | openai::Operation::Compact
                | openai::Operation::CreateEndpoint
                | openai::Operation::RotateSecret
                | openai::Operation::TestEndpoint
        ),
    })
}

/// The document, as text for people and machines.
pub(crate) fn document() -> String {
    let mut paths = Map::new();
    put_paths(native_routes(), NATIVE, &mut paths);
    let both = openai_routes(Flavour::OpenAi).chain(openai_routes(Flavour::OpenResponses));
    put_paths(both, OPENAI, &mut paths);
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
            { "name": "webhooks", "description": "Being told how background responses ended." },
            { "name": "openai", "description": "What the client libraries of OpenAI speak; their base URL ends in `/openai/v1`." },
            { "name": "openresponses", "description": "The same in the words of the Open Responses specification; base URLs end in `/openresponses/v1`." },
            { "name": "service", "description": "The service itself; needs no credential." },
        ],
        "paths": paths,
        "components": components(),
    });
    format!("{document:#}\n")
}

#[expect(
    clippy::expect_used,
    reason = "the files are part of the program, and a test reads them"
)]
fn put_paths(routes: impl Iterator<Item = Told>, said: &str, paths: &mut Map<String, Value>) {
    let mut said: Map<String, Value> =
        serde_json::from_str(said).expect("the operations are an object");
    let all: Vec<Told> = routes.collect();
    for route in &all {
        let described = said.get(route.name).cloned().unwrap_or_default();
        let described =
            serde_json::from_value(described).expect("every operation of the table is described");
        let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(route.verb.key().to_owned(), operation(route, described));
        }
    }
    said.retain(|name, _| all.iter().all(|route| route.name != name));
    assert!(
        said.is_empty(),
        "there is a description of what no route does: {said:?}"
    );
}

#[expect(
    clippy::expect_used,
    reason = "the files are part of the program, and a test reads them"
)]
fn components() -> Components {
    let mut all = Components::default();
    for part in COMPONENTS {
        let part: Components = serde_json::from_str(part).expect("components are an object");
        all.security_schemes.extend(part.security_schemes);
        all.parameters.extend(part.parameters);
        all.headers.extend(part.headers);
        all.schemas.extend(part.schemas);
    }
    let codes: Vec<&str> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    let codes = json!({ "enum": codes });
    all.schemas.insert("FailureCode".to_owned(), codes);
    all
}

fn operation(route: &Told, described: Described) -> Value {
    let Described {
        summary,
        description,
        tag,
        parameters,
        body,
        optional_body,
        answer,
        created,
        switched,
        mut errors,
    } = described;
    let has_many = errors.contains(&429);
    let needs_caller = tag != "service";
    if needs_caller {
        errors.extend(AT_THE_DOOR);
    }
    let mut responses = Map::new();
    if let Some(description) = switched {
        let headers = headers_of(&["X-Request-Id"]);
        let switched = json!({ "description": description, "headers": headers });
        responses.insert("101".to_owned(), switched);
    }
    if let Some(answer) = answer {
        responses.insert("200".to_owned(), answered(answer, &[]));
    }
    if let Some(created) = created {
        responses.insert("201".to_owned(), answered(created, &["Location"]));
    }
    for status in errors {
        responses.insert(status.to_string(), refused(status, route, has_many));
    }
    if needs_caller {
        add_limits(&mut responses);
    }
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }))
        .collect();
    let mut operation = Map::from_iter([
        ("operationId".to_owned(), json!(route.id())),
        ("summary".to_owned(), json!(summary)),
        ("description".to_owned(), json!(description)),
        ("tags".to_owned(), json!([route.tag(&tag)])),
        ("parameters".to_owned(), json!(parameters)),
        ("responses".to_owned(), Value::Object(responses)),
    ]);
    if !needs_caller {
        operation.insert("security".to_owned(), json!([]));
    }
    let is_required = body.is_some();
    if let Some(schema) = body.or(optional_body) {
        let content = json!({ "application/json": { "schema": schema_of(&schema) } });
        let body = json!({ "required": is_required, "content": content });
        operation.insert("requestBody".to_owned(), body);
    }
    Value::Object(operation)
}

fn answered(answer: Answered, more: &[&str]) -> Value {
    let Answered {
        description,
        schema,
        form,
        secret,
        about,
    } = answer;
    let mut content = Map::new();
    if let Some(schema) = schema {
        let json = json!({ "schema": schema_of(&schema) });
        content.insert("application/json".to_owned(), json);
    }
    let other = form.map(|form| match form {
        Form::Stream => ("text/event-stream", schema_of("StreamFrame")),
        Form::Events => ("text/event-stream", schema_of("OpenAiStreamFrame")),
        Form::Page => ("text/html", json!({ "type": "string" })),
        Form::Text => ("text/plain", json!({ "type": "string" })),
    });
    if let Some((kind, schema)) = other {
        content.insert(kind.to_owned(), json!({ "schema": schema }));
    }
    let mut headers = vec!["X-Request-Id"];
    headers.extend(more);
    headers.extend(about.map(|_response| "X-Response-Id"));
    headers.extend(secret.then_some("Cache-Control"));
    json!({ "description": description, "headers": headers_of(&headers), "content": content })
}

/// Every answer to a caller says how many requests it has left. It is told of those that lead on, or that say
/// that none are left; the document would say little else otherwise.
fn add_limits(responses: &mut Map<String, Value>) {
    const LIMITS: [&str; 3] = [
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    ];
    for (status, answer) in responses {
        let tells_limits = status.starts_with('2') || status == "429";
        if let (true, Value::Object(headers), Value::Object(limits)) =
            (tells_limits, &mut answer["headers"], headers_of(&LIMITS))
        {
            headers.extend(limits);
        }
    }
}

/// What is told of a refusal; `has_many` says that the operation has more limits than that of requests.
fn refused(status: u16, route: &Told, has_many: bool) -> Value {
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
        409 if !route.asks => (
            "The delivery was tried often enough, or others change the endpoint at this moment.",
            &["X-Should-Retry"],
        ),
        429 if !has_many => (
            "The caller has made as many requests as it may in a time.",
            &["Retry-After"],
        ),
        429 if !route.asks => (
            "The caller has made as many requests as it may in a time, or as many streams are open, or tests of webhook endpoints under way, as allowed.",
            &["Retry-After"],
        ),
        409 => (
            "The response to continue has not ended.",
            &["X-Should-Retry"],
        ),
        413 => ("The body is too large.", &[]),
        415 => ("The body is not JSON.", &[]),
        426 => ("A WebSocket is opened by an upgrade.", &[]),
        429 => (
            "The caller has made as many requests, used as many tokens, or has as many responses under way or streams open, as it may; as many background responses wait as allowed; or the model server allows no more requests for now.",
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
    let schema = match status {
        503 => route.trouble.unwrap_or(route.refusal),
        _ => route.refusal,
    };
    let mut headers = vec!["X-Request-Id"];
    headers.extend(more);
    if status == 503 && route.runs {
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
