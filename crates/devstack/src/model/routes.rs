//! The model server's routes: one for the work, and the few that a client asks about models.

use std::io;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};

use super::bench::Benched;
use super::directive::{self, Failure, Orders};
use super::plan::plan;
use super::request::{ChatRequest, Refused};
use super::spoken::{Fnv, prompt_tokens, speak};
use super::view::View;
use super::write::{Writer, frame};
use super::{MODELS, State};
use crate::ledger::Visit;
use crate::play::{Play, Step};

/// The largest request, in bytes.
const LARGEST: usize = 64 << 20;

/// The pause between the deltas of an endless answer, unless a directive says otherwise.
const SLOW: Duration = Duration::from_secs(1);

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PayloadConfig::new(LARGEST))
        .route("/v1/chat/completions", web::post().to(chat))
        .route("/v1/models", web::get().to(list))
        .route("/v1/models/catalogs/{id:.*}", web::get().to(catalog))
        .route("/healthz", web::get().to(healthz))
        .default_service(web::to(unknown));
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

async fn unknown(request: HttpRequest) -> HttpResponse {
    let message = format!("no route {} {}", request.method(), request.path());
    refusal(&Refused {
        status: 404,
        code: "not_found",
        message,
    })
}

async fn list() -> HttpResponse {
    let model = |(id, context): &(&str, usize)| {
        json!({
            "id": id, "object": "model", "created": super::write::CREATED,
            "owned_by": "devstack", "context_length": context,
        })
    };
    HttpResponse::Ok().json(json!({
        "object": "list",
        "data": MODELS.iter().map(model).collect::<Vec<_>>(),
    }))
}

async fn catalog(id: web::Path<String>) -> HttpResponse {
    match MODELS.iter().find(|(name, _)| *name == id.as_str()) {
        Some((name, context)) => HttpResponse::Ok().json(json!({
            "id": name, "object": "model_catalog", "context_length": context,
        })),
        None => refusal(&Refused {
            status: 404,
            code: "model_not_found",
            message: format!("the catalogue has no model {:?}", id.as_str()),
        }),
    }
}

/// Everything that decides one answer.
struct Asked {
    request: ChatRequest,
    prompt: String,
    orders: Orders,
}

async fn chat(state: web::Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut visit = state.ledger.begin(&request, &body);
    state.gate.pass().await;
    match state.bench.answer(&body) {
        Some(Benched::Whole(whole)) => {
            visit.finish();
            return json_body(StatusCode::OK, whole);
        }
        Some(Benched::Late(pause, whole)) => {
            tokio::time::sleep(pause).await;
            visit.finish();
            return json_body(StatusCode::OK, whole);
        }
        Some(Benched::Stream(steps)) => return streamed(steps, visit),
        None => {}
    }
    match read(&state, &body) {
        Ok(asked) => answer(&state, &asked, visit).await,
        Err(refused) => {
            visit.finish();
            refusal(&refused)
        }
    }
}

fn read(state: &State, body: &[u8]) -> Result<Asked, Refused> {
    let mut request: ChatRequest =
        serde_json::from_slice(body).map_err(|error| Refused::bad(error.to_string()))?;
    request.check()?;
    let last = request.messages.iter().rfind(|message| message.is_prompt());
    let raw = last.map(super::request::Message::text).unwrap_or_default();
    let (prompt, mut groups) = directive::part(&raw).map_err(Refused::bad)?;
    let (_, own) = directive::part(&request.model).map_err(Refused::bad)?;
    groups.extend(own);
    let round = View::new(&request, String::new()).round;
    let orders = directive::in_round(&groups, round, |index, times| {
        let mut key = Fnv::new();
        key.add(raw.as_bytes());
        key.add(request.model.as_bytes());
        key.add(&index.to_le_bytes());
        state.uses.take(key.0, times)
    });
    request.echo = orders.echo.as_deref().map(|member| echo(body, member));
    request.check_quirks(&orders)?;
    check_context(&request)?;
    Ok(Asked {
        request,
        prompt,
        orders,
    })
}

/// A member of the request, or all of it, as JSON.
fn echo(body: &[u8], member: &str) -> String {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let told = match member {
        "" => Some(&request),
        member => request.get(member),
    };
    told.unwrap_or(&Value::Null).to_string()
}

fn check_context(request: &ChatRequest) -> Result<(), Refused> {
    let name = request.model.split("[[").next().unwrap_or_default().trim();
    let known = MODELS.iter().find(|(model, _)| *model == name);
    let context = known.map_or(131_072, |(_, context)| *context);
    let tokens = prompt_tokens(request);
    if tokens <= context {
        return Ok(());
    }
    Err(Refused {
        status: 400,
        code: "context_length_exceeded",
        message: format!(
            "This model's maximum context length is {context} tokens. However, your messages \
             resulted in {tokens} tokens."
        ),
    })
}

