//! The `OpenAPI` document of the native dialect: a path for each route of the table, and the shapes,
//! which stand as JSON beside this file.

use serde_json::{Map, Value, json};

use crate::routes::ROUTES;

/// The document.
pub(crate) fn document() -> String {
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = json!({ "operationId": format!("{:?}", route.operation) });
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(route.verb.key().to_owned(), operation);
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Response API", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
    });
    format!("{document:#}\n")
}
