//! What every store must do, each promise a test of its own. [`store_suite!`](crate::store_suite!) makes
//! the tests for one store; a behaviour exists when it stands here.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::idempotency::KeyStore;
use response_domain::ports::queue::{EventLog, JobQueue};
use response_domain::ports::retention::RetentionStore;
use response_domain::ports::store::{ResponseStore, WorkerRegistry};
use response_domain::ports::webhook::{EndpointStore, WebhookOutbox};

use crate::memory::MemoryStore;
use outside::Outside;

pub mod full;
pub mod outside;
pub mod sample;

pub mod round_trip;
pub mod texts;

pub mod guards;
pub mod races;

pub mod histories;
pub mod items;
pub mod owners;
pub mod pages;

pub mod deletes;
pub mod workers;

/// A store under test: all its doors at once.
pub trait Subject: ResponseStore + WorkerRegistry + JobQueue + EventLog {}

impl<S: ResponseStore + WorkerRegistry + JobQueue + EventLog> Subject for S {}

/// The doors of a store that concern webhooks.
pub trait WebhookSubject: EndpointStore + WebhookOutbox {}

impl<S: EndpointStore + WebhookOutbox> WebhookSubject for S {}

/// The doors of a store that concern conversations and keys.
pub trait TalkSubject: ConversationStore + KeyStore {}

impl<S: ConversationStore + KeyStore> TalkSubject for S {}

/// The doors of a store that no request opens: keys of the service, and what is past its time.
pub trait HouseSubject: ApiKeyStore + RetentionStore {}

impl<S: ApiKeyStore + RetentionStore> HouseSubject for S {}

/// A store of its own for one test, and what must live as long as it does.
pub struct Fixture {
    store: Arc<dyn Subject>,
    webhooks: Option<Arc<dyn WebhookSubject>>,
    talks: Option<Arc<dyn TalkSubject>>,
    house: Option<Arc<dyn HouseSubject>>,
    outside: Option<Box<dyn Outside>>,
    _keep: Box<dyn Any + Send + Sync>,
}

impl Fixture {
    /// A store that needs nothing else.
    pub fn new(store: impl Subject + 'static) -> Self {
        Self::keeping(store, ())
    }

    /// A store, and the folder or database that goes when the test is over.
    pub fn keeping(store: impl Subject + 'static, keep: impl Any + Send + Sync) -> Self {
        Self {
            store: Arc::new(store),
            webhooks: None,
            talks: None,
            house: None,
            outside: None,
            _keep: Box::new(keep),
        }
    }

    /// The same with the doors of the same store that concern webhooks. Their suite needs them.
    #[must_use]
    pub fn telling(mut self, store: impl WebhookSubject + 'static) -> Self {
        self.webhooks = Some(Arc::new(store));
        self
    }

    /// The same with the doors of the same store that concern conversations and keys. Their suites need them.
    #[must_use]
    pub fn conversing(mut self, store: impl TalkSubject + 'static) -> Self {
        self.talks = Some(Arc::new(store));
        self
    }

    /// The same with the doors of the same store that concern keys of the service and what is past its time.
    /// Their suites need them.
    #[must_use]
    pub fn admitting(mut self, store: impl HouseSubject + 'static) -> Self {
        self.house = Some(Arc::new(store));
        self
    }

    /// The same with a world around it, in which time passes and processes die: an
    /// [`SqliteFile`](outside::SqliteFile), a [`PostgresDatabase`](outside::PostgresDatabase), or whatever
    /// else can do both to this store. The suites of the queue and of webhooks need one.
    #[must_use]
    pub fn within(mut self, outside: impl Outside + 'static) -> Self {
        self.outside = Some(Box::new(outside));
        self
    }

    /// A store in memory, and the world around it.
    pub fn in_memory() -> Self {
        Self::around(Arc::default())
    }

    /// This store in memory, and the world around it.
    pub fn around(store: Arc<MemoryStore>) -> Self {
        Self {
            store: Arc::clone(&store) as Arc<dyn Subject>,
            webhooks: Some(Arc::clone(&store) as Arc<dyn WebhookSubject>),
            talks: Some(Arc::clone(&store) as Arc<dyn TalkSubject>),
            house: Some(Arc::clone(&store) as Arc<dyn HouseSubject>),
            outside: Some(Box::new(store)),
            _keep: Box::new(()),
        }
    }

    /// The store.
    pub fn store(&self) -> &dyn Subject {
        &*self.store
    }

    /// The doors that concern webhooks.
    ///
    /// # Panics
    /// When the test gave it none.
    #[expect(clippy::expect_used, reason = "nothing is skipped in silence")]
    pub fn webhooks(&self) -> &dyn WebhookSubject {
        let webhooks = self.webhooks.as_deref();
        webhooks.expect("this test needs the doors of webhooks: see `Fixture::telling`")
    }

