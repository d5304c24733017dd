//! What is deleted, or past its time, is nowhere any more: no column of PostgreSQL and no byte of the SQLite
//! file holds a piece of it.

use std::sync::Arc;

use response_domain::execution::ExecutionState;
use response_domain::failure::{Failure, FailureCode};
use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, Item, ItemBody, Reasoning, Role,
};
use response_domain::lease::Lease;
use response_domain::ports::conversation::ConversationStore;
use response_domain::ports::idempotency::KeyStore;
use response_domain::ports::queue::EventLog;
use response_domain::ports::retention::RetentionStore;
use response_domain::ports::store::{ResponseStore, WorkerRegistry};
use response_domain::ports::vault::Sealed;
use response_domain::response::{Finish, Note, Response, Turn};
use response_domain::run::checkpoint::Checkpoint;
use response_domain::run::repair::{Fault, Streak};
use response_domain::spec::{
    Controls, Delivery, InputItem, ResponseSpec, ToolRequest, ToolSelection,
};
use response_domain::status::Change;
use response_domain::tool::Verdict;
use response_domain::webhook::{Answer, Attempt, Lane};
use response_domain::work::{Job, UnitOfWork};
use response_testkit::conversation_suite::sample::{body, item_id, made};
use response_testkit::idempotency_suite::sample::key;
use response_testkit::queue_suite::sample::{checkpoint, end, entry, more, running, step, words};
use response_testkit::retention_suite::sample::{before, far_away};
use response_testkit::store_suite::Fixture;
use response_testkit::store_suite::sample::{
    ada, asked, at, call, changed, completed, conversation, id, item, json, put, said, spec, talk,
    with_calls, write,
};
use response_testkit::webhook_suite::sample::{again, answered, due, endpoint, record, register};

use crate::stage::{Stage, on_both};

/// No other text of a test has it.
const MARK: &str = "kq7zerase0me7qk";

/// Responses of each kind; enough for more than one page of a file.
const MANY: u32 = 12;

