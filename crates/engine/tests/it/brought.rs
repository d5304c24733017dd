//! Tools that callers bring: servers they name, what they give along for those, and leave that is asked for
//! in one response and given in the next.

use std::sync::Arc;

use response_domain::caller::{ToolSecret, ToolSecrets};
use response_domain::entry::{self, Reply};
use response_domain::item::{
    ApprovalResponse, CallId, Consent, FunctionCallOutput, Item, ItemBody, Message, Role, Runner,
};
use response_domain::page::Order;
use response_domain::ports::llm::Delta;
use response_domain::response::Finish;
use response_domain::spec::{
    ApprovalRule, CallerTool, Draft, InputItem, ReasoningForm, ServerOffer, ToolOffer,
    ToolSelection,
};
use response_domain::status::StatusName;
use response_engine::error::CreateError;
use response_engine::read::{EntryWindow, Whole};
use response_testkit::script::{ScriptedTools, ToolScript, TurnScript, calls, text};

use crate::world::{Plan, World, ada, but, says, status};

fn server(label: &str, url: Option<&str>, approval: ApprovalRule) -> ToolOffer {
    ToolOffer::Server(ServerOffer {
        label: label.into(),
        url: url.map(Arc::from),
        allowed: None,
        approval,
    })
}

fn function(name: &str) -> ToolOffer {
    ToolOffer::Function(CallerTool {
        name: name.into(),
        description: None,
        parameters: None,
        strict: None,
    })
}

fn bringing(offers: Vec<ToolOffer>) -> Draft {
    but(|draft| draft.tools = Some(ToolSelection::Offered(offers)))
}

async fn whole(world: &World, draft: Draft) -> Whole {
    world.wait(draft).await.ended().await.unwrap()
}

const HERE: &str = "https://tools.example/mcp";

#[tokio::test(start_paused = true)]
async fn a_server_that_a_caller_names_gets_what_was_given_along_and_runs_its_tools() {
    let tools =
        ScriptedTools::new([]).named(("shop", HERE), [("buy", ToolScript::Answers("sold"))]);
    let turns = [calls(&[("buy", "{}")]), text("Bought.")];
    let world = Plan::new(turns).tools(tools).build().await;
    let secret = ToolSecret {
        label: "shop".into(),
        address: None,
        headers: vec![("authorization".into(), "Bearer t0p".to_owned().into())],
    };
    let draft = Draft {
        tool_secrets: ToolSecrets::new(vec![secret]),
        ..bringing(vec![server("shop", Some(HERE), ApprovalRule::Never)])
    };
    let whole = whole(&world, draft).await;
    assert_eq!(status(&whole.response), StatusName::Completed);
    let replies: Vec<Reply> = entry::output(&whole.response, &whole.items)
        .into_iter()
        .map(|entry| entry.reply)
        .collect();
    let said = Reply::Said("sold".into());
    assert_eq!(replies, [Reply::NotACall, said, Reply::NotACall]);
    let asked = world.tools.asked();
    assert_eq!((&*asked[0].label, &*asked[0].url), ("shop", HERE));
    for context in [&asked[0].context, &world.tools.contexts()[0]] {
        let headers: Vec<_> = context.tool_secrets.headers("shop").collect();
        assert_eq!(headers, [("authorization", "Bearer t0p")]);
    }
    let stored = format!("{:?}", world.store.all());
    assert!(!stored.contains("t0p"), "{stored}");
}

