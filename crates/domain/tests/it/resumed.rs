//! A run that another process goes on with, from what was recorded of it and what it told since.

use response_domain::item::ItemBody;

use crate::script::{check, world_after};
use crate::world::World;

const UNKNOWN: &str = "The outcome of this call is unknown: the process that made it was lost before the answer \
                       came, and the call may or may not have taken effect. It was not repeated.";

#[test]
fn a_turn_that_broke_off_is_kept_and_asked_again() {
    check(
        "
        request
        up                                      => list tools
        dies                                    => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        dies think Hm. | say It | call a {\"n  => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        dies say It is                          => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model say It is done. | usage 4/2       => completed: It is done.
        = rounds 0, turns 1, usage 4/2
        = items u:hi t:Hm. a:It call:a~ a:It is~ a:It is done.
        ",
    );
}

#[test]
fn a_turn_that_told_nothing_is_asked_again() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        dies                                    => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model say Done.                         => completed: Done.
        = rounds 0, turns 1
        = items u:hi a:Done.
        ",
    );
}

#[test]
fn a_round_goes_on_with_the_calls_that_do_no_harm_twice() {
    check(&format!(
        "
        request
        up                                      => list tools
        tools read:safe pay:unsafe mine:caller  => ask: u:hi
        model call read {{}} | call pay {{}} | call read {{}} | call nothing {{}} => run 0 read {{}}, 1 pay {{}}, 2 read {{}}
        back 0 done one                         => wait
        dies                                    => wait
        up                                      => run 2 read {{}}
        back 1 done paid after all              => refused
        dies                                    => wait
        up                                      => run 2 read {{}}
        back 2 done three                       => list tools
        tools read:safe pay:unsafe mine:caller  => ask: u:hi call:read call:pay call:read call:nothing out:one out:{UNKNOWN} out:three out:There is no tool `nothing`. Available tools: read, pay, mine.
        = rounds 1, turns 1
        = 0 read round 1 completed 250ms: one
        = 1 pay round 1 unknown 22000ms
        = 2 read round 1 completed 250ms: three
        = 3 nothing round 1 failed 0ms: There is no tool `nothing`. Available tools: read, pay, mine.
        = items u:hi call:read call:pay call:read call:nothing out:one out:{UNKNOWN} out:three out:There is no tool `nothing`. Available tools: read, pay, mine.
        "
    ));
}

#[test]
fn a_round_of_which_nothing_can_be_repeated_is_over() {
    check(&format!(
        "
        request
        up                                      => list tools
        tools pay:unsafe                        => ask: u:hi
        model call pay {{}}                     => run 0 pay {{}}
        dies                                    => wait
        up                                      => list tools
        tools pay:unsafe                        => ask: u:hi call:pay out:{UNKNOWN}
        model say Sorry.                        => completed: Sorry.
        "
    ));
    check(
        "
        request
        up                                      => list tools
        tools pay:unsafe mine:caller            => ask: u:hi
        model call pay {} | call mine {}        => run 0 pay {}
        dies                                    => wait
        up                                      => completed
        ",
    );
}

#[test]
fn a_last_answer_is_still_the_last_answer() {
    let refused = "The limit of tool calls is reached. Answer now with what you have.";
    check(&format!(
        "
        request depth=0 at-depth=answer
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {{}}                       => ask none: u:hi call:a out:{refused}
        dies say Fi                             => wait
        up                                      => list tools
        tools a:safe                            => ask none: u:hi call:a out:{refused}
        model say Fine.                         => completed: Fine.
        "
    ));
}

#[test]
fn limits_count_over_all_processes() {
    check(
        "
        request depth=1
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {}                         => run 0 a {}
        dies                                    => wait
        up                                      => run 0 a {}
        back 0 done ok                          => list tools
        tools a:safe                            => ask: u:hi call:a out:ok
        dies                                    => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi call:a out:ok
        model call a {}                         => incomplete max_tool_depth
        ",
    );
    check(
        "
        request repairs=2
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model nothing                           => ask: u:hi
        dies                                    => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model nothing                           => failed invalid_model_output
        ",
    );
}

/// How much of an answer fits is known before the model's context is asked for again.
#[test]
fn a_long_answer_is_cut_as_it_would_have_been() {
    let calls = "request
        up
        tools a:safe
        model call a {}";
    let long = format!("back 0 done {}", "x".repeat(90_000));
    let undisturbed = world_after(&format!("{calls}\n{long}"));
    let resumed = world_after(&format!("{calls}\ndies\nup\n{long}"));
    let output = |world: &World| world.run.items().last().cloned().unwrap();
    assert!(output(&undisturbed) == output(&resumed));
    let ItemBody::FunctionCallOutput(kept) = &output(&resumed).body else {
        panic!("a call ends with its output");
    };
    assert!((80_000..81_000).contains(&kept.output.len()));
}

/// What is told is recorded a little later where it marks no step.
#[test]
fn empty_turns_that_were_only_told_are_kept_apart_from_the_next() {
    check(
        "
        request recording=calls repairs=5
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model think Hm.                         => ask: u:hi
        model blank                             => ask: u:hi
        dies say A | call a {\"n               => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model say B                             => completed: B
        = rounds 0, turns 1
        = items u:hi t:Hm. a: a:A call:a~ a:B
        ",
    );
}

#[test]
fn what_broke_off_and_is_recorded_is_not_kept_twice() {
    check(
        "
        request recording=calls
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        dies say Well                           => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        breaks say It                           => wait
        dies                                    => wait
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model say Done.                         => completed: Done.
        = rounds 0, turns 1
        = items u:hi a:Well~ a:It~ a:Done.
        ",
    );
}
