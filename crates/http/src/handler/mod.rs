//! What each route does: extract, ask the engine, show. No dialect's words are in here.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use response_domain::caller::{Caller, OwnerId};
use response_domain::entry;
use response_domain::id::ResponseId;
use response_domain::item::Item;
use response_domain::response::Response;
use response_engine::error::ReadError;
use response_engine::read::Whole;

use crate::admission::Gate;
use crate::body::Incoming;
use crate::dialect::{Dialect, Responses};
use crate::extract;
use crate::head;
use crate::middleware::{RESPONSE_ID, request_id};
use crate::problem::{Kind, Problem, Repeat};
use crate::{Face, Shared};

pub(crate) mod cancel;
pub(crate) mod conversation_items;
pub(crate) mod conversations;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod deliveries;
pub(crate) mod docs;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod health;
pub(crate) mod input_items;
pub(crate) mod list;
pub(crate) mod metrics;
mod replay;
pub(crate) mod rules;
pub(crate) mod tokens;

/// Tells clients that follow it whether to repeat a request by themselves.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// What a handler answers.
pub(crate) type Answer = Result<HttpResponse, Problem>;

/// The face in one dialect. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mounted<D> {
    /// What handlers ask.
    pub(crate) face: Face,
    /// What is counted over all threads.
    pub(crate) shared: Shared,
    /// How they speak.
    pub(crate) dialect: D,
    /// The `OpenAPI` document.
    pub(crate) document: Bytes,
}

/// A handler as the router takes it: its problems are shown, and its panics are a problem too.
pub(crate) fn serve<D, H>(mounted: Rc<Mounted<D>>, handler: H) -> actix_web::Route
where
    D: Dialect,
    H: AsyncFn(&Mounted<D>, &HttpRequest, &mut Incoming) -> Answer + Copy + 'static,
{
    web::route().to(move |request: HttpRequest, payload: web::Payload| {
        let mounted = Rc::clone(&mounted);
        async move {
            let mut body = Incoming::new(payload, mounted.shared.room.clone());
            let answer = AssertUnwindSafe(async {
                head::check(&request)?;
                handler(&mounted, &request, &mut body).await
            });
            let answer = match answer.catch_unwind().await {
                Ok(Ok(answer)) => answer,
                Ok(Err(problem)) => mounted.refused(&request, problem),
                // The panic hook has told of it.
                Err(_panic) => mounted.refused(&request, Problem::internal("a handler panicked")),
            };
            body.answered(&request, answer)
        }
    })
}

/// The same of a handler that has to know who calls: only those who pass the gate get to it.
pub(crate) fn serve_known<D, H>(mounted: Rc<Mounted<D>>, gate: Gate, handler: H) -> actix_web::Route
where
    D: Dialect,
    H: AsyncFn(&Mounted<D>, Caller, &HttpRequest, &mut Incoming) -> Answer + Copy + 'static,
{
    serve(
        mounted,
        async move |at: &Mounted<D>, request: &HttpRequest, body: &mut Incoming| {
            let caller = at.let_in(request, gate).await?;
            handler(at, caller, request, body).await
        },
    )
}

impl<D: Dialect> Mounted<D> {
    /// A problem. What caused it goes to the log, and nowhere else.
    pub(crate) fn refused(&self, request: &HttpRequest, problem: Problem) -> HttpResponse {
        let request_id = request_id(request);
        // Whom it challenges does not depend on the words.
        let challenge = challenge(&problem);
        let lost = lost(request, &problem);
        let problem = self.dialect.reword(problem.logged(&request_id), lost);
        let mut out = BytesMut::with_capacity(256);
        self.dialect.refuse(&problem, &request_id, &mut out);
        let mut answer = HttpResponse::build(problem.status);
        answer.insert_header((CONTENT_TYPE, JSON));
        add_headers(&mut answer, &problem);
        if let Some(challenge) = challenge {
            answer.insert_header((WWW_AUTHENTICATE, challenge));
        }
        answer.body(out.freeze())
    }

    /// A problem in the words of the dialect. What caused it goes to the log, and nowhere else.
    pub(crate) fn worded(&self, problem: Problem, request_id: &str) -> Problem {
        self.dialect.reword(problem.logged(request_id), None)
    }

