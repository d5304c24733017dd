//! Who reads a background response along, and what becomes of the reading: it never touches the run, and
//! what goes wrong with it costs nobody an event.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use response_domain::caller::OwnerId;
use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::ports::queue::{EventLog, Recorded, Standing};
use response_domain::ports::store::StoreError;
use response_domain::work::Append;
use response_testkit::memory::MemoryStore;
use response_testkit::script::{ScriptedTools, ToolScript, calls, text};
use serde_json::json;
use tokio::sync::Notify;

use crate::background::{follow, get, half, queue, told, worker};
use crate::client::Call;
use crate::world::{Plan, World};

/// What becomes of a look at the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Good,
    Fails,
    /// It never ends.
    Hangs,
}

/// A log whose looks end as planned, by their number from 1, and are counted.
struct Watched {
    inner: Arc<MemoryStore>,
    fate: fn(usize) -> Look,
    looks: Arc<AtomicUsize>,
    left: Arc<Notify>,
}

impl Watched {
    fn new(plan: &Plan, fate: fn(usize) -> Look) -> Self {
        Self {
            inner: plan.memory(),
            fate,
            looks: Arc::default(),
            left: Arc::default(),
        }
    }
}

struct Bell(Arc<Notify>);

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl EventLog for Watched {
    async fn events(
        &self,
        owner: &OwnerId,
        id: ResponseId,
        from: u64,
        at_most: u16,
    ) -> Result<Option<Vec<Recorded>>, StoreError> {
        let number = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
        match (self.fate)(number) {
            Look::Good => self.inner.events(owner, id, from, at_most).await,
            Look::Fails => Err(StoreError::Failed("password of postgres://10.0.0.7".into())),
            Look::Hangs => {
                let _bell = Bell(Arc::clone(&self.left));
                std::future::pending().await
            }
        }
    }

    async fn append(&self, lease: &Lease, log: &Append) -> Result<(), StoreError> {
        self.inner.append(lease, log).await
    }

    async fn standing(
        &self,
        owner: &OwnerId,
        id: ResponseId,
    ) -> Result<Option<Standing>, StoreError> {
        self.inner.standing(owner, id).await
    }
}

#[tokio::test]
async fn a_reader_that_leaves_touches_nothing() {
    let plan = Plan::new([]);
    let log = Watched::new(&plan, |look| match look {
        2 => Look::Hangs,
        _ => Look::Good,
    });
    let left = Arc::clone(&log.left);
    let world = plan.log(log).build().await;
    let path = queue(&world).await;
    let tools = ScriptedTools::new([("clock", ToolScript::Waits("noon"))]);
    let turns = [calls(&[("clock", "{}")]), text("Noon.")];
    let worker = worker(&world, turns).tools(tools).build().await;
    worker.tools.begun.notified().await;
    let mut reader = Call::new("GET", &format!("{path}?stream=true"))
        .open(&world)
        .await;
    reader.until("response.created").await;
    drop(reader);
    left.notified().await;
    worker.tools.release(1);
    follow(&world, &path).await;
    assert_eq!(get(&world, &path).await.json()["status"], "completed");
}

#[tokio::test]
async fn a_stream_that_is_cut_short_is_picked_up_where_it_ended() {
    let plan = Plan::new([]);
    let log = Watched::new(&plan, |look| match look {
        2 => Look::Fails,
        _ => Look::Good,
    });
    let world = plan.log(log).build().await;
    let path = queue(&world).await;
    let worker = worker(&world, [half()]).build().await;
    worker.model.hanging.notified().await;
    let cut = follow(&world, &path).await;
    let count = cut.frames().len();
    assert!(count > 0 && !cut.text().contains("response.cancelled"));
    assert!(!cut.text().contains("postgres"), "{}", cut.text());
    Call::new("POST", &format!("{path}/cancel"))
        .send(&world)
        .await;
    let last = count - 1;
    let rest = get(&world, &format!("{path}?stream=true&starting_after={last}")).await;
    let whole = follow(&world, &path).await;
    assert_eq!([cut.text(), rest.text()].concat(), whole.text());
    assert!(rest.text().contains("response.cancelled"));
}

#[tokio::test]
async fn a_log_that_cannot_be_read_at_all_is_an_ordinary_error() {
    let plan = Plan::new([]);
    let log = Watched::new(&plan, |_| Look::Fails);
    let world = plan.log(log).build().await;
    let path = queue(&world).await;
    let reply = get(&world, &format!("{path}?stream=true")).await;
    let error = &reply.json()["error"];
    assert_eq!((reply.status, &error["code"]), (500, &json!("internal")));
    assert!(!reply.text().contains("postgres"), "{}", reply.text());
}

#[tokio::test]
async fn a_stream_ends_when_its_response_is_deleted() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    let worker = worker(&world, [half()]).build().await;
    let call = Call::new("GET", &format!("{path}?stream=true"));
    let mut reader = call.header("connection", "close").open(&world).await;
    reader.until("Once upon").await;
    let gone = Call::new("DELETE", &path).send(&worker).await;
    assert_eq!(gone.status, 200);
    let told = reader.end().await;
    assert!(told.text().contains("Once upon"), "{}", told.text());
    assert_eq!(get(&world, &path).await.status, 404);
}

#[tokio::test]
async fn the_head_of_a_stream_is_had_without_reading_along() {
    let plan = Plan::new([]);
    let log = Watched::new(&plan, |_| Look::Good);
    let looks = Arc::clone(&log.looks);
    let world = plan.log(log).build().await;
    let path = queue(&world).await;
    let tail = format!("{path}?stream=true");
    let head = Call::new("HEAD", &tail).send(&world).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(looks.load(Ordering::SeqCst), 0);
    told(&world, &path, "response.created").await;
    let mut reader = Call::new("GET", &tail)
        .header("connection", "close")
        .open(&world)
        .await;
    let whole = reader.head().await;
    for name in [
        "content-type",
        "cache-control",
        "x-accel-buffering",
        "x-response-id",
    ] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    assert_eq!(head.header("content-length"), None);
    let cursor = Call::new("HEAD", &format!("{tail}&starting_after=x"));
    assert_eq!(cursor.send(&world).await.status, 400);
}

#[tokio::test]
async fn a_connection_serves_on_when_a_stream_has_ended() {
    let world = World::new([]).await;
    let path = queue(&world).await;
    let worker = worker(&world, [text("hi")]).build().await;
    follow(&world, &path).await;
    let mut open = Call::new("GET", &format!("{path}?stream=true"))
        .open(&world)
        .await;
    open.until("event: response.completed").await;
    open.until("\r\n0\r\n\r\n").await;
    let head = Call::new("HEAD", &format!("{path}?stream=true"));
    open.send(&head.bytes()).await;
    open.send(&Call::new("GET", "/healthz").bytes()).await;
    open.until(r#"{"status":"ok"}"#).await;
    drop(worker);
}
