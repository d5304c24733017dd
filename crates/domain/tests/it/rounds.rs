//! Runs that come to their answer: rounds, calls side by side, reasoning, what is counted.

use std::sync::Arc;

use response_domain::json::Json;
use response_domain::run::{Input, Next};
use response_domain::spec::{ToolRequest, ToolSelection};
use response_domain::tool::ToolSpec;

use crate::script::{check, toolbox};
use crate::world::{World, draft, rules};

#[test]
fn a_plain_question_is_answered_in_one_turn() {
    check(
        "
        request
        up                                      => list tools
        tools                                   => ask: u:hi
        model think Hm. | say Hello! | usage 3/2 => completed: Hello!
        = rounds 0, turns 1, usage 3/2
        = items u:hi t:Hm. a:Hello!
        ",
    );
}

#[test]
fn three_rounds_of_five_calls_lead_to_the_answer() {
    check(
        r#"
        request
        up                                      => list tools
        tools search:safe fetch:safe calc:safe  => ask: u:hi
        model think Where? | call search {"q":"x"} | usage 10/5 => run 0 search {"q":"x"}
        back 0 done two pages                   => ask: u:hi t:Where? call:search out:two pages
        model call fetch {"u":1} | call fetch {"u":2} | usage 20/6 => run 1 fetch {"u":1}, 2 fetch {"u":2}
        back 2 done two                         => wait
        back 1 done one                         => ask: u:hi t:Where? call:search out:two pages call:fetch call:fetch out:one out:two
        model say Adding up. | call calc {"a":1} | call calc {"a":2} | usage 30/7 => run 3 calc {"a":1}, 4 calc {"a":2}
        back 3 done 3                           => wait
        back 4 done 4                           => ask: u:hi t:Where? call:search out:two pages call:fetch call:fetch out:one out:two a:Adding up. call:calc call:calc out:3 out:4
        model say It is 7. | usage 40/8         => completed: It is 7.
        = rounds 3, turns 4, usage 100/26
        = 0 search round 1 completed 250ms: two pages
        = 1 fetch round 2 completed 250ms: one
        = 2 fetch round 2 completed 250ms: two
        = 3 calc round 3 completed 250ms: 3
        = 4 calc round 3 completed 250ms: 4
        = items u:hi t:Where? call:search out:two pages call:fetch call:fetch out:one out:two a:Adding up. call:calc call:calc out:3 out:4 a:It is 7.
        "#,
    );
}

#[test]
fn outputs_stand_in_the_order_of_the_calls_whatever_came_first() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe b:safe c:safe              => ask: u:hi
        model call a {} | call b {} | call c {} => run 0 a {}, 1 b {}, 2 c {}
        back 2 done third                       => wait
        back 0 done first                       => wait
        back 0 done again                       => refused
        back 1 done second                      => ask: u:hi call:a call:b call:c out:first out:second out:third
        ",
    );
}

#[test]
fn only_the_turns_that_told_their_usage_are_summed() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {}                         => run 0 a {}
        back 0 done ok                          => ask: u:hi call:a out:ok
        model say Done. | usage 5/1 | usage 7/2 => completed: Done.
        = rounds 1, turns 2, usage 7/2
        = 0 a round 1 completed 250ms: ok
        = items u:hi call:a out:ok a:Done.
        ",
    );
}

#[test]
fn the_answer_is_all_text_of_the_last_turn_and_of_no_other() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model say Let me see. | call a {}       => run 0 a {}
        back 0 done ok                          => ask: u:hi a:Let me see. call:a out:ok
        model say One, | think hm | say two.    => completed: One,two.
        ",
    );
}

#[test]
fn what_the_caller_demands_of_tools_holds_for_the_first_round_only() {
    for (choice, first) in [("required", "required"), ("b", "b")] {
        check(&format!(
            "
            request choice={choice}
            up                                  => list tools
            tools a:safe b:safe                 => ask {first}: u:hi
            model nothing                       => ask {first}: u:hi
            model call b {{}}                   => run 0 b {{}}
            back 0 done ok                      => ask: u:hi call:b out:ok
            "
        ));
    }
}

#[test]
fn without_tool_choice_none_is_ever_called() {
    check(
        "
        request choice=none
        up                                      => list tools
        tools a:safe mine:caller                => ask none: u:hi
        model call a {} | call mine {}          => ask none: u:hi call:a call:mine out:There is no tool `a`: no tools are available. out:There is no tool `mine`: no tools are available.
        model say Well.                         => completed: Well.
        ",
    );
}

#[test]
fn only_the_tools_that_the_request_names_are_offered() {
    check(
        "
        request tools=b
        up                                      => list tools
        tools a:safe b:safe                     => ask: u:hi
        model call a {} | call B {}             => run 1 b {}
        back 1 done ok                          => ask: u:hi call:a call:B out:There is no tool `a`. Available tools: b. out:ok
        ",
    );
    check(
        "
        request tools=
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {}                         => ask: u:hi call:a out:There is no tool `a`: no tools are available.
        ",
    );
}

#[test]
fn what_the_request_names_and_nobody_has_fails_the_run_or_is_done_without() {
    for request in ["tools=a,gone", "choice=gone", "tools=gone choice=required"] {
        check(&format!(
            "
            request {request}
            up                                  => list tools
            tools a:safe                        => failed tools_unavailable
            "
        ));
        check(&format!(
            "
            request {request} on-failure=report
            up                                  => list tools
            tools a:safe                        => ask: u:hi
            "
        ));
    }
    check(
        "
        request choice=required
        up                                      => list tools
        tools                                   => failed tools_unavailable
        ",
    );
}

#[test]
fn a_tool_is_offered_in_the_callers_words_where_it_has_some() {
    let mut draft = draft();
    draft.tools = Some(ToolSelection::Only(vec![
        ToolRequest {
            name: "b".into(),
            description: Some("Mine.".into()),
            parameters: Some(Json::from_text("{\"type\":\"object\"}".into()).unwrap()),
        },
        ToolRequest {
            name: "a".into(),
            description: None,
            parameters: None,
        },
    ]));
    let mut world = World::new(draft, rules());
    world.feed(Input::TakenUp).unwrap();
    let tools = toolbox("a:safe b:unsafe c:safe", 1_000);
    let (a, b) = (Arc::clone(&tools.tools[0]), Arc::clone(&tools.tools[1]));
    let Ok(Next::CallModel(turn)) = world.feed(Input::ToolsListed(Ok(tools))) else {
        panic!("the model is next");
    };
    let reworded = ToolSpec {
        description: Some("Mine.".into()),
        parameters: Json::from_text("{\"type\":\"object\"}".into()).unwrap(),
        ..ToolSpec::clone(&b)
    };
    assert_eq!(*turn.tools, [Arc::new(reworded), a]);
}
