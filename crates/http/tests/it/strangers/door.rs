//! Nothing is answered to whom nobody knows, but what is said to be for everybody.

use serde_json::json;

use super::operations;
use crate::client::Call;
use crate::who::Strict;
use crate::world::Plan;

/// What is for everybody.
const PUBLIC: [&str; 7] = [
    "/",
    "/docs",
    "/health/auth",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/readyz",
];

#[test]
fn the_document_says_of_these_paths_and_no_others_that_they_are_for_everybody() {
    let mut public: Vec<String> = operations()
        .into_iter()
        .filter(|(_, _, operation)| operation.get("security") == Some(&json!([])))
        .map(|(_, path, _)| path)
        .collect();
    public.sort();
    assert_eq!(public, PUBLIC);
}

#[tokio::test]
async fn whatever_is_asked_nobody_is_answered_without_a_credential() {
    let world = Plan::new([]).authenticator(Strict).build().await;
    for (method, path, operation) in operations() {
        let is_public = PUBLIC.contains(&path.as_str());
        let path = path.replace(['{', '}'], "");
        let credentials: [(&str, &str); 4] = [
            ("x-nothing", "at all"),
            ("authorization", "Bearer forged"),
            ("x-api-key", "old"),
            ("x-user-id", "ada"),
        ];
        for (name, value) in credentials {
            let mut methods = vec![method.as_str()];
            if method == "GET" {
                methods.push("HEAD");
            }
            for method in methods {
                let call = Call::new(method, &path).header(name, value);
                // Whoever is not let in does not learn that this is no JSON.
                let reply = call.body("{").send(&world).await;
                let expected = if is_public { 200 } else { 401 };
                assert_eq!(reply.status, expected, "{method} {path} with {name}");
                assert_eq!(reply.header("www-authenticate").is_some(), !is_public);
            }
        }
        let answers = operation["responses"].as_object().unwrap();
        for status in ["401", "429", "503"] {
            let is_told = answers.contains_key(status);
            let tells_trouble =
                status == "503" && matches!(path.as_str(), "/readyz" | "/health/auth");
            assert_eq!(is_told, !is_public || tells_trouble, "{path}: {status}");
        }
    }
    assert!(world.model.asked().is_empty());
}
