//! What stops a run that would go on: rounds, calls, tokens, filters.

use crate::script::check;

#[test]
fn at_the_limit_of_rounds_the_run_ends_with_what_it_has() {
    check(
        "
        request depth=2
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {}                         => run 0 a {}
        back 0 done one                         => ask: u:hi call:a out:one
        model call a {}                         => run 1 a {}
        back 1 done two                         => ask: u:hi call:a out:one call:a out:two
        model say Once more. | call a {}        => incomplete max_tool_depth
        = rounds 2, turns 3
        = 0 a round 1 completed 250ms: one
        = 1 a round 2 completed 250ms: two
        = items u:hi call:a out:one call:a out:two a:Once more. call:a
        ",
    );
}

#[test]
fn an_answer_at_the_limit_of_rounds_is_an_answer() {
    check(
        "
        request depth=1
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {}                         => run 0 a {}
        back 0 done one                         => ask: u:hi call:a out:one
        model say Enough.                       => completed: Enough.
        ",
    );
}

const REFUSED: &str = "The limit of tool calls is reached. Answer now with what you have.";

#[test]
fn the_model_may_be_asked_for_a_last_answer() {
    check(&format!(
        "
        request depth=1 at-depth=answer
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {{}}                       => run 0 a {{}}
        back 0 done one                         => ask: u:hi call:a out:one
        model call a {{}}                       => ask none: u:hi call:a out:one call:a out:{REFUSED}
        model say Then this.                    => completed: Then this.
        = rounds 1, turns 3
        = 0 a round 1 completed 250ms: one
        = 1 a round 2 failed 0ms: {REFUSED}
        = items u:hi call:a out:one call:a out:{REFUSED} a:Then this.
        "
    ));
}

#[test]
fn a_model_that_calls_instead_of_its_last_answer_has_had_it() {
    check(&format!(
        "
        request depth=1 at-depth=answer
        up                                      => list tools
        tools a:safe mine:caller                => ask: u:hi
        model call a {{}}                       => run 0 a {{}}
        back 0 done one                         => ask: u:hi call:a out:one
        model call a {{}}                       => ask none: u:hi call:a out:one call:a out:{REFUSED}
        model say I try. | call a {{}}          => incomplete max_tool_depth: I try.
        "
    ));
}

#[test]
fn as_many_calls_as_allowed_are_made_and_not_one_more() {
    check(
        "
        request calls=3
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {} | call a {}             => run 0 a {}, 1 a {}
        back 0 done one                         => wait
        back 1 done two                         => ask: u:hi call:a call:a out:one out:two
        model call a {}                         => run 2 a {}
        back 2 done three                       => ask: u:hi call:a call:a out:one out:two call:a out:three
        model call a {}                         => incomplete max_tool_calls
        ",
    );
    check(
        "
        request calls=3
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {} | call a {} | call a {} | call a {} => incomplete max_tool_calls
        = rounds 0, turns 1
        = items u:hi call:a call:a call:a call:a
        ",
    );
}

#[test]
fn the_limit_of_calls_holds_for_refusals_at_the_limit_of_rounds() {
    check(
        "
        request depth=1 calls=2 at-depth=answer
        up                                      => list tools
        tools a:safe mine:caller                => ask: u:hi
        model call a {}                         => run 0 a {}
        back 0 done one                         => ask: u:hi call:a out:one
        model call a {} | call a {}             => incomplete max_tool_calls
        ",
    );
}

#[test]
fn at_the_limit_of_rounds_calls_of_the_caller_end_the_turn() {
    check(&format!(
        "
        request depth=1 at-depth=answer
        up                                      => list tools
        tools a:safe mine:caller                => ask: u:hi
        model call a {{}}                       => run 0 a {{}}
        back 0 done one                         => ask: u:hi call:a out:one
        model call a {{}} | call mine {{}}      => completed
        = rounds 1, turns 2
        = 0 a round 1 completed 250ms: one
        = 1 a round 2 failed 0ms: {REFUSED}
        = items u:hi call:a out:one call:a call:mine out:{REFUSED}
        "
    ));
}

#[test]
fn calls_past_the_bound_of_a_round_are_refused_and_the_model_is_told() {
    let refused = "Not called: at most 2 tools can be called at once.";
    check(&format!(
        "
        request abreast=2
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        model call a {{}} | call a {{}} | call a {{}} | call a {{}} => run 0 a {{}}, 1 a {{}}
        back 1 done two                         => wait
        back 0 done one                         => ask: u:hi call:a call:a call:a call:a out:one out:two out:{refused} out:{refused}
        "
    ));
}

#[test]
fn a_model_that_never_stops_calling_is_stopped() {
    let mut transcript = String::from("u:hi");
    let rounds: Vec<String> = (0..3)
        .map(|round| {
            transcript += " call:a out:same";
            format!(
                "model call a {{}} => run {round} a {{}}
                back {round} done same => ask: {transcript}
                "
            )
        })
        .collect();
    check(&format!(
        "
        request depth=3
        up                                      => list tools
        tools a:safe                            => ask: u:hi
        {}
        model call a {{}}                       => incomplete max_tool_depth
        ",
        rounds.join("\n")
    ));
}

#[test]
fn a_turn_that_is_cut_short_ends_the_run_with_its_text() {
    for (cut, reason) in [
        ("length", "max_output_tokens"),
        ("filter", "content_filter"),
    ] {
        check(&format!(
            "
            request
            up                                  => list tools
            tools a:safe                        => ask: u:hi
            model say Half of | {cut}           => incomplete {reason}: Half of
            = rounds 0, turns 1
            = items u:hi a:Half of~
            "
        ));
        check(&format!(
            "
            request
            up                                  => list tools
            tools a:safe                        => ask: u:hi
            model think Hm. | call a {{\"n\": | {cut} => incomplete {reason}
            = rounds 0, turns 1
            = items u:hi t:Hm. call:a~
            "
        ));
    }
}
