//! Packets that wait for their turn, by position.

use std::collections::BTreeMap;

/// Sound by position, nothing twice.
#[derive(Clone, Default)]
pub(super) struct Store {
    packets: BTreeMap<i64, Vec<i16>>,
    samples: usize,
}

impl Store {
    /// Keeps what of `samples`, from `start` on, was not kept already; says whether there was any.
    pub(super) fn insert(&mut self, start: i64, samples: &[i16]) -> bool {
        let before = self.packets.range(..=start).next_back();
        let covered = before.map_or(start, |(&at, held)| end(at, held).max(start));
        let after = self.packets.range(covered..).next().map(|(&at, _)| at);
        let until = after.unwrap_or(i64::MAX).min(end(start, samples));
        if until <= covered {
            return false;
        }
        let kept = &samples[distance(start, covered)..distance(start, until)];
        self.samples += kept.len();
        self.packets.insert(covered, kept.to_vec());
        true
    }

    /// How many packets and samples wait.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.packets.len(), self.samples)
    }

    /// Where the first packet starts.
    pub(super) fn first(&self) -> Option<i64> {
        self.packets.first_key_value().map(|(&at, _)| at)
    }

    /// Where the packet that holds the sample at `position` starts and ends.
    pub(super) fn packet_at(&self, position: i64) -> Option<(i64, i64)> {
        let (&at, held) = self.packets.range(..=position).next_back()?;
        let end = end(at, held);
        (end > position).then_some((at, end))
    }

    /// The samples from `position` on without a gap, at most `most`.
    pub(super) fn peek(&self, position: i64, most: usize) -> Vec<i16> {
        let mut found = Vec::with_capacity(most.min(self.samples));
        let from = self.packets.range(..=position).next_back().map_or(position, |(&at, _)| at);
        let mut next = position;
        for (&at, held) in self.packets.range(from..) {
            if end(at, held) <= next {
                continue;
            }
            if at > next || found.len() == most {
                break;
            }
            let held = &held[distance(at, next)..];
            let taken = held.len().min(most - found.len());
            found.extend_from_slice(&held[..taken]);
            next = end(next, &held[..taken]);
        }
        found
    }

    /// Forgets the packets that end at `position` or before.
    pub(super) fn forget_before(&mut self, position: i64) {
        while let Some(first) = self.packets.first_entry()
            && end(*first.key(), first.get()) <= position
        {
            self.samples -= first.remove().len();
        }
    }
}

/// The position behind the last of `samples`, which begin at `start`.
pub(super) fn end(start: i64, samples: &[i16]) -> i64 {
    start.saturating_add(i64::try_from(samples.len()).unwrap_or(i64::MAX))
}

/// Samples from one position to a later one.
pub(super) fn distance(from: i64, to: i64) -> usize {
    usize::try_from(to.saturating_sub(from)).unwrap_or(0)
}
