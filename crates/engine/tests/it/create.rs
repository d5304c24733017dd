//! Accepting requests, and the common short answer.

use std::sync::Arc;

use response_domain::id::{ConversationId, ItemId, RawId, ResponseId};
use response_domain::item::{CallId, FunctionCallOutput, ItemBody};
use response_domain::ports::llm::TurnMode;
use response_domain::ports::tools::ToolErrorKind;
use response_domain::spec::{Draft, InputItem, ToolChoice, ToolRequest, ToolSelection};
use response_domain::status::StatusName;
use response_engine::create::Created;
use response_engine::error::CreateError;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, text};

use crate::world::{Plan, World, asks, but, end_of, output, read_all, says, status};

fn tool(name: &str) -> ToolRequest {
    ToolRequest {
        name: Arc::from(name),
        description: None,
        parameters: None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_only_warmed_up_asks_no_model_and_can_be_built_on() {
    let world = World::new([text("Hello Ada.")]).await;
    let warm = but(|draft| draft.store = Some(false));
    let mut reader = world.engine.warm_up(asks(warm)).await.unwrap();
    let events = read_all(&mut reader).await;
    response_testkit::grammar::check(&events).unwrap();
    let whole = reader.whole();
    assert_eq!(status(&whole.response), StatusName::Completed);
    assert!(world.model.asked().is_empty());
    let memory = response_engine::create::Memory {
        response: whole.response.id,
        items: whole.history.iter().chain(&whole.items).cloned().collect(),
    };
    let builds_on = |store: Option<bool>, memory| response_engine::create::Request {
        memory,
        ..asks(but(|draft| {
            draft.previous = Some(whole.response.id);
            draft.store = store;
        }))
    };
    let next = builds_on(Some(false), Some(memory.clone()));
    let Created::Waiting(waiting) = world.engine.create(next).await.unwrap() else {
        panic!("it waits");
    };
    end_of(waiting).await;
    assert_eq!(world.model.asked()[0].transcript.len(), 2);
    for refused in [builds_on(Some(false), None), builds_on(None, Some(memory))] {
        let refused = world.engine.create(refused).await;
        assert!(
            matches!(refused, Err(CreateError::PreviousNotFound(_))),
            "{refused:?}"
        );
    }
    assert!(world.store.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_short_answer_costs_one_commit() {
    let world = World::new([text("Hello there.")]).await;
    let response = world.answer(says("hi")).await;
    assert_eq!(
        (status(&response), output(&response)),
        (StatusName::Completed, "Hello there.")
    );
    assert_eq!(world.store.commits(), 1);
    let usage = response.progress.usage.unwrap();
    assert_eq!((usage.prompt, usage.completion, usage.total()), (10, 5, 15));
    assert_eq!(world.model.asked()[0].mode, TurnMode::Whole);
    let stored = world
        .engine
        .get(&response.owner, response.id)
        .await
        .unwrap();
    assert_eq!(stored.progress, response.progress);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_stored_is_never_written_and_cannot_be_fetched() {
    let world = World::new([text("Hello.")]).await;
    let response = world
        .answer(Draft {
            store: Some(false),
            ..says("hi")
        })
        .await;
    assert_eq!(status(&response), StatusName::Completed);
    assert_eq!(response.conversation, None);
    assert_eq!(world.store.commits(), 0);
    assert!(
        world
            .engine
            .get(&response.owner, response.id)
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn the_credential_and_the_request_id_go_upstream_as_they_came() {
    let world = World::new([text("Hello.")]).await;
    world
        .answer(Draft {
            user: Some(Arc::from("customer-7")),
            ..says("hi")
        })
        .await;
    let context = &world.model.contexts()[0];
    assert_eq!(context.credential, crate::world::ada().credential);
    assert_eq!(
        (&*context.request_id, &*context.user),
        ("req-1", "customer-7")
    );
}

#[tokio::test(start_paused = true)]
async fn a_continuation_sees_what_came_before_and_stays_in_its_conversation() {
    let world = World::new([text("Paris.")]).await;
    let first = world.answer(says("capital of France?")).await;
    let second = world
        .answer(Draft {
            previous: Some(first.id),
            ..says("and its river?")
        })
        .await;
    assert_eq!(second.conversation, first.conversation);
    let seen: Vec<String> = world.model.asked()[1]
        .transcript
        .iter()
        .filter_map(|item| match &item.body {
            ItemBody::Message(message) => Some(message.joined_text().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(seen, ["capital of France?", "Paris.", "and its river?"]);
    let third = world
        .answer(Draft {
            conversation: first.conversation,
            ..says("thanks")
        })
        .await;
    assert_eq!(third.conversation, first.conversation);
    assert_eq!(world.model.asked()[2].transcript.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_reference_brings_a_stored_item() {
    let world = World::new([text("Paris.")]).await;
    let first = world.answer(says("capital of France?")).await;
    let reference = InputItem::Reference(ItemId::new(first.id.raw(), 1));
    let mut draft = says("repeat that");
    draft.items.insert(0, reference);
    world.answer(draft).await;
    let transcript = &world.model.asked()[1].transcript;
    assert!(
        matches!(&transcript[0].body, ItemBody::Message(message) if &*message.joined_text() == "Paris.")
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_request_builds_on_must_exist() {
    let world = World::new([text("Hello.")]).await;
    let known = world.answer(says("hi")).await;
    let other = world.answer(says("ho")).await;
    let nobody = RawId::new(7);
    let elsewhere = but(|draft| {
        draft.previous = Some(known.id);
        draft.conversation = other.conversation;
    });
    let output = InputItem::New(ItemBody::FunctionCallOutput(FunctionCallOutput::text(
        CallId(Arc::from("call_1")),
        "42",
    )));
    let reference = InputItem::Reference(ItemId::new(nobody, 0));
    let unknown = ToolChoice::Named(Arc::from("nothing"));
    let conversation = Some(ConversationId::new(nobody));
    let cases = [
        (
            but(|draft| draft.previous = Some(ResponseId::new(nobody))),
            "PreviousNotFound",
        ),
        (
            but(|draft| draft.conversation = conversation),
            "ConversationNotFound",
        ),
        (elsewhere, "PreviousElsewhere"),
        (but(|draft| draft.items = vec![reference]), "ItemNotFound"),
        (but(|draft| draft.items = vec![output]), "Unpaired"),
        (
            but(|draft| draft.tools = Some(ToolSelection::Only(vec![tool("nothing")]))),
            "ToolNotAvailable",
        ),
        (
            but(|draft| draft.tool_choice = Some(unknown)),
            "ToolNotAvailable",
        ),
        (but(|draft| draft.model = None), "Refused"),
    ];
    let asked = world.model.asked().len();
    for (draft, expected) in cases {
        let error = world.create(draft).await.unwrap_err();
        assert!(
            format!("{error:?}").starts_with(expected),
            "{error:?} is not {expected}"
        );
    }
    assert_eq!(
        world.model.asked().len(),
        asked,
        "a refused request reaches no model"
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_continues_what_has_not_ended() {
    let world = World::new([TurnScript::Hangs(vec![])]).await;
    let running = world.wait(says("hi")).await;
    let draft = Draft {
        previous: Some(running.id()),
        ..says("and?")
    };
    assert!(matches!(
        world.create(draft).await,
        Err(CreateError::PreviousInProgress(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn named_tools_that_cannot_be_looked_up_refuse_the_request() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))])
        .unlisted(ToolErrorKind::Unavailable);
    let world = Plan::new([text("Hello.")]).tools(tools).build().await;
    let error = world
        .create(Draft {
            tools: Some(ToolSelection::Only(vec![tool("clock")])),
            ..says("hi")
        })
        .await
        .unwrap_err();
    assert!(matches!(error, CreateError::Tools(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn more_runs_than_allowed_are_refused_until_one_ends() {
    let plan = Plan::new([TurnScript::Hangs(vec![])]).policy(|policy| policy.runs = 1);
    let world = plan.build().await;
    let first = world.wait(says("hi")).await;
    assert!(matches!(
        world.create(says("ho")).await,
        Err(CreateError::Overloaded)
    ));
    world
        .engine
        .cancel(&crate::world::ada().owner, first.id())
        .await
        .unwrap();
    end_of(first).await;
    tokio::task::yield_now().await;
    assert!(matches!(
        world.create(says("ho")).await,
        Ok(Created::Waiting(_))
    ));
}