    /// The door of conversations.
    ///
    /// # Panics
    /// When the test gave it none.
    pub fn conversations(&self) -> &dyn ConversationStore {
        self.talks()
    }

    /// The door of keys.
    ///
    /// # Panics
    /// When the test gave it none.
    pub fn keys(&self) -> &dyn KeyStore {
        self.talks()
    }

    #[expect(clippy::expect_used, reason = "nothing is skipped in silence")]
    fn talks(&self) -> &dyn TalkSubject {
        let talks = self.talks.as_deref();
        talks.expect("this test needs the doors of conversations: see `Fixture::conversing`")
    }

    /// The door of the keys that the service gives out.
    ///
    /// # Panics
    /// When the test gave it none.
    pub fn api_keys(&self) -> &dyn ApiKeyStore {
        self.house()
    }

    /// The door of what is past its time.
    ///
    /// # Panics
    /// When the test gave it none.
    pub fn retention(&self) -> &dyn RetentionStore {
        self.house()
    }

    #[expect(clippy::expect_used, reason = "nothing is skipped in silence")]
    fn house(&self) -> &dyn HouseSubject {
        let house = self.house.as_deref();
        house.expect("this test needs the doors of the house: see `Fixture::admitting`")
    }

    /// The world around it.
    ///
    /// # Panics
    /// When the test gave it none.
    #[expect(clippy::expect_used, reason = "nothing is skipped in silence")]
    pub fn outside(&self) -> &dyn Outside {
        let outside = self.outside.as_deref();
        outside.expect("this test needs a world around the store: see `Fixture::within`")
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").finish_non_exhaustive()
    }
}

/// Makes a test of each promise. `$make` is an expression that answers a future of a new [`Fixture`] with
/// an empty store; it is evaluated once a test.
#[macro_export]
macro_rules! store_suite {
    ($make:expr) => {
        $crate::store_suite! { @tests $make;
            round_trip: [
                every_status_reads_back,
                every_failure_and_every_limit_reads_back,
                every_field_of_a_spec_reads_back,
                every_kind_of_tool_choice_reads_back,
                every_kind_of_item_reads_back,
                every_state_of_an_execution_reads_back,
                progress_reads_back,
                times_keep_their_microseconds,
            ]
            texts: [
                nul_characters_survive_everywhere,
                odd_texts_survive_everywhere,
                huge_texts_survive,
                json_is_kept_to_the_letter,
            ]
            guards: [
                a_guard_holds_only_where_it_should,
                a_refused_write_writes_nothing,
                a_held_response_grows_to_its_end,
                a_write_may_be_repeated,
                an_execution_takes_the_place_of_its_former_self,
                an_execution_that_has_ended_stays_as_it_ended,
                a_write_that_read_too_early_takes_nothing_back,
            ]
            races: [
                of_many_endings_one_wins,
                of_many_first_writes_one_wins,
                responses_that_end_at_once_each_get_a_place,
            ]
            histories: [
                a_chain_is_told_from_its_beginning,
                branches_do_not_see_each_other,
                a_deleted_link_leaves_the_chain_whole,
                a_conversation_is_told_in_the_order_of_endings,
                failures_and_cancellations_stay_out_of_the_conversation,
                a_response_saw_what_was_there_when_it_attached,
                a_continuation_of_an_attached_response_saw_the_same,
                what_is_unknown_has_no_history,
                a_conversation_begins_with_its_first_response,
                a_conversation_outlives_its_responses,
            ]
            items: [
                items_are_told_in_order,
                items_are_found_by_their_ids,
                many_items_are_written_and_found,
            ]
            owners: [
                what_belongs_to_somebody_else_does_not_exist,
                what_names_somebody_elses_shows_nothing_of_it,
                what_belongs_to_somebody_else_cannot_be_changed,
                owners_that_look_alike_are_different,
            ]
            pages: [
                responses_are_listed_newest_first,
                pages_follow_each_other_without_gap_or_double,
                a_list_can_be_narrowed,
                nothing_follows_what_is_not_there,
                a_list_can_be_emptied_page_by_page,
                a_list_tells_of_executions,
                heavy_responses_are_listed_without_gap_or_double,
            ]
            deletes: [
                what_is_deleted_is_gone_everywhere,
                only_what_has_ended_can_be_deleted,
            ]
            workers: [
                responses_of_a_silent_process_are_orphans,
                responses_of_a_process_that_left_are_orphans,
                only_foreground_responses_in_progress_are_orphans,
                orphans_come_whole_and_some_at_a_time,
                a_store_is_ready,
            ]
        }
    };
    (@tests $make:expr; $($group:ident: [$($name:ident),* $(,)?])*) => {
        $(mod $group {
            use super::*;

            $(#[tokio::test]
            async fn $name() {
                let fixture = $make.await;
                $crate::store_suite::$group::$name(fixture.store()).await;
            })*
        })*
    };
}
