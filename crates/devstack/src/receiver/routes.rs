//! The receiver's routes: deliveries may be posted to any path; a few others show what came.

use std::io;
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};

use super::State;
use super::reaction::{Body, Reaction};
use super::shelf::Received;
use super::signature::Secret;
use crate::ledger::{Visit, record};
use crate::markup::{escaped, page};
use crate::play::Play;

/// The largest delivery, in bytes.
const LARGEST: usize = 64 << 20;

/// How many deliveries the page shows.
const SHOWN: usize = 100;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PayloadConfig::new(LARGEST))
        .route("/", web::get().to(index))
        .route("/received", web::get().to(received))
        .route("/received", web::delete().to(forget))
        .route("/secrets", web::put().to(trust))
        .route("/healthz", web::get().to(healthz))
        .default_service(web::to(deliver));
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// All that is kept, newest first.
async fn received(state: web::Data<State>) -> HttpResponse {
    let all = state.shelf.all();
    let all: Vec<Value> = all.iter().rev().map(|received| received.json()).collect();
    HttpResponse::Ok().json(json!({"count": all.len(), "received": all}))
}

async fn forget(state: web::Data<State>) -> HttpResponse {
    let forgotten = state.shelf.take().len();
    HttpResponse::Ok().json(json!({"forgotten": forgotten}))
}

/// One more secret to check signatures with: the body, as it is.
async fn trust(state: web::Data<State>, body: String) -> HttpResponse {
    let secret = body.trim();
    if secret.is_empty() {
        return HttpResponse::BadRequest().json(json!({"error": "the body is the secret"}));
    }
    state.trust(Secret::new(secret));
    HttpResponse::NoContent().finish()
}

async fn index(state: web::Data<State>) -> HttpResponse {
    let all = state.shelf.all();
    let rows: String = all.iter().rev().take(SHOWN).map(row).collect();
    let body = format!(
        "<h1>Received</h1>\n<p>{} kept; the latest first. Post to any path; \
         <a href=\"/received\">/received</a> has them as JSON, and DELETE /received forgets them.</p>\n\
         {rows}",
        all.len()
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page("Received", &body))
}

fn row(received: &Arc<Received>) -> String {
    let told = serde_json::to_string_pretty(&received.json()).unwrap_or_default();
    format!(
        "<details><summary><code>{}</code></summary><pre>{}</pre></details>\n",
        escaped(&received.to_string()),
        escaped(&told)
    )
}

/// Takes a delivery, and answers it as is ordered.
async fn deliver(state: web::Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut visit = state.ledger.begin(&request, &body);
    if request.method() != Method::POST {
        visit.finish();
        let error = format!(
            "nothing is here for {}: deliveries are posted",
            request.method()
        );
        return HttpResponse::MethodNotAllowed().json(json!({"error": error}));
    }
    let path = request.path();
    let react = |attempt| {
        let ordered = state.scripts.take(path).map(Ok);
        ordered.unwrap_or_else(|| Reaction::of_query(request.query_string(), attempt))
    };
    let seen = record(&request, &body);
    let (received, reaction) = state.shelf.put(seen, &state.secrets(), |attempt| {
        react(attempt).unwrap_or_else(|wrong| Reaction::status(400).with(Body::Whole(wrong.into())))
    });
    if let Some(show) = &state.show {
        (show.0)(&received);
    }
    if let Some(gate) = state.scripts.gate(path) {
        gate.pass().await;
    }
    answer(&reaction, visit).await
}

async fn answer(reaction: &Reaction, mut visit: Visit) -> HttpResponse {
    if !reaction.delay.is_zero() {
        tokio::time::sleep(reaction.delay).await;
    }
    if reaction.body == Body::Silence {
        // The visit is dropped with this future when the client leaves.
        std::future::pending::<()>().await;
    }
    let status = StatusCode::from_u16(reaction.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    response.content_type("text/plain; charset=utf-8");
    for (name, value) in &reaction.headers {
        response.insert_header((*name, value.as_str()));
    }
    match &reaction.body {
        Body::Whole(bytes) => {
            visit.finish();
            response.body(bytes.clone())
        }
        Body::Slam => {
            // A body that fails before it begins takes the headers with it.
            visit.finish();
            let cut = || Err::<Bytes, _>(io::Error::other("cut off on purpose"));
            response.body(SizedStream::new(1, futures::stream::iter([cut()])))
        }
        body => response.streaming(Play::new(body.steps(), visit)),
    }
}
