//! Conversations against the store in memory: whatever is said, put there, taken out and deleted, one after
//! the other, both tell the same of everything afterwards.

use std::cell::Cell;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ConversationId, ItemId};
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::store::{HistoryRef, ResponseStore, StoreError};
use response_domain::response::Response;
use response_domain::spec::ResponseSpec;
use response_domain::status::Change;
use response_domain::work::Guard;
use response_store::Store;
use response_testkit::conversation_suite::sample::{item_id, items, made};
use response_testkit::memory::MemoryStore;
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::{
    ada, alone, asked, changed, conversation, first, json, spec, talk, worker,
};
use tokio::runtime::Runtime;

use crate::jobs::small;
use crate::sqlite;

/// How many steps one course of events has at most.
const STEPS: usize = 24;

/// How many courses of events are tried.
const CASES: u32 = 150;

/// How many numbers a course of events uses.
const ROOM: u32 = 200;

#[derive(Debug, Clone)]
enum Step {
    /// Makes a conversation that begins with so many items.
    Open(u32),
    Put(Index, u32),
    /// A response begins: a conversation of its own, in one, or after another.
    Begin,
    Attach(Index),
    Continue(Index),
    End(Index, End),
    Delete(Index),
    /// An item by the response or what was put there, and its ordinal.
    Remove(Index, Index, u32),
    Describe(Index, u32),
    Close(Index),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Answered,
    Failed,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = any::<Index>;
    let end = prop_oneof![4 => Just(End::Answered), 1 => Just(End::Failed)];
    let step = prop_oneof![
        2 => (0..3_u32).prop_map(Step::Open),
        4 => (any(), 0..3_u32).prop_map(|(at, count)| Step::Put(at, count)),
        2 => Just(Step::Begin),
        5 => any().prop_map(Step::Attach),
        2 => any().prop_map(Step::Continue),
        7 => (any(), end).prop_map(|(at, end)| Step::End(at, end)),
        1 => any().prop_map(Step::Delete),
        6 => (any(), any(), 0..2_u32).prop_map(|(at, of, which)| Step::Remove(at, of, which)),
        1 => (any(), 0..3_u32).prop_map(|(at, text)| Step::Describe(at, text)),
        1 => any().prop_map(Step::Close),
    ];
    prop::collection::vec(step, 1..=STEPS)
}

/// The doors that are compared.
trait Doors: ResponseStore + ConversationStore {}

impl<S: ResponseStore + ConversationStore> Doors for S {}

/// Both stores, and what was made of them so far.
struct World<'w> {
    stores: [&'w dyn Doors; 2],
    last: u32,
    conversations: Vec<ConversationId>,
    /// As they were last written.
    responses: Vec<Response>,
    /// Whatever has items, by its number.
    parents: Vec<u32>,
}

fn pick<T: Clone>(of: &[T], index: Index) -> Option<T> {
    (!of.is_empty()).then(|| index.get(of).clone())
}

