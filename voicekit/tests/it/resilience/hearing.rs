//! Recognisers that fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::mpsc;
use futures::stream::BoxStream;
use futures::{SinkExt, StreamExt};
use voicekit::resilience::{Fallback, Limits, Retrying, Timeout};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, Transcript};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::error::{Error, ErrorKind};
use voicekit_testkit::fake::{FakeAsr, Fault};

use super::{kind, ms, twice_more};

/// A call in real time.
struct Call {
    input: mpsc::Sender<AsrInput>,
    output: BoxStream<'static, Result<AsrEvent, Error>>,
    finals: Vec<Transcript>,
}

impl Call {
    async fn to(asr: &dyn Asr) -> Self {
        let (input, received) = mpsc::channel(100);
        let request = AsrRequest::new(AudioFormat::PHONE);
        let output = asr.recognize(request, received.boxed()).await.unwrap();
        Self { input, output, finals: Vec::new() }
    }

    async fn give(&mut self, input: AsrInput) {
        self.input.send(input).await.unwrap();
    }

    /// So much audio, while the output is read.
    async fn audio(&mut self, length: Duration) {
        let frame = AudioChunk::new(AudioFormat::PHONE, vec![0xff; 160]).unwrap();
        for _ in 0..length.as_millis() / 20 {
            self.give(AsrInput::Audio(frame.clone())).await;
            let until = tokio::time::Instant::now() + ms(20);
            while let Ok(event) = tokio::time::timeout_at(until, self.output.next()).await {
                let event = event.unwrap().unwrap();
                if let AsrEvent::Final(transcript) = event {
                    self.finals.push(transcript);
                }
            }
        }
    }

    /// Somebody speaks for so long, and the transcript is asked for.
    async fn utterance(&mut self, length: Duration) {
        self.give(AsrInput::SpeechStarted).await;
        self.audio(length).await;
        self.give(AsrInput::SpeechEnded).await;
        self.audio(ms(200)).await;
        self.give(AsrInput::Finalize).await;
        self.audio(ms(3_000)).await;
    }

    fn texts(&self) -> Vec<&str> {
        self.finals.iter().map(|transcript| transcript.text.as_str()).collect()
    }

    async fn end(mut self) -> Result<Vec<String>, Error> {
        drop(self.input);
        let mut texts: Vec<String> = self.finals.into_iter().map(|heard| heard.text).collect();
        while let Some(event) = self.output.next().await {
            if let AsrEvent::Final(transcript) = event? {
                texts.push(transcript.text);
            }
        }
        Ok(texts)
    }
}

