//! What models and tools get wrong: told to the model, bounded, or the end of the run.

use crate::script::check;

#[test]
fn an_unknown_tool_goes_back_to_the_model() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe b:safe                     => ask: u:hi
        model call c {}                         => ask: u:hi call:c out:There is no tool `c`. Available tools: a, b.
        model say Then not.                     => completed: Then not.
        = rounds 1, turns 2
        = 0 c round 1 failed 0ms: There is no tool `c`. Available tools: a, b.
        = items u:hi call:c out:There is no tool `c`. Available tools: a, b. a:Then not.
        ",
    );
}

#[test]
fn a_tool_is_found_behind_the_names_that_models_give_it() {
    check(
        "
        request
        up                                      => list tools
        tools search:safe                       => ask: u:hi
        model call functions.Search {}          => run 0 search {}
        back 0 done ok                          => ask: u:hi call:functions.Search out:ok
        = rounds 1, turns 1
        = 0 search round 1 completed 250ms: ok
        = items u:hi call:functions.Search out:ok
        ",
    );
}

#[test]
fn arguments_that_are_no_object_go_back_to_the_model() {
    let cases = [
        (r#"{"n": "#, "EOF while parsing a value"),
        (r#"{"n": 1}{"n": 2}"#, "trailing characters"),
        ("{'n': 1}", "key must be a string"),
        ("[1]", "invalid type: sequence, expected a map"),
        ("7", "invalid type: integer `7`, expected a map"),
    ];
    for (arguments, fault) in cases {
        let told = format!("The arguments are not a JSON object: {fault}.");
        check(&format!(
            "
            request
            up                                  => list tools
            tools a:safe                        => ask: u:hi
            model call a {arguments}            => ask: u:hi call:a out:{told}
            = rounds 1, turns 1
            = 0 a round 1 failed 0ms: {told}
            = items u:hi call:a out:{told}
            "
        ));
    }
}

#[test]
fn no_arguments_are_an_empty_object() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a                            => run 0 a {}
        ",
    );
}

#[test]
fn the_same_fault_three_turns_in_a_row_ends_the_run() {
    let cases = [
        (
            "call nothing {}",
            "invalid_model_output",
            "There is no tool `nothing`. Available tools: a.",
        ),
        (
            "call a {1}",
            "invalid_model_output",
            "The arguments are not a JSON object: key must be a string.",
        ),
    ];
    for (call, code, told) in cases {
        let name = call.split(' ').nth(1).unwrap();
        let once = format!(" call:{name} out:{told}");
        check(&format!(
            "
            request
            up                                  => list tools
            tools a:safe                        => ask: u:hi
            model {call}                        => ask: u:hi{once}
            model {call}                        => ask: u:hi{once}{once}
            model {call}                        => failed {code}
            "
        ));
    }
}

