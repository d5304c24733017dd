//! JSON-RPC over HTTP as the platform's tool server speaks it: a bare POST is enough, lists are
//! plain JSON and calls come as an event stream, unless the options say otherwise.

use std::io;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Outcome, shown};
use super::{Answers, Sessions, State, ToolFailure};
use crate::ledger::Visit;
use crate::play::{Play, Step};
use crate::token;

/// The protocol revisions that are spoken, newest first.
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

const SESSION: &str = "mcp-session-id";

#[derive(Deserialize)]
struct Envelope {
    jsonrpc: String,
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

/// A JSON-RPC error with the HTTP status it comes under.
struct Fault {
    status: u16,
    code: i32,
    message: String,
}

impl Fault {
    fn new(status: u16, code: i32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }
}

/// Answers a POST.
pub(super) async fn post(
    state: web::Data<State>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let mut visit = state.ledger.begin(&request, &body);
    if !may_enter(&state, &request) {
        visit.finish();
        return stranger();
    }
    let envelope = match accept(&state, &request, &body) {
        Ok(envelope) => envelope,
        Err((id, fault)) => {
            visit.finish();
            return refusal(&id, &fault);
        }
    };
    let Some(id) = envelope.id else {
        visit.finish();
        return HttpResponse::Accepted().finish();
    };
    let result = match envelope.method.as_str() {
        "initialize" => {
            visit.finish();
            return initialize(&state, &id, &envelope.params);
        }
        "ping" => Ok(json!({})),
        "tools/list" => list(&state, &envelope.params),
        "tools/call" => return call(&state, id, envelope.params, visit).await,
        method => Err(Fault::new(
            200,
            -32601,
            format!("Method not found: {method}"),
        )),
    };
    visit.finish();
    match result {
        Ok(result) => {
            let message = json!({"jsonrpc": "2.0", "id": id, "result": result});
            if matches!(state.answers, Answers::Events | Answers::EventLines) {
                let frame = event(&message, state.answers);
                HttpResponse::Ok()
                    .content_type("text/event-stream")
                    .body(frame)
            } else {
                HttpResponse::Ok().json(message)
            }
        }
        Err(fault) => refusal(&id, &fault),
    }
}

/// Answers a GET: there is no stream from server to client.
pub(super) async fn get() -> HttpResponse {
    refusal(
        &Value::Null,
        &Fault::new(405, -32000, "Method not allowed: use POST"),
    )
}

/// Answers a DELETE: it ends a session, where there are any.
pub(super) async fn delete(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    if !may_enter(&state, &request) {
        return stranger();
    }
    if state.sessions == Sessions::None {
        return get().await;
    }
    match check_session(&state, &request) {
        Ok(id) => {
            state.open_sessions().remove(&id);
            HttpResponse::NoContent().finish()
        }
        Err(fault) => refusal(&Value::Null, &fault),
    }
}

/// Whether a client brings the token that the server wants, if it wants one.
fn may_enter(state: &State, request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    state.token.as_deref().is_none_or(|token| {
        let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        bearer == Some(token) || header("x-api-key") == Some(token)
    })
}

fn stranger() -> HttpResponse {
    HttpResponse::Unauthorized()
        .insert_header((WWW_AUTHENTICATE, "Bearer"))
        .json(json!({"error": "invalid_token"}))
}

/// Everything that is checked before the method is looked at.
fn accept(state: &State, request: &HttpRequest, body: &[u8]) -> Result<Envelope, (Value, Fault)> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let accepted = header(ACCEPT).unwrap_or_default();
    if !(accepted.contains("application/json") && accepted.contains("text/event-stream")) {
        let message =
            "Not Acceptable: Client must accept both application/json and text/event-stream";
        return Err((Value::Null, Fault::new(406, -32000, message)));
    }
    if !header(CONTENT_TYPE)
        .unwrap_or_default()
        .starts_with("application/json")
    {
        let message = "Unsupported Media Type: Content-Type must be application/json";
        return Err((Value::Null, Fault::new(415, -32000, message)));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        (
            Value::Null,
            Fault::new(400, -32700, format!("Parse error: {error}")),
        )
    })?;
    let id = value.get("id").cloned().unwrap_or_default();
    let envelope: Envelope = serde_json::from_value(value).map_err(|error| {
        (
            id.clone(),
            Fault::new(400, -32600, format!("Invalid Request: {error}")),
        )
    })?;
    if envelope.jsonrpc != "2.0" {
        return Err((
            id,
            Fault::new(400, -32600, "Invalid Request: jsonrpc must be \"2.0\""),
        ));
    }
    if state.sessions == Sessions::Required && envelope.method != "initialize" {
        check_session(state, request).map_err(|fault| (id, fault))?;
    }
    Ok(envelope)
}

fn check_session(state: &State, request: &HttpRequest) -> Result<String, Fault> {
    let missing = || {
        Fault::new(
            400,
            -32000,
            "Bad Request: Mcp-Session-Id header is required",
        )
    };
    let id = request.headers().get(SESSION).ok_or_else(missing)?;
    let id = id.to_str().unwrap_or_default().to_owned();
    if state.open_sessions().contains(&id) {
        Ok(id)
    } else {
        Err(Fault::new(404, -32001, "Session not found"))
    }
}