#[tokio::test(start_paused = true)]
async fn another_recogniser_hears_an_utterance_from_its_start() {
    // It fails after its first interim.
    let first =
        FakeAsr::new(["a table for two"]).with_fault(0, Fault::Fail(1, ErrorKind::Connection));
    let second = FakeAsr::new(["a table for two"]);
    let asr = Fallback::asr(first).or(second.clone());
    let mut call = Call::to(&asr).await;
    call.utterance(ms(1_500)).await;
    assert_eq!(call.texts(), ["a table for two"]);
    assert!(call.finals[0].finalized);
    let heard = second.journal().calls()[0].audio;
    assert_eq!(heard, ms(1_500 + 200 + 3_000));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_not_answered_is_asked_again() {
    for fault in [Fault::Fail(4, ErrorKind::Connection), Fault::Truncate(4), Fault::Stall(4)] {
        let first = FakeAsr::new(["a table for two"]).with_fault(0, fault);
        let second = FakeAsr::new(["a table for two"]);
        let limits = Limits::default().with_transcript(ms(1_000));
        let asr = Fallback::asr(Timeout::new(first).with_limits(limits)).or(second.clone());
        let mut call = Call::to(&asr).await;
        call.utterance(ms(1_500)).await;
        assert_eq!(call.texts(), ["a table for two"], "{fault:?}");
        let hints = &second.journal().calls()[0].hints;
        let asked = [AsrInput::SpeechStarted, AsrInput::SpeechEnded, AsrInput::Finalize];
        assert_eq!(hints[..], asked, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_final_is_not_heard_again() {
    // Four interims and the final transcript of the first utterance, one interim of the second.
    let first = FakeAsr::new(["a table for two", "at nine"])
        .with_fault(0, Fault::Fail(6, ErrorKind::Connection));
    let second = FakeAsr::new(["at nine"]);
    let asr = Fallback::asr(first).or(second.clone());
    let mut call = Call::to(&asr).await;
    call.utterance(ms(1_500)).await;
    call.utterance(ms(1_000)).await;
    assert_eq!(call.texts(), ["a table for two", "at nine"]);
    // The second utterance and the three seconds of silence around it.
    let heard = second.journal().calls()[0].audio;
    assert_eq!(heard, ms(3_000 + 1_000 + 200 + 3_000));
}

#[tokio::test(start_paused = true)]
async fn silence_is_not_heard_again_for_long() {
    let first = FakeAsr::new(["hello"]).with_fault(0, Fault::Stall(0));
    let limits = Limits::default().with_first(ms(1_000));
    let second = FakeAsr::new(["hello"]);
    let asr = Fallback::asr(Timeout::new(first).with_limits(limits)).or(second.clone());
    let mut call = Call::to(&asr).await;
    call.audio(ms(20_000)).await;
    // Ten seconds waited for the first one, of which the last three are heard again.
    let heard = second.journal().calls()[0].audio;
    assert!((ms(12_900)..ms(13_100)).contains(&heard), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_words_survive_a_failure_at_the_very_end() {
    let first = FakeAsr::new(["goodbye"]).with_fault(0, Fault::Fail(1, ErrorKind::Connection));
    let asr = Fallback::asr(first).or(FakeAsr::new(["goodbye"]));
    let mut call = Call::to(&asr).await;
    call.give(AsrInput::SpeechStarted).await;
    call.audio(ms(300)).await;
    assert_eq!(call.end().await.unwrap(), ["goodbye"]);
}

#[tokio::test(start_paused = true)]
async fn words_that_were_shown_are_kept_when_the_next_recogniser_does_not_hear_them() {
    let first = || FakeAsr::new(["goodbye"]).with_fault(0, Fault::Fail(1, ErrorKind::Connection));
    let silent = || FakeAsr::new([""; 3]);
    let twice = FakeAsr::new(["goodbye", ""]).with_fault(0, Fault::Fail(1, ErrorKind::Connection));
    let recognizers: [Box<dyn Asr>; 3] = [
        Box::new(Fallback::asr(first()).or(silent())),
        Box::new(Fallback::asr(first()).or(silent().with_interims(None))),
        Box::new(Retrying::new(twice).with_policy(twice_more())),
    ];
    for asr in recognizers {
        let mut call = Call::to(&*asr).await;
        call.utterance(ms(600)).await;
        assert_eq!(call.texts(), ["goodbye"], "{asr:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn words_that_were_shown_are_final_before_the_last_recogniser_fails() {
    let broken = || FakeAsr::new(["goodbye"]).with_fault(0, Fault::Fail(1, ErrorKind::Quota));
    let asr = Fallback::asr(broken()).or(broken());
    let mut call = Call::to(&asr).await;
    call.give(AsrInput::SpeechStarted).await;
    let mut lines = Vec::new();
    while let Some(event) = call.output.next().await {
        lines.push(match event {
            Ok(AsrEvent::Interim(words)) => format!("~ {}", words.text),
            Ok(AsrEvent::Final(words)) => format!("= {}", words.text),
            Ok(other) => format!("{other:?}"),
            Err(error) => format!("{:?}", error.kind()),
        });
    }
    assert_eq!(lines, ["~ goodbye", "~ goodbye", "= goodbye", "Quota"]);
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_that_failed_long_ago_is_tried_again_in_the_same_call() {
    // What they are asked in between, whether they have recovered, is silence.
    let first =
        FakeAsr::new(["one", "", "three"]).with_fault(0, Fault::Fail(2, ErrorKind::Connection));
    let second = FakeAsr::new(["two", ""]).with_fault(0, Fault::Fail(2, ErrorKind::Connection));
    let asr = Fallback::asr(first.clone()).or(second);
    let mut call = Call::to(&asr).await;
    for _ in 0..3 {
        call.utterance(ms(400)).await;
        call.audio(ms(10_000)).await;
    }
    assert_eq!(call.texts(), ["one", "two", "three"]);
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_is_opened_again() {
    let asr = FakeAsr::new(["a table for two", "a table for two"])
        .with_fault(0, Fault::Fail(1, ErrorKind::Connection));
    let retrying = Retrying::new(asr.clone()).with_policy(twice_more());
    let mut call = Call::to(&retrying).await;
    call.utterance(ms(1_500)).await;
    assert_eq!(call.texts(), ["a table for two"]);
    assert_eq!(asr.journal().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_all_recognisers_fail_the_last_says_why() {
    let first = FakeAsr::new([""]).with_fault(0, Fault::Refuse(ErrorKind::Connection));
    let second = FakeAsr::new([""]).with_fault(0, Fault::Refuse(ErrorKind::Quota));
    let asr = Fallback::asr(first).or(second);
    assert_eq!(kind(Call::to(&asr).await.end().await), ErrorKind::Quota);
}

#[tokio::test(start_paused = true)]
async fn recognisers_of_other_formats_hear_converted_audio() {
    let formats = [AudioFormat::pcm16(16_000)];
    let first = FakeAsr::new(["hello"]).with_fault(0, Fault::Refuse(ErrorKind::Connection));
    let second = FakeAsr::new(["hello"]).with_formats(formats);
    let asr = Fallback::asr(first).or(second.clone());
    let mut call = Call::to(&asr).await;
    call.utterance(ms(1_000)).await;
    assert_eq!(call.texts(), ["hello"]);
    assert_eq!(second.journal().calls()[0].request.format, formats[0]);
}

#[tokio::test(start_paused = true)]
async fn turns_are_told_only_if_all_tell_them() {
    let turns = || FakeAsr::new(["hello"]).with_own_turns(ms(300));
    assert!(Fallback::asr(turns()).or(turns()).info().turns);
    let mixed = Fallback::asr(turns()).or(FakeAsr::new(["hello"]));
    assert!(!mixed.info().turns);
    let mut call = Call::to(&mixed).await;
    call.give(AsrInput::SpeechStarted).await;
    drop(call.input);
    let events: Vec<_> = call.output.collect().await;
    assert!(events.iter().all(|event| !matches!(event, Ok(AsrEvent::Turn(_)))), "{events:?}");
}

/// Says an interim for the first audio and then, whenever it is asked, where the audio ends; breaks
/// after so much audio.
#[derive(Clone, Debug)]
struct Clockwork {
    breaks_after: Duration,
    heard: Arc<Mutex<Duration>>,
}

impl Clockwork {
    fn new(breaks_after: Duration) -> Self {
        Self { breaks_after, heard: Arc::default() }
    }
}

#[async_trait]
impl Asr for Clockwork {
    fn info(&self) -> AsrInfo {
        AsrInfo::new("clockwork", [AudioFormat::PHONE])
    }

    async fn recognize(
        &self,
        _: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent, Error>>, Error> {
        let Self { breaks_after, heard } = self.clone();
        *heard.lock().unwrap() = ms(0);
        let events = input.filter_map(move |input| {
            let heard = &mut *heard.lock().unwrap();
            let event = match input {
                AsrInput::Audio(chunk) => {
                    *heard += chunk.duration();
                    if *heard > breaks_after {
                        Some(Err(Error::new(ErrorKind::Connection, "clockwork", "it broke")))
                    } else if *heard == ms(20) {
                        Some(Ok(AsrEvent::Interim(Transcript::new("tick"))))
                    } else {
                        None
                    }
                }
                AsrInput::Finalize => {
                    let transcript = Transcript::new("tock").finalized().with_end(*heard);
                    Some(Ok(AsrEvent::Final(transcript)))
                }
                AsrInput::SpeechStarted | AsrInput::SpeechEnded => None,
            };
            std::future::ready(event)
        });
        Ok(events.boxed())
    }
}

#[tokio::test(start_paused = true)]
async fn times_go_on_with_another_recogniser() {
    let first = Clockwork::new(ms(12_000));
    let asr = Fallback::asr(first).or(Clockwork::new(ms(60_000)));
    let mut call = Call::to(&asr).await;
    for seconds in 1..=4 {
        call.audio(ms(4_000)).await;
        call.give(AsrInput::Finalize).await;
        call.audio(ms(1_000)).await;
        let end = call.finals.last().and_then(|transcript| transcript.end);
        assert_eq!(end, Some(ms(seconds * 5_000 - 1_000)));
    }
}

#[tokio::test(start_paused = true)]
async fn words_that_nobody_else_heard_are_heard_again() {
    let second = Clockwork::new(ms(60_000));
    let asr = Fallback::asr(Clockwork::new(ms(8_000))).or(second.clone());
    let mut call = Call::to(&asr).await;
    call.audio(ms(9_000)).await;
    assert_eq!(*second.heard.lock().unwrap(), ms(9_000));
}