#[test]
fn broken_arguments_are_the_same_fault_wherever_they_break() {
    let told = "The arguments are not a JSON object: EOF while parsing a value.";
    check(&format!(
        "
        request repairs=2
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {{\"n\":                   => ask: u:hi call:a out:{told}
        model call a {{\"n\":1, \"much\":       => failed invalid_model_output
        "
    ));
}

#[test]
fn a_tool_that_fails_in_the_same_way_again_and_again_ends_the_run() {
    check(
        "
        request repairs=2
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {}                         => run 0 a {}
        back 0 error no such page               => ask: u:hi call:a out:no such page
        model call a {}                         => run 1 a {}
        back 1 error another fault              => ask: u:hi call:a out:no such page call:a out:another fault
        model call a {}                         => run 2 a {}
        back 2 error another fault              => failed tool_execution_failed
        = rounds 3, turns 3
        = 0 a round 1 failed 250ms: no such page
        = 1 a round 2 failed 250ms: another fault
        = 2 a round 3 failed 250ms: another fault
        = items u:hi call:a out:no such page call:a out:another fault call:a out:another fault
        ",
    );
}

#[test]
fn the_same_fault_side_by_side_counts_once_because_the_model_has_not_read_of_it() {
    check(
        "
        request repairs=2
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call b {} | call b {} | call b {} => ask: u:hi call:b call:b call:b out:There is no tool `b`. Available tools: a. out:There is no tool `b`. Available tools: a. out:There is no tool `b`. Available tools: a.
        model call b {}                         => failed invalid_model_output
        ",
    );
}

#[test]
fn every_fault_of_a_round_is_remembered() {
    let (b, c) = (
        "There is no tool `b`. Available tools: a.",
        "There is no tool `c`. Available tools: a.",
    );
    check(&format!(
        "
        request repairs=3
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call b {{}} | call c {{}}         => ask: u:hi call:b call:c out:{b} out:{c}
        model call c {{}}                       => ask: u:hi call:b call:c out:{b} out:{c} call:c out:{c}
        model call c {{}} | call b {{}}         => failed invalid_model_output
        "
    ));
}

#[test]
fn a_success_ends_every_row() {
    let told = "There is no tool `b`. Available tools: a.";
    check(&format!(
        "
        request repairs=2
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call b {{}}                       => ask: u:hi call:b out:{told}
        model call a {{}}                       => run 1 a {{}}
        back 1 done ok                          => ask: u:hi call:b out:{told} call:a out:ok
        model call b {{}}                       => ask: u:hi call:b out:{told} call:a out:ok call:b out:{told}
        "
    ));
}

#[test]
fn a_tool_without_answer_fails_the_run_and_stops_the_others() {
    for (fault, code, state) in [
        ("timeout", "tool_timeout", "timed_out 250ms"),
        (
            "unavailable",
            "tool_execution_failed",
            "failed 250ms: the server is away",
        ),
    ] {
        check(&format!(
            "
            request
            up                                  => list tools
            tools a:safe b:safe c:safe          => ask: u:hi
            model say Wait. | call a {{}} | call b {{}} | call c {{}} => run 0 a {{}}, 1 b {{}}, 2 c {{}}
            back 0 done one                     => wait
            back 1 {fault}                      => failed {code}
            back 2 done too late                => refused
            = rounds 1, turns 1
            = 0 a round 1 completed 250ms: one
            = 1 b round 1 {state}
            = 2 c round 1 cancelled 2000ms
            = items u:hi a:Wait. call:a call:b call:c out:one out:{}
            ",
            if fault == "timeout" {
                "no answer in time"
            } else {
                "the server is away"
            }
        ));
    }
}

#[test]
fn a_tool_without_answer_may_be_reported_instead() {
    check(
        "
        request on-failure=report
        up                                      => list tools
        tools a:safe b:safe                     => ask: u:hi
        model call a {} | call b {}             => run 0 a {}, 1 b {}
        back 0 timeout                          => wait
        back 1 unavailable                      => ask: u:hi call:a call:b out:no answer in time out:the server is away
        model say Without, then.                => completed: Without, then.
        = rounds 1, turns 2
        = 0 a round 1 timed_out 250ms
        = 1 b round 1 failed 250ms: the server is away
        = items u:hi call:a call:b out:no answer in time out:the server is away a:Without, then.
        ",
    );
}

#[test]
fn an_empty_turn_is_asked_for_again_and_leaves_no_trace_in_what_is_sent() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model think Hm. | blank | usage 1/1     => ask: u:hi
        model nothing | usage 1/1               => ask: u:hi
        model call a {} | usage 1/1             => run 0 a {}
        back 0 done ok                          => ask: u:hi call:a out:ok
        model think Hm. | usage 1/1             => ask: u:hi call:a out:ok
        model say There. | usage 1/1            => completed: There.
        = rounds 1, turns 5, usage 5/5
        = 0 a round 1 completed 250ms: ok
        = items u:hi t:Hm. a: call:a out:ok t:Hm. a:There.
        ",
    );
}

#[test]
fn three_empty_turns_in_a_row_end_the_run() {
    check(
        "
        request
        up                                      => list tools
        tools                                   => ask: u:hi
        model think Hm.                         => ask: u:hi
        model nothing                           => ask: u:hi
        model blank                             => failed invalid_model_output
        ",
    );
}

#[test]
fn what_cannot_be_reached_fails_the_run() {
    check(
        "
        request
        up                                      => list tools
        tools failed                            => failed tools_unavailable
        ",
    );
    check(
        "
        request
        up                                      => list tools
        tools                                   => ask: u:hi
        breaks think Hm. | say It is            => wait
        model failed                            => failed model_unavailable
        = rounds 0, turns 0
        = items u:hi t:Hm. a:It is~
        ",
    );
}
