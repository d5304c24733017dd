//! Responses that run in the background: queued, worked on, followed, stopped.

use std::num::NonZeroU32;
use std::time::Duration;

use response_domain::caller::Credential;
use response_domain::event::Event;
use response_domain::failure::FailureCode;
use response_domain::id::{RawId, WorkerId};
use response_domain::page::Order;
use response_domain::ports::llm::Delta;
use response_domain::ports::store::WorkerRegistry;
use response_domain::response::Finish;
use response_domain::status::{Status, StatusName};
use response_engine::create::Request;
use response_engine::error::{Backlog, CreateError, FollowError};
use response_engine::policy::Company;
use response_engine::read::ItemWindow;
use response_testkit::grammar;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};
use response_testkit::vault::TestVault;

use crate::world::{Plan, World, ada, asks, but, output, says, settle, status};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_queued_response_is_worked_on_to_its_end() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [calls(&[("clock", "{}")]), text("It is noon.")];
    let world = Plan::new(turns).tools(tools).workers(2).build().await;
    let queued = world.enqueue(says("time?")).await;
    assert_eq!(status(&queued), StatusName::Queued);
    assert!(queued.times.queued.is_some() && queued.times.started.is_none());
    let (ended, told) = world.followed(queued.id).await;
    grammar::check(&told).unwrap();
    assert_eq!(
        (status(&ended), output(&ended)),
        (StatusName::Completed, "It is noon.")
    );
    assert!(
        matches!(told.first(), Some(Event::Created(first)) if first.status() == queued.status())
    );
    assert!(
        matches!(told.get(1), Some(Event::Started(started)) if *started.status() == Status::InProgress)
    );
    let contexts = world.model.contexts();
    assert_eq!(
        contexts[0].credential,
        Credential::bearer("ada's token".into())
    );
    assert_eq!(&*contexts[0].request_id, "req-1");
    assert!(!world.store.has_job(queued.id), "nothing waits any more");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_request_is_dropped_on_its_way_through_the_queue() {
    let world = Plan::new([text("Hello.")]).workers(1).build().await;
    let draft = but(|draft| {
        draft.controls.temperature = Some(0.25);
        draft.controls.max_tokens = Some(7);
        draft.user = Some("eve".into());
    });
    let queued = world.enqueue(draft.clone()).await;
    world.followed(queued.id).await;
    world.answer(draft).await;
    let asked = world.model.asked();
    assert_eq!(asked[0].spec.controls, asked[1].spec.controls);
    assert_eq!(asked[0].transcript.len(), asked[1].transcript.len());
    assert_eq!(asked[0].choice, asked[1].choice);
    assert_eq!(
        world.model.contexts()[0].user,
        world.model.contexts()[1].user
    );
}

