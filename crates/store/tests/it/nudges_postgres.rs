//! Nudges on PostgreSQL: from process to process, whatever becomes of the connections.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use response_domain::ports::bus::{Nudge, NudgeBus, Nudges};
use response_domain::ports::queue::JobQueue;
use response_store::{Bus, Store};
use response_testkit::postgres::TestDatabase;
use response_testkit::store_suite::sample::id;
use sqlx::postgres::PgListener;
use sqlx::{Executor, PgConnection};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::gate_postgres::{Mode, behind_a_gate};
use crate::jobs::{claimed, ids, numbered, one, queue, small};

/// The next nudge, which must come.
async fn next(nudges: &mut Nudges) -> Nudge {
    let nudge = timeout(Duration::from_secs(20), nudges.next()).await;
    nudge.unwrap().unwrap()
}

/// The next nudge that is not this one.
async fn next_but(nudges: &mut Nudges, passed: Nudge) -> Nudge {
    loop {
        let nudge = next(nudges).await;
        if nudge != passed {
            return nudge;
        }
    }
}

/// A process that listens already.
async fn listening(store: &Store) -> (Bus, Nudges) {
    let bus = store.bus(&Handle::current());
    let mut nudges = bus.listen();
    assert_eq!(next(&mut nudges).await, Nudge::Anything);
    (bus, nudges)
}

#[tokio::test]
async fn a_nudge_crosses_from_one_process_to_the_others() {
    let database = TestDatabase::migrated().await;
    let (one, two, three) = (
        small(&database).await,
        small(&database).await,
        small(&database).await,
    );
    let (one, mut at_home) = listening(&one).await;
    let (two, mut abroad) = listening(&two).await;
    let (_three, mut afar) = listening(&three).await;
    for nudge in [
        Nudge::Queued,
        Nudge::Logged(id(1)),
        Nudge::Ended(id(2)),
        Nudge::Anything,
    ] {
        one.send(nudge);
        for listener in [&mut at_home, &mut abroad, &mut afar] {
            assert_eq!(next(listener).await, nudge);
        }
    }
    // What one sent came back to it, and was no news: the next it hears is of another.
    two.send(Nudge::Ended(id(3)));
    assert_eq!(next(&mut at_home).await, Nudge::Ended(id(3)));
}

#[tokio::test]
async fn a_store_has_one_bus() {
    let database = TestDatabase::migrated().await;
    let store = small(&database).await;
    let (_bus, mut nudges) = listening(&store).await;
    store.bus(&Handle::current()).send(Nudge::Queued);
    assert_eq!(next(&mut nudges).await, Nudge::Queued);
}

/// A plain listener, as an operator might run one.
async fn overhearing(database: &TestDatabase) -> PgListener {
    let mut listener = PgListener::connect(&database.url()).await.unwrap();
    listener.listen("response_nudges").await.unwrap();
    listener
}

#[tokio::test]
async fn what_is_sent_together_goes_in_few_notifications() {
    let database = TestDatabase::migrated().await;
    let store = small(&database).await;
    let mut overheard = overhearing(&database).await;
    let (bus, _nudges) = listening(&store).await;
    for _ in 0..10 {
        for number in 0..250 {
            bus.send(Nudge::Logged(id(number)));
        }
    }
    let mut told: BTreeSet<String> = BTreeSet::new();
    for _ in 0..3 {
        let notification = overheard.recv().await.unwrap();
        assert!(notification.payload().len() < 8_000);
        let words = notification.payload().split(' ').skip(1);
        told.extend(words.map(str::to_owned));
    }
    let expected = (0..250).map(|number| format!("logged:{}", id(number)));
    assert_eq!(told, expected.collect());
    // Nothing went twice.
    bus.send(Nudge::Queued);
    let last = overheard.recv().await.unwrap();
    assert!(last.payload().ends_with(" queued"), "{}", last.payload());
}

async fn end_listeners(connection: &mut PgConnection) -> usize {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND query LIKE '%pg_listening_channels%'";
    connection.fetch_all(end).await.unwrap().len()
}

