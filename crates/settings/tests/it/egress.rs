//! The nets that callers may name: how they are written, what is wrong with each, and the warning.

use response_settings::{Note, Settings};
use rstest::rstest;

use crate::{file, load, notes, only_fault, origin, shown, sources, with};

const VARIABLE: &str = "EGRESS_ALLOW_CIDRS";

#[rstest]
#[case::nets("10.0.0.0/8, fd00::/8", "10.0.0.0/8, fd00::/8")]
#[case::single_addresses("192.168.7.1,::1", "192.168.7.1/32, ::1/128")]
#[case::written_at_length("127.0.0.1/32,0:0:0:0:0:0:0:1/128", "127.0.0.1/32, ::1/128")]
#[case::the_same_twice("::1,10.0.0.0/8,::1/128", "::1/128, 10.0.0.0/8")]
#[case::gaps(" ,10.0.0.0/8,, ", "10.0.0.0/8")]
#[case::everything("0.0.0.0/0,::/0", "0.0.0.0/0, ::/0")]
#[case::none("", "")]
#[case::nothing_between_commas(",", "")]
fn nets_are_read(#[case] text: &str, #[case] expected: &str) {
    let loaded = with(&[(VARIABLE, text)]);
    assert_eq!(shown(&loaded, "egress.allow_cidrs"), expected);
    let nets = loaded.settings.egress.allow_cidrs;
    assert_eq!(nets.is_empty(), expected.is_empty());
    let texts: Vec<_> = nets.iter().map(|net| net.to_string()).collect();
    assert_eq!(texts.join(", "), expected);
}

#[test]
fn a_file_may_hold_a_list_and_the_command_line_may_take_it_away() {
    let (_folder, path) = file("[egress]\nallow_cidrs = ['10.0.0.0/8', '::1']\n");
    let loaded = load(&sources(&[]).file(&path));
    assert_eq!(shown(&loaded, "egress.allow_cidrs"), "10.0.0.0/8, ::1/128");
    assert!(origin(&loaded, "egress.allow_cidrs").starts_with("file "));
    let loaded = load(&sources(&[]).file(&path).overrides(["egress.allow_cidrs="]));
    assert_eq!(shown(&loaded, "egress.allow_cidrs"), "");
}

#[rstest]
#[case::a_name("localhost", r#""localhost") is neither a net nor an address"#)]
#[case::too_long_a_prefix("10.0.0.0/33", r#""10.0.0.0/33") is neither"#)]
#[case::too_long_a_prefix_v6("fd00::/129", r#""fd00::/129") is neither"#)]
#[case::a_port("127.0.0.1:80", r#""127.0.0.1:80") is neither"#)]
#[case::a_mask("10.0.0.0/255.0.0.0", r#""10.0.0.0/255.0.0.0") is neither"#)]
#[case::a_url("http://10.0.0.1", r#""http://10.0.0.1") is neither"#)]
#[case::a_line_feed("::1\u{7}", r#""::1\u{7}") is neither"#)]
#[case::bits_behind_the_prefix(
    "10.1.2.3/8",
    r#""10.1.2.3/8") is an address in a net: write `10.0.0.0/8` for the net, or `10.1.2.3` for the address"#
)]
fn an_entry_that_is_no_net_is_refused_by_itself(#[case] entry: &str, #[case] why: &str) {
    let fault = only_fault(&sources(&[(VARIABLE, &format!("10.0.0.0/8,{entry},::1"))]));
    let beginning = format!("egress.allow_cidrs (environment {VARIABLE}): entry 2 ({why}");
    let end = "; allowed is nets and single addresses, separated by commas (in a file also a list), \
               such as 10.0.0.0/8, fd00::/8 or 192.168.7.1";
    assert!(fault.starts_with(&beginning), "{fault}");
    assert!(fault.ends_with(end), "{fault}");
}

#[test]
fn every_entry_that_is_no_net_is_told_at_once() {
    let (_folder, path) = file("[egress]\nallow_cidrs = ['a', '::1', 7, '1.2.3.4/1']\n");
    let faults = Settings::load(&sources(&[]).file(path)).unwrap_err();
    let told: Vec<_> = faults.faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    for (fault, entry) in told
        .iter()
        .zip([r#"entry 1 ("a")"#, r#"entry 3 ("7")"#, "entry 4 ("])
    {
        assert!(fault.contains(entry), "{fault}");
    }
}

#[rstest]
#[case("allow_cidrs = { a = '::1' }")]
#[case("allow_cidrs = [['::1']]")]
fn what_is_no_list_is_refused(#[case] line: &str) {
    let (_folder, path) = file(&format!("[egress]\n{line}\n"));
    let fault = only_fault(&sources(&[]).file(path));
    assert!(fault.contains("is not allowed; allowed is nets"), "{fault}");
}

#[test]
fn a_hole_that_somebody_dug_is_told_with_its_nets() {
    let loaded = with(&[(VARIABLE, "10.0.0.0/8,::1")]);
    let expected = "whoever calls the API can have requests sent into 10.0.0.0/8, ::1/128 \
                    (EGRESS_ALLOW_CIDRS), which public addresses alone would not reach";
    assert_eq!(notes(&loaded), [expected]);
    let concerns_only_requests = loaded.notes.iter().any(Note::is_about_requests);
    assert!(!concerns_only_requests, "a worker sends webhooks too");
    assert_eq!(with(&[]).notes, []);
}
