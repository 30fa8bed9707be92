//! The bytes that outputs may take while they wait to be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

use futures::task::AtomicWaker;
use voicekit_core::asr::AsrEvent;
use voicekit_core::tts::Spoken;

/// What takes memory while it waits in a queue.
pub trait Weigh {
    /// Bytes of text or audio that it holds.
    fn bytes(&self) -> usize;
}

impl Weigh for AsrEvent {
    fn bytes(&self) -> usize {
        match self {
            Self::Interim(words) | Self::Final(words) => words.text.len(),
            Self::Turn(_) | _ => 0,
        }
    }
}

impl Weigh for Spoken {
    fn bytes(&self) -> usize {
        match self {
            Self::Audio(chunk) => chunk.bytes().len(),
            Self::Word(word) => word.text.len(),
            _ => 0,
        }
    }
}

impl Weigh for String {
    fn bytes(&self) -> usize {
        self.len()
    }
}

/// Bytes that wait, counted by the task that adds them and the stream that takes them.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    waiting: AtomicUsize,
    task: AtomicWaker,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, waiting: AtomicUsize::new(0), task: AtomicWaker::new() }))
    }

    /// Whether more may be added; if not, the task is woken when that changes.
    pub(super) fn is_left(&self, cx: &Context<'_>) -> bool {
        self.0.task.register(cx.waker());
        self.0.waiting.load(Ordering::Acquire) < self.0.most
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.waiting.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn take(&self, bytes: usize) {
        self.0.waiting.fetch_sub(bytes, Ordering::AcqRel);
        self.0.task.wake();
    }
}
