//! Runs each target on its seeds, on the fixtures of the crates, and on mutations of both that
//! follow from a fixed seed: the same inputs in every run and on every machine.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use voicekit_fuzz::targets;

/// Mutated inputs per target.
const CASES: u32 = 2_000;
/// The longest input in bytes, as under libFuzzer.
const LONGEST: usize = 4_096;

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(mod $name {
            #[test]
            fn holds_for_seeds_and_fixtures() {
                super::replay(stringify!($name), super::targets::$name::run);
            }

            #[test]
            fn holds_for_mutations_of_seeds_and_fixtures() {
                super::mutate(stringify!($name), super::targets::$name::run);
            }
        })*
    };
}

targets!(audio, jitter, knowledge, models, recognisers, refusals, text, turn, twilio, voices, wav);

#[test]
fn every_target_has_seeds_and_is_fuzzed_with_coverage() {
    for directory in ["seeds", "coverage/targets"] {
        let entries = fs::read_dir(root().join("fuzz").join(directory)).unwrap();
        let mut found: Vec<String> = entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        found.sort();
        assert_eq!(found, NAMES, "{directory}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn replay(name: &str, run: fn(&[u8])) {
    let inputs = inputs(name);
    assert!(!inputs.is_empty(), "{name} has no seeds");
    for (file, bytes) in inputs {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&bytes)));
        assert!(outcome.is_ok(), "the input is {}", file.display());
    }
}

fn mutate(name: &str, run: fn(&[u8])) {
    let inputs: Vec<Vec<u8>> = inputs(name).into_iter().map(|(_, bytes)| bytes).collect();
    let words = dictionary(name);
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x766f_6963),
        ..Config::default()
    };
    let chosen = (any::<prop::sample::Index>(), prop::collection::vec(mutation(), 1..12));
    let outcome = TestRunner::new(config).run(&chosen, |(start, mutations)| {
        let mut bytes = start.get(&inputs).clone();
        for mutation in &mutations {
            mutation.apply(&mut bytes, &inputs, &words);
        }
        bytes.truncate(LONGEST);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&bytes)));
        prop_assert!(outcome.is_ok(), "the input is {:?}", bytes.escape_ascii().to_string());
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// A change to an input, of the kinds that libFuzzer makes.
#[derive(Clone, Debug)]
enum Mutation {
    Overwrite(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    InsertWord(prop::sample::Index, prop::sample::Index),
    Remove(prop::sample::Index, u8),
    Repeat(prop::sample::Index, u8),
    Join(prop::sample::Index, prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = || any::<prop::sample::Index>();
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Overwrite(at, byte)),
        (at(), prop::collection::vec(any::<u8>(), 1..24))
            .prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (at(), at()).prop_map(|(at, word)| Mutation::InsertWord(at, word)),
        (at(), 1..64_u8).prop_map(|(at, count)| Mutation::Remove(at, count)),
        (at(), 1..64_u8).prop_map(|(at, count)| Mutation::Repeat(at, count)),
        (at(), at()).prop_map(|(at, other)| Mutation::Join(at, other)),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>, inputs: &[Vec<u8>], words: &[Vec<u8>]) {
        let place = |at: &prop::sample::Index, bytes: &[u8]| at.index(bytes.len() + 1);
        match self {
            Self::Overwrite(at, byte) => {
                let at = place(at, bytes);
                match bytes.get_mut(at) {
                    Some(old) => *old = *byte,
                    None => bytes.push(*byte),
                }
            }
            Self::Insert(at, new) => {
                let at = place(at, bytes);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::InsertWord(at, word) => {
                let at = place(at, bytes);
                if !words.is_empty() {
                    bytes.splice(at..at, word.get(words).iter().copied());
                }
            }
            Self::Remove(at, count) => {
                let start = place(at, bytes);
                let end = (start + usize::from(*count)).min(bytes.len());
                bytes.drain(start..end);
            }
            Self::Repeat(at, count) => {
                let start = place(at, bytes);
                let end = (start + usize::from(*count)).min(bytes.len());
                let again = bytes[start..end].to_vec();
                bytes.splice(start..start, again);
            }
            Self::Join(at, other) => {
                let (at, other) = (place(at, bytes), other.get(inputs));
                bytes.truncate(at);
                bytes.extend_from_slice(&other[at.min(other.len())..]);
            }
        }
    }
}

/// The seeds of a target and its fixtures, with their files.
fn inputs(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let seeds = files(&root().join("fuzz/seeds").join(name));
    let mut inputs: Vec<_> = seeds.into_iter().map(|file| (file, Vec::new())).collect();
    for line in include_str!("../fixtures.tsv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [target, before, path] = fields[..] else { panic!("three fields: {line}") };
        if target == name {
            let before = hexadecimal(before);
            let streams =
                |file: &PathBuf| !root().join(path).is_dir() || has_extension(file, "sse");
            let found = files(&root().join(path)).into_iter().filter(streams);
            inputs.extend(found.map(|file| (file, before.clone())));
        }
    }
    let read = |(file, before): (PathBuf, Vec<u8>)| {
        let bytes = [before, fs::read(&file).unwrap()].concat();
        (file, bytes)
    };
    inputs.into_iter().map(read).collect()
}

/// The file itself, or the files of a directory.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn has_extension(file: &Path, wanted: &str) -> bool {
    file.extension().is_some_and(|extension| extension == wanted)
}

fn hexadecimal(text: &str) -> Vec<u8> {
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.iter().map(byte).collect()
}

/// The words of libFuzzer's dictionary for a target: a word a line, in quotes.
fn dictionary(name: &str) -> Vec<Vec<u8>> {
    let file = root().join("fuzz/dictionaries").join(name).with_extension("txt");
    let text = fs::read_to_string(file).unwrap_or_default();
    let words = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    words.map(unescape).collect()
}

/// Resolves `\\`, `\"` and `\xNN`.
fn unescape(word: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), word);
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let length = if after.starts_with('x') { 3 } else { 1 };
        let (escape, after) = after.split_at(length);
        match escape.strip_prefix('x') {
            Some(digits) => bytes.extend(hexadecimal(digits)),
            None => bytes.extend_from_slice(escape.as_bytes()),
        }
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
