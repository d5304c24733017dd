//! Tools that callers bring: their own functions, servers and what those list, leave that has to be asked
//! for, and limits of the request.

use std::sync::Arc;

use response_domain::entry::{self, Reply};
use response_domain::event::Event;
use response_domain::item::{
    CallId, FunctionCall, FunctionCallOutput, ItemBody, Runner, ServerTool,
};
use response_domain::run::Input;
use response_domain::spec::{
    ApprovalRule, InputItem, ServerOffer, ToolFilter, ToolOffer, ToolSelection,
};
use response_domain::tool::Approval;

use crate::script::{End, check, deltas, toolbox, world_after};
use crate::world::{World, draft, rules};

#[test]
fn servers_list_their_tools_once_and_those_are_called() {
    check(
        "
        request offers=web,shop
        up                              => list tools
        tools web=a:safe shop=b:unsafe  => ask: u:hi
        model call a {} | call b {}     => run 0 a {}, 1 b {}
        back 0 done found               => wait
        back 1 done sold                => ask: u:hi call:a call:b out:found out:sold
        model say Done.                 => completed: Done.
        = rounds 1, turns 2 =>
        = 0 a round 1 completed 250ms: found =>
        = 1 b round 1 completed 250ms: sold =>
        = items u:hi list:web=1 list:shop=1 call:a call:b out:found out:sold a:Done. =>
        ",
    );
}

#[test]
fn a_server_that_does_not_list_its_tools_ends_the_run_or_is_done_without() {
    check(
        "
        request offers=web,shop
        up                              => list tools
        tools web=a:safe shop=failed    => failed tools_unavailable
        ",
    );
    check(
        "
        request offers=web,shop on-failure=report
        up                              => list tools
        tools web=a:safe shop=failed    => ask: u:hi
        model say Hi.                   => completed: Hi.
        = rounds 0, turns 1 =>
        = items u:hi list:web=1 list:shop=failed a:Hi. =>
        ",
    );
}

#[test]
fn calls_of_the_caller_end_the_turn_when_those_of_servers_are_back() {
    check(
        "
        request offers=fn:mine,web
        up                              => list tools
        tools web=a:safe                => ask: u:hi
        model call mine {} | call a {}  => run 0 a {}
        back 0 done found               => completed
        = rounds 1, turns 1 =>
        = 0 a round 1 completed 250ms: found =>
        = items u:hi list:web=1 call:mine call:a out:found =>
        ",
    );
}

#[test]
fn a_call_that_needs_leave_ends_the_turn_without_being_made() {
    check(
        "
        request offers=shop?,web
        up                              => list tools
        tools shop=b:unsafe web=a:safe  => ask: u:hi
        model call b {} | call a {}     => run 0 a {}
        back 0 done found               => completed
        = rounds 1, turns 1 =>
        = 0 a round 1 completed 250ms: found =>
        = items u:hi list:shop=1 list:web=1 call:b call:a out:found =>
        ",
    );
    check(
        "
        request offers=shop?
        up                              => list tools
        tools shop=b:unsafe             => ask: u:hi
        model call b {}                 => completed
        ",
    );
}

#[test]
fn what_was_allowed_is_called_first_and_what_was_denied_is_told() {
    check(
        "
        request offers=shop? answers=shop.b:yes,shop.c:no
        up                                => list tools
        tools shop=b:unsafe,c:unsafe      => run 0 b {}
        back 0 done sold                  => ask: u:hi call:b call:c out:sold out:The user did not allow this call.
        model say Done.                   => completed: Done.
        = rounds 1, turns 1 =>
        = 0 b round 1 completed 250ms: sold =>
        = items u:hi call:b approval call:c approval list:shop=2 call:b call:c out:sold out:The user did not allow this call. a:Done. =>
        ",
    );
    check(
        "
        request offers=shop? answers=shop.b:no
        up                                => list tools
        tools shop=b:unsafe               => ask: u:hi call:b out:The user did not allow this call.
        model say Well.                   => completed: Well.
        ",
    );
}

#[test]
fn what_was_allowed_is_called_also_when_the_model_may_call_nothing() {
    check(
        "
        request offers=shop? answers=shop.b:yes choice=none
        up                                => list tools
        tools shop=b:unsafe               => run 0 b {}
        back 0 done sold                  => ask none: u:hi call:b out:sold
        model say Done.                   => completed: Done.
        ",
    );
}

#[test]
fn what_was_allowed_and_is_gone_is_told() {
    check(
        "
        request offers=shop? answers=shop.b:yes
        up                                => list tools
        tools shop=c:unsafe               => ask: u:hi call:b out:There is no tool `b`. Available tools: c.
        model say Well.                   => completed: Well.
        ",
    );
}

