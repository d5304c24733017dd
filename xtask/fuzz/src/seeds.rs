//! The seeds of a target, and random changes of them: what a plain test run tries of what the fuzzer looks
//! at much longer. Each crate that has targets takes this file into its tests.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{TestError, TestRunner};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/fuzz/seeds");

/// Holds a target to what it says of its seeds, and of as many changed ones.
pub(crate) fn check(target: &str, changed: u32, holds: fn(&[u8])) {
    let seeds = read(target);
    for seed in &seeds {
        holds(seed);
    }
    let config = ProptestConfig {
        cases: changed,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let one = prop::sample::select(seeds.clone());
    let cases = (one, prop::collection::vec(change(seeds), 1..6));
    let cases = cases.prop_map(|(seed, changes)| changes.into_iter().fold(seed, apply));
    let outcome = TestRunner::new(config).run(&cases, |bytes| {
        holds(&bytes);
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, bytes)) => panic!("{why}, with {}", bytes.escape_ascii()),
        Err(other) => panic!("{other}"),
    }
}

fn read(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(FOLDER).join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no seed");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[derive(Debug, Clone)]
enum Change {
    /// Other bytes instead of so many.
    Put(Index, usize, Vec<u8>),
    /// A piece of the text once more, so often.
    Repeat(Index, usize, usize),
    /// Nothing from there on.
    Cut(Index),
    /// From there on, the end of another seed.
    Cross(Index, Vec<u8>, Index),
}

fn change(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let words = [
        "null",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        "\\ud83d",
        ":",
        ",",
        "\n",
        "\r",
        "-1",
        "1e999",
        "true",
        "{}",
        "[]",
        "\"\"",
        "9007199254740993",
    ];
    let word = prop::sample::select(words.to_vec());
    let put = prop_oneof![
        word.prop_map(|word| word.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    let other = prop::sample::select(seeds);
    prop_oneof![
        4 => (at(), 0..12_usize, put).prop_map(|(at, less, put)| Change::Put(at, less, put)),
        2 => (at(), 1..40_usize, 1..6_usize).prop_map(|(at, much, often)| Change::Repeat(at, much, often)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), other, at()).prop_map(|(at, other, from)| Change::Cross(at, other, from)),
    ]
}

fn apply(mut bytes: Vec<u8>, change: Change) -> Vec<u8> {
    match change {
        Change::Put(at, less, put) => {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + less);
            bytes.splice(at..end, put);
        }
        Change::Repeat(at, much, often) => {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + much);
            let piece = bytes[at..end].repeat(often);
            bytes.splice(at..at, piece);
        }
        Change::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
        Change::Cross(at, other, from) => {
            bytes.truncate(at.index(bytes.len() + 1));
            bytes.extend_from_slice(&other[from.index(other.len() + 1)..]);
        }
    }
    bytes
}
