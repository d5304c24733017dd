//! Anything a server can send ends in deltas or in an error: nothing panics, nothing hangs, and what is told
//! is no longer than what came.

use proptest::prelude::*;
use response_domain::ports::llm::{Delta, LlmErrorKind};
use response_egress::Bytes;
use response_llm::{AnswerReader, Progress};

use crate::show;

/// The bytes of all texts, reasoning and arguments.
fn told(deltas: &[Delta]) -> usize {
    let length = |delta: &Delta| match delta {
        Delta::Text(text) | Delta::Reasoning(text) => text.len(),
        Delta::Call {
            name, arguments, ..
        } => name.as_ref().map_or(0, |name| name.len()) + arguments.len(),
        Delta::Usage(_) | Delta::Note(_) | Delta::Finish(_) => 0,
    };
    deltas.iter().map(length).sum()
}

/// Reads the chunks to their end; the deltas, and whether the answer was whole.
fn read(words: &str, chunks: &[Vec<u8>]) -> (Vec<Delta>, bool) {
    let mut reader = AnswerReader::new(show::asked(words), 1 << 16);
    let mut deltas = Vec::new();
    for chunk in chunks {
        match reader.push(Bytes::copy_from_slice(chunk), &mut deltas) {
            Ok(Progress::Complete) => return (deltas, true),
            Ok(Progress::Open | Progress::Stopping) => {}
            Err(_) => return (deltas, false),
        }
    }
    let whole = reader.end(&mut deltas).is_ok();
    (deltas, whole)
}

