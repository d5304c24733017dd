//! Requests that bear a key: the same again is the same response, here and in other processes.

use response_domain::ports::idempotency::{Fingerprint, IdempotencyKey};
use response_domain::spec::Draft;
use response_domain::status::StatusName;
use response_engine::create::{Created, Request};
use response_engine::error::CreateError;
use response_testkit::script::{TurnScript, text};

use crate::world::{Plan, World, asks, but, end_of, says, status};

fn keyed(text: &str, print: u8, draft: Draft) -> Request {
    let key = IdempotencyKey {
        text: text.into(),
        fingerprint: Fingerprint([print; 32]),
    };
    Request {
        key: Some(key),
        ..asks(draft)
    }
}

async fn waits(world: &World, request: Request) -> response_engine::create::Waiting {
    match world.engine.create(request).await.unwrap() {
        Created::Waiting(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_again_is_the_same_response() {
    let world = World::new([text("Hello."), text("Hello again.")]).await;
    let first = end_of(waits(&world, keyed("k", 1, says("hi"))).await).await;
    let again = end_of(waits(&world, keyed("k", 1, says("hi"))).await).await;
    assert_eq!(first.id, again.id);
    let other = end_of(waits(&world, keyed("l", 1, says("hi"))).await).await;
    assert_ne!(first.id, other.id);
    assert_eq!(world.model.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn another_request_under_the_same_key_is_refused() {
    let world = World::new([text("Hello.")]).await;
    end_of(waits(&world, keyed("k", 1, says("hi"))).await).await;
    let refused = world.engine.create(keyed("k", 2, says("ho"))).await;
    assert!(
        matches!(refused, Err(CreateError::KeyReused)),
        "{refused:?}"
    );
    assert_eq!(world.store.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_of_owners_do_not_meet() {
    let world = World::new([text("Hello."), text("Hello.")]).await;
    let adas = end_of(waits(&world, keyed("k", 1, says("hi"))).await).await;
    let mut request = keyed("k", 2, says("ho"));
    request.caller.owner = response_domain::caller::OwnerId::new("bert");
    let berts = end_of(waits(&world, request).await).await;
    assert_ne!(adas.id, berts.id);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_again_while_it_runs_joins_and_outlives_who_leaves() {
    for store in [true, false] {
        let said = vec![vec![response_domain::ports::llm::Delta::Text("He".into())]];
        let world = World::new([TurnScript::Hangs(said)]).await;
        let draft = but(|draft| draft.store = Some(store));
        let first = waits(&world, keyed("k", 1, draft.clone())).await;
        let id = first.id();
        world.model.hanging.notified().await;
        let second = waits(&world, keyed("k", 1, draft.clone())).await;
        assert_eq!(second.id(), id);
        drop(first);
        drop(second);
        tokio::task::yield_now().await;
        let third = waits(&world, keyed("k", 1, draft.clone())).await;
        assert_eq!(third.id(), id, "nobody waits, and it goes on");
        let other = world.engine.create(keyed("k", 2, draft)).await;
        assert!(matches!(other, Err(CreateError::KeyReused)), "{other:?}");
        world.engine.drain();
        assert_eq!(world.model.asked().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_asked_for_again_is_told_again() {
    let world = World::new([text("Hello there.")]).await;
    let draft = || Draft {
        stream: Some(true),
        ..says("hi")
    };
    let first = world.engine.create(keyed("k", 1, draft())).await.unwrap();
    let Created::Streaming(mut reader) = first else {
        panic!("{first:?}");
    };
    let id = reader.id();
    reader.next().await.unwrap();
    drop(reader);
    let again = world.engine.create(keyed("k", 1, draft())).await.unwrap();
    let Created::Retold(waiting) = again else {
        panic!("{again:?}");
    };
    let whole = waiting.ended().await.unwrap();
    assert_eq!(whole.response.id, id);
    assert_eq!(status(&whole.response), StatusName::Completed);
    let events = response_domain::entry::retold(&whole.response, &whole.items);
    response_testkit::grammar::check(&events).unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_process_joins_by_the_store() {
    let here = World::new([text("Hello.")]).await;
    let there = Plan::new([text("unused")]).beside(&here).build().await;
    let ended = end_of(waits(&here, keyed("k", 1, says("hi"))).await).await;
    let joined = end_of(waits(&there, keyed("k", 1, says("hi"))).await).await;
    assert_eq!(joined.id, ended.id);
    assert!(there.model.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_the_queue_is_found_by_its_key() {
    let world = World::new([text("Hello.")]).await;
    let draft = || but(|draft| draft.background = Some(true));
    let mut ids = Vec::new();
    for _ in 0..2 {
        match world.engine.create(keyed("k", 1, draft())).await.unwrap() {
            Created::Queued(response) => ids.push(response.id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(world.store.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn of_requests_that_come_at_once_one_runs() {
    let world = World::new([text("Hello."), text("Hello."), text("Hello.")]).await;
    let ask = || async { end_of(waits(&world, keyed("k", 1, says("hi"))).await).await };
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert_eq!((one.id, two.id), (two.id, three.id));
    assert_eq!(world.store.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_of_a_response_that_is_gone_is_refused() {
    let world = World::new([text("Hello."), text("unused")]).await;
    let first = end_of(waits(&world, keyed("k", 1, says("hi"))).await).await;
    assert!(world.engine.delete(&first.owner, first.id).await.is_ok());
    let refused = world.engine.create(keyed("k", 1, says("hi"))).await;
    assert!(
        matches!(refused, Err(CreateError::KeyReused)),
        "{refused:?}"
    );
}
