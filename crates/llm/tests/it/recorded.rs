//! Answers as servers wrote them, one file for each quirk; a stream is read whole, cut in two at every
//! byte, and byte by byte, and is the same each time. The first line of a file may be a comment that says
//! what was asked.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use response_domain::ports::llm::Delta;
use response_egress::Bytes;
use response_llm::{AnswerReader, Progress};

use crate::show;

const LIMIT: usize = 1 << 20;

/// The files with this ending, by name, with their bytes.
fn files(ending: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"));
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

/// The first line, when it begins with `mark`, and what follows it.
fn words<'a>(bytes: &'a [u8], mark: &str) -> (String, &'a [u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let (line, rest) = bytes.split_at(end);
    match std::str::from_utf8(line).unwrap_or("").strip_prefix(mark) {
        Some(words) if words.contains('=') => (words.trim().to_owned(), rest),
        _ => (String::new(), bytes),
    }
}

/// What comes of these chunks.
fn read(words: &str, chunks: &[&[u8]]) -> String {
    let mut reader = AnswerReader::new(show::asked(words), LIMIT);
    let mut deltas: Vec<Delta> = Vec::new();
    for chunk in chunks {
        match reader.push(Bytes::copy_from_slice(chunk), &mut deltas) {
            Ok(Progress::Complete) => return show::lines(&deltas),
            Ok(Progress::Open | Progress::Stopping) => {}
            Err(error) => return show::lines(&deltas) + &show::error_line(&error),
        }
    }
    match reader.end(&mut deltas) {
        Ok(()) => show::lines(&deltas),
        Err(error) => show::lines(&deltas) + &show::error_line(&error),
    }
}

/// One snapshot for all files of a quirk.
fn compare(read: BTreeMap<String, String>) {
    let mut quirks: BTreeMap<String, String> = BTreeMap::new();
    for (name, lines) in read {
        let (quirk, rest) = name.split_once('_').unwrap();
        let text = quirks.entry(quirk.to_owned()).or_default();
        let title = rest.replace('_', " ");
        text.extend(["== ", &title, "\n", &lines, "\n"]);
    }
    for (quirk, text) in quirks {
        insta::assert_snapshot!(quirk, text);
    }
}

#[test]
fn a_recorded_stream_reads_the_same_however_it_is_cut() {
    let mut all = BTreeMap::new();
    for (name, bytes) in files("txt") {
        let (words, _) = words(&bytes, ":");
        let at_once = read(&words, &[&bytes]);
        for cut in 1..bytes.len() {
            let (before, after) = bytes.split_at(cut);
            assert_eq!(
                read(&words, &[before, after]),
                at_once,
                "{name} cut at {cut}"
            );
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&words, &single), at_once, "{name} byte by byte");
        all.insert(name, at_once);
    }
    compare(all);
}

#[test]
fn a_recorded_document_reads_as_the_stream_would() {
    let mut all = BTreeMap::new();
    for (name, bytes) in files("json") {
        let (words, document) = words(&bytes, "//");
        let mut reader = AnswerReader::new(show::asked(&words), LIMIT);
        let mut deltas = Vec::new();
        let lines = match reader.whole(document, &mut deltas) {
            Ok(()) => show::lines(&deltas),
            Err(error) => show::error_line(&error),
        };
        all.insert(name, lines);
    }
    compare(all);
}
