//! Looking ahead in text of which the end may not have arrived.

/// The decision needs text that has not arrived.
#[derive(Debug)]
pub(super) struct More;

/// The text from the next character on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead<'a> {
    /// At least one character.
    pub(super) chars: &'a [char],
    /// Whether nothing follows `chars`.
    pub(super) ended: bool,
}

impl<'a> Ahead<'a> {
    /// The character at `at`, as far as it has arrived.
    pub(super) fn peek(self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    /// The character at `at`, `None` behind the end of the text.
    pub(super) fn need(self, at: usize) -> Result<Option<char>, More> {
        match self.peek(at) {
            None if !self.ended => Err(More),
            known => Ok(known),
        }
    }

    /// The first position from `from` on whose character fits, or the end of the text. At most
    /// `most` characters are looked at; `None` if none of them fits.
    pub(super) fn find(
        self,
        from: usize,
        most: usize,
        fits: impl Fn(char) -> bool,
    ) -> Result<Option<usize>, More> {
        for at in from..from + most {
            match self.need(at)? {
                Some(c) if !fits(c) => {}
                Some(_) | None => return Ok(Some(at)),
            }
        }
        Ok(None)
    }

    /// Whether `text` (ASCII, lower case) begins at `from`, in any case.
    pub(super) fn starts_with(self, from: usize, text: &str) -> Result<bool, More> {
        for (at, expected) in text.chars().enumerate() {
            if self.need(from + at)?.map(|c| c.to_ascii_lowercase()) != Some(expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The number of characters equal to `mark` at `from`, as far as they have arrived.
    pub(super) fn run(self, from: usize, mark: char) -> usize {
        self.chars.iter().skip(from).take_while(|c| **c == mark).count()
    }

    pub(super) fn text(self, from: usize, to: usize) -> String {
        self.slice(from, to).iter().collect()
    }

    pub(super) fn slice(self, from: usize, to: usize) -> &'a [char] {
        self.chars.get(from..to.min(self.chars.len())).unwrap_or_default()
    }
}
