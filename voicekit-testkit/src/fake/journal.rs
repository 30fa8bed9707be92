//! What a fake was asked and what became of its answers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What became of an answer's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It is still open.
    Open,
    /// It was read to its end.
    Ended,
    /// It was dropped before its end: the work was cancelled.
    Dropped,
}

/// One question and what became of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry<T> {
    /// What was asked, and what was fed since.
    pub call: T,
    /// What became of the answer.
    pub fate: Fate,
}

/// What a fake was asked, oldest first. Clones share the record.
pub struct Journal<T>(Arc<Mutex<Vec<Entry<T>>>>);

impl<T: Clone> Journal<T> {
    /// All entries so far.
    pub fn entries(&self) -> Vec<Entry<T>> {
        self.with(|entries| entries.clone())
    }

    /// What was asked, without what became of it.
    pub fn calls(&self) -> Vec<T> {
        self.with(|entries| entries.iter().map(|entry| entry.call.clone()).collect())
    }
}

impl<T> Journal<T> {
    /// How many times it was asked.
    pub fn len(&self) -> usize {
        self.with(|entries| entries.len())
    }

    /// Whether it was never asked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What became of the answers, oldest first.
    pub fn fates(&self) -> Vec<Fate> {
        self.with(|entries| entries.iter().map(|entry| entry.fate).collect())
    }

    /// How many answers are still open.
    pub fn open_count(&self) -> usize {
        self.with(|entries| entries.iter().filter(|entry| entry.fate == Fate::Open).count())
    }

    /// Notes a question. The page closes the entry when it is dropped.
    pub(super) fn open(&self, call: T) -> Page<T> {
        let index = self.with(|entries| {
            entries.push(Entry { call, fate: Fate::Open });
            entries.len() - 1
        });
        Page { journal: self.clone(), index }
    }

    fn with<R>(&self, work: impl FnOnce(&mut Vec<Entry<T>>) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Clone for Journal<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> fmt::Debug for Journal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({} entries)", self.len())
    }
}

/// One entry that is still being written.
#[derive(Debug)]
pub(super) struct Page<T> {
    journal: Journal<T>,
    index: usize,
}

impl<T> Page<T> {
    /// The number of the entry, from 0.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn note(&self, write: impl FnOnce(&mut T)) {
        self.journal.with(|entries| write(&mut entries[self.index].call));
    }

    /// The answer has been read to its end.
    pub(super) fn end(&self) {
        self.close(Fate::Ended);
    }

    fn close(&self, fate: Fate) {
        self.journal.with(|entries| {
            let entry = &mut entries[self.index];
            if entry.fate == Fate::Open {
                entry.fate = fate;
            }
        });
    }
}

impl<T> Drop for Page<T> {
    fn drop(&mut self) {
        self.close(Fate::Dropped);
    }
}
