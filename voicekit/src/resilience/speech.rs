//! One text spoken, by as many voices as it takes.

mod script;

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use voicekit_core::audio::AudioChunk;
use voicekit_core::dsp::Converter;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsInfo, TtsRequest};

use super::attempts::{Attempts, Tries, supported};
use crate::agent::negotiate;
use script::{Script, words};

/// How fast a voice speaks that was not measured, in characters a second: rather slower than most,
/// so that a word is repeated rather than lost.
const USUAL_PACE: f64 = 13.0;

/// How much of what a voice without word times has spoken, as reckoned, counts as spoken.
const SURE: f64 = 0.95;

/// `text`, spoken as a voice of which `info` is true speaks it.
pub(super) fn relay<P, A>(
    attempts: A,
    info: &TtsInfo,
    request: TtsRequest,
    text: BoxStream<'static, String>,
) -> Result<BoxStream<'static, Result<Spoken>>>
where
    P: Tts + ?Sized,
    A: Attempts<P>,
{
    supported(&info.formats, request.format, info.name)?;
    let relay = Relay {
        tries: Tries::new(attempts),
        request,
        timed: info.words,
        script: Script::new(text),
        live: None,
        ready: VecDeque::new(),
        given: Duration::ZERO,
    };
    let spoken = stream::unfold(Some(relay), |relay| async move {
        let mut relay = relay?;
        match relay.next().await {
            Ok(None) => None,
            Ok(Some(spoken)) => Some((Ok(spoken), Some(relay))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(spoken.boxed())
}

struct Relay<P: ?Sized, A> {
    tries: Tries<P, A>,
    request: TtsRequest,
    timed: bool,
    script: Script,
    live: Option<Live>,
    /// What is to be given out.
    ready: VecDeque<Spoken>,
    /// How much audio was given out.
    given: Duration,
}

/// A voice that is listened to.
struct Live {
    name: &'static str,
    output: BoxStream<'static, Result<Spoken>>,
    converter: Converter,
    /// Where in the text, and how far into the audio given out, it began.
    from: usize,
    base: Duration,
    /// Whether it gives word times; the words it gave.
    timed: bool,
    words: Vec<SpokenWord>,
    /// How many words were given times of our own, if it gives none.
    reckoned: usize,
    sounded: bool,
    ended: bool,
}

impl<P: Tts + ?Sized, A: Attempts<P>> Relay<P, A> {
    async fn next(&mut self) -> Result<Option<Spoken>> {
        loop {
            if let Some(spoken) = self.ready.pop_front() {
                return Ok(Some(spoken));
            }
            let Some(live) = &mut self.live else {
                self.open().await?;
                continue;
            };
            if live.ended {
                return Ok(None);
            }
            let taken = match live.output.next().await {
                Some(Ok(spoken)) => self.take(spoken),
                Some(Err(error)) => Err(error),
                None => self.ended(),
            };
            if let Err(error) = taken {
                self.failed(error)?;
            }
        }
    }

    async fn open(&mut self) -> Result<()> {
        let part = self.tries.part().await?;
        let from = self.script.position();
        match speak(&*part, self.request.clone(), &self.script, self.given).await {
            Ok(live) => {
                self.live = Some(live);
                Ok(())
            }
            Err(error) => {
                // It may have read some of the text before it refused.
                self.script.seek(from);
                self.failed(error)
            }
        }
    }

    fn take(&mut self, spoken: Spoken) -> Result<()> {
        let Some(live) = &mut self.live else { return Ok(()) };
        match spoken {
            Spoken::Audio(chunk) => {
                let audio = live.converter.process(&chunk)?;
                self.sound(audio);
            }
            Spoken::Word(word) => {
                live.words.push(word.clone());
                if self.timed {
                    let (start, end) = (live.base + word.start, live.base + word.end);
                    self.ready.push_back(Spoken::Word(SpokenWord::new(word.text, start, end)));
                }
            }
            other => self.ready.push_back(other),
        }
        Ok(())
    }

    fn sound(&mut self, audio: AudioChunk) {
        let Some(live) = &mut self.live else { return };
        if audio.is_empty() {
            return;
        }
        if !std::mem::replace(&mut live.sounded, true)
            && let Some(since) = self.script.waiting_since()
        {
            self.tries.attempts.answered(since.elapsed());
        }
        self.given += audio.duration();
        if self.timed && !live.timed {
            let pace = self.tries.attempts.pace().unwrap_or(USUAL_PACE);
            let text = self.script.text_from(live.from);
            let words = reckon(live, &text, pace, self.given);
            self.ready.extend(words.into_iter().map(Spoken::Word));
        }
        self.ready.push_back(Spoken::Audio(audio));
    }

    /// The voice has ended: by right, if all of the text is spoken.
    fn ended(&mut self) -> Result<()> {
        let Some(live) = &mut self.live else { return Ok(()) };
        let name = live.name;
        if !self.script.is_over() {
            return Err(broken(name, "the voice ended before its text"));
        }
        let text = self.script.text_from(live.from);
        if !live.sounded && text.contains(char::is_alphanumeric) {
            return Err(broken(name, "the voice gave no audio"));
        }
        live.ended = true;
        let (from, base) = (live.from, live.base);
        if live.sounded {
            let rest = live.converter.flush()?;
            self.sound(rest);
            let characters = self.script.text_from(from).chars().count();
            self.tries.attempts.spoke(characters, self.given.saturating_sub(base));
            // A voice that had nothing to say has not shown that it works.
            self.tries.attempts.completed();
        }
        Ok(())
    }

    /// Has the rest spoken by what is tried next, from the first word that was not.
    fn failed(&mut self, error: Error) -> Result<()> {
        if let Some(live) = self.live.take() {
            let text = self.script.text_from(live.from);
            let given = self.given.saturating_sub(live.base);
            let pace = self.tries.attempts.pace().unwrap_or(USUAL_PACE);
            self.script.seek(live.from + spoken_of(&text, &live.words, given, pace));
        }
        self.tries.failed(error, !self.given.is_zero())
    }
}

/// Has `part` speak what is left of `script`, after `base` of audio.
async fn speak<P: Tts + ?Sized>(
    part: &P,
    mut request: TtsRequest,
    script: &Script,
    base: Duration,
) -> Result<Live> {
    let info = part.info();
    let format = negotiate(&info.formats, request.format);
    let converter = Converter::new(format, request.format)?;
    request.format = format;
    let from = script.position();
    let output = part.speak(request, script.reader().boxed()).await?;
    Ok(Live {
        name: info.name,
        output,
        converter,
        from,
        base,
        timed: info.words,
        words: Vec::new(),
        reckoned: 0,
        sounded: false,
        ended: false,
    })
}

fn broken(name: &'static str, what: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, name, what)
}

/// How much of `text` was spoken in `given`, in bytes, up to the end of a word.
fn spoken_of(text: &str, timed: &[SpokenWord], given: Duration, pace: f64) -> usize {
    if given.is_zero() {
        return 0;
    }
    if !timed.is_empty() {
        let whole = timed.iter().filter(|word| word.end <= given);
        return script::end_of_last(text, whole.map(|word| word.text.as_str()));
    }
    let mut left = given.as_secs_f64() * pace * SURE;
    let spoken = words(text).take_while(|word| {
        left -= f64::from(u32::try_from(word.text.chars().count()).unwrap_or(u32::MAX));
        left >= 0.0
    });
    spoken.last().map_or(0, |word| word.end)
}

/// The words of `text` that begin before `until` and were not given yet, if it is spoken at `pace`.
fn reckon(live: &mut Live, text: &str, pace: f64, until: Duration) -> Vec<SpokenWord> {
    let at = |characters: usize| {
        let characters = f64::from(u32::try_from(characters).unwrap_or(u32::MAX));
        live.base + Duration::from_secs_f64(characters / pace)
    };
    let mut reckoned = Vec::new();
    let mut characters = 0;
    for (index, word) in words(text).enumerate() {
        let (start, end) = (at(characters), at(characters + word.text.chars().count()));
        if start >= until {
            break;
        }
        if index >= live.reckoned {
            reckoned.push(SpokenWord::new(word.text.trim(), start, end));
        }
        characters += word.text.chars().count();
    }
    live.reckoned += reckoned.len();
    reckoned
}