#[test]
fn leave_for_the_tool_of_one_server_is_none_for_that_of_another() {
    check(
        "
        request offers=web,shop? answers=shop.b:yes
        up                                => list tools
        tools web=b:safe shop=c:unsafe    => ask: u:hi call:b out:There is no tool `b`. Available tools: b, c.
        model say Well.                   => completed: Well.
        ",
    );
    // Nor for one whose name the model could have meant.
    check(
        "
        request offers=shop? answers=shop.b:yes
        up                                => list tools
        tools shop=B:unsafe               => ask: u:hi call:b out:There is no tool `b`. Available tools: B.
        model say Well.                   => completed: Well.
        ",
    );
}

#[test]
fn what_the_request_does_not_allow_is_not_called_by_any_name_and_not_with_leave() {
    check(
        "
        request offers=web,shop allowed=web.a
        up                                => list tools
        tools web=a:safe,b:unsafe shop=a:safe => ask: u:hi
        model call b {} | call web.b {} | call functions.B {} => ask: u:hi call:b call:web.b call:functions.B out:There is no tool `b`. Available tools: a. out:There is no tool `web.b`. Available tools: a. out:There is no tool `functions.B`. Available tools: a.
        model call a {}                   => run 3 a {}
        ",
    );
    check(
        "
        request offers=shop? answers=shop.b:yes allowed=shop.c
        up                                => list tools
        tools shop=b:unsafe,c:unsafe      => ask: u:hi call:b out:There is no tool `b`. Available tools: c.
        model say Well.                   => completed: Well.
        ",
    );
}

#[test]
fn the_leave_that_was_given_is_on_the_call_and_shown_with_its_reply() {
    let world = world_after(
        "request offers=shop? answers=shop.b:yes,shop.c:no
        up
        tools shop=b:unsafe,c:unsafe
        back 0 done sold
        model say Done.",
    );
    let entries = entry::output(&world.response, world.run.items());
    let [list, call, answer] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert!(matches!(list.item.body, ItemBody::ToolList(_)));
    let shown = call.item.as_call().unwrap();
    assert_eq!(shown.approval.as_deref(), Some("ask0"));
    assert!(matches!(shown.runner, Runner::Server(_)));
    assert_eq!(call.reply, Reply::Said("sold".into()));
    assert_eq!(answer.reply, Reply::NotACall);
}

#[test]
fn only_allowed_tools_are_on_offer_and_others_are_not_called() {
    check(
        "
        request offers=fn:mine,web allowed=web.a
        up                                => list tools
        tools web=a:safe,b:safe           => ask: u:hi
        model call b {} | call mine {}    => ask: u:hi call:b call:mine out:There is no tool `b`. Available tools: a. out:There is no tool `mine`. Available tools: a.
        model call a {}                   => run 2 a {}
        ",
    );
}

#[test]
fn a_list_holds_what_is_on_offer() {
    check(
        "
        request offers=web allowed=web.a
        up                                => list tools
        tools web=a:safe,b:safe           => ask: u:hi
        model say Hi.                     => completed: Hi.
        = rounds 0, turns 1 =>
        = items u:hi list:web=1 a:Hi. =>
        ",
    );
}

#[test]
fn a_demand_for_a_server_holds_for_the_first_round() {
    check(
        "
        request offers=web,shop choice=@shop
        up                                => list tools
        tools web=a:safe shop=b:safe,c:safe => ask required: u:hi
        model call c {}                   => run 0 c {}
        back 0 done sold                  => ask: u:hi call:c out:sold
        ",
    );
    check(
        "
        request offers=web,shop choice=@shop.b
        up                                => list tools
        tools web=b:safe shop=b:safe      => ask shop_b: u:hi
        ",
    );
    check(
        "
        request offers=web choice=@web
        up                                => list tools
        tools web=                        => failed tools_unavailable
        ",
    );
}

#[test]
fn more_calls_than_the_request_allows_are_refused_and_the_model_answers() {
    check(
        "
        request offers=web most=1
        up                                => list tools
        tools web=a:safe                  => ask: u:hi
        model call a {} | call a {} | call a {} => run 0 a {}
        back 0 done found                 => ask none: u:hi call:a call:a call:a out:found out:The limit of tool calls is reached. Answer now with what you have. out:The limit of tool calls is reached. Answer now with what you have.
        model say Done.                   => completed: Done.
        ",
    );
    check(
        "
        request offers=web most=1
        up                                => list tools
        tools web=a:safe                  => ask: u:hi
        model call a {}                   => run 0 a {}
        back 0 done found                 => ask: u:hi call:a out:found
        model call a {}                   => ask none: u:hi call:a out:found call:a out:The limit of tool calls is reached. Answer now with what you have.
        model say Done.                   => completed: Done.
        ",
    );
}

#[test]
fn a_name_that_two_have_is_the_callers_and_a_server_gives_way() {
    let world = world_after(
        "request offers=fn:a,web,shop
        up
        tools web=a:safe shop=a:safe,web_a:safe",
    );
    let names: Vec<&str> = world.run.offered().iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["a", "web_a", "shop_a", "shop_web_a"]);
}

