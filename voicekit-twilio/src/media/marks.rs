//! Marks on their way to the caller's ear and back.

use std::collections::VecDeque;

use voicekit_core::transport::{Mark, TransportEvent};

/// How many marks may be outstanding: thirteen minutes of speech with a mark every 200 ms.
const MAX_PENDING: usize = 4_096;

/// The marks that have been sent and have not come back.
///
/// The carrier returns marks in order, and returns all of them at once when its buffer is cleared,
/// which looks like having played them. So each mark has a serial number in its name, and those
/// that are pending when a clear is sent are noted as cleared.
///
/// # Invariants
///
/// - A mark comes back at most once, in the order in which marks were sent.
/// - A mark that was pending when the buffer was cleared never counts as played, one sent later
///   never as cleared.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pending: VecDeque<Pending>,
    /// The serial number of the first of `pending`, or of the next mark if there is none.
    first: u64,
}

#[derive(Debug)]
struct Pending {
    mark: Mark,
    cleared: bool,
}

impl Marks {
    /// The name under which to send `mark`; `None` if too many are outstanding.
    pub(super) fn send(&mut self, mark: Mark) -> Option<String> {
        if self.pending.len() >= MAX_PENDING {
            return None;
        }
        let serial = self.first + self.pending.len() as u64;
        self.pending.push_back(Pending { mark, cleared: false });
        Some(name(mark, serial))
    }

    /// The carrier is told to forget what it has not played.
    pub(super) fn clear(&mut self) {
        self.pending.iter_mut().for_each(|pending| pending.cleared = true);
    }

    /// The carrier returned a mark by this name. One that it skipped is returned with it. Nothing
    /// comes of a name that is not pending.
    pub(super) fn returned(&mut self, returned: &str) -> impl Iterator<Item = TransportEvent> {
        let count = self.index(returned).map_or(0, |index| index + 1);
        self.first += count as u64;
        self.pending.drain(..count).map(|Pending { mark, cleared }| match cleared {
            true => TransportEvent::Cleared(mark),
            false => TransportEvent::Played(mark),
        })
    }

    fn index(&self, returned: &str) -> Option<usize> {
        let (_, serial) = returned.rsplit_once('/')?;
        let serial: u64 = serial.parse().ok()?;
        let index = usize::try_from(serial.checked_sub(self.first)?).ok()?;
        let pending = self.pending.get(index)?;
        (name(pending.mark, serial) == returned).then_some(index)
    }
}

/// `r7/1480000/12`: the reply, microseconds into it, and the mark's serial number, because a mark
/// may be sent again.
fn name(mark: Mark, serial: u64) -> String {
    format!("r{}/{}/{serial}", mark.reply, mark.position_us)
}
