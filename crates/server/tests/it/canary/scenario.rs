//! What can happen to requests that bring secrets: they succeed, they are refused, what is behind them fails,
//! and the process dies in the midst of them.

use response_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use super::places::{Headers, Places, secret};
use crate::background_postgres::fleet::{LONG, until};
use crate::process::{Process, Program};

const NATIVE: (&str, &str) = ("POST", "/v1/responses");
const OPENAI: (&str, &str) = ("POST", "/openai/v1/responses");

/// A tool server of the caller's, with everything that may be given along for one.
fn named(url: &str) -> Value {
    json!({
        "type": "mcp", "server_label": "mine", "server_url": url, "require_approval": "never",
        "headers": {"X-Token": secret("header-for-a-server"), "Cookie": secret("cookie-for-a-server")},
        "authorization": secret("authorization-for-a-server"),
    })
}

fn with(mut body: Value, more: &Value) -> String {
    let fields = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(fields);
    body.to_string()
}

/// Where the caller's server is, with a secret in its query and one before its name.
fn named_url(places: &Places) -> String {
    let mut url = places.named.url().join("v1/mcp").unwrap();
    url.set_query(Some(&format!("token={}", secret("query-for-a-server"))));
    url.to_string()
}

async fn what_succeeds(places: &Places, service: &Process, headers: &Headers) {
    let hook = places.receiver.url().join("hook").unwrap();
    let plain = || json!({"model": "jan-v2-30b", "input": "say hello", "tools": []});
    let calls = || json!({"model": "jan-v2-30b", "input": "calculate 12*7"});
    for (route, body, status) in [
        (NATIVE, with(plain(), &json!({})), 200),
        (NATIVE, with(plain(), &json!({"stream": true})), 200),
        (
            NATIVE,
            with(plain(), &json!({"store": false, "user": "ada"})),
            200,
        ),
        (NATIVE, with(calls(), &json!({})), 200),
        (
            OPENAI,
            with(calls(), &json!({"tools": [named(&named_url(places))]})),
            200,
        ),
        (
            OPENAI,
            with(
                calls(),
                &json!({"tools": [named(&named_url(places))], "stream": true}),
            ),
            200,
        ),
    ] {
        let reply = places.ask(service, headers, route, &body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
    }
    for more in [
        json!({"metadata": {"webhook_url": hook.as_str()}}),
        json!({"tools": [named(&named_url(places))], "input": "calculate 12*7"}),
    ] {
        let openai = more.get("tools").is_some();
        let body = with(plain(), &json!({"background": true}));
        let body = with(serde_json::from_str(&body).unwrap(), &more);
        let route = if openai { OPENAI } else { NATIVE };
        let queued = places.ask(service, headers, route, &body).await;
        assert!([200, 201].contains(&queued.status), "{}", queued.text());
        let id = queued.json()["id"].as_str().unwrap().to_owned();
        let ended = places.ends(service, headers, &id).await;
        assert_eq!(ended["status"], "completed", "{ended:#}");
        for path in ["", "/input_items", "/events", "/deliveries", "?stream=true"] {
            let path = format!("/v1/responses/{id}{path}");
            places.ask(service, headers, ("GET", &path), "").await;
        }
    }
    let list = "/v1/responses?limit=5";
    assert_eq!(
        places.ask(service, headers, ("GET", list), "").await.status,
        200
    );
}

async fn what_fails(places: &Places, service: &Process, headers: &Headers) {
    for order in [
        "[[status:500]]",
        "[[status:401]]",
        "[[status:403]]",
        "[[status:429 retry-after:0]]",
        "[[fail:broken]]",
        "[[fail:html]]",
        "[[fail:invalid-json]]",
        "[[fail:unknown-tool]]",
    ] {
        for stream in [false, true] {
            let body = json!({"model": "m", "input": format!("hi {order}"), "stream": stream});
            for route in [NATIVE, OPENAI] {
                places.ask(service, headers, route, &body.to_string()).await;
            }
        }
    }
    // Servers of the caller's that are not there, are not allowed, or are none.
    let password = secret("before-the-name");
    for url in [
        format!("http://127.0.0.1:9/mcp?token={}", "{password}"),
        format!("http://ada:{password}@127.0.0.1:9/mcp"),
        format!("http://ada:{password}@10.0.0.1/mcp?token={password}"),
        format!("http://{password}.invalid/mcp"),
        format!("{}?token={password}", places.validator.url()),
        format!("ftp://ada:{password}@127.0.0.1/"),
        password.clone(),
    ] {
        let body = json!({"model": "m", "input": "calculate 12*7", "tools": [named(&url)]});
        let hidden = url.contains(".invalid") || url == password;
        let body = body.to_string();
        let reply = if hidden {
            // The name of a server is no secret, and its sender may be told of it.
            continue;
        } else {
            places.ask(service, headers, OPENAI, &body).await
        };
        assert!(reply.status >= 400, "{url}: {}", reply.text());
    }
}

async fn what_is_refused(places: &Places, service: &Process, headers: &Headers) {
    let tool = |field: &str, value: Value| {
        let mut tool = named("https://tools.example.org/mcp");
        tool[field] = value;
        json!({"model": "m", "input": "hi", "tools": [tool]}).to_string()
    };
    let marked = secret("in-the-wrong-place");
    for body in [
        tool("authorization", json!({"token": marked})),
        tool("authorization", json!([marked])),
        tool("authorization", json!(format!("a\r\nb: {marked}"))),
        tool("headers", json!([marked])),
        tool("headers", json!({"a b": marked})),
        tool("headers", json!({"Authorization": marked})),
        tool("headers", json!({"X-Token": {"nested": marked}})),
        tool("headers", json!({"X-Token": format!("a\nb {marked}")})),
        tool("server_url", json!(format!("https://ada:{marked}@"))),
        // What breaks off, and what goes on behind its end.
        format!(r#"{{"model":"m","tools":[{{"authorization":"{marked}"#),
        format!(r#"{{"model":"m","input":"hi"}} "{marked}""#),
        format!(r#"{{"model":"m","input":"hi","authorization":"{marked}\ud800"}}"#),
    ] {
        for route in [NATIVE, OPENAI] {
            let reply = places.ask(service, headers, route, &body).await;
            assert!(
                (400..500).contains(&reply.status),
                "{body}: {}",
                reply.text()
            );
        }
    }
}

async fn who_is_refused(places: &Places, service: &Process) {
    let marked = secret("of-a-stranger");
    let claims = json!({"note": marked});
    let forged = places.provider.sign(json!({}), claims, "zeros").await;
    places.marks.keep_parts("a forged token", &forged);
    let expired = json!({"exp": {"in": -3_600}});
    let expired = places.provider.sign(json!({}), expired, "RS256").await;
    places.marks.keep_parts("an old token", &expired);
    let authorization = |text: String| vec![("authorization", text)];
    for headers in [
        authorization(format!("Basic {marked}")),
        authorization(format!("Digest username=\"{marked}\"")),
        authorization(marked.clone()),
        authorization(format!("Bearer {marked}")),
        authorization(format!("Bearer sk_{marked}")),
        authorization(format!("Bearer sk_ra_{marked}")),
        authorization(format!("Bearer {forged}")),
        authorization(format!("Bearer {expired}")),
        vec![("x-api-key", marked.clone())],
        vec![("x-api-key", format!("sk_{marked}"))],
        vec![
            ("x-gateway-auth", marked.clone()),
            ("x-user-subject", "ada".to_owned()),
        ],
        vec![("cookie", format!("token={marked}"))],
    ] {
        for path in ["/v1/responses", "/openai/v1/responses"] {
            let path = format!("{path}?access_token={marked}&api_key={marked}");
            for (method, body) in [("GET", ""), ("POST", r#"{"model":"m","input":"hi"}"#)] {
                let reply = places.ask(service, &headers, (method, &path), body).await;
                assert_eq!(reply.status, 401, "{headers:?}: {}", reply.text());
            }
        }
    }
    // Somebody else's service that cannot say.
    let key = format!("sk_{}", secret("unanswered-key"));
    places.validator.knows(&key, 500, json!({"error": key}));
    let headers = authorization(format!("Bearer {key}"));
    let reply = places.ask(service, &headers, NATIVE, "{}").await;
    assert_eq!(reply.status, 503);
}

/// Endpoints whose secrets are made, brought and made anew; shown once, to whom they belong.
async fn who_is_told(places: &Places, service: &Process, headers: &Headers) {
    let url = places.receiver.url().join("endpoint").unwrap();
    for secret_of_its_own in [None, Some(secret("endpoint"))] {
        let mut draft = json!({"url": url.as_str(), "events": ["response.*"]});
        if let Some(own) = &secret_of_its_own {
            draft["secret"] = json!(own);
        }
        let route = ("POST", "/v1/webhooks");
        let made = places
            .ask_openly(service, headers, route, &draft.to_string())
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        places
            .marks
            .keep("a secret that was made", made["secret"].as_str().unwrap());
        let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
        places.ask(service, headers, ("GET", &path), "").await;
        let anew = format!("{path}/rotate_secret");
        let anew = places
            .ask_openly(service, headers, ("POST", &anew), "{}")
            .await;
        let anew = anew.json()["secret"].as_str().unwrap().to_owned();
        places.marks.keep("a secret that was made anew", &anew);
        places
            .ask(service, headers, ("GET", "/v1/webhooks"), "")
            .await;
    }
}

/// A background response that waits for its model, with all that it needs sealed in the database.
async fn waits(places: &Places, service: &Process, headers: &Headers) -> String {
    let body = json!({
        "model": "m", "input": "[[fail:hang]]", "background": true, "tools": [named(&named_url(places))],
    });
    let queued = places
        .ask(service, headers, OPENAI, &body.to_string())
        .await;
    assert_eq!(queued.status, 200, "{}", queued.text());
    let id = queued.json()["id"].as_str().unwrap().to_owned();
    until("it is asked for", LONG, async || {
        let path = format!("/v1/responses/{id}");
        let seen = places.ask(service, headers, ("GET", &path), "").await;
        seen.json()["status"] == "in_progress"
    })
    .await;
    id
}

/// The process that takes requests, and with a database that can be shared one that only works.
async fn started(places: &mut Places) -> Vec<Process> {
    let mut all = vec![places.launch(Program::Api).await];
    if places.database.is_some() {
        all.push(places.launch(Program::Worker).await);
    }
    all
}

async fn everything(database: Option<TestDatabase>, format: &str) {
    let mut places = Places::with(database, format).await;
    let processes = started(&mut places).await;
    let service = &processes[0];
    places.invite_callers().await;
    for (name, headers) in &places.callers {
        what_succeeds(&places, service, headers).await;
        if ["a token", "an own key", "a gateway"].contains(name) {
            what_fails(&places, service, headers).await;
            what_is_refused(&places, service, headers).await;
            who_is_told(&places, service, headers).await;
        }
    }
    who_is_refused(&places, service).await;
    has_come_where_it_belongs(&places);

    let mut waiting = Vec::new();
    for (_, headers) in places.callers.iter().take(3) {
        waiting.push(waits(&places, service, headers).await);
    }
    places.are_clean(&processes).await;
    for process in processes {
        process.kill().await;
    }
    let processes = started(&mut places).await;
    let service = &processes[0];
    let (_, headers) = &places.callers[0];
    for id in &waiting {
        let path = format!("/v1/responses/{id}/cancel");
        let cancelled = places.ask(service, headers, ("POST", &path), "").await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text());
        assert_eq!(
            places.ends(service, headers, id).await["status"],
            "cancelled"
        );
    }
    places.are_clean(&processes).await;
    for process in processes {
        process.signal("-TERM");
        process.ended().await;
    }
    places.are_clean(&[]).await;
}

/// What was given along for a server has come there, and the model was asked as the callers wanted: otherwise
/// it could not have leaked.
fn has_come_where_it_belongs(places: &Places) {
    let told = |seen: &response_devstack::Seen| format!("{} {:?}", seen.path, seen.headers);
    let named: String = places.named.ledger().seen().iter().map(told).collect();
    for given in [
        "header-for-a-server",
        "authorization-for-a-server",
        "query-for-a-server",
        "configured-tools",
    ] {
        assert!(named.contains(&secret(given)), "{given}");
    }
    let model: String = places
        .world
        .model
        .ledger()
        .seen()
        .iter()
        .map(told)
        .collect();
    for given in ["foreign-key", "behind-the-gateway", "model"] {
        assert!(model.contains(&secret(given)), "{given}");
    }
}

#[tokio::test]
async fn no_secret_is_where_somebody_could_read_it_on_sqlite() {
    everything(None, "json").await;
}

#[tokio::test]
async fn no_secret_is_where_somebody_could_read_it_on_postgres() {
    everything(Some(TestDatabase::migrated().await), "pretty").await;
}
