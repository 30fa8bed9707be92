#![doc = include_str!("../README.md")]

pub mod targets;

#[allow(clippy::unwrap_used, reason = "a file of the engine's tests")]
#[path = "../../voicekit-core/tests/it/turn_checker.rs"]
mod turn_checker;
#[allow(clippy::unwrap_used, reason = "a file of the engine's tests")]
#[path = "../../voicekit-core/tests/it/turn_random.rs"]
mod turn_random;

/// The bytes from which a target reads its choices. Bytes beyond the end read as zero.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name for bytes")]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Returns `true` if every byte has been read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Reads a 16-bit number.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// Reads a 64-bit number.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Reads a number below `end`.
    pub fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    /// Reads a truth value.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Reads `count` bytes, or as many as are left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Returns the rest as 16-bit samples.
    pub fn samples(self) -> Vec<i16> {
        let (pairs, _) = self.0.as_chunks::<2>();
        pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
    }
}

/// Cuts `whole` into pieces whose lengths follow from `how`: one piece if that is 0, else pieces of
/// one to several dozen items.
pub fn pieces<T>(whole: &[T], how: u8) -> impl Iterator<Item = &[T]> {
    let (mut rest, mut state) = (whole, u32::from(how));
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // The generator of Numerical Recipes; its high bits are good enough.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let small = 1 + (state >> 24) as usize % 4;
        let length = if how == 0 { rest.len() } else { small << (4 * (state >> 30 & 1)) };
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        Some(piece)
    })
}

/// Cuts `text` between characters, as [`pieces`] does.
pub fn text_pieces(text: &str, how: u8) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    pieces(&characters, how).map(|piece| piece.iter().collect()).collect()
}
