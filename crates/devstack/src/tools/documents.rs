//! The documents as web pages, so that a link in a search result leads to something to fetch.

use actix_web::{HttpResponse, web};

use super::State;
use crate::markup::{self, escaped};

pub(super) async fn index(state: web::Data<State>) -> HttpResponse {
    let item = |document: &super::library::Document| {
        format!(
            "<li><a href=\"/documents/{}\">{}</a></li>\n",
            escaped(&document.name),
            escaped(&document.title)
        )
    };
    let items: String = state.library.documents().iter().map(item).collect();
    page(
        "Documents",
        &format!("<h1>Documents</h1>\n<ul>\n{items}</ul>\n"),
    )
}

pub(super) async fn document(state: web::Data<State>, name: web::Path<String>) -> HttpResponse {
    let Some(document) = state.library.named(&name) else {
        return HttpResponse::NotFound()
            .content_type("text/html; charset=utf-8")
            .body("<!doctype html><title>Not found</title><p>There is no such document.</p>");
    };
    let mut body = format!("<h1>{}</h1>\n", escaped(&document.title));
    for paragraph in document.body.split("\n\n") {
        body.push_str("<p>");
        body.push_str(&escaped(paragraph));
        body.push_str("</p>\n");
    }
    body.push_str("<footer>\n");
    for line in [&document.date, &document.note].into_iter().flatten() {
        body.push_str("<p>");
        body.push_str(&escaped(line));
        body.push_str("</p>\n");
    }
    body.push_str("</footer>\n");
    page(&document.title, &body)
}

fn page(title: &str, body: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(markup::page(title, body))
}
