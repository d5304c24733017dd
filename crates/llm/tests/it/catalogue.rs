//! How much a model takes: where that is asked, what is kept, and for how long.

use std::time::Duration;

use futures::future::join_all;
use response_domain::caller::Credential;
use response_domain::ports::llm::LlmClient;
use response_llm::ChatClient;

use crate::server::{ModelServer, Reply};
use crate::turns::{anonymous, client, client_with, context, options};

async fn tokens(client: &ChatClient) -> u32 {
    client.context_length("jan/v2", &anonymous()).await
}

fn paths(server: &ModelServer) -> Vec<String> {
    let received = server.received();
    received.iter().map(|one| one.path().to_owned()).collect()
}

const CATALOGUE: &str = "/v1/models/catalogs/jan%2Fv2";

#[tokio::test]
async fn the_catalogue_is_asked_first_and_its_word_is_kept() {
    let server = ModelServer::start(vec![Reply::json(
        200,
        r#"{"id":"x","context_length":32768.0}"#,
    )])
    .await;
    let client = client(&server.url);
    for _ in 0..3 {
        assert_eq!(tokens(&client).await, 32_768);
    }
    assert_eq!(paths(&server), [CATALOGUE]);
}

#[tokio::test]
async fn the_list_of_models_is_asked_next_whatever_it_calls_the_field() {
    let names = [
        "context_length",
        "max_model_len",
        "context_window",
        "max_context_length",
    ];
    for name in names {
        let list = format!(
            r#"{{"object":"list","data":[{{"id":"other","{name}":1}},{{"id":"jan/v2","{name}":"4096","more":{{}}}}]}}"#
        );
        let replies = vec![Reply::json(404, "{}"), Reply::json(200, &list)];
        let server = ModelServer::start(replies).await;
        assert_eq!(tokens(&client(&server.url)).await, 4_096, "{name}");
        assert_eq!(paths(&server), [CATALOGUE, "/v1/models"]);
    }
}

#[tokio::test]
async fn a_server_that_does_not_say_leaves_the_fallback_for_a_minute() {
    let silent = [
        Reply::json(404, "{}"),
        Reply::json(200, r#"{"context_length":null}"#),
        Reply::json(200, r#"{"data":[{"id":"other","context_length":9}]}"#),
        Reply::json(200, r#"{"context_length":0}"#),
        Reply::json(200, "not json"),
        Reply::document(200, "text/html", "<html>"),
        Reply::nothing(false),
    ];
    for reply in silent {
        let server = ModelServer::start(vec![reply]).await;
        let mut options = options(&server.url);
        options.context_length = 1_000;
        let client = client_with(options);
        assert_eq!(tokens(&client).await, 1_000);
        assert_eq!(tokens(&client).await, 1_000);
        assert_eq!(server.received().len(), 2);
    }
}

#[tokio::test]
async fn a_catalogue_that_hangs_is_not_waited_for() {
    let server = ModelServer::start(vec![Reply::nothing(true)]).await;
    let began = tokio::time::Instant::now();
    assert_eq!(tokens(&client(&server.url)).await, 8_192);
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn many_who_ask_at_once_cause_one_question() {
    let server =
        ModelServer::start(vec![Reply::json(200, r#"{"data":{"context_length":77}}"#)]).await;
    let client = client(&server.url);
    let answers = join_all((0..64).map(|_| tokens(&client))).await;
    assert!(answers.iter().all(|tokens| *tokens == 77));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn the_word_of_the_server_grows_old_and_the_last_one_outlives_its_silence() {
    let replies = vec![
        Reply::json(200, r#"{"context_length":5000}"#),
        Reply::json(500, "{}"),
    ];
    let server = ModelServer::start(replies).await;
    let mut options = options(&server.url);
    options.catalogue_cache = Duration::from_millis(1);
    let client = client_with(options);
    assert_eq!(tokens(&client).await, 5_000);
    while server.received().len() == 1 {
        assert_eq!(tokens(&client).await, 5_000);
    }
    assert_eq!(paths(&server), [CATALOGUE, CATALOGUE, "/v1/models"]);
}

#[tokio::test]
async fn without_a_cache_the_server_is_asked_each_time() {
    let server = ModelServer::start(vec![Reply::json(200, r#"{"context_length":5}"#)]).await;
    let mut options = options(&server.url);
    options.catalogue_cache = Duration::ZERO;
    let client = client_with(options);
    for _ in 0..3 {
        assert_eq!(tokens(&client).await, 5);
    }
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn one_callers_refused_credential_says_nothing_for_the_others() {
    let replies = vec![
        Reply::json(401, "{}"),
        Reply::json(401, "{}"),
        Reply::json(200, r#"{"context_length":5000}"#),
    ];
    let server = ModelServer::start(replies).await;
    let client = client(&server.url);
    let bad = context(Credential::bearer("bad".to_owned()));
    assert_eq!(client.context_length("jan/v2", &bad).await, 8_192);
    let good = context(Credential::api_key("good".to_owned()));
    assert_eq!(client.context_length("jan/v2", &good).await, 5_000);
    let received = server.received();
    assert_eq!(received[0].header("authorization"), Some("Bearer bad"));
    assert_eq!(received[2].header("x-api-key"), Some("good"));
    assert_eq!(received[2].header("x-request-id"), Some("req-7"));
}
