//! From token numbers to text.
//!
//! Tokens are byte sequences, written in `tokenizer.json` with one printable character for each
//! byte (the byte-level alphabet of GPT-2). Numbers from [`END`] on are marks, not text.

use std::collections::BTreeMap;

use serde::Deserialize;
use voicekit_core::error::{Error, ErrorKind, Result};

use super::SERVICE;

/// All tokens of the English models: text, then marks.
pub(super) const COUNT: usize = 51_864;
/// The end of the text. Smaller numbers are text, larger ones marks.
pub(super) const END: usize = 50_256;
/// What a page begins with.
pub(super) const START: usize = 50_257;
/// Its score after [`START`] says how likely nobody spoke.
pub(super) const NO_SPEECH: usize = 50_361;
/// Asks for text without time marks; what the prompt ends with.
pub(super) const WITHOUT_TIMES: usize = 50_362;
/// May not come first: a space, or nothing at all.
pub(super) const NEVER_FIRST: [usize; 2] = [220, END];

/// Tokens that are not speech: notes, brackets and other signs a caption writer uses.
/// Source: the model's `config.json`, `suppress_ids`.
pub(super) const NEVER: [usize; 84] = [
    1, 2, 7, 8, 9, 10, 14, 25, 26, 27, 28, 29, 31, 58, 59, 60, 61, 62, 63, 90, 91, 92, 93, 357,
    366, 438, 532, 685, 705, 796, 930, 1058, 1220, 1267, 1279, 1303, 1343, 1377, 1391, 1635, 1782,
    1875, 2162, 2361, 2488, 3467, 4008, 4211, 4600, 4808, 5299, 5855, 6329, 7203, 9609, 9959,
    10563, 10786, 11420, 11709, 11907, 13163, 13697, 13700, 14808, 15306, 16410, 16791, 17992,
    19203, 19510, 20724, 22305, 22935, 27007, 30109, 30420, 33409, 34949, 40283, 40493, 40549,
    47282, 49146,
];

/// The bytes of each text token.
#[derive(Debug)]
pub(super) struct Vocabulary {
    bytes: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
struct File {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    vocab: BTreeMap<String, usize>,
}

impl Vocabulary {
    /// Reads `tokenizer.json`.
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        let file: File = serde_json::from_slice(json).map_err(|error| bad_file(&error))?;
        let alphabet = alphabet();
        let mut bytes = vec![Vec::new(); END];
        for (token, number) in &file.model.vocab {
            let Some(slot) = bytes.get_mut(*number) else { continue };
            let decoded: Option<Vec<u8>> =
                token.chars().map(|letter| alphabet.get(&letter).copied()).collect();
            *slot =
                decoded.ok_or_else(|| bad_file(&format!("token {number} is not byte-level")))?;
        }
        match bytes.iter().position(Vec::is_empty) {
            None => Ok(Self { bytes }),
            Some(number) => Err(bad_file(&format!("token {number} is missing"))),
        }
    }

    /// The text of `tokens`, without the marks among them.
    pub(super) fn text(&self, tokens: &[usize]) -> String {
        let bytes: Vec<u8> =
            tokens.iter().filter_map(|&token| self.bytes.get(token)).flatten().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

/// The byte that each character of the byte-level alphabet stands for: printable characters of
/// Latin-1 stand for themselves, the characters from U+0100 for the other bytes, in order.
fn alphabet() -> BTreeMap<char, u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let itself = (0..=u8::MAX).filter(|&byte| printable(byte)).map(|byte| (char::from(byte), byte));
    let moved = ('\u{100}'..).zip((0..=u8::MAX).filter(|&byte| !printable(byte)));
    itself.chain(moved).collect()
}

fn bad_file(what: &dyn std::fmt::Display) -> Error {
    let message = format!("tokenizer.json is not the expected tokenizer: {what}");
    Error::new(ErrorKind::Config, SERVICE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_one_character_for_each_byte() {
        let alphabet = alphabet();
        assert_eq!(alphabet.len(), 256);
        assert_eq!(alphabet.get(&'Ġ'), Some(&b' '));
        assert_eq!(alphabet.get(&'Ċ'), Some(&b'\n'));
        assert_eq!(alphabet.get(&'é'), Some(&0xE9));
        assert_eq!(alphabet.get(&'Ń'), Some(&0xAD));
    }
}
