//! A run that another process takes up: what is repeated, what is not, and what the model is told.

use crate::script::check;

const UNKNOWN: &str = "The outcome of this call is unknown: the process that made it was lost before the \
                       answer came, and the call may or may not have taken effect. It was not repeated.";

#[test]
fn a_run_that_waited_for_its_tools_lists_them_again() {
    check(
        "
        request
        up                                      => list tools
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        ",
    );
}

#[test]
fn a_turn_is_asked_for_again_and_what_was_written_of_it_is_not_sent() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        breaks think Hm. | say It | call a {\"n => wait
        up                                      => ask: u:hi
        breaks say It is                        => wait
        up                                      => ask: u:hi
        model say It is done. | usage 4/2       => completed: It is done.
        = rounds 0, turns 1, usage 4/2
        = items u:hi t:Hm. a:It call:a~ a:It is~ a:It is done.
        ",
    );
}

#[test]
fn a_turn_after_calls_is_asked_for_again_with_them() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {}                         => run 0 a {}
        back 0 done ok                          => ask: u:hi call:a out:ok
        breaks say So                           => wait
        up                                      => ask: u:hi call:a out:ok
        model call a {}                         => run 1 a {}
        back 1 done ok                          => ask: u:hi call:a out:ok call:a out:ok
        ",
    );
}

#[test]
fn only_calls_that_do_no_harm_twice_are_made_again() {
    check(&format!(
        "
        request
        up                                      => list tools
        tools read:safe pay:unsafe mine:caller  => ask: u:hi
        model call read {{}} | call pay {{}} | call read {{}} | call nothing {{}} => run 0 read {{}}, 1 pay {{}}, 2 read {{}}
        back 0 done one                         => wait
        up                                      => run 2 read {{}}
        back 1 done paid after all              => refused
        up                                      => run 2 read {{}}
        back 2 done three                       => ask: u:hi call:read call:pay call:read call:nothing out:one out:{UNKNOWN} out:three out:There is no tool `nothing`. Available tools: read, pay, mine.
        = rounds 1, turns 1
        = 0 read round 1 completed 250ms: one
        = 1 pay round 1 unknown 2000ms
        = 2 read round 1 completed 250ms: three
        = 3 nothing round 1 failed 0ms: There is no tool `nothing`. Available tools: read, pay, mine.
        = items u:hi call:read call:pay call:read call:nothing out:one out:{UNKNOWN} out:three out:There is no tool `nothing`. Available tools: read, pay, mine.
        "
    ));
}

#[test]
fn when_nothing_can_be_made_again_the_run_goes_on() {
    check(&format!(
        "
        request
        up                                      => list tools
        tools pay:unsafe                        => ask: u:hi
        model call pay {{}}                     => run 0 pay {{}}
        up                                      => ask: u:hi call:pay out:{UNKNOWN}
        "
    ));
    check(
        "
        request
        up                                      => list tools
        tools pay:unsafe mine:caller            => ask: u:hi
        model call pay {} | call mine {}        => run 0 pay {}
        up                                      => completed
        ",
    );
}

#[test]
fn an_unknown_outcome_is_nobodys_fault() {
    check(&format!(
        "
        request repairs=1
        up                                      => list tools
        tools pay:unsafe                        => ask: u:hi
        model call pay {{}}                     => run 0 pay {{}}
        up                                      => ask: u:hi call:pay out:{UNKNOWN}
        "
    ));
}

#[test]
fn a_last_answer_is_asked_for_again_as_a_last_answer() {
    let refused = "The limit of tool calls is reached. Answer now with what you have.";
    check(&format!(
        "
        request depth=0 at-depth=answer
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {{}}                       => ask none: u:hi call:a out:{refused}
        up                                      => ask none: u:hi call:a out:{refused}
        model say Fine.                         => completed: Fine.
        "
    ));
}
