//! The table of routes: what is mounted, and what the `OpenAPI` document describes.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::guard::{self, GuardContext};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};

use crate::Face;
use crate::body::Incoming;
use crate::dialect::{Dialect, Traces};
use crate::handler::{
    Answer, Mounted, cancel, create, delete, docs, events, get, health, input_items, list, metrics,
    serve,
};
use crate::middleware::surround;
use crate::openapi;
use crate::problem::{Kind, Problem};

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    List,
    Get,
    Delete,
    Cancel,
    InputItems,
    Events,
    Alive,
    Ready,
    Metrics,
    Index,
    OpenApi,
    Docs,
}

/// A method on a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteEntry {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) operation: Operation,
}

/// The methods that routes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// And with it HEAD.
    Get,
    Post,
    Delete,
}

impl Verb {
    /// As the `OpenAPI` document writes it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }

    const fn methods(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Self::Get => matches!(*method, Method::GET | Method::HEAD),
            Self::Post => *method == Method::POST,
            Self::Delete => *method == Method::DELETE,
        }
    }
}

/// The whole table, path by path.
pub(crate) fn every_path() -> impl Iterator<Item = &'static [RouteEntry]> {
    ROUTES.chunk_by(|one, other| one.path == other.path)
}

/// The part that tells how the process is.
pub(crate) fn health_paths() -> impl Iterator<Item = &'static [RouteEntry]> {
    let tells = |entry: &RouteEntry| {
        matches!(
            entry.operation,
            Operation::Alive | Operation::Ready | Operation::Metrics
        )
    };
    every_path().filter(move |path| path.iter().all(tells))
}

const fn route(verb: Verb, path: &'static str, operation: Operation) -> RouteEntry {
    RouteEntry {
        verb,
        path,
        operation,
    }
}

/// Every route there is. Those of one path stand together.
pub(crate) const ROUTES: &[RouteEntry] = &[
    route(Verb::Post, "/v1/responses", Operation::Create),
    route(Verb::Get, "/v1/responses", Operation::List),
    route(Verb::Get, "/v1/responses/{id}", Operation::Get),
    route(Verb::Delete, "/v1/responses/{id}", Operation::Delete),
    route(Verb::Post, "/v1/responses/{id}/cancel", Operation::Cancel),
    route(
        Verb::Get,
        "/v1/responses/{id}/input_items",
        Operation::InputItems,
    ),
    route(Verb::Get, "/v1/responses/{id}/events", Operation::Events),
    route(Verb::Get, "/healthz", Operation::Alive),
    route(Verb::Get, "/readyz", Operation::Ready),
    route(Verb::Get, "/metrics", Operation::Metrics),
    route(Verb::Get, "/", Operation::Index),
    route(Verb::Get, "/openapi.json", Operation::OpenApi),
    route(Verb::Get, "/docs", Operation::Docs),
];

/// Mounts these routes, and answers for every other path.
pub(crate) fn mount<D: Traces>(
    face: Face,
    dialect: D,
    routes: impl IntoIterator<Item = &'static [RouteEntry]>,
    app: &mut ServiceConfig,
) {
    crate::metrics::describe();
    let ids = Arc::clone(&face.ids);
    let mounted = Rc::new(Mounted {
        face,
        dialect,
        document: openapi::document().into(),
    });
    let mut scope = web::scope("").default_service(serve(Rc::clone(&mounted), no_route::<D>));
    for path in routes {
        scope = scope.service(resource(path, &mounted));
    }
    let surround = move |request, next| surround(Arc::clone(&ids), request, next);
    app.service(scope.wrap(actix_web::middleware::from_fn(surround)));
}

fn resource<D: Traces>(entries: &'static [RouteEntry], mounted: &Rc<Mounted<D>>) -> Resource {
    let path = entries.first().map_or("/", |entry| entry.path);
    let mut resource = web::resource(path);
    for entry in entries {
        let handler = handler(entry.operation, Rc::clone(mounted));
        let verb = entry.verb;
        let takes = move |request: &GuardContext<'_>| verb.takes(&request.head().method);
        resource = resource.route(handler.guard(guard::fn_guard(takes)));
    }
    let refuse = async move |at: &Mounted<D>, request: &HttpRequest, _: &mut Incoming| {
        Ok(no_method(at, request, entries))
    };
    resource.default_service(serve(Rc::clone(mounted), refuse))
}

fn handler<D: Traces>(operation: Operation, mounted: Rc<Mounted<D>>) -> Route {
    match operation {
        Operation::Create => serve(mounted, create::create::<D>),
        Operation::List => serve(mounted, list::list::<D>),
        Operation::Get => serve(mounted, get::get::<D>),
        Operation::Delete => serve(mounted, delete::delete::<D>),
        Operation::Cancel => serve(mounted, cancel::cancel::<D>),
        Operation::InputItems => serve(mounted, input_items::input_items::<D>),
        Operation::Events => serve(mounted, events::events::<D>),
        Operation::Alive => serve(mounted, health::alive::<D>),
        Operation::Ready => serve(mounted, health::ready::<D>),
        Operation::Metrics => serve(mounted, metrics::metrics::<D>),
        Operation::Index => serve(mounted, docs::index::<D>),
        Operation::OpenApi => serve(mounted, docs::openapi::<D>),
        Operation::Docs => serve(mounted, docs::page::<D>),
    }
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
fn no_method<D: Dialect>(
    at: &Mounted<D>,
    request: &HttpRequest,
    entries: &[RouteEntry],
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