impl World<'_> {
    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// Does the same with both, and both must answer the same.
    async fn both<T: PartialEq + Debug>(
        &self,
        what: impl AsyncFn(&dyn Doors) -> Result<T, StoreError>,
    ) -> T {
        let [real, memory] = self.stores;
        let (real, memory) = (what(real).await.unwrap(), what(memory).await.unwrap());
        assert_eq!(real, memory);
        real
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Open(count) => {
                let (home, parent) = (self.number(), self.number());
                let items = items(parent, count);
                self.both(async |it| it.open(&ada(), &made(home), &items).await)
                    .await;
                self.conversations.push(conversation(home));
                self.parents.push(parent);
            }
            Step::Begin => {
                let number = self.number();
                self.conversations.push(conversation(number));
                self.begin(number, asked(number, spec())).await;
            }
            Step::Put(at, count) => {
                if let Some(home) = pick(&self.conversations, at) {
                    let parent = self.number();
                    let items = items(parent, count);
                    self.both(async |it| it.append(&ada(), home, &items).await)
                        .await;
                    self.parents.push(parent);
                }
            }
            Step::Attach(at) => {
                if let Some(home) = pick(&self.conversations, at) {
                    self.attach(home).await;
                }
            }
            Step::Continue(at) => {
                if let Some(previous) = pick(&self.responses, at) {
                    self.go_on(&previous).await;
                }
            }
            Step::End(at, end) => self.end(at, end).await,
            Step::Delete(at) => {
                if let Some(Response { id, .. }) = pick(&self.responses, at) {
                    self.both(async |it| it.delete(&ada(), id).await).await;
                }
            }
            Step::Remove(at, of, ordinal) => {
                let home = pick(&self.conversations, at);
                let parent = pick(&self.parents, of);
                if let (Some(home), Some(parent)) = (home, parent) {
                    self.remove(home, item_id(parent, ordinal)).await;
                }
            }
            Step::Describe(at, text) => {
                if let Some(home) = pick(&self.conversations, at) {
                    self.describe(home, text).await;
                }
            }
            Step::Close(at) => {
                if let Some(home) = pick(&self.conversations, at) {
                    self.both(async |it| it.close(&ada(), home).await).await;
                }
            }
        }
    }

    async fn remove(&self, home: ConversationId, item: ItemId) {
        self.both(async |it| it.remove(&ada(), home, item).await)
            .await;
    }

    async fn describe(&self, home: ConversationId, text: u32) {
        let text = json(&format!(r#"{{"n": "{text}"}}"#));
        self.both(async |it| it.describe(&ada(), home, &text).await)
            .await;
    }

    async fn begin(&mut self, number: u32, response: Response) {
        let work = first(&response, talk(&response));
        self.both(async |it| it.commit(work.clone()).await).await;
        self.responses.push(response);
        self.parents.push(number);
    }

    /// A response attaches to a conversation that is there.
    async fn attach(&mut self, home: ConversationId) {
        let from = HistoryRef::Conversation(home);
        let Some(past) = self.both(async |it| it.history(&ada(), from).await).await else {
            return;
        };
        let number = self.number();
        let asks = ResponseSpec {
            conversation: Some(home),
            ..spec()
        };
        let mut response = asked(number, asks);
        response.seen = past.seen;
        self.begin(number, response).await;
    }

    async fn go_on(&mut self, previous: &Response) {
        let number = self.number();
        let asks = ResponseSpec {
            previous: Some(previous.id),
            ..spec()
        };
        let mut response = asked(number, asks);
        response.conversation = previous.conversation;
        self.begin(number, response).await;
    }

    async fn end(&mut self, at: Index, end: End) {
        let open = |response: &&mut Response| !response.status().is_ended();
        let open: Vec<&mut Response> = self.responses.iter_mut().filter(open).collect();
        let place = at.index(open.len().max(1));
        let Some(response) = open.into_iter().nth(place) else {
            return;
        };
        let change = match end {
            End::Answered => Change::Complete,
            End::Failed => Change::Fail(Failure::new(FailureCode::ModelError, "no")),
        };
        *response = changed(response.clone(), change);
        let work = alone(Guard::Held(worker(1)), response);
        self.both(async |it| it.commit(work.clone()).await).await;
    }

    /// Both tell the same of everything.
    async fn compare(&self) {
        for &home in &self.conversations {
            let from = HistoryRef::Conversation(home);
            self.both(async |it| it.history(&ada(), from).await).await;
            self.both(async |it| it.conversation(&ada(), home).await)
                .await;
            self.both(async |it| it.is_busy(&ada(), home).await).await;
        }
        for Response { id, .. } in &self.responses {
            let from = HistoryRef::Response(*id);
            self.both(async |it| it.history(&ada(), from).await).await;
            self.both(async |it| it.items(&ada(), *id).await).await;
        }
        let ids = self.parents.iter();
        let ids: Vec<ItemId> = ids
            .flat_map(|parent| [0, 1, 2].map(|ordinal| item_id(*parent, ordinal)))
            .collect();
        self.both(async |it| {
            let mut found = it.items_by_id(&ada(), &ids).await?;
            found.sort_unstable_by_key(|item| item.id);
            Ok(found)
        })
        .await;
    }
}

/// Courses of events, each with numbers of its own.
fn both_agree(runtime: &Runtime, store: &Store) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let course = Cell::new(0);
    let outcome = runner.run(&steps(), |steps| {
        let memory = MemoryStore::default();
        course.set(course.get() + 1);
        let mut world = World {
            stores: [store, &memory],
            last: course.get() * ROOM,
            conversations: Vec::new(),
            responses: Vec::new(),
            parents: Vec::new(),
        };
        runtime.block_on(async {
            for step in &steps {
                world.take(step).await;
            }
            world.compare().await;
        });
        Ok(())
    });
    runtime.block_on(store.close());
    if let Err(error) = outcome {
        unreachable!("{error}");
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[test]
fn sqlite_and_the_store_in_memory_tell_the_same() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let store = runtime.block_on(sqlite::open(&folder));
    both_agree(&runtime, &store);
}

#[test]
fn postgres_and_the_store_in_memory_tell_the_same() {
    let runtime = runtime();
    let database = runtime.block_on(TestDatabase::migrated());
    let store = runtime.block_on(small(&database));
    both_agree(&runtime, &store);
}
