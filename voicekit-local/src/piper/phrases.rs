//! Phrases that have been spoken before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use voicekit_core::audio::AudioChunk;
use voicekit_core::tts::SpokenWord;

/// A bounded store of spoken phrases, by voice and text.
///
/// A voice says the same words the same way every time, so a phrase from the store cannot be told
/// from one made afresh, and starts at once. When the store is full the phrase that has gone
/// unused for longest makes room.
#[derive(Debug)]
pub struct Phrases {
    capacity: Duration,
    stored: Mutex<Stored>,
}

/// A phrase with the times of its words from its own start.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) audio: AudioChunk,
    pub(super) words: Vec<SpokenWord>,
}

type Key = (String, String);

#[derive(Debug, Default)]
struct Stored {
    phrases: BTreeMap<Key, Arc<Phrase>>,
    /// Least recently used first.
    order: VecDeque<Key>,
    length: Duration,
}

impl Phrases {
    /// A store of at most `capacity` of audio. At 22,050 Hz a minute takes 2.6 MB.
    pub fn new(capacity: Duration) -> Self {
        Self { capacity, stored: Mutex::default() }
    }

    /// How much audio there is in the store.
    pub fn length(&self) -> Duration {
        self.lock().length
    }

    pub(super) fn recall(&self, voice: &str, text: &str) -> Option<Arc<Phrase>> {
        let key = (voice.to_owned(), text.to_owned());
        let mut stored = self.lock();
        let phrase = stored.phrases.get(&key)?.clone();
        stored.order.retain(|other| *other != key);
        stored.order.push_back(key);
        Some(phrase)
    }

    /// Stores a phrase, unless it alone is longer than a quarter of the capacity.
    pub(super) fn store(&self, voice: &str, text: &str, phrase: Phrase) {
        let length = phrase.audio.duration();
        if length > self.capacity / 4 {
            return;
        }
        let key = (voice.to_owned(), text.to_owned());
        let mut stored = self.lock();
        stored.remove(&key);
        while stored.length + length > self.capacity {
            let Some(oldest) = stored.order.front().cloned() else { break };
            stored.remove(&oldest);
        }
        stored.length += length;
        stored.order.push_back(key.clone());
        stored.phrases.insert(key, Arc::new(phrase));
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    fn remove(&mut self, key: &Key) {
        if let Some(phrase) = self.phrases.remove(key) {
            self.length = self.length.saturating_sub(phrase.audio.duration());
            self.order.retain(|other| other != key);
        }
    }
}

/// Two minutes: 5.3 MB at 22,050 Hz.
impl Default for Phrases {
    fn default() -> Self {
        Self::new(Duration::from_secs(120))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voicekit_core::audio::AudioFormat;

    fn phrase(seconds: u64) -> Phrase {
        let audio = AudioChunk::silence(AudioFormat::pcm16(22_050), Duration::from_secs(seconds));
        Phrase { audio, words: Vec::new() }
    }

    #[test]
    fn the_phrase_unused_for_longest_makes_room() {
        let phrases = Phrases::new(Duration::from_secs(8));
        for text in ["a", "b", "c", "d"] {
            phrases.store("joe", text, phrase(2));
        }
        assert!(phrases.recall("joe", "a").is_some());
        phrases.store("joe", "e", phrase(2));
        assert!(phrases.recall("joe", "b").is_none());
        assert!(phrases.recall("joe", "a").is_some());
        assert_eq!(phrases.length(), Duration::from_secs(8));
    }

    #[test]
    fn voices_do_not_share_phrases() {
        let phrases = Phrases::default();
        phrases.store("joe", "hello", phrase(1));
        phrases.store("joe", "hello", phrase(1));
        assert!(phrases.recall("amy", "hello").is_none());
        assert_eq!(phrases.length(), Duration::from_secs(1));
    }

    #[test]
    fn one_long_phrase_does_not_empty_the_store() {
        let phrases = Phrases::new(Duration::from_secs(8));
        phrases.store("joe", "a", phrase(2));
        phrases.store("joe", "a speech", phrase(7));
        assert!(phrases.recall("joe", "a").is_some());
        assert!(phrases.recall("joe", "a speech").is_none());
    }
}
