//! What is on the way, written into itself, so that it is known again at the other end.

/// Samples in a frame of 20 ms.
pub(super) const FRAME: usize = 160;

/// A frame's tag has this many bits, one in the lowest bit of each of its first mu-law codes: to
/// the ear and to a voice detector that is faint noise.
const BITS: usize = 80;

/// Letters of each part of a word: the call, the turn, the piece.
const LETTERS: [usize; 3] = [2, 3, 1];
/// What a word begins with. No English word of this length is made of it and what follows.
const MARK: char = 'z';

/// A frame or a clause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag {
    /// The call, from 0.
    pub(super) call: u16,
    /// The caller's turn it belongs to, from 1; 0 before the first.
    pub(super) turn: u16,
    /// The clause of a reply, from 0. Of the caller's sound, whether it is speech: 1 or 0.
    pub(super) piece: u16,
    /// The frame, from 0: of the call if it is the caller's, of the clause if it is the agent's.
    pub(super) frame: u32,
}

impl Tag {
    /// The tag as a word of letters, which goes through recogniser, model and text untouched; the
    /// frame is not in it.
    pub(super) fn word(self) -> String {
        let mut word = String::from(MARK);
        for (number, letters) in [self.call, self.turn, self.piece].into_iter().zip(LETTERS) {
            let mut rest = number;
            let mut part = Vec::new();
            for _ in 0..letters {
                part.push(char::from(b'a' + u8::try_from(rest % 26).unwrap_or_default()));
                rest /= 26;
            }
            word.extend(part.into_iter().rev());
        }
        word
    }

    /// The last tag that is a word of `text`.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        text.rsplit(|c: char| !c.is_ascii_lowercase()).find_map(Self::of_word)
    }

    fn of_word(word: &str) -> Option<Self> {
        let mut letters = word.strip_prefix(MARK)?.bytes();
        if letters.len() != LETTERS.iter().sum::<usize>() {
            return None;
        }
        let mut number = |count| {
            let part = letters.by_ref().take(count);
            part.fold(0_u16, |sum, letter| sum * 26 + u16::from(letter - b'a'))
        };
        let [call, turn, piece] = LETTERS.map(&mut number);
        Some(Self { call, turn, piece, frame: 0 })
    }

    /// Writes the tag into a frame of mu-law.
    pub(super) fn write(self, frame: &mut [u8]) {
        let bits = self.bits();
        for (at, code) in frame.iter_mut().take(BITS).enumerate() {
            *code = *code & !1 | u8::from(bits >> at & 1 == 1);
        }
    }

    /// The tag in a frame of mu-law; `None` if it is too short for one.
    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        let codes = frame.get(..BITS)?;
        let bits = codes.iter().rev().fold(0_u128, |bits, code| bits << 1 | u128::from(code & 1));
        let [a, b, c, d, e, f, g, h, i, j, ..] = bits.to_le_bytes();
        Some(Self {
            call: u16::from_le_bytes([a, b]),
            turn: u16::from_le_bytes([c, d]),
            piece: u16::from_le_bytes([e, f]),
            frame: u32::from_le_bytes([g, h, i, j]),
        })
    }

    fn bits(self) -> u128 {
        u128::from(self.call)
            | u128::from(self.turn) << 16
            | u128::from(self.piece) << 32
            | u128::from(self.frame) << 48
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: [Tag; 3] = [
        Tag { call: 0, turn: 0, piece: 0, frame: 0 },
        Tag { call: 9, turn: 731, piece: 2, frame: 4_000_000_001 },
        Tag { call: 675, turn: 17_575, piece: 25, frame: 1 },
    ];

    #[test]
    fn a_tag_survives_in_sound() {
        for tag in TAGS {
            for silence in [0xFF, 0x7F, 0x00] {
                let mut frame = [silence; FRAME];
                tag.write(&mut frame);
                assert_eq!(Tag::read(&frame), Some(tag));
                assert!(frame.iter().all(|code| code | 1 == silence | 1));
            }
        }
        assert_eq!(Tag::read(&[0xFF; BITS - 1]), None);
    }

    #[test]
    fn a_tag_survives_in_words() {
        for tag in TAGS {
            let text = format!("Zebras zigzag: {}, please.", tag.word());
            assert_eq!(Tag::in_text(&text), Some(Tag { frame: 0, ..tag }));
        }
        assert_eq!(Tag::in_text("Zebras zigzag, please."), None);
    }
}
