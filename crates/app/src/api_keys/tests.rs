//! What an operator says to keys, and what is answered; over a database of its own.

use std::error::Error;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use clap::{CommandFactory, FromArgMatches, Parser};
use response_domain::id::RawId;
use response_identity::keys::digest;
use serde_json::Value;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// A database with nothing in it, and a clock that goes on by a second with each look.
struct World {
    store: Store,
    now: AtomicI64,
    ids: AtomicU64,
    _folder: tempfile::TempDir,
}

struct Said {
    done: Result<(), KeysError>,
    out: String,
    aside: String,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("responses.db");
        let options = Options::new(Database::Sqlite(database));
        Self {
            store: Store::open(options).await.unwrap(),
            now: AtomicI64::new(1_000_000_000_000_000),
            ids: AtomicU64::new(1),
            _folder: folder,
        }
    }

    async fn say(&self, line: &str) -> Said {
        let words = std::iter::once("keys").chain(line.split(' '));
        self.say_words(words).await
    }

    async fn say_words(&self, words: impl IntoIterator<Item = &str>) -> Said {
        let matches = Line::command().try_get_matches_from(words).unwrap();
        let Line { command } = Line::from_arg_matches(&matches).unwrap();
        let (mut out, mut aside) = (Vec::new(), Vec::new());
        let mut desk = Desk {
            keys: &self.store,
            clock: self,
            ids: self,
            place: "here",
            out: &mut out,
            aside: &mut aside,
        };
        let done = desk.serve(command).await;
        Said {
            done,
            out: String::from_utf8(out).unwrap(),
            aside: String::from_utf8(aside).unwrap(),
        }
    }

    /// What the list says as JSON.
    async fn listed(&self, line: &str) -> Vec<Value> {
        let said = self.say(line).await;
        said.done.unwrap();
        serde_json::from_str(&said.out).unwrap()
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.fetch_add(1_000_000, Ordering::Relaxed))
    }
}

impl IdGenerator for World {
    fn next(&self) -> RawId {
        RawId::new(u128::from(self.ids.fetch_add(1, Ordering::Relaxed)))
    }
}

/// An error as it is told, with all its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_key_is_printed_once_and_is_its_owners() {
    let world = World::new().await;
    let said = world
        .say("create --owner ada --label reports --expires 90d")
        .await;
    said.done.unwrap();
    let key = said.out.strip_suffix('\n').unwrap();
    let digest = digest(key).expect("nothing but a key is on standard output");
    let known = world
        .store
        .key_of(&digest, world.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(known.owner.as_str(), "ada");
    assert_eq!(known.label.as_deref(), Some("reports"));
    let lifetime = known.expires_at.unwrap().since(known.created_at);
    assert_eq!(lifetime, Duration::from_hours(24 * 90));
    for told in [&*known.id.to_string(), "`ada`", "in here", "keys revoke"] {
        assert!(said.aside.contains(told), "{}", said.aside);
    }
    assert!(!said.aside.contains(key));
    let list = world.say("list").await.out;
    assert!(!list.contains("sk_"), "{list}");
}

#[tokio::test]
async fn quietly_nothing_is_explained() {
    let world = World::new().await;
    let said = world.say("create --owner ada --quiet").await;
    said.done.unwrap();
    assert!(digest(said.out.trim()).is_some());
    assert_eq!(said.aside, "");
}

#[tokio::test]
async fn an_owner_is_who_the_same_name_of_its_realm_is() {
    let world = World::new().await;
    for (line, owner) in [
        ("create --owner ada", "ada"),
        ("create --owner auth0|7", "|auth0|7"),
        ("create --owner ada --realm consumer", "consumer|ada"),
        ("create --owner guest --realm consumer", "consumer|guest"),
        ("create --owner ada --realm https://b", "https://b|ada"),
    ] {
        let said = world.say(line).await;
        said.done.unwrap();
        assert!(said.aside.contains(&format!("`{owner}`")), "{}", said.aside);
    }
    let owners = world.listed("list --json").await;
    let owners: Vec<_> = owners
        .iter()
        .map(|key| key["owner"].as_str().unwrap())
        .collect();
    assert_eq!(
        owners,
        [
            "ada",
            "|auth0|7",
            "consumer|ada",
            "consumer|guest",
            "https://b|ada"
        ]
    );
    assert_eq!(world.listed("list --json --owner ada").await.len(), 1);
    let of_realm = world
        .listed("list --json --owner ada --realm consumer")
        .await;
    assert_eq!(of_realm[0]["owner"], "consumer|ada");
}