async fn answer(state: &State, asked: &Asked, mut visit: Visit) -> HttpResponse {
    let Asked {
        request,
        prompt,
        orders,
    } = asked;
    if let Some(delay) = orders.delay {
        tokio::time::sleep(delay).await;
    }
    if orders.failure == Some(Failure::Hang) {
        // The visit is dropped with this future when the client leaves.
        std::future::pending::<()>().await;
    }
    if let Some(status) = orders.status {
        visit.finish();
        return failing(status, orders);
    }
    if orders.failure == Some(Failure::Html) {
        visit.finish();
        return page(StatusCode::OK);
    }
    let view = View::new(request, prompt.clone());
    let spoken = speak(plan(request, &view, orders), request, orders);
    let options = request.stream_options.as_ref();
    let writer = Writer {
        id: completion_id(request),
        model: &request.model,
        orders,
        include_usage: options.and_then(|options| options.include_usage) == Some(true),
    };
    if request.stream == Some(true) {
        let frames = writer.frames(&spoken);
        let pause = orders.delta_delay.unwrap_or(state.delta_delay);
        return streamed(streaming(frames, pause, orders.failure), visit);
    }
    let whole = Bytes::from(writer.whole(&spoken).to_string());
    if let Some((length, steps)) = halved(&whole, orders.failure) {
        let body = SizedStream::new(length, Box::pin(Play::new(steps, visit)));
        return HttpResponse::Ok()
            .content_type("application/json")
            .body(body);
    }
    visit.finish();
    json_body(StatusCode::OK, whole)
}

fn completion_id(request: &ChatRequest) -> String {
    let mut hash = Fnv::new();
    for message in &request.messages {
        hash.add(message.text().as_bytes());
    }
    format!("chatcmpl-{:016x}", hash.0)
}

fn streamed(steps: impl Iterator<Item = Step> + Unpin + 'static, visit: Visit) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header(("cache-control", "no-cache"))
        .streaming::<_, io::Error>(Play::new(steps, visit))
}

/// The steps of a stream, with the pauses between its frames and the failure it ends in.
fn streaming(
    mut frames: Vec<Bytes>,
    pause: Duration,
    failure: Option<Failure>,
) -> Box<dyn Iterator<Item = Step>> {
    let half = frames.len().div_ceil(2);
    let mut ending = Vec::new();
    match failure {
        Some(Failure::Truncate) => frames.truncate(half),
        Some(Failure::Broken) => {
            frames.truncate(half);
            ending.push(Step::Break);
        }
        Some(Failure::HangStream) => {
            frames.truncate(half);
            ending.push(Step::Hang);
        }
        Some(Failure::InvalidJson) => {
            frames.truncate(half);
            let broken = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\n\n";
            ending.push(Step::Send(Bytes::from_static(broken)));
            ending.push(Step::Send(Bytes::from_static(b"data: [DONE]\n\n")));
        }
        Some(Failure::Slow) => return endless(pause),
        _ => {}
    }
    let pauses = (!pause.is_zero()).then_some(Step::Wait(pause));
    let played = frames
        .into_iter()
        .flat_map(move |frame| [Step::Send(frame)].into_iter().chain(pauses.clone()));
    Box::new(played.chain(ending))
}

fn endless(pause: Duration) -> Box<dyn Iterator<Item = Step>> {
    let delta = json!({"content": "more "});
    let chunk = json!({
        "id": "chatcmpl-endless", "object": "chat.completion.chunk",
        "created": super::write::CREATED, "model": "endless",
        "choices": [{"index": 0, "delta": delta, "finish_reason": null}],
    });
    let pause = if pause.is_zero() { SLOW } else { pause };
    let both = [Step::Send(frame(&chunk)), Step::Wait(pause)];
    Box::new(std::iter::repeat(both).flatten())
}

/// The first half of a whole answer and what follows it, with the length that is announced.
fn halved(
    whole: &Bytes,
    failure: Option<Failure>,
) -> Option<(u64, Box<dyn Iterator<Item = Step>>)> {
    let half = whole.slice(..whole.len() / 2);
    let announced = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let (length, rest) = match failure? {
        Failure::Truncate | Failure::InvalidJson => (announced(half.len()), Vec::new()),
        Failure::Broken => (announced(whole.len()), vec![Step::Break]),
        Failure::HangStream => (announced(whole.len()), vec![Step::Hang]),
        Failure::Slow => {
            let space = Step::Send(Bytes::from_static(b" "));
            let drip = std::iter::repeat([Step::Wait(SLOW), space]).flatten();
            return Some((
                1 << 30,
                Box::new([Step::Send(half)].into_iter().chain(drip)),
            ));
        }
        _ => return None,
    };
    Some((length, Box::new([Step::Send(half)].into_iter().chain(rest))))
}

/// An error status that was ordered.
fn failing(status: u16, orders: &Orders) -> HttpResponse {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if orders.failure == Some(Failure::Html) {
        return page(code);
    }
    let (kind, message) = match status {
        401 => ("authentication_error", "the credential is not valid"),
        429 => ("rate_limit_error", "too many requests"),
        400..500 => ("invalid_request_error", "the request was refused"),
        _ => ("server_error", "the model server failed"),
    };
    let mut response = HttpResponse::build(code);
    if let Some(seconds) = &orders.retry_after {
        response.insert_header((RETRY_AFTER, seconds.as_str()));
    }
    response.json(error_body(kind, kind, message))
}

fn page(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html")
        .body("<!doctype html><html><title>Sign in</title><body>Please sign in.</body></html>")
}

fn json_body(status: StatusCode, body: Bytes) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/json")
        .body(body)
}

fn error_body(kind: &str, code: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "code": code, "param": null}})
}

fn refusal(refused: &Refused) -> HttpResponse {
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = if status.is_client_error() {
        "invalid_request_error"
    } else {
        "server_error"
    };
    HttpResponse::build(status).json(error_body(kind, refused.code, &refused.message))
}
