//! Test whole phone calls: a carrier simulator and in-memory fakes of every voicekit trait.