#[tokio::test(start_paused = true)]
async fn the_oldest_goes_first_and_no_more_run_than_there_are_workers() {
    let world = Plan::new([TurnScript::Hangs(vec![])]).build().await;
    let mut queued = Vec::new();
    for number in 0..5 {
        queued.push(world.enqueue(says(&format!("number {number}"))).await.id);
    }
    let there = Plan::new([TurnScript::Hangs(vec![])])
        .beside(&world)
        .workers(2)
        .build()
        .await;
    settle().await;
    let mut running = Vec::new();
    for id in &queued {
        let response = world.engine.get(&ada().owner, *id).await.unwrap();
        // What runs is written when its first window is.
        running.push((
            response.id,
            there.model.contexts().iter().any(|it| it.response == *id),
        ));
    }
    let begun: Vec<bool> = running.into_iter().map(|(_, begun)| begun).collect();
    assert_eq!(begun, [true, true, false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_queued_response_that_is_cancelled_is_never_worked_on() {
    let world = World::new([text("Hello.")]).await;
    let queued = world.enqueue(says("hi")).await;
    let cancelled = world.engine.cancel(&ada().owner, queued.id).await.unwrap();
    assert_eq!(status(&cancelled), StatusName::Cancelled);
    let there = Plan::new([text("Hello.")])
        .beside(&world)
        .workers(1)
        .build()
        .await;
    settle().await;
    assert!(there.model.asked().is_empty());
    let again = there.engine.cancel(&ada().owner, queued.id).await.unwrap();
    assert_eq!(again.times, cancelled.times);
    let (ended, told) = there.followed(queued.id).await;
    grammar::check(&told).unwrap();
    assert_eq!((status(&ended), told.len()), (StatusName::Cancelled, 2));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_in_another_process_stops_the_model_at_once() {
    let said = vec![vec![Delta::Text("It is".into())]];
    let here = Plan::new([TurnScript::Hangs(said)])
        .workers(1)
        .build()
        .await;
    let there = Plan::new([text("unused")]).beside(&here).build().await;
    let queued = there.enqueue(says("time?")).await;
    here.model.hanging.notified().await;
    // Until what it said stands in the log.
    tokio::time::advance(SECOND).await;
    settle().await;
    let begun = tokio::time::Instant::now();
    let cancelled = there.engine.cancel(&ada().owner, queued.id).await.unwrap();
    here.model.dropped.notified().await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "the nudge stops it");
    assert_eq!(output(&cancelled), "It is");
    assert_eq!(status(&cancelled), StatusName::Cancelled);
    let (ended, told) = there.followed(queued.id).await;
    grammar::check(&told).unwrap();
    assert_eq!(ended.times, cancelled.times);
    assert_eq!(there.store.told(queued.id), told);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_a_tool_is_the_output_of_a_cancelled_response() {
    let tools = ScriptedTools::new([("clock", ToolScript::Hangs)]);
    let says_and_calls = TurnScript::Says(vec![
        vec![Delta::Text("Let me see.".into())],
        vec![Delta::Call {
            slot: 0,
            name: Some("clock".into()),
            arguments: "{}".into(),
        }],
        vec![Delta::Finish(Finish::ToolCalls)],
    ]);
    let world = Plan::new([says_and_calls])
        .tools(tools)
        .workers(1)
        .build()
        .await;
    let queued = world.enqueue(says("time?")).await;
    world.tools.begun.notified().await;
    let cancelled = world.engine.cancel(&ada().owner, queued.id).await.unwrap();
    assert_eq!(output(&cancelled), "Let me see.");
}

#[tokio::test(start_paused = true)]
async fn without_a_nudge_a_cancel_arrives_with_a_heartbeat() {
    let here = Plan::new([TurnScript::Hangs(vec![])])
        .workers(1)
        .build()
        .await;
    let queued = here.enqueue(says("hi")).await;
    here.model.hanging.notified().await;
    here.bus.break_down();
    let begun = tokio::time::Instant::now();
    here.engine.cancel(&ada().owner, queued.id).await.unwrap();
    here.model.dropped.notified().await;
    assert!(begun.elapsed() <= 3 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_a_nudge_a_queued_response_is_found_and_followed() {
    let world = Plan::new([text("Hello there.")]).workers(1).build().await;
    world.bus.break_down();
    let begun = tokio::time::Instant::now();
    let queued = world.enqueue(says("hi")).await;
    let (ended, _) = world.followed(queued.id).await;
    assert_eq!(status(&ended), StatusName::Completed);
    assert!(begun.elapsed() <= 4 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn deleting_a_running_response_stops_it_and_ends_its_stream() {
    let world = Plan::new([TurnScript::Hangs(vec![])])
        .workers(1)
        .build()
        .await;
    let queued = world.enqueue(says("hi")).await;
    let mut follower = world.engine.follow(&ada().owner, queued.id).await.unwrap();
    world.model.hanging.notified().await;
    world.engine.delete(&ada().owner, queued.id).await.unwrap();
    world.model.dropped.notified().await;
    while let Some(_events) = follower.next().await.unwrap() {}
    assert!(matches!(
        world.engine.follow(&ada().owner, queued.id).await,
        Err(FollowError::NotFound)
    ));
}

#[tokio::test(start_paused = true)]
async fn only_background_responses_can_be_followed_and_only_by_their_owner() {
    let world = Plan::new([text("Hello.")]).workers(1).build().await;
    let waited = world.answer(says("hi")).await;
    assert!(matches!(
        world.engine.follow(&ada().owner, waited.id).await,
        Err(FollowError::NotKept)
    ));
    let queued = world.enqueue(says("hi")).await;
    let eve = response_domain::caller::OwnerId::new("eve");
    assert!(matches!(
        world.engine.follow(&eve, queued.id).await,
        Err(FollowError::NotFound)
    ));
}

#[tokio::test(start_paused = true)]
async fn past_its_time_a_response_fails() {
    let world = Plan::new([TurnScript::Hangs(vec![])])
        .workers(1)
        .policy(|policy| policy.background.task_timeout = 5 * SECOND)
        .build()
        .await;
    let begun = tokio::time::Instant::now();
    let queued = world.enqueue(says("hi")).await;
    let (ended, told) = world.followed(queued.id).await;
    grammar::check(&told).unwrap();
    let Status::Failed(failure) = ended.status() else {
        panic!("it is {:?}", ended.status());
    };
    assert_eq!(failure.code, FailureCode::TaskTimeout);
    assert!(begun.elapsed() <= 6 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_the_response_and_not_the_worker() {
    let world = Plan::new([TurnScript::Panics, text("Hello.")])
        .workers(1)
        .build()
        .await;
    let broken = world.enqueue(says("hi")).await;
    let whole = world.enqueue(says("hi")).await;
    let (ended, told) = world.followed(broken.id).await;
    grammar::check(&told).unwrap();
    assert!(
        matches!(ended.status(), Status::Failed(failure) if failure.code == FailureCode::Internal)
    );
    let (ended, _) = world.followed(whole.id).await;
    assert_eq!(status(&ended), StatusName::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_says_when_to_come_back() {
    let limit = NonZeroU32::new(2);
    let everybody = Plan::new([text("unused")])
        .policy(|policy| policy.background.queue_limit = limit)
        .build()
        .await;
    let callers = Plan::new([text("unused")])
        .policy(|policy| policy.background.owner_queue_limit = limit)
        .build()
        .await;
    for (world, expected) in [
        (everybody, Backlog::Everybodys),
        (callers, Backlog::Callers),
    ] {
        for _ in 0..2 {
            world.enqueue(says("hi")).await;
            // A look at the queue is good for a second.
            tokio::time::advance(2 * SECOND).await;
        }
        let refused = world
            .create(but(|draft| draft.background = Some(true)))
            .await;
        match refused {
            Err(CreateError::QueueFull { whose, retry_after }) => {
                assert_eq!(whose, expected);
                assert!(retry_after >= SECOND);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(world.store.all().len(), 2, "nothing was written");
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_cannot_be_kept_or_will_not_last_is_refused() {
    let mut plan = Plan::new([text("unused")]);
    plan.vault = TestVault::with_keys([]);
    let world = plan.build().await;
    let refused = world
        .create(but(|draft| draft.background = Some(true)))
        .await;
    assert!(matches!(refused, Err(CreateError::BackgroundUnavailable)));

    let world = World::new([text("unused")]).await;
    let mut caller = ada();
    caller.expires = Some(response_domain::time::Timestamp::from_micros(0));
    let refused = world
        .engine
        .create(Request {
            caller,
            ..asks(but(|draft| draft.background = Some(true)))
        })
        .await;
    assert!(matches!(refused, Err(CreateError::CredentialExpires)));
    assert!(world.store.all().is_empty(), "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn what_a_process_cannot_finish_it_hands_back_and_another_finishes() {
    let said = vec![vec![Delta::Text("Half a".into())]];
    let here = Plan::new([TurnScript::Hangs(said)])
        .workers(1)
        .build()
        .await;
    let queued = here.enqueue(says("hi")).await;
    here.model.hanging.notified().await;
    tokio::time::advance(SECOND).await;
    settle().await;
    here.engine
        .shut_down(std::future::ready(()), 5 * SECOND)
        .await;
    let waiting = here.engine.get(&ada().owner, queued.id).await.unwrap();
    assert_eq!(status(&waiting), StatusName::Queued);
    let there = Plan::new([text("A whole answer.")])
        .beside(&here)
        .workers(1)
        .build()
        .await;
    let (ended, told) = there.followed(queued.id).await;
    grammar::check(&told).unwrap();
    assert_eq!(
        (status(&ended), output(&ended)),
        (StatusName::Completed, "A whole answer.")
    );
    let window = ItemWindow {
        limit: 20,
        order: Order::Ascending,
        after: None,
    };
    let owner = ada().owner;
    let sent = there.engine.input_items(&owner, queued.id, window).await;
    let sent = sent.unwrap().entries;
    assert_eq!(sent.len(), 1, "what broke off was not sent again: {sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_taken_for_dead_lets_go_of_what_others_took_over() {
    let here = Plan::new([TurnScript::Hangs(vec![])])
        .workers(1)
        .build()
        .await;
    let queued = here.enqueue(says("hi")).await;
    here.model.hanging.notified().await;
    // Somebody else was given the response, and this process is not told.
    here.bus.break_down();
    here.store.forget_worker(WorkerId::new(RawId::new(1)));
    let there = Plan::new([text("Hello.")])
        .beside(&here)
        .workers(1)
        .build()
        .await;
    here.model.dropped.notified().await;
    let (ended, _) = there.followed(queued.id).await;
    assert_eq!(output(&ended), "Hello.");
    assert!(
        there
            .store
            .beat(WorkerId::new(RawId::new(1)))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_what_runs_elsewhere_ends_with_its_own_process() {
    let here = Plan::new([TurnScript::Hangs(vec![])])
        .workers(1)
        .build()
        .await;
    let there = Plan::new([text("unused")]).beside(&here).build().await;
    let queued = there.enqueue(says("hi")).await;
    here.model.hanging.notified().await;
    let mut follower = there.engine.follow(&ada().owner, queued.id).await.unwrap();
    follower.next().await.unwrap();
    let never = std::future::pending();
    let ((), ()) = tokio::join!(there.engine.shut_down(never, SECOND), async {
        while let Some(_events) = follower.next().await.unwrap() {}
    });
    let running = here.engine.get(&ada().owner, queued.id).await.unwrap();
    assert!(!running.status().is_ended(), "the run goes on");
}

#[tokio::test(start_paused = true)]
async fn a_burst_does_not_pass_the_limit_of_the_queue() {
    let world = Plan::new([text("unused")])
        .policy(|policy| policy.background.queue_limit = NonZeroU32::new(3))
        .build()
        .await;
    for _ in 0..3 {
        world.enqueue(says("hi")).await;
    }
    let refused = world
        .create(but(|draft| draft.background = Some(true)))
        .await;
    assert!(matches!(refused, Err(CreateError::QueueFull { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_lacks_a_key_leaves_the_queue_to_those_who_have_it() {
    let world = World::new([text("unused")]).await;
    let queued = world.enqueue(says("hi")).await;
    let mut plan = Plan::new([text("unused")]).beside(&world).workers(2);
    plan.vault = TestVault::with_keys(["another"]);
    let keyless = plan.build().await;
    settle().await;
    let waiting = world.engine.get(&ada().owner, queued.id).await.unwrap();
    assert_eq!(status(&waiting), StatusName::Queued);
    let lacks = keyless.engine.readiness().await.keys.unwrap_err();
    assert!(lacks.contains("`test`"), "{lacks}");
    tokio::time::advance(10 * SECOND).await;
    settle().await;
    assert!(keyless.model.asked().is_empty());
    let there = Plan::new([text("Hello.")])
        .beside(&keyless)
        .workers(1)
        .build()
        .await;
    let (ended, _) = there.followed(queued.id).await;
    assert_eq!(output(&ended), "Hello.");
    assert_eq!(there.engine.readiness().await.keys, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_can_have_fails_the_response() {
    let world = World::new([text("unused")]).await;
    let queued = world.enqueue(says("hi")).await;
    let mut plan = Plan::new([text("unused")])
        .beside(&world)
        .workers(1)
        .policy(|policy| policy.background.company = Company::None);
    plan.vault = TestVault::with_keys(["another"]);
    let alone = plan.build().await;
    let (ended, _) = alone.followed(queued.id).await;
    assert!(
        matches!(ended.status(), Status::Failed(failure) if failure.code == FailureCode::Internal)
    );
    assert_eq!(alone.engine.readiness().await.keys, Ok(()));
}