/// Pieces that mean something to the reader, so that random text reaches its corners.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<tool_call>"),
        Just("</tool_call>"),
        Just("<function=search>"),
        Just("<parameter=q>"),
        Just("</parameter>"),
        Just("</function>"),
        Just("<think>"),
        Just("</think>"),
        Just("<mm:think>"),
        Just("</mm:think>"),
        Just("<"),
        Just("{\"name\":\"search\","),
        Just("\"arguments\":{"),
        Just("\"q\":\"a\"}"),
        Just("}"),
        Just("{"),
        Just("["),
        Just("]"),
        Just("\""),
        Just("\\"),
        Just("```"),
        Just("`"),
        Just("\n"),
        Just(" "),
        Just("word"),
        Just("ü🦀"),
        Just("{}"),
        Just("<|call|>"),
        Just("null"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A chunk that says something.
fn speech() -> impl Strategy<Value = String> {
    let index = prop_oneof![
        Just("null".to_owned()),
        (0..3_u8).prop_map(|n| n.to_string())
    ];
    let id = prop_oneof![
        Just("null"),
        Just("\"\""),
        Just("\"a\""),
        Just("\"b\""),
        Just("7")
    ];
    let name = prop_oneof![
        Just("null"),
        Just("\"search\""),
        Just("\"scrape\""),
        Just("\"\"")
    ];
    let quote = |text: String| quoted(&text);
    prop_oneof![
        text().prop_map(move |text| format!(r#"{{"delta":{{"content":{}}}}}"#, quote(text))),
        text().prop_map(move |text| format!(r#"{{"delta":{{"reasoning":{}}}}}"#, quote(text))),
        (index, id, name, text()).prop_map(move |(index, id, name, text)| format!(
            r#"{{"delta":{{"tool_calls":[{{"index":{index},"id":{id},"function":{{"name":{name},"arguments":{}}}}}]}}}}"#,
            quote(text)
        )),
    ]
    .prop_map(|choice| format!("data: {{\"choices\":[{choice}]}}\n\n"))
}

/// A chunk.
fn chunk() -> impl Strategy<Value = String> {
    let stop = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n".to_owned();
    prop_oneof![9 => speech(), 1 => Just(stop)]
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            c => json.push(c),
        }
    }
    json + "\""
}

fn words() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("tools=search,scrape"),
        Just(""),
        Just("tools=search opening=unmarked"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_end_in_deltas_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        cut in 1..40_usize,
        words in words(),
    ) {
        let chunks: Vec<Vec<u8>> = bytes.chunks(cut).map(<[u8]>::to_vec).collect();
        let (deltas, _) = read(words, &chunks);
        prop_assert!(told(&deltas) <= bytes.len());
    }

    #[test]
    fn any_answer_keeps_the_rules_of_a_turn(
        chunks in prop::collection::vec(chunk(), 0..24),
        cut in 1..200_usize,
        words in words(),
    ) {
        let mut stream = chunks.concat();
        stream.push_str("data: [DONE]\n\n");
        let pieces: Vec<Vec<u8>> = stream.as_bytes().chunks(cut).map(<[u8]>::to_vec).collect();
        let (deltas, whole) = read(words, &pieces);
        let (at_once, _) = read(words, &[stream.clone().into_bytes()]);
        prop_assert_eq!(&deltas, &at_once, "cut into pieces of {}", cut);
        prop_assert!(whole, "{}", show::lines(&deltas));
        // Empty arguments become two brackets, so a call may be told a little longer than it came.
        prop_assert!(told(&deltas) <= stream.len());
        let mut slots = 0;
        let mut finished = 0;
        for delta in &deltas {
            match delta {
                Delta::Call { slot, name, .. } => {
                    prop_assert!(*slot <= slots, "slots are dense");
                    prop_assert_eq!(name.is_some(), *slot == slots, "the name comes first");
                    slots = slots.max(slot + 1);
                }
                Delta::Text(text) | Delta::Reasoning(text) => prop_assert!(!text.is_empty()),
                Delta::Finish(_) => finished += 1,
                Delta::Usage(_) | Delta::Note(_) => {}
            }
            prop_assert!(finished == 0 || matches!(delta, Delta::Finish(_)));
        }
        prop_assert_eq!(finished, 1);
    }

    #[test]
    fn an_answer_cut_off_is_never_whole(chunks in prop::collection::vec(speech(), 1..12), at in 0.0..1.0_f64) {
        let stream: String = chunks.concat();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place within")]
        let end = (stream.len() as f64 * at) as usize;
        let (_, whole) = read("tools=search", &[stream.as_bytes()[..end].to_vec()]);
        prop_assert!(!whole);
    }
}

/// All the text that was told.
fn text_of(deltas: &[Delta]) -> String {
    let text = |delta: &Delta| match delta {
        Delta::Text(text) => Some(text.to_string()),
        _ => None,
    };
    deltas.iter().filter_map(text).collect()
}

#[test]
fn plain_text_is_told_piece_by_piece_without_delay() {
    let mut reader = AnswerReader::new(show::asked("tools=search"), 1 << 16);
    for piece in [
        "Hello",
        " wor",
        "ld, 1 ",
        "> 0\n",
        "{\"name\": \"search\"}",
        " ```js",
        " x",
    ] {
        let mut deltas = Vec::new();
        let chunk = format!(
            r#"data: {{"choices":[{{"delta":{{"content":{}}}}}]}}"#,
            quoted(piece)
        );
        reader
            .push(Bytes::from(chunk + "\n\n"), &mut deltas)
            .unwrap();
        assert_eq!(deltas, [Delta::Text(piece.into())]);
    }
}

#[test]
fn what_looks_like_calls_again_and_again_is_read_in_time() {
    let opener = r#"<tool_call>{"name":"search","arguments":{"q":""#;
    for text in [
        opener.repeat(20_000),
        "<tool_call>{".repeat(80_000),
        "<".repeat(900_000),
        " ".repeat(900_000),
    ] {
        let mut reader = AnswerReader::new(show::asked("tools=search"), 4 << 20);
        let mut deltas = Vec::new();
        for piece in text.as_bytes().chunks(64) {
            let piece = std::str::from_utf8(piece).unwrap();
            let chunk = format!(
                r#"data: {{"choices":[{{"delta":{{"content":{}}}}}]}}"#,
                quoted(piece)
            );
            reader
                .push(Bytes::from(chunk + "\n\n"), &mut deltas)
                .unwrap();
        }
        reader
            .push(Bytes::from_static(b"data: [DONE]\n\n"), &mut deltas)
            .unwrap();
        if text.trim().is_empty() {
            continue;
        }
        assert_eq!(text_of(&deltas), text);
    }
}

#[test]
fn a_thousand_calls_are_read_and_many_more_are_refused() {
    for (count, expected) in [(1_000, None), (1_100, Some(LlmErrorKind::Unreadable))] {
        let mut reader = AnswerReader::new(show::asked("tools=search"), 1 << 16);
        let mut deltas = Vec::new();
        let mut refused = None;
        for number in 0..count {
            let chunk = format!(
                r#"data: {{"choices":[{{"delta":{{"tool_calls":[{{"index":{number},"id":"c{number}","function":{{"name":"search","arguments":"{{}}"}}}}]}}}}]}}"#
            );
            if let Err(error) = reader.push(Bytes::from(chunk + "\n\n"), &mut deltas) {
                refused = Some(error.kind);
                break;
            }
        }
        assert_eq!(refused, expected);
    }
}

#[test]
fn an_event_without_end_is_refused_at_the_limit() {
    let mut reader = AnswerReader::new(show::asked(""), 1 << 16);
    let mut deltas = Vec::new();
    let mut sent = 0;
    let error = loop {
        sent += 4_096;
        if let Err(error) = reader.push(Bytes::from(vec![b'x'; 4_096]), &mut deltas) {
            break error;
        }
    };
    assert_eq!(error.kind, LlmErrorKind::Unreadable);
    assert!(sent <= (1 << 16) + 4_096);
}
