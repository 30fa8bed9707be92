use crate::time::Timestamp;

/// What a pending deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// No media has come for so long that the caller cannot be taken to be speaking.
    MediaGap,
    /// The caller's voice has gone on for so long without a word that it is a noise.
    Noise,
    /// The caller has pressed no further key.
    Keys,
    /// The caller has been quiet long enough to be answered.
    EndOfTurn,
    /// The final transcript is overdue.
    Transcript,
    /// The caller's words have stood long enough to prepare a reply.
    Prepare,
    /// A noise over the agent has led to nothing: the agent may go on.
    Resume,
    /// Nobody has said anything for long.
    Idle,
    /// The reply should have begun to sound.
    ReplyStart,
    /// The reply has fallen silent before its end.
    ReplyStall,
    /// The reply must have been played, marks or no marks.
    Playout,
    /// A tool takes long.
    Filler,
    /// A tool takes too long.
    Tool,
    /// It must be known who has picked up.
    PickedUp,
    /// The recogniser may be tried again.
    Hearing,
    /// The call will soon have lasted as long as it may.
    CallWarning,
    /// It has.
    CallLimit,
    /// The carrier should have ended the call.
    HangUp,
}

impl Timer {
    pub(super) const ALL: [Self; 18] = [
        Self::MediaGap,
        Self::Noise,
        Self::Keys,
        Self::EndOfTurn,
        Self::Transcript,
        Self::Prepare,
        Self::Resume,
        Self::Idle,
        Self::ReplyStart,
        Self::ReplyStall,
        Self::Playout,
        Self::Filler,
        Self::Tool,
        Self::PickedUp,
        Self::Hearing,
        Self::CallWarning,
        Self::CallLimit,
        Self::HangUp,
    ];
}

/// The pending deadlines, one a reason.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers([Option<Timestamp>; Timer::ALL.len()]);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn clear_all(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    pub(super) fn get(&self, timer: Timer) -> Option<Timestamp> {
        self.0[timer as usize]
    }

    /// The earliest deadline; among equals, the one declared first.
    pub(super) fn next(&self) -> Option<(Timestamp, Timer)> {
        Timer::ALL.iter().filter_map(|&timer| Some((self.0[timer as usize]?, timer))).min()
    }

    /// Takes out the earliest deadline that is due.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<Timer> {
        let (at, timer) = self.next()?;
        if at > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }
}
