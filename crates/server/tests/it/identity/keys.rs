//! Keys of this service: made, listed and taken back beside a running process, and used by programs of others.

use std::time::Duration;

use response_testkit::postgres::TestDatabase;
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};

use super::stage::{are_one, are_strangers, gets_in, is_turned_away};
use crate::background_postgres::fleet::until;
use crate::openai::stage::{node_told, python_told};
use crate::process::{Process, World};

/// A process that takes keys of this service and nothing else, and the chores beside it.
struct Stage {
    world: World,
    service: Process,
    _database: Option<TestDatabase>,
}

/// A key as it was printed.
struct Key {
    id: String,
    text: String,
}

impl Stage {
    async fn on(database: Option<TestDatabase>, cache: &str) -> Self {
        let mut world = World::new();
        world.set("AUTH_ENABLED", "true");
        world.set("AUTH_KEY_CACHE", cache);
        world.set("RESPONSE_LLM_API_KEY", "the service's own");
        if let Some(database) = &database {
            world.set("DB_POSTGRESQL_WRITE_DSN", &database.url());
        }
        let service = world.start().await;
        Self {
            world,
            service,
            _database: database,
        }
    }

    /// Both databases.
    async fn both(cache: &str) -> [Self; 2] {
        let database = TestDatabase::migrated().await;
        [
            Self::on(None, cache).await,
            Self::on(Some(database), cache).await,
        ]
    }

    /// What a chore about keys prints, and what it says besides; it must end well.
    async fn keys(&self, arguments: &[&str]) -> (String, String) {
        let ended = self.world.command().arg("keys").args(arguments).output();
        let ended = ended.await.unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success(), "{arguments:?}: {told}");
        (String::from_utf8(ended.stdout).unwrap(), told)
    }

    async fn listed(&self) -> String {
        self.keys(&["list"]).await.0
    }

    async fn create(&self, arguments: &[&str]) -> Key {
        let (text, told) = self.keys(&[&["create"], arguments].concat()).await;
        assert!(!told.contains("sk_ra_"), "{told}");
        let mut words = told.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let id = words.find(|word| word.starts_with("key_"));
        Key {
            id: id.unwrap_or_else(|| panic!("{told}")).to_owned(),
            // Nothing else stands there, so that a script can take it.
            text: text.trim_end().to_owned(),
        }
    }

    /// Nothing of a key went to the model server or into the log.
    fn keeps(&self, key: &Key) {
        let seen = self.world.model.ledger().seen();
        assert!(!seen.is_empty());
        for seen in seen {
            let told = format!("{:?} {}", seen.headers, String::from_utf8_lossy(&seen.body));
            assert!(!told.contains(&key.text), "{told}");
            assert_eq!(
                seen.header("authorization"),
                Some("Bearer the service's own")
            );
        }
        for line in self.service.log().lines() {
            assert!(!line.contains(&key.text), "{line}");
        }
    }
}

#[tokio::test]
async fn keys_are_made_and_taken_back_beside_a_running_process() {
    for stage in Stage::both("1s").await {
        let ada = stage
            .create(&["--owner", "ada", "--label", "nightly reports"])
            .await;
        let second = stage.create(&["--owner", "ada"]).await;
        let grace = stage.create(&["--owner", "grace"]).await;
        let by_header = stage.service.with("x-api-key", &ada.text);
        let by_bearer = stage.service.bearing(&ada.text);
        are_one(&by_header, &by_bearer).await;
        are_one(&by_header, &stage.service.bearing(&second.text)).await;
        are_strangers(&by_header, &stage.service.bearing(&grace.text)).await;

        let listed = stage.listed().await;
        for key in [&ada, &second, &grace] {
            assert!(listed.contains(&key.id), "{listed}");
            assert!(!listed.contains(&key.text), "{listed}");
        }
        assert!(listed.contains("nightly reports"), "{listed}");

        stage.keys(&["revoke", &ada.id]).await;
        // What was found out about it is believed for a second.
        until("the key is refused", Duration::from_secs(20), async || {
            by_header.get("v1/responses").await.status == 401
        })
        .await;
        is_turned_away(&by_bearer, "invalid_token", "taken back").await;
        gets_in(&stage.service.bearing(&second.text)).await;
        let listed = stage.listed().await;
        assert!(listed.contains(&ada.id), "{listed}");
        for key in [&ada, &second, &grace] {
            stage.keeps(key);
        }
    }
}

#[tokio::test]
async fn a_key_that_is_over_is_refused() {
    let database = TestDatabase::migrated().await;
    let mut sql = PgConnection::connect(&database.url()).await.unwrap();
    let stage = Stage::on(Some(database), "0s").await;
    let key = stage.create(&["--owner", "ada", "--expires", "1m"]).await;
    let caller = stage.service.bearing(&key.text);
    gets_in(&caller).await;
    let past = "UPDATE api_keys SET expires_at = now() - interval '1 second'";
    assert_eq!(sql.execute(past).await.unwrap().rows_affected(), 1);
    is_turned_away(&caller, "token_expired", "a key that is over").await;
}

/// A key that was mistyped is known for one without asking the database.
#[tokio::test]
async fn a_mistyped_key_is_refused_also_when_the_database_is_away() {
    let [stage, _] = Stage::both("0s").await;
    let key = stage.create(&["--owner", "ada"]).await;
    gets_in(&stage.service.bearing(&key.text)).await;
    let swapped = key.text.replacen(|c: char| c.is_ascii_digit(), "z", 1);
    for text in [
        swapped,
        key.text.to_uppercase(),
        format!("{}0", key.text),
        key.text[..key.text.len() - 1].to_owned(),
    ] {
        is_turned_away(&stage.service.bearing(&text), "invalid_token", &text).await;
    }
}

#[tokio::test]
async fn what_no_chore_can_do_is_said() {
    let [stage, _] = Stage::both("0s").await;
    for (arguments, told) in [
        (
            &["revoke", "key_01m7zzzzzzzzzzzzzzzzzzzzzz"][..],
            "key_01m7zzzzzzzzzzzzzzzzzzzzzz",
        ),
        (&["revoke", "ada"][..], "key_"),
        (&["create"][..], "--owner"),
        (&["create", "--owner", ""][..], "owner"),
        (
            &["create", "--owner", "ada", "--expires", "soon"][..],
            "soon",
        ),
    ] {
        let ended = stage.world.command().arg("keys").args(arguments).output();
        let ended = ended.await.unwrap();
        let words = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success(), "{arguments:?}");
        assert!(words.contains(told), "{arguments:?}: {words}");
    }
}

/// OpenAI's own libraries send a key as they always do.
#[tokio::test]
async fn openais_libraries_come_in_with_a_key() {
    let [stage, _] = Stage::both("30s").await;
    let key = stage.create(&["--owner", "ada"]).await;
    let said = |answer: Value| answer.to_string();
    let service = &stage.service;
    let told = python_told(service, "keys", &["comes_in"], &key.text).await;
    assert_eq!(
        told["refused"],
        serde_json::json!(["AuthenticationError", 401, "invalid_api_key", null])
    );
    let id = told["id"].as_str().unwrap();
    let told = node_told(service, "keys", &["comesIn"], &key.text).await;
    assert_eq!(
        told["refused"],
        serde_json::json!(["AuthenticationError", 401, "invalid_api_key", null])
    );
    let caller = stage.service.bearing(&key.text);
    for id in [id, told["id"].as_str().unwrap()] {
        assert_eq!(caller.get(&format!("v1/responses/{id}")).await.status, 200);
    }
    assert!(!said(told).contains(&key.text));
    stage.keeps(&key);
}
