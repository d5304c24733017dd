//! Runs that are stopped or run out of time, in every phase: nothing goes on, what was done is kept.

use crate::script::check;

/// Each phase as the script that leads there, what a caller who stops it then reads, and what is left.
const PHASES: [(&str, &str, &str); 6] = [
    ("", "", "= rounds 0, turns 0\n= items u:hi"),
    ("up => list tools", "", "= rounds 0, turns 0\n= items u:hi"),
    (
        "up => list tools
        tools a:safe => ask: u:hi",
        "",
        "= rounds 0, turns 0\n= items u:hi",
    ),
    (
        "up => list tools
        tools a:safe => ask: u:hi
        breaks think Hm. | say It is | call a {\"n => wait",
        ": It is",
        "= rounds 0, turns 0\n= items u:hi t:Hm. a:It is call:a~",
    ),
    (
        "up => list tools
        tools a:safe b:safe mine:caller => ask: u:hi
        model say Let me see. | call a {} | call b {} | call mine {} => run 0 a {}, 1 b {}
        back 1 done two => wait",
        ": Let me see.",
        "= rounds 1, turns 1
        = 0 a round 1 cancelled 2000ms
        = 1 b round 1 completed 250ms: two
        = items u:hi a:Let me see. call:a call:b call:mine out:two",
    ),
    (
        "up => list tools
        tools a:safe => ask: u:hi
        model say Let me see. | call a {} => run 0 a {}
        back 0 done one => ask: u:hi a:Let me see. call:a out:one
        breaks think Hm. => wait",
        ": Let me see.",
        "= rounds 1, turns 1
        = 0 a round 1 completed 250ms: one
        = items u:hi a:Let me see. call:a out:one t:Hm.~",
    ),
];

#[test]
fn a_caller_who_stops_a_run_gets_what_it_had() {
    for (phase, said, left) in PHASES {
        check(&format!(
            "
            request
            {phase}
            stop => cancelled{said}
            {left}
            "
        ));
    }
}

#[test]
fn a_run_out_of_time_fails_and_keeps_what_was_done() {
    for (phase, _, left) in PHASES {
        check(&format!(
            "
            request
            {phase}
            deadline => failed task_timeout
            {left}
            "
        ));
    }
}

#[test]
fn a_process_that_ends_fails_its_runs() {
    for (phase, _, left) in PHASES {
        check(&format!(
            "
            request
            {phase}
            shutdown => failed interrupted
            {left}
            "
        ));
    }
}

#[test]
fn an_ended_run_answers_its_ending_and_takes_nothing_more() {
    check(
        "
        request
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {}                         => run 0 a {}
        stop                                    => cancelled
        up                                      => cancelled
        deadline                                => cancelled
        stop                                    => cancelled
        shutdown                                => cancelled
        tools a:safe                            => refused
        model say Too late.                     => refused
        back 0 done too late                    => refused
        ",
    );
}