    /// What `read` makes of the text of a body that must be there.
    pub(crate) async fn read<T>(
        &self,
        request: &HttpRequest,
        body: &mut Incoming,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let options = &self.face.options;
        let body = body.read(request, options).await?;
        read(extract::json(&body, options.json_depth)?)
    }

    /// The same of a body that may be absent, which is then as good as an empty object.
    pub(crate) async fn read_if_any<T>(
        &self,
        request: &HttpRequest,
        body: &mut Incoming,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let options = &self.face.options;
        let body = body.read(request, options).await?;
        if body.trim_ascii().is_empty() {
            return read("{}");
        }
        read(extract::json(&body, options.json_depth)?)
    }
}

impl<D: Responses> Mounted<D> {
    /// One response as it stands; with its items, if this dialect shows any.
    pub(crate) async fn find(&self, owner: &OwnerId, id: ResponseId) -> Result<Whole, ReadError> {
        let engine = &self.face.engine;
        if D::OUTPUT {
            return engine.whole(owner, id).await;
        }
        Ok(without_items(engine.get(owner, id).await?))
    }

    /// A response with its items, if this dialect shows any.
    pub(crate) async fn with_items(
        &self,
        owner: &OwnerId,
        response: Arc<Response>,
    ) -> Result<Whole, ReadError> {
        if D::OUTPUT {
            return self.face.engine.whole(owner, response.id).await;
        }
        Ok(without_items(response))
    }

    /// A response, with that of its items which is output.
    pub(crate) fn shown(&self, response: &Response, items: &[Arc<Item>]) -> HttpResponse {
        let output = if D::OUTPUT {
            entry::output(response, items)
        } else {
            Vec::new()
        };
        let mut out = BytesMut::with_capacity(1024);
        self.dialect.show(response, &output, &mut out);
        about(response.id, out.freeze())
    }

    /// A response that was put into the queue, and where to find it.
    pub(crate) fn queued(&self, response: &Response) -> HttpResponse {
        let mut answer = self.shown(response, &[]);
        *answer.status_mut() = D::QUEUED;
        // Relative to where it was created, so it holds behind a gateway's prefix too.
        let path = HeaderValue::from_str(&format!("responses/{}", response.id));
        if let (StatusCode::CREATED, Ok(path)) = (D::QUEUED, path) {
            answer.headers_mut().insert(LOCATION, path);
        }
        answer
    }
}

fn without_items(response: Arc<Response>) -> Whole {
    Whole {
        response,
        items: Vec::new(),
        history: Arc::from([]),
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// JSON that is about no response in particular.
pub(crate) fn json(status: StatusCode, body: Bytes) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, JSON))
        .body(body)
}

/// JSON about a response.
pub(crate) fn about(response: ResponseId, body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((RESPONSE_ID, response.to_string()))
        .body(body)
}

/// What the path names, when the problem is that it is not there.
fn lost<'a>(request: &'a HttpRequest, problem: &Problem) -> Option<&'a str> {
    let path = request.match_info();
    match problem.code {
        "item_not_found" => path.get("item_id"),
        _ if problem.status == StatusCode::NOT_FOUND => path.get("id"),
        _ => None,
    }
}

/// What a problem says in headers.
fn add_headers(answer: &mut HttpResponseBuilder, problem: &Problem) {
    if let Some(id) = problem.response {
        answer.insert_header((RESPONSE_ID, id.to_string()));
    }
    if let Some(seconds) = problem.retry_after {
        answer.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if problem.repeat == Repeat::Futile {
        answer.insert_header((SHOULD_RETRY, HeaderValue::from_static("false")));
    }
}

/// How to authenticate, for whom that did not go well.
fn challenge(problem: &Problem) -> Option<&'static str> {
    let is_about_it =
        problem.status == StatusCode::UNAUTHORIZED && problem.kind == Kind::Authentication;
    is_about_it.then_some(match problem.code {
        "missing_credentials" => "Bearer",
        _ => "Bearer error=\"invalid_token\"",
    })
}