fn initialize(state: &State, id: &Value, params: &Value) -> HttpResponse {
    let wanted = params
        .get("protocolVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let version = VERSIONS
        .iter()
        .find(|version| **version == wanted)
        .unwrap_or(&VERSIONS[0]);
    let mut response = HttpResponse::Ok();
    if state.sessions == Sessions::Required {
        let session = token::fresh("session-");
        response.insert_header((SESSION, session.as_str()));
        state.open_sessions().insert(session);
    }
    response.json(json!({"jsonrpc": "2.0", "id": id, "result": {
        "protocolVersion": version,
        "capabilities": {"tools": {"listChanged": false}},
        "serverInfo": {"name": state.name, "version": env!("CARGO_PKG_VERSION")},
    }}))
}

/// A page of the list; a cursor is the number of tools before it.
fn list(state: &State, params: &Value) -> Result<Value, Fault> {
    let from = match params.get("cursor").and_then(Value::as_str) {
        None => 0,
        Some(cursor) => cursor
            .parse()
            .ok()
            .filter(|from| *from < state.catalog.len())
            .ok_or_else(|| Fault::new(200, -32602, format!("Invalid cursor: {cursor:?}")))?,
    };
    let size = state.page_size.unwrap_or(usize::MAX).max(1);
    let page: Vec<_> = state.catalog.iter().skip(from).take(size).collect();
    let next = from + page.len();
    let mut result = json!({ "tools": page });
    if let (true, Value::Object(fields)) = (next < state.catalog.len(), &mut result) {
        fields.insert("nextCursor".to_owned(), json!(next.to_string()));
    }
    Ok(result)
}

#[derive(Deserialize)]
struct CallParams {
    name: String,
    #[serde(default)]
    arguments: Value,
    #[serde(rename = "_meta")]
    meta: Option<CallMeta>,
}

#[derive(Deserialize)]
struct CallMeta {
    #[serde(rename = "progressToken")]
    progress_token: Option<Value>,
}

async fn call(state: &State, id: Value, params: Value, mut visit: Visit) -> HttpResponse {
    let params: CallParams = match serde_json::from_value(params) {
        Ok(params) => params,
        Err(error) => {
            visit.finish();
            return refusal(
                &id,
                &Fault::new(200, -32602, format!("Invalid params: {error}")),
            );
        }
    };
    if !state.latency.is_zero() {
        tokio::time::sleep(state.latency).await;
    }
    let failure = state.failure(&params.name).await;
    let outcome = match failure {
        Some(ToolFailure::Error(message)) => Some(Err(message).into()),
        Some(failure) => return failed(failure, &id, visit).await,
        None => state.kit.call(&params.name, params.arguments).await,
    };
    let Some(outcome) = outcome else {
        visit.finish();
        let message = format!("Unknown tool: {}", params.name);
        return refusal(&id, &Fault::new(200, -32602, message));
    };
    let token = params.meta.and_then(|meta| meta.progress_token);
    answered(state.answers, &id, outcome, token.as_ref(), visit).await
}

async fn answered(
    answers: Answers,
    id: &Value,
    outcome: Outcome,
    token: Option<&Value>,
    mut visit: Visit,
) -> HttpResponse {
    let result = shown(outcome.result);
    let message = json!({"jsonrpc": "2.0", "id": id, "result": result});
    if answers == Answers::Json {
        let pause: Duration = outcome.waits.iter().map(|(pause, _)| *pause).sum();
        tokio::time::sleep(pause).await;
        visit.finish();
        return HttpResponse::Ok().json(message);
    }
    let mut steps = Vec::new();
    for (pause, progress) in outcome.waits {
        steps.push(Step::Wait(pause));
        if let (Some(token), Some(progress)) = (token, progress) {
            let note = json!({
                "jsonrpc": "2.0", "method": "notifications/progress", "params": {
                    "progressToken": token, "progress": progress.done, "total": progress.total,
                },
            });
            steps.push(Step::Send(event(&note, answers)));
        }
    }
    steps.push(Step::Send(event(&message, answers)));
    stream(steps, visit)
}

fn stream(steps: Vec<Step>, visit: Visit) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-cache"))
        .streaming::<_, io::Error>(Play::new(steps.into_iter(), visit))
}

/// A message as an event, in one data line or in several.
fn event(message: &Value, answers: Answers) -> Bytes {
    if answers == Answers::EventLines {
        let lines = format!("{message:#}").replace('\n', "\ndata: ");
        return Bytes::from(format!("event: message\ndata: {lines}\n\n"));
    }
    Bytes::from(format!("event: message\ndata: {message}\n\n"))
}

/// A call that fails as it was told to.
async fn failed(failure: ToolFailure, id: &Value, mut visit: Visit) -> HttpResponse {
    let response = match failure {
        ToolFailure::Hang | ToolFailure::Hold => {
            // The visit is dropped with this future when the client leaves.
            std::future::pending::<()>().await;
            HttpResponse::Ok().finish()
        }
        ToolFailure::Break => return stream(vec![Step::Break], visit),
        ToolFailure::Html => HttpResponse::Ok()
            .content_type("text/html")
            .body("<!doctype html><title>Sign in</title><p>Please sign in.</p>"),
        ToolFailure::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            HttpResponse::build(status).json(json!({"error": "the tool server failed"}))
        }
        ToolFailure::Rpc { code, message } => refusal(id, &Fault::new(200, code, message)),
        ToolFailure::Error(message) => HttpResponse::Ok()
            .json(json!({"jsonrpc": "2.0", "id": id, "result": shown(Err(message))})),
    };
    visit.finish();
    response
}

fn refusal(id: &Value, fault: &Fault) -> HttpResponse {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::BAD_REQUEST);
    HttpResponse::build(status).json(json!({
        "jsonrpc": "2.0", "id": id, "error": {"code": fault.code, "message": fault.message},
    }))
}