#[test]
fn calls_that_are_not_made_are_told_of() {
    for script in [
        // The turn breaks off, and is given up.
        "request offers=web
        up
        tools web=a:safe
        breaks say Let me see. | call a {
        model failed",
        // The limit of rounds.
        "request offers=web depth=1
        up
        tools web=a:safe
        model call a {}
        back 0 done found
        model call a {}",
    ] {
        let world = world_after(script);
        let events = world.events();
        let dropped: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::CallDropped(place, item) => Some((*place, Arc::clone(item))),
                _ => None,
            })
            .collect();
        let [(place, item)] = dropped.as_slice() else {
            panic!("{events:?}");
        };
        let output = entry::output(&world.response, world.run.items());
        let shown = &output[usize::try_from(place.index).unwrap()];
        assert_eq!(shown.item, *item);
        assert_eq!(shown.reply, Reply::Nothing);
    }
}

fn only(names: &[&str]) -> ToolFilter {
    ToolFilter {
        names: Some(names.iter().map(|&name| name.into()).collect()),
        reads_only: None,
    }
}

/// The tools on offer of a server that lists `a` and `b`, a `?` behind those that need leave.
fn offered(allowed: Option<&ToolFilter>, approval: &ApprovalRule) -> String {
    let offer = ToolOffer::Server(ServerOffer {
        label: "web".into(),
        url: None,
        allowed: allowed.cloned(),
        approval: approval.clone(),
    });
    let mut draft = draft();
    draft.tools = Some(ToolSelection::Offered(vec![offer]));
    let mut world = World::new(draft, rules());
    world.feed(Input::TakenUp).unwrap();
    let tools = toolbox("web=a:safe,b:safe", 1_000);
    world.feed(Input::ToolsListed(Ok(tools))).unwrap();
    let shown = world.run.offered().iter().map(|tool| match tool.approval {
        Approval::Needed => format!("{}?", tool.name),
        Approval::Waived => tool.name.to_string(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn calls_of_the_input_are_none_of_the_runs() {
    let mut draft = draft();
    let call = FunctionCall {
        runner: Runner::Server(Arc::new(ServerTool {
            label: "web".into(),
            name: "a".into(),
        })),
        ..FunctionCall::of_caller(CallId("x".into()), "a", "{}")
    };
    let output = FunctionCallOutput::text(CallId("x".into()), "found");
    draft
        .items
        .push(InputItem::New(ItemBody::FunctionCall(call)));
    draft
        .items
        .push(InputItem::New(ItemBody::FunctionCallOutput(output)));
    let mut world = World::new(draft, rules());
    world.feed(Input::TakenUp).unwrap();
    let tools = toolbox("web=a:safe", 1_000);
    world.feed(Input::ToolsListed(Ok(tools))).unwrap();
    let answer = world.answer(deltas("say Done.", End::Told));
    world.feed(Input::ModelAnswered(Ok(answer))).unwrap();
    let dropped = world
        .events()
        .iter()
        .any(|event| matches!(event, Event::CallDropped(..)));
    assert!(!dropped, "{:?}", world.events());
}

#[test]
fn filters_choose_tools_and_who_has_to_be_asked() {
    let some = |always, never| ApprovalRule::Some { always, never };
    let readers = ToolFilter {
        names: None,
        reads_only: Some(true),
    };
    let rows = [
        (None, ApprovalRule::Always, "a? b?"),
        (None, ApprovalRule::Never, "a b"),
        (Some(only(&["b"])), ApprovalRule::Never, "b"),
        (None, some(Some(only(&["a"])), None), "a? b?"),
        (None, some(None, Some(only(&["a"]))), "a b?"),
        (
            None,
            some(Some(only(&["a"])), Some(only(&["a", "b"]))),
            "a? b",
        ),
        (None, some(None, None), "a? b?"),
        (Some(readers), ApprovalRule::Never, ""),
    ];
    for (allowed, approval, expected) in rows {
        let found = offered(allowed.as_ref(), &approval);
        assert_eq!(found, expected, "{allowed:?} {approval:?}");
    }
}

#[test]
fn what_is_told_again_of_an_ended_response_is_what_it_wrote() {
    let world = world_after(
        "request offers=fn:mine,web
        up
        tools web=a:safe
        model think Hmm. | say Wait. | call a {}
        back 0 done found
        model call mine {}",
    );
    let response = Arc::new(world.response.clone());
    let retold = entry::retold(&response, world.run.items());
    response_testkit::grammar::check(&retold).unwrap();
    let closed = |events: &[Event]| {
        let items = events.iter().filter_map(|event| match event {
            Event::ItemClosed(place, item) => Some((*place, Arc::clone(item))),
            _ => None,
        });
        let mut items: Vec<_> = items.collect();
        items.sort_by_key(|(place, _)| place.index);
        items
    };
    assert_eq!(closed(&retold), closed(world.events()));
}