#[tokio::test(start_paused = true)]
async fn what_was_given_along_waits_in_the_queue_sealed() {
    let tools =
        ScriptedTools::new([]).named(("shop", HERE), [("buy", ToolScript::Answers("sold"))]);
    let turns = [calls(&[("buy", "{}")]), text("Bought.")];
    let world = Plan::new(turns).tools(tools).workers(1).build().await;
    let secret = ToolSecret {
        label: "shop".into(),
        address: None,
        headers: vec![("x-key".into(), "t0p".to_owned().into())],
    };
    let draft = Draft {
        tool_secrets: ToolSecrets::new(vec![secret]),
        background: Some(true),
        ..bringing(vec![server("shop", Some(HERE), ApprovalRule::Never)])
    };
    let queued = world.enqueue(draft).await;
    let (ended, _) = world.followed(queued.id).await;
    assert_eq!(status(&ended), StatusName::Completed);
    let context = &world.tools.contexts()[0];
    let headers: Vec<_> = context.tool_secrets.headers("shop").collect();
    assert_eq!(headers, [("x-key", "t0p")]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_a_caller_names_and_that_does_not_list_is_the_callers_to_see_to() {
    let kind = response_domain::ports::tools::ToolErrorKind::Unauthorized;
    let tools = ScriptedTools::new([]).named_unlisted("shop", kind);
    let world = Plan::new([text("unused")]).tools(tools).build().await;
    let offers = vec![server("shop", Some(HERE), ApprovalRule::Never)];
    let response = whole(&world, bringing(offers)).await.response;
    let response_domain::status::Status::Failed(failure) = response.status() else {
        panic!("{response:?}");
    };
    assert_eq!(
        failure.code,
        response_domain::failure::FailureCode::ToolServerFailed
    );
    assert!(failure.message.contains("`shop`"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_reference_to_a_call_that_was_not_made_brings_that_it_was_not() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [
        calls(&[("clock", "{}")]),
        calls(&[("clock", "{}")]),
        text("Well."),
    ];
    let world = Plan::new(turns)
        .tools(tools)
        .policy(|policy| policy.spec.max_rounds = 1)
        .build()
        .await;
    let first = whole(&world, says("what time is it?")).await;
    assert_eq!(status(&first.response), StatusName::Incomplete);
    let last = first.items.last().unwrap();
    assert!(last.as_call().is_some());
    let again = Message::text(Role::User, "and now?");
    let items = vec![
        InputItem::Reference(last.id),
        InputItem::New(ItemBody::Message(again)),
    ];
    let second = whole(&world, but(|draft| draft.items = items)).await;
    assert_eq!(status(&second.response), StatusName::Completed);
}

#[tokio::test(start_paused = true)]
async fn servers_must_be_known_or_be_somewhere_that_may_be_called() {
    let tools = ScriptedTools::new([]).refusing("http://10.");
    let world = Plan::new([text("unused")]).tools(tools).build().await;
    let unknown = world
        .create(bringing(vec![
            function("mine"),
            server("nowhere", None, ApprovalRule::Never),
        ]))
        .await;
    assert!(
        matches!(&unknown, Err(CreateError::UnknownServer { index: 1, label }) if &**label == "nowhere"),
        "{unknown:?}"
    );
    let inside = server("x", Some("http://10.0.0.1/mcp"), ApprovalRule::Never);
    let refused = world.create(bringing(vec![inside])).await;
    assert!(
        matches!(
            &refused,
            Err(CreateError::ServerNotAllowed { index: 0, .. })
        ),
        "{refused:?}"
    );
    assert!(world.store.all().is_empty());
    assert!(world.model.asked().is_empty());
}

fn answer(request: &Item, consent: Consent) -> InputItem {
    InputItem::New(ItemBody::ApprovalResponse(ApprovalResponse {
        request: request.id.to_string().into(),
        consent,
        reason: None,
    }))
}

#[tokio::test(start_paused = true)]
async fn leave_is_asked_for_in_one_response_and_given_in_the_next() {
    for (consent, reads) in [
        (Consent::Given, "sold"),
        (Consent::Denied, "The user did not allow this call."),
    ] {
        let tools =
            ScriptedTools::new([]).configured("shop", [("buy", ToolScript::Answers("sold"))]);
        let turns = [calls(&[("buy", "{\"n\":1}")]), text("Done.")];
        let world = Plan::new(turns).tools(tools).build().await;
        let offers = vec![server("shop", None, ApprovalRule::Always)];
        let first = whole(&world, bringing(offers.clone())).await;
        assert_eq!(status(&first.response), StatusName::Completed);
        assert!(world.tools.called().is_empty(), "nothing was called");
        let request = first.items.last().unwrap();
        assert!(
            matches!(&request.as_call().unwrap().runner, Runner::Asks(tool) if &*tool.name == "buy")
        );

        let next = Draft {
            items: vec![answer(request, consent)],
            previous: Some(first.response.id),
            ..bringing(offers)
        };
        let second = whole(&world, next).await;
        assert_eq!(
            status(&second.response),
            StatusName::Completed,
            "{consent:?}"
        );
        let called = usize::from(consent == Consent::Given);
        assert_eq!(world.tools.called().len(), called);
        let asked = world.model.asked();
        let last = asked.last().unwrap().transcript.last().unwrap();
        let ItemBody::FunctionCallOutput(output) = &last.body else {
            panic!("{last:?}");
        };
        assert_eq!(&*output.output, reads);
        let shown = entry::output(&second.response, &second.items);
        let calls: Vec<_> = shown
            .iter()
            .filter_map(|entry| entry.item.as_call())
            .collect();
        assert_eq!(calls.len(), called);
        for call in calls {
            assert_eq!(call.approval.as_deref(), Some(&*request.id.to_string()));
        }
        assert!(
            !shown
                .iter()
                .any(|entry| matches!(entry.item.body, ItemBody::ToolList(_))),
            "the list is in the history already"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn leave_is_given_to_a_call_that_is_only_referred_to() {
    let tools = ScriptedTools::new([]).configured("shop", [("buy", ToolScript::Answers("sold"))]);
    let turns = [calls(&[("buy", "{}")]), text("Done.")];
    let world = Plan::new(turns).tools(tools).build().await;
    let offers = vec![server("shop", None, ApprovalRule::Always)];
    let first = whole(&world, bringing(offers.clone())).await;
    let request = first.items.last().unwrap();
    let next = Draft {
        items: vec![
            InputItem::New(ItemBody::Message(Message::text(Role::User, "hi"))),
            InputItem::Reference(request.id),
            answer(request, Consent::Given),
        ],
        ..bringing(offers)
    };
    let second = whole(&world, next).await;
    assert_eq!(status(&second.response), StatusName::Completed);
    assert_eq!(world.tools.called().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_allows_what_nobody_asked_for() {
    let world = World::new([text("unused")]).await;
    let response = InputItem::New(ItemBody::ApprovalResponse(ApprovalResponse {
        request: "mcpr_nothing".into(),
        consent: Consent::Given,
        reason: None,
    }));
    let refused = world
        .create(but(|draft| draft.items = vec![response]))
        .await;
    assert!(
        matches!(refused, Err(CreateError::Unpaired(_))),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_functions_end_the_turn_and_their_outputs_begin_the_next() {
    let world = World::new([calls(&[("mine", "{\"n\":1}")]), text("It is 42.")]).await;
    let first = whole(&world, bringing(vec![function("mine")])).await;
    assert_eq!(status(&first.response), StatusName::Completed);
    let call = first.items.last().unwrap().as_call().unwrap();
    assert_eq!(call.runner, Runner::Caller);
    let output = FunctionCallOutput::text(call.call_id.clone(), "42");
    let next = Draft {
        items: vec![InputItem::New(ItemBody::FunctionCallOutput(output))],
        previous: Some(first.response.id),
        ..bringing(vec![function("mine")])
    };
    let second = whole(&world, next).await;
    assert_eq!(
        second.response.progress.output.as_deref(),
        Some("It is 42.")
    );
    let window = EntryWindow {
        limit: 100,
        order: Order::Ascending,
        after: None,
        before: None,
    };
    let owner = ada().owner;
    let given = world
        .engine
        .input_entries(&owner, second.response.id, window)
        .await
        .unwrap();
    let kinds: Vec<_> = given
        .entries
        .iter()
        .map(|entry| match &entry.item.body {
            ItemBody::Message(_) => "message",
            ItemBody::FunctionCall(_) => "call",
            ItemBody::FunctionCallOutput(_) => "output",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["message", "call", "output"]);
}

#[tokio::test(start_paused = true)]
async fn a_reference_to_the_call_of_a_server_brings_what_came_of_it() {
    let tools = ScriptedTools::new([("clock", ToolScript::Answers("noon"))]);
    let turns = [
        calls(&[("clock", "{}")]),
        text("Noon."),
        text("Still noon."),
    ];
    let world = Plan::new(turns).tools(tools).build().await;
    let first = whole(&world, says("what time is it?")).await;
    let entries = entry::output(&first.response, &first.items);
    let references = entries.iter().map(|entry| &entry.item);
    let mut items: Vec<_> = references
        .map(|item| InputItem::Reference(item.id))
        .collect();
    let again = Message::text(Role::User, "and now?");
    items.push(InputItem::New(ItemBody::Message(again)));
    whole(&world, but(|draft| draft.items = items)).await;
    let asked = world.model.asked();
    let read: Vec<_> = asked[2]
        .transcript
        .iter()
        .map(|item| match &item.body {
            ItemBody::Message(message) => message.joined_text().to_string(),
            ItemBody::FunctionCall(call) => call.name.to_string(),
            ItemBody::FunctionCallOutput(output) => output.output.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(read, ["clock", "noon", "Noon.", "and now?"]);
}

fn thinks(words: &str) -> TurnScript {
    TurnScript::Says(vec![vec![
        Delta::Reasoning(words.into()),
        Delta::Text("Yes.".into()),
        Delta::Finish(Finish::Stop),
    ]])
}

#[tokio::test(start_paused = true)]
async fn reasoning_goes_out_sealed_and_comes_back_for_its_owner_alone() {
    let world = World::new([thinks("Is it?"), text("Sure."), text("Sure.")]).await;
    let draft = but(|draft| {
        draft.store = Some(false);
        draft.reasoning = ReasoningForm::Sealed;
    });
    let first = whole(&world, draft).await;
    let ItemBody::Reasoning(thought) = &first.items[1].body else {
        panic!("{:?}", first.items);
    };
    let sealed = thought.sealed.clone().unwrap();
    assert!(!sealed.contains("Is it?"));
    let mut brought = thought.clone();
    brought.text = "".into();
    let back = |caller| {
        let items = [
            ItemBody::Message(Message::text(Role::User, "hi")),
            ItemBody::Reasoning(brought.clone()),
            ItemBody::Message(Message::text(Role::Assistant, "Yes.")),
            ItemBody::Message(Message::text(Role::User, "sure?")),
        ];
        let draft = but(|draft| {
            draft.items = items.into_iter().map(InputItem::New).collect();
        });
        response_engine::create::Request {
            caller,
            ..crate::world::asks(draft)
        }
    };
    let mut bert = ada();
    bert.owner = response_domain::caller::OwnerId::new("bert");
    for (caller, reads) in [(ada(), "Is it?"), (bert, "")] {
        let created = world.engine.create(back(caller)).await.unwrap();
        let response_engine::create::Created::Waiting(waiting) = created else {
            panic!("{created:?}");
        };
        waiting.ended().await.unwrap();
        let asked = world.model.asked();
        let transcript = &asked.last().unwrap().transcript;
        let thoughts: Vec<_> = transcript
            .iter()
            .filter_map(|item| match &item.body {
                ItemBody::Reasoning(reasoning) => Some(&*reasoning.text),
                _ => None,
            })
            .collect();
        assert_eq!(thoughts, [reads]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_id_that_a_caller_made_up_is_kept() {
    let world = World::new([text("Fine.")]).await;
    let call = response_domain::item::FunctionCall::of_caller(CallId("x".into()), "mine", "{}");
    let items = vec![
        InputItem::New(ItemBody::Message(Message::text(Role::User, "hi"))),
        InputItem::New(ItemBody::FunctionCall(call)),
        InputItem::New(ItemBody::FunctionCallOutput(FunctionCallOutput::text(
            CallId("x".into()),
            "42",
        ))),
    ];
    let whole = whole(&world, but(|draft| draft.items = items)).await;
    assert_eq!(&*whole.items[1].as_call().unwrap().call_id.0, "x");
}
