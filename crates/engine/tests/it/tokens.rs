//! Counting what a request costs to read, and compacting what it builds on.

use response_domain::item::{ItemBody, Message, Role};
use response_domain::ports::llm::{Delta, LlmErrorKind};
use response_domain::response::Finish;
use response_domain::spec::{Draft, InputItem, Silence, ToolChoice};
use response_domain::status::StatusName;
use response_domain::usage::Usage;
use response_engine::error::CreateError;
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, text};
use response_testkit::vault::TestVault;

use crate::world::{Plan, World, asks, but, says, status};

fn counted(words: &str, prompt: u64) -> TurnScript {
    TurnScript::Says(vec![vec![
        Delta::Text(words.into()),
        Delta::Finish(Finish::Length),
        Delta::Usage(Usage {
            prompt,
            completion: 1,
            ..Usage::default()
        }),
    ]])
}

#[tokio::test(start_paused = true)]
async fn the_model_server_counts_what_a_request_would_make_it_read() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let world = Plan::new([counted("H", 321)]).tools(tools).build().await;
    let count = world.engine.count_tokens(asks(says("hi"))).await.unwrap();
    assert_eq!(count, 321);
    let asked = &world.model.asked()[0];
    assert_eq!(asked.spec.controls.max_tokens, Some(1));
    assert_eq!(asked.tools.len(), 1, "what is offered counts");
    assert_eq!(asked.choice, ToolChoice::Auto);
    assert!(world.store.all().is_empty(), "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_count_is_estimated() {
    let silent = || TurnScript::Says(vec![vec![Delta::Finish(Finish::Length)]]);
    let world = World::new([silent(), silent()]).await;
    let short = world.engine.count_tokens(asks(says("hi"))).await.unwrap();
    let long = says(&"many words ".repeat(400));
    let long = world.engine.count_tokens(asks(long)).await.unwrap();
    assert!(short > 0 && long > short + 900, "{short} {long}");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_answer_is_told_of() {
    let world = World::new([TurnScript::Refuses(LlmErrorKind::ModelNotFound)]).await;
    let refused = world.engine.count_tokens(asks(says("hi"))).await;
    assert!(matches!(refused, Err(CreateError::Model(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_transcript_is_compacted_into_what_its_user_said_and_a_summary() {
    let world = World::new([text("Hello Ada."), text("She is Ada."), text("Ada.")]).await;
    let first = world.answer(says("I am Ada.")).await;
    let draft = Draft {
        previous: Some(first.id),
        items: Vec::new(),
        input: None,
        silence: Silence::Allowed,
        ..says("")
    };
    let compacted = world.engine.compact(asks(draft)).await.unwrap();
    let [user, compaction] = compacted.items.as_slice() else {
        panic!("{compacted:?}");
    };
    assert_eq!(&*user.as_message().unwrap().joined_text(), "I am Ada.");
    let ItemBody::Compaction(summary) = &compaction.body else {
        panic!("{compaction:?}");
    };
    assert_eq!(&*summary.text, "She is Ada.");
    assert!(!summary.sealed.contains("She is Ada."));
    let mut brought = summary.clone();
    brought.text = "".into();
    let items = [
        user.body.clone(),
        ItemBody::Compaction(brought),
        ItemBody::Message(Message::text(Role::User, "who am I?")),
    ];
    let next = but(|draft| draft.items = items.into_iter().map(InputItem::New).collect());
    let answer = world.answer(next).await;
    assert_eq!(status(&answer), StatusName::Completed);
    let asked = world.model.asked();
    let read = asked[2]
        .transcript
        .iter()
        .find_map(|item| match &item.body {
            ItemBody::Compaction(compaction) => Some(&*compaction.text),
            _ => None,
        });
    assert_eq!(read, Some("She is Ada."));
}

#[tokio::test(start_paused = true)]
async fn what_was_sealed_elsewhere_is_refused() {
    let world = World::new([text("unused")]).await;
    let foreign = response_domain::item::Compaction {
        text: "".into(),
        sealed: "gAAAAA".into(),
    };
    let items = vec![
        InputItem::New(ItemBody::Message(Message::text(Role::User, "hi"))),
        InputItem::New(ItemBody::Compaction(foreign)),
    ];
    let refused = world.create(but(|draft| draft.items = items)).await;
    assert!(
        matches!(refused, Err(CreateError::Sealed { place: 1 })),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_key_nothing_is_compacted() {
    let mut plan = Plan::new([text("A summary.")]);
    plan.vault = TestVault::with_keys([]);
    let world = plan.build().await;
    let refused = world.engine.compact(asks(says("hi"))).await;
    assert!(matches!(refused, Err(CreateError::NoKey)), "{refused:?}");
}
