//! What one owner may have at once and in a time, while others have theirs.

use std::num::NonZeroU32;
use std::time::Duration;

use response_domain::caller::{Caller, OwnerId};
use response_domain::limit::Rate;
use response_domain::ports::llm::Delta;
use response_domain::spec::Draft;
use response_engine::allowances::Cost;
use response_engine::create::{Created, Request};
use response_engine::error::{CreateError, FollowError, TooManyStreams};
use response_engine::policy::OwnerLimits;
use response_testkit::script::{TurnScript, text};

use crate::world::{Plan, World, ada, asks, but, pass, says, settle};

const MINUTE: Duration = Duration::from_mins(1);

fn hangs() -> TurnScript {
    TurnScript::Hangs(vec![vec![Delta::Text("Well,".into())]])
}

fn limited(turn: TurnScript, limits: OwnerLimits) -> Plan {
    Plan::new([turn]).policy(|policy| policy.owners = limits)
}

fn rate(amount: u32) -> Option<Rate> {
    NonZeroU32::new(amount).map(|amount| Rate {
        amount,
        window: MINUTE,
    })
}

fn owned(owner: OwnerId, draft: Draft) -> Request {
    let request = asks(draft);
    Request {
        caller: Caller { owner, ..ada() },
        ..request
    }
}

fn of(owner: &str, draft: Draft) -> Request {
    owned(OwnerId::new(owner), draft)
}

fn background() -> Draft {
    but(|draft| draft.background = Some(true))
}

#[tokio::test(start_paused = true)]
async fn an_owner_has_so_many_runs_at_once_and_others_have_theirs() {
    let limits = OwnerLimits {
        runs: NonZeroU32::new(2),
        ..OwnerLimits::default()
    };
    let world = limited(hangs(), limits).build().await;
    let first = world.engine.create(of("ada", says("a"))).await.unwrap();
    let stream = but(|draft| draft.stream = Some(true));
    let second = world.engine.create(of("ada", stream)).await.unwrap();
    for refused in [
        world.engine.create(of("ada", says("c"))).await.err(),
        world.engine.count_tokens(of("ada", says("c"))).await.err(),
        world.engine.compact(of("ada", says("c"))).await.err(),
    ] {
        assert!(matches!(refused, Some(CreateError::TooManyRuns)));
    }
    let of_bob = world.engine.create(of("bob", says("d"))).await.unwrap();
    let queued = world.engine.create(of("ada", background())).await.unwrap();
    assert!(
        matches!(queued, Created::Queued(_)),
        "the queue is another matter"
    );
    drop(first);
    settle().await;
    world.engine.create(of("ada", says("e"))).await.unwrap();
    drop((second, of_bob));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_accepted_takes_no_place() {
    let limits = OwnerLimits {
        runs: NonZeroU32::new(1),
        ..OwnerLimits::default()
    };
    let world = limited(text("hi"), limits).build().await;
    for _ in 0..5 {
        let unknown = but(|draft| {
            draft.previous = "resp_00000000000000000000000000".parse().ok();
        });
        let refused = world.engine.create(of("ada", unknown)).await;
        assert!(matches!(refused, Err(CreateError::PreviousNotFound(_))));
        world.answer(says("hi")).await;
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn streams_that_hold_no_run_are_limited_by_owner_and_in_all() {
    let limits = OwnerLimits {
        streams: NonZeroU32::new(2),
        ..OwnerLimits::default()
    };
    let plan = limited(text("hi"), limits).policy(|policy| policy.streams = 3);
    let world = plan.build().await;
    let engine = &world.engine;
    let response = world.enqueue(says("hi")).await;
    let follower = engine.follow(&ada().owner, response.id).await.unwrap();
    let place = engine.open_stream(&ada().owner).unwrap();
    assert!(matches!(
        engine.follow(&ada().owner, response.id).await,
        Err(FollowError::TooManyStreams(TooManyStreams::OfOwner))
    ));
    let bob = OwnerId::new("bob");
    let of_bob = engine.open_stream(&bob).unwrap();
    let refused = engine.open_stream(&bob).err();
    assert_eq!(refused, Some(TooManyStreams::OfEverybody));
    drop(follower);
    let again = engine.open_stream(&bob).unwrap();
    drop((place, of_bob, again));
}

#[tokio::test(start_paused = true)]
async fn requests_flow_in_evenly_and_heavy_ones_take_more() {
    let limits = OwnerLimits {
        requests: rate(60),
        ..OwnerLimits::default()
    };
    let world = limited(text("hi"), limits).build().await;
    let admit = |owner: &str, cost| world.engine.admit(&OwnerId::new(owner), cost);
    for left in (0..12).rev() {
        let quota = admit("ada", Cost::Heavy).unwrap().unwrap();
        assert_eq!((quota.limit, quota.remaining), (60, left * 5));
    }
    let refused = admit("ada", Cost::Light).unwrap_err();
    assert_eq!(refused.retry_after, Duration::from_secs(1));
    assert_eq!(refused.quota.reset, MINUTE);
    assert_eq!(admit("bob", Cost::Light).unwrap().unwrap().remaining, 59);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(admit("ada", Cost::Heavy).is_err());
    assert_eq!(admit("ada", Cost::Light).unwrap().unwrap().remaining, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_used_up_its_tokens_waits_until_they_flow_in_again() {
    let limits = OwnerLimits {
        // An answer of the script costs 15.
        tokens: rate(15),
        ..OwnerLimits::default()
    };
    let world = limited(text("hi"), limits).workers(1).build().await;
    world.answer(says("hi")).await;
    for draft in [says("again"), background()] {
        let refused = world.create(draft).await;
        let Err(CreateError::TokensSpent { retry_after }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(retry_after, Duration::from_secs(4));
    }
    world.engine.create(of("bob", says("hi"))).await.unwrap();
    pass(60).await;
    let queued = world.enqueue(says("later")).await;
    world.followed(queued.id).await;
    let refused = world.create(says("again")).await;
    assert!(
        matches!(refused, Err(CreateError::TokensSpent { .. })),
        "what was used in the background counts too"
    );
    pass(60).await;
    world.engine.count_tokens(asks(says("hi"))).await.unwrap();
    let refused = world.create(says("again")).await;
    assert!(matches!(refused, Err(CreateError::TokensSpent { .. })));
}

#[tokio::test(start_paused = true)]
async fn the_guest_is_everybody_and_is_kept_from_nothing() {
    let limits = OwnerLimits {
        requests: rate(1),
        tokens: rate(1),
        runs: NonZeroU32::new(1),
        streams: NonZeroU32::new(1),
    };
    let plan = limited(hangs(), limits)
        .policy(|policy| policy.background.owner_queue_limit = NonZeroU32::new(1));
    let world: World = plan.build().await;
    let guest = OwnerId::guest();
    let mut held = Vec::new();
    for _ in 0..5 {
        assert_eq!(world.engine.admit(&guest, Cost::Heavy), Ok(None));
        let run = world.engine.create(owned(guest.clone(), says("hi"))).await;
        let queued = world
            .engine
            .create(owned(guest.clone(), background()))
            .await;
        held.push((
            run.unwrap(),
            queued.unwrap(),
            world.engine.open_stream(&guest).unwrap(),
        ));
    }
    let second = world.create(background()).await;
    second.unwrap();
    let refused = world.create(background()).await;
    assert!(matches!(refused, Err(CreateError::QueueFull { .. })));
}
