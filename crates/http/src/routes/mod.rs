//! The tables of routes, one of each dialect: what is mounted, and what the `OpenAPI` document describes.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::guard::{self, GuardContext};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, Scope};
use bytes::Bytes;
use response_domain::caller::Caller;

use crate::admission::{Gate, Purpose};
use crate::body::Incoming;
use crate::dialect::Dialect;
use crate::dialect::native::Native;
use crate::dialect::openai::{Flavour, OpenAi};
use crate::handler::{Answer, Mounted, serve, serve_known};
use crate::middleware::{surround, timed};
use crate::openapi;
use crate::problem::{Kind, Problem};
use crate::{Face, Shared};

pub(crate) mod native;
pub(crate) mod openai;

/// A dialect that can be mounted.
pub(crate) trait Routed: Dialect {
    /// What its routes are for.
    type Operation: Purpose;

    /// Every route there is. Those of one path stand together.
    const ROUTES: &'static [RouteEntry<Self::Operation>];

    /// What stands before all of its paths.
    fn prefix(self) -> &'static str;

    /// Whether it has a route.
    fn has(self, operation: Self::Operation) -> bool;

    /// What answers on a route.
    fn handler(operation: Self::Operation, place: Place<Self>) -> Route;
}

/// Where a handler is put: either anybody gets to it, or only who is known.
pub(crate) struct Place<D> {
    mounted: Rc<Mounted<D>>,
    gate: Gate,
}

impl<D: Dialect> Place<D> {
    /// Anybody gets to this one.
    fn open<H>(self, handler: H) -> Route
    where
        H: AsyncFn(&Mounted<D>, &HttpRequest, &mut Incoming) -> Answer + Copy + 'static,
    {
        serve(self.mounted, handler)
    }

    /// Only callers that are recognised, and have requests left, get to this one.
    fn known<H>(self, handler: H) -> Route
    where
        H: AsyncFn(&Mounted<D>, Caller, &HttpRequest, &mut Incoming) -> Answer + Copy + 'static,
    {
        serve_known(self.mounted, self.gate, handler)
    }
}

/// A method on a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteEntry<O> {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) operation: O,
}

const fn route<O: Copy>(verb: Verb, path: &'static str, operation: O) -> RouteEntry<O> {
    RouteEntry {
        verb,
        path,
        operation,
    }
}

/// The methods that routes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// And with it HEAD.
    Get,
    Post,
    Patch,
    Delete,
}

impl Verb {
    /// As the `OpenAPI` document writes it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    const fn methods(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Self::Get => matches!(*method, Method::GET | Method::HEAD),
            Self::Post => *method == Method::POST,
            Self::Patch => *method == Method::PATCH,
            Self::Delete => *method == Method::DELETE,
        }
    }
}

/// Mounts all dialects, and answers for every other path as the native one does.
pub(crate) fn mount(face: &Face, shared: &Shared, app: &mut ServiceConfig) {
    let document = document();
    let mut all = web::scope(Native.prefix());
    for flavour in [Flavour::OpenAi, Flavour::OpenResponses] {
        let hosted = face.options.hosted_tools;
        let openai = mounted(face, shared, OpenAi { flavour, hosted }, &document);
        let scope = web::scope(openai.dialect.prefix());
        let scope = filled(scope, &openai, |_| true);
        all = all.service(scope.wrap(actix_web::middleware::from_fn(timed)));
    }
    let native = mounted(face, shared, Native, &document);
    surrounded(face, shared, filled(all, &native, |_| true), app);
}

/// Mounts the part that tells how the process is, and answers for every other path.
pub(crate) fn mount_health(face: &Face, shared: &Shared, app: &mut ServiceConfig) {
    let native = mounted(face, shared, Native, &document());
    let part = filled(
        web::scope(Native.prefix()),
        &native,
        native::Operation::is_about_health,
    );
    surrounded(face, shared, part, app);
}

fn document() -> Bytes {
    openapi::document().into()
}

fn mounted<D: Dialect>(
    face: &Face,
    shared: &Shared,
    dialect: D,
    document: &Bytes,
) -> Rc<Mounted<D>> {
    crate::metrics::describe();
    Rc::new(Mounted {
        face: face.clone(),
        shared: shared.clone(),
        dialect,
        document: document.clone(),
    })
}

/// The scope with those routes of a dialect that `is_wanted`, and an answer for all that lead nowhere.
fn filled<D: Routed>(
    scope: Scope,
    mounted: &Rc<Mounted<D>>,
    is_wanted: impl Fn(D::Operation) -> bool,
) -> Scope {
    let mut scope = scope.default_service(serve(Rc::clone(mounted), no_route::<D>));
    for path in D::ROUTES.chunk_by(|one, other| one.path == other.path) {
        let is_wanted = |operation| mounted.dialect.has(operation) && is_wanted(operation);
        if path.iter().all(|entry| is_wanted(entry.operation)) {
            scope = scope.service(resource(path, mounted));
        }
    }
    scope
}

fn surrounded(face: &Face, shared: &Shared, scope: Scope, app: &mut ServiceConfig) {
    let (ids, audit) = (Arc::clone(&face.ids), shared.audit.clone());
    let surround = move |request, next| surround(Arc::clone(&ids), audit.clone(), request, next);
    app.service(scope.wrap(actix_web::middleware::from_fn(surround)));
}

fn resource<D: Routed>(
    entries: &'static [RouteEntry<D::Operation>],
    mounted: &Rc<Mounted<D>>,
) -> Resource {
    let path = entries.first().map_or("/", |entry| entry.path);
    let mut resource = web::resource(path);
    for entry in entries {
        let place = Place {
            mounted: Rc::clone(mounted),
            gate: Gate::of(entry.operation),
        };
        let handler = D::handler(entry.operation, place);
        let verb = entry.verb;
        let takes = move |request: &GuardContext<'_>| verb.takes(&request.head().method);
        resource = resource.route(handler.guard(guard::fn_guard(takes)));
    }
    let refuse = async move |at: &Mounted<D>, request: &HttpRequest, _: &mut Incoming| {
        Ok(no_method(at, request, entries))
    };
    resource.default_service(serve(Rc::clone(mounted), refuse))
}

async fn no_route<D: Dialect>(
    _at: &Mounted<D>,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let method = request.method();
    Err(Problem::not_found(
        "route_not_found",
        format!("there is no route for {method} on this path"),
    ))
}

/// Refuses a method that the path does not take, and says which it takes.
fn no_method<D: Routed>(
    at: &Mounted<D>,
    request: &HttpRequest,
    entries: &[RouteEntry<D::Operation>],
) -> HttpResponse {
    let methods: Vec<&str> = entries.iter().map(|entry| entry.verb.methods()).collect();
    let methods = methods.join(", ");
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Kind::InvalidRequest,
        "method_not_allowed",
        format!("this path takes {methods}, not {}", request.method()),
    );
    let mut answer = at.refused(request, problem);
    if let Ok(methods) = HeaderValue::from_str(&methods) {
        answer.headers_mut().insert(ALLOW, methods);
    }
    answer
}