fn marked() -> ResponseSpec {
    ResponseSpec {
        input: json(&format!(r#"[{{"role": "user", "content": "{MARK}"}}]"#)),
        items: vec![InputItem::New(said(Role::User, MARK))],
        system_prompt: Some(MARK.into()),
        controls: Controls {
            stop: Some(json(&format!(r#"["{MARK}"]"#))),
            ..Controls::default()
        },
        tools: ToolSelection::Only(vec![ToolRequest {
            name: MARK.into(),
            description: Some(MARK.into()),
            parameters: Some(json(&format!(r#"{{"type": "{MARK}"}}"#))),
        }]),
        metadata: json(&format!(
            r#"{{"a": "{MARK}", "webhook_url": "https://caller.test/{MARK}"}}"#
        )),
        user: Some(MARK.into()),
        echo: json(&format!(r#"{{"b": "{MARK}"}}"#)),
        ..spec()
    }
}

fn said_in(response: &Response) -> Vec<Arc<Item>> {
    let call_id = || CallId(MARK.into());
    let bodies = [
        said(Role::User, &MARK.repeat(700)),
        ItemBody::Reasoning(Reasoning::text(MARK)),
        ItemBody::FunctionCall(FunctionCall::of_caller(call_id(), MARK, MARK)),
        ItemBody::FunctionCallOutput(FunctionCallOutput::text(call_id(), MARK)),
        said(Role::Assistant, MARK),
    ];
    let items = (0..).zip(bodies);
    items
        .map(|(ordinal, body)| item(response, ordinal, body))
        .collect()
}

/// The response with what it did.
fn advanced(response: Response) -> Response {
    let states = [
        ExecutionState::Completed(MARK.into()),
        ExecutionState::Failed(MARK.into()),
    ];
    let calls = (0..).zip(states).map(|(ordinal, state)| {
        let mut execution = (*call(&response, ordinal, state)).clone();
        execution.input = MARK.into();
        Arc::new(execution)
    });
    let calls: Vec<_> = calls.collect();
    let mut response = with_calls(response, &calls);
    response.progress.output = Some(MARK.into());
    response.progress.turns = vec![Arc::new(Turn {
        number: 1,
        started_at: at(1),
        ended_at: at(2),
        finish: Finish::Stop,
        usage: None,
        notes: vec![Note {
            code: "empty_delta".into(),
            detail: Some(MARK.into()),
        }],
    })];
    response
}

/// How a response that was asked for with a key stands in the foreground.
async fn answer(stage: &Stage, number: u32) {
    let response = advanced(asked(number, marked()));
    let ended = if number.is_multiple_of(2) {
        changed(response, Change::Complete)
    } else {
        let failure = Failure::new(FailureCode::ModelError, MARK);
        changed(response, Change::Fail(failure))
    };
    let work = UnitOfWork {
        items: said_in(&ended),
        ..response_testkit::store_suite::sample::first(&ended, Vec::new())
    };
    let text = format!("{MARK}-{number}");
    stage
        .store
        .commit_keyed(work, &key(&text, 1))
        .await
        .unwrap();
}

/// A response in the background that runs.
async fn begin(stage: &Stage, number: u32) -> (Response, Lease) {
    let response = asked(
        number,
        ResponseSpec {
            delivery: Delivery::Background,
            ..marked()
        },
    );
    let job = Job {
        request_id: "req-1".into(),
        credential: Some(Sealed {
            key: "key-1".into(),
            bytes: MARK.as_bytes().into(),
        }),
    };
    let store = &stage.store;
    write(store, entry(&response, job)).await;
    let lease = response_testkit::queue_suite::sample::claim_one(store, 1)
        .await
        .lease;
    let response = advanced(changed(response, Change::Start));
    let complaint = Fault::Complaint {
        verdict: Verdict::ToolSaysError,
        tool: MARK.into(),
        text: MARK.into(),
    };
    let work = UnitOfWork {
        items: said_in(&response),
        checkpoint: Some(Checkpoint {
            streak: Streak(vec![(complaint, 1)]),
            ..checkpoint(1)
        }),
        ..step(lease, &response, 1, words(&response, &[MARK]))
    };
    let next = 1 + u64::try_from(work.log.events.len()).unwrap();
    write(store, work).await;
    EventLog::append(store, &lease, &more(next, words(&response, &[MARK])))
        .await
        .unwrap();
    (response, lease)
}

/// It ends, and is told to whom it concerns, who answer something.
async fn finish(stage: &Stage, fixture: &Fixture, response: Response, lease: Lease) {
    let next = stage.store.standing(&ada(), response.id).await.unwrap();
    let ended = changed(response, Change::Complete);
    write(&stage.store, end(lease, &ended, next.unwrap().next)).await;
    for lane in [Lane::Prompt, Lane::Patient] {
        for due in due(fixture, 1, lane).await {
            let attempt = Attempt {
                url: format!("https://caller.test/{MARK}").into(),
                answer: Ok(Answer {
                    status: 500,
                    retry_after: None,
                    excerpt: MARK.into(),
                }),
                ..answered(500)
            };
            record(fixture, &due.lease, &attempt, &again(60)).await;
        }
    }
}

/// A conversation that its owner made, described, and put something into.
async fn talk_of(stage: &Stage, number: u32) {
    let store = &stage.store;
    let items = [body(number + 1, 0, said(Role::User, MARK))];
    store.open(&ada(), &made(number), &items).await.unwrap();
    let metadata = json(&format!(r#"{{"topic": "{MARK}"}}"#));
    let described = store
        .describe(&ada(), conversation(number), &metadata)
        .await;
    assert!(described.unwrap().is_some());
    let more = [body(number + 2, 0, said(Role::User, &MARK.repeat(400)))];
    assert!(
        ConversationStore::append(store, &ada(), conversation(number), &more)
            .await
            .unwrap()
    );
}

/// Everything that can hold what somebody said holds it, among what does not.
async fn fill(stage: &Stage, fixture: &Fixture) {
    register(fixture, &endpoint(1)).await;
    for number in 1..=MANY {
        let other = completed(number + 500);
        put(&stage.store, &other, talk(&other)).await;
        answer(stage, number).await;
        let (response, lease) = begin(stage, number + 100).await;
        if !stage.is_sqlite() && number == 1 {
            holds_everywhere(stage).await;
        }
        finish(stage, fixture, response, lease).await;
        talk_of(stage, number * 10 + 200).await;
    }
    // What runs meanwhile shares pages with what goes.
    running(&stage.store, 999, 1).await;
    stage.checkpoint().await;
}

/// While it runs, what is there of a background response.
async fn holds_everywhere(stage: &Stage) {
    let places = stage.places_of(MARK).await;
    let expected = [
        "conversation_items.body",
        "idempotency_keys.key",
        "response_events.body",
        "response_secrets.sealed",
        "responses.checkpoint",
        "responses.error_message",
        "responses.progress",
        "responses.spec",
        "tool_executions.body",
    ];
    for place in expected {
        assert!(
            places.iter().any(|known| known == place),
            "{place}: {places:?}"
        );
    }
}

async fn is_there(stage: &Stage) {
    let places = stage.places_of(MARK).await;
    if stage.is_sqlite() {
        assert_eq!(places.len(), 1, "the file, and not its log: {places:?}");
        return;
    }
    for place in [
        "conversations.metadata",
        "webhook_attempts.excerpt",
        "webhook_attempts.url",
        "webhook_deliveries.callback_url",
    ] {
        assert!(
            places.iter().any(|known| known == place),
            "{place}: {places:?}"
        );
    }
}

/// Only keys outlive what they marked, for a day.
async fn is_nowhere(stage: &Stage) {
    if !stage.is_sqlite() {
        assert_eq!(stage.places_of(MARK).await, ["idempotency_keys.key"]);
    }
    stage
        .execute("UPDATE idempotency_keys SET created_at = '2001-01-01T00:00:00.000+00:00'")
        .await;
    let keys = stage.store.forget_keys(1_000).await.unwrap();
    assert_eq!(keys, MANY);
    stage.checkpoint().await;
    let nowhere: [&str; 0] = [];
    assert_eq!(stage.places_of(MARK).await, nowhere);
    // What nobody deleted is there.
    assert!(stage.store.find(&ada(), id(999)).await.unwrap().is_some());
}

fn fixture(stage: &Stage) -> Fixture {
    Fixture::new(stage.store.clone())
        .telling(stage.store.clone())
        .conversing(stage.store.clone())
        .admitting(stage.store.clone())
}

async fn what_an_owner_deletes_is_nowhere_any_more(stage: Stage) {
    let fixture = fixture(&stage);
    fill(&stage, &fixture).await;
    is_there(&stage).await;
    let store = &stage.store;
    for number in 1..=MANY {
        assert!(store.delete(&ada(), id(number)).await.unwrap());
        assert!(store.delete(&ada(), id(number + 100)).await.unwrap());
        let talk = number * 10 + 200;
        for parent in [talk + 1, talk + 2] {
            let item = item_id(parent, 0);
            let taken = store.remove(&ada(), conversation(talk), item).await;
            assert!(taken.unwrap());
        }
        assert!(
            ConversationStore::close(store, &ada(), conversation(talk))
                .await
                .unwrap()
        );
    }
    is_nowhere(&stage).await;
}

async fn what_is_past_its_time_is_nowhere_any_more(stage: Stage) {
    let fixture = fixture(&stage);
    fill(&stage, &fixture).await;
    is_there(&stage).await;
    let mut all = 0;
    loop {
        match stage.store.expire(&before(far_away()), 5).await.unwrap() {
            0 => break,
            forgotten => all += forgotten,
        }
    }
    // Three responses, two of what was put somewhere, and a conversation.
    assert_eq!(all, MANY * 6);
    is_nowhere(&stage).await;
}

on_both!(
    what_an_owner_deletes_is_nowhere_any_more,
    what_is_past_its_time_is_nowhere_any_more,
);

#[tokio::test]
async fn the_log_of_a_file_is_cut_soon_after_something_is_deleted() {
    let stage = Stage::sqlite().await;
    let response = changed(advanced(asked(1, marked())), Change::Complete);
    put(&stage.store, &response, said_in(&response)).await;
    stage.store.delete(&ada(), id(1)).await.unwrap();
    assert!(!stage.places_of(MARK).await.is_empty());
    // As a process does every few seconds.
    stage.store.orphans(10).await.unwrap();
    let nowhere: [&str; 0] = [];
    assert_eq!(stage.places_of(MARK).await, nowhere);
}