#[tokio::test]
async fn a_listener_that_the_server_ended_is_replaced() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let (one, two) = (small(&database).await, small(&database).await);
    let (one, mut at_home) = listening(&one).await;
    let (_two, mut nudges) = listening(&two).await;
    for _ in 0..2 {
        assert_eq!(end_listeners(&mut connection).await, 2);
        assert_eq!(next(&mut nudges).await, Nudge::Anything);
        assert_eq!(next_but(&mut at_home, Nudge::Queued).await, Nudge::Anything);
        one.send(Nudge::Queued);
        assert_eq!(next_but(&mut nudges, Nudge::Anything).await, Nudge::Queued);
    }
}

#[tokio::test]
async fn a_notifier_that_the_server_ended_is_replaced() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let (one, two) = (small(&database).await, small(&database).await);
    let (one, _) = listening(&one).await;
    let (_two, mut nudges) = listening(&two).await;
    one.send(Nudge::Queued);
    assert_eq!(next(&mut nudges).await, Nudge::Queued);
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'SELECT pg_notify%'";
    assert_eq!(connection.fetch_all(end).await.unwrap().len(), 1);
    // It may be told as what it was, or as the anything that a failure leaves behind.
    one.send(Nudge::Ended(id(1)));
    let told = next(&mut nudges).await;
    assert!(
        matches!(told, Nudge::Ended(_) | Nudge::Anything),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_notification_that_nobody_understands_may_mean_anything() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let store = small(&database).await;
    let (_bus, mut nudges) = listening(&store).await;
    connection.execute("NOTIFY response_nudges").await.unwrap();
    assert_eq!(next(&mut nudges).await, Nudge::Anything);
    let later = "SELECT pg_notify('response_nudges', '7 paused:tomorrow')";
    connection.execute(later).await.unwrap();
    assert_eq!(next(&mut nudges).await, Nudge::Anything);
}

#[tokio::test]
async fn what_comes_back_old_is_found_by_the_other_processes_at_once() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    queue(&mut connection, [(1, 3_600), (2, 5), (3, 4), (4, 3)]).await;
    let (here, there) = (small(&database).await, small(&database).await);
    let (_, _here) = listening(&here).await;
    let (_, mut nudges) = listening(&there).await;
    let old = one(&here, 1).await;
    assert_eq!(ids(&claimed(&there, 2, 1).await), numbered([2]));
    assert_eq!(ids(&claimed(&there, 2, 1).await), numbered([3]));
    here.hand_back(&old.lease).await.unwrap();
    assert_eq!(next(&mut nudges).await, Nudge::Queued);
    assert_eq!(ids(&claimed(&there, 2, 2).await), numbered([1, 4]));
}

#[tokio::test]
async fn a_closed_store_sends_the_last_and_leaves_no_connection() {
    let database = TestDatabase::migrated().await;
    let mut connection = database.connect().await;
    let mut overheard = overhearing(&database).await;
    let store = small(&database).await;
    let (bus, _nudges) = listening(&store).await;
    bus.send(Nudge::Queued);
    store.close().await;
    let last = overheard.recv().await.unwrap();
    assert!(last.payload().ends_with(" queued"), "{}", last.payload());
    let open = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'response-api'";
    let closed = async {
        loop {
            let open: i64 = sqlx::query_scalar(open)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            if open == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), closed).await.unwrap();
}

#[tokio::test]
async fn a_listener_on_a_line_that_went_silent_is_replaced() {
    let database = TestDatabase::migrated().await;
    let (store, gate) = behind_a_gate(&database).await;
    let (_bus, mut nudges) = listening(&store).await;
    let other = small(&database).await;
    let (other, _) = listening(&other).await;
    other.send(Nudge::Queued);
    assert_eq!(next(&mut nudges).await, Nudge::Queued);
    // What stands falls silent; what comes is let through.
    gate.turn(Mode::Silent).await;
    gate.turn(Mode::Open).await;
    // It is asked after ten seconds at most, given up five later, and then there is a new one.
    tokio::time::pause();
    for _ in 0..17 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    tokio::time::resume();
    assert_eq!(next(&mut nudges).await, Nudge::Anything);
    other.send(Nudge::Ended(id(1)));
    assert_eq!(
        next_but(&mut nudges, Nudge::Anything).await,
        Nudge::Ended(id(1))
    );
}