#[tokio::test]
async fn what_names_nobody_or_nothing_is_refused_with_a_reason_and_makes_no_key() {
    let world = World::new().await;
    let long = "x".repeat(256);
    for (words, reason) in [
        (&["create"][..], "--owner NAME"),
        (&["create", "--owner", "guest"], "cannot be the guest's"),
        (&["create", "--owner", ""], "a name of 1 to 255 bytes"),
        (&["create", "--owner", "a\nb"], "without control characters"),
        (&["create", "--owner", &long], "a name of 1 to 255 bytes"),
        (
            &["create", "--owner", "a", "--realm", "b|c"],
            "a realm has no `|`",
        ),
        (
            &["create", "--owner", "a", "--label", ""],
            "--label takes 1 to 200",
        ),
        (
            &["create", "--owner", "a", "--label", "b\u{1b}[2J"],
            "no control characters",
        ),
        (
            &["create", "--owner", "a", "--label", &long],
            "--label takes 1 to 200",
        ),
        (
            &["list", "--owner", "nobody"],
            "there is no key of `nobody`",
        ),
        (&["revoke", "ada"], "not an id that begins with `key_`"),
        (
            &["revoke", "resp_00000000000000000000000001"],
            "not an id that begins with `key_`",
        ),
        (
            &["revoke", "key_00000000000000000000000009"],
            "there is no key key_0000",
        ),
    ] {
        let said = world.say_words([&["keys"], words].concat()).await;
        let refused = chain(&said.done.unwrap_err());
        assert_eq!(refused.matches(reason).count(), 1, "{refused}");
        assert_eq!((said.out.as_str(), said.aside.as_str()), ("", ""));
    }
    assert_eq!(world.listed("list --json").await, Vec::<Value>::new());
}

#[test]
fn a_lifetime_is_written_as_settings_write_it() {
    assert_eq!(lifetime("90d"), Ok(Duration::from_hours(24 * 90)));
    for wrong in ["0s", "59s", "3651d", "90", "tomorrow"] {
        let refused = lifetime(wrong).unwrap_err();
        assert!(
            refused.starts_with("allowed is a duration from 1m to 3650d"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_key_in_place_of_its_id_is_refused_and_not_repeated() {
    let world = World::new().await;
    let key = world.say("create --owner ada --quiet").await.out;
    let refused = world.say(&format!("revoke {}", key.trim())).await.done;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("not its id") && !refused.contains("sk_"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_key_is_taken_back_once_and_stays_in_the_list() {
    let world = World::new().await;
    let key = world.say("create --owner ada").await.out;
    let id = world.listed("list --json").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let said = world.say(&format!("revoke {id}")).await;
    said.done.unwrap();
    assert!(said.aside.contains("is taken back"), "{}", said.aside);
    let key = digest(key.trim()).unwrap();
    let revoked = world
        .store
        .key_of(&key, world.now())
        .await
        .unwrap()
        .unwrap();
    let again = world.say(&format!("revoke {id}")).await;
    again.done.unwrap();
    assert!(
        again.aside.contains("was taken back before"),
        "{}",
        again.aside
    );
    let listed = &world.listed("list --json").await[0];
    assert_eq!(listed["standing"], "revoked");
    assert_eq!(
        listed["revoked_at"],
        list::moment(revoked.revoked_at.unwrap())
    );
}

#[tokio::test]
async fn the_table_has_a_row_for_each_key() {
    let world = World::new().await;
    for line in ["create --owner ada --expires 1m", "create --owner bob"] {
        world.say(line).await.done.unwrap();
    }
    world.now.fetch_add(120_000_000, Ordering::Relaxed);
    let table = world.say("list").await.out;
    let lines: Vec<_> = table.lines().collect();
    let [heading, ada, bob] = lines.as_slice() else {
        panic!("{table}")
    };
    assert!(heading.starts_with("ID ") && heading.ends_with("LAST USED"));
    let standing = heading.find("STANDING").unwrap();
    assert!(ada.contains(" ada ") && ada[standing..].starts_with("expired "));
    assert!(bob.contains(" bob ") && bob[standing..].starts_with("good "));
    assert!(bob.ends_with("never"), "{bob}");
}
