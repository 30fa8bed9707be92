//! What the fuzz targets share: reading numbers off the input, and cutting bytes into pieces.

/// The bytes that a target reads its choices from; what is beyond the end is zero.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// The next `count` bytes, or as many as there are.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left, as 16-bit samples.
    pub fn samples(self) -> Vec<i16> {
        let (pairs, _) = self.0.as_chunks::<2>();
        pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
    }
}

/// `whole` in pieces whose lengths follow from `how`: all at once if that is 0, else one to
/// several dozen at a time.
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

/// `text` in pieces as [`pieces`] cuts them, in characters.
pub fn text_pieces(text: &str, how: u8) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    pieces(&characters, how).map(|piece| piece.iter().collect()).collect()
}
