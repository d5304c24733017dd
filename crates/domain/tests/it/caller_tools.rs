//! Tools that the caller runs: the run ends with the calls, and the next request brings the outputs.

use crate::script::check;

#[test]
fn a_call_for_the_caller_ends_the_run_with_the_call() {
    check(
        "
        request
        up                                      => list tools
        tools mine:caller                       => ask: u:hi
        model say Ask them. | call mine {\"n\":1} => completed: Ask them.
        = rounds 0, turns 1
        = items u:hi a:Ask them. call:mine
        ",
    );
}

#[test]
fn calls_of_ours_beside_it_are_run_first() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe mine:caller                => ask: u:hi
        model call mine {} | call a {} | call mine {} => run 0 a {}
        back 0 done ok                          => completed
        = rounds 1, turns 1
        = 0 a round 1 completed 250ms: ok
        = items u:hi call:mine call:a call:mine out:ok
        ",
    );
}

#[test]
fn a_refused_call_beside_it_does_not_hold_it_up() {
    check(
        "
        request
        up                                      => list tools
        tools mine:caller                       => ask: u:hi
        model call nothing {} | call mine {}    => completed
        = rounds 1, turns 1
        = 0 nothing round 1 failed 0ms: There is no tool `nothing`. Available tools: mine.
        = items u:hi call:nothing call:mine out:There is no tool `nothing`. Available tools: mine.
        ",
    );
}

#[test]
fn the_limits_are_for_calls_of_ours() {
    check(
        "
        request depth=1 calls=1
        up                                      => list tools
        tools a:safe mine:caller                => ask: u:hi
        model call a {}                         => run 0 a {}
        back 0 done ok                          => ask: u:hi call:a out:ok
        model call mine {} | call mine {}       => completed
        = rounds 1, turns 2
        = 0 a round 1 completed 250ms: ok
        = items u:hi call:a out:ok call:mine call:mine
        ",
    );
}

#[test]
fn a_failure_beside_it_fails_the_run() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe mine:caller                => ask: u:hi
        model call mine {} | call a {}          => run 0 a {}
        back 0 timeout                          => failed tool_timeout
        ",
    );
}
