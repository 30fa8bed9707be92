//! Voices that fail.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use proptest::prelude::*;
use voicekit::resilience::{Fallback, Limits, Retrying, Timeout};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::{Error, ErrorKind};
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsInfo, TtsRequest};
use voicekit_testkit::fake::{FakeTts, Fate, Fault};

use super::{kind, ms, twice_more};

const CLAUSES: [&str; 2] = ["We open at nine, ", "and we close at five."];

#[derive(Debug, Default, PartialEq)]
struct Heard {
    audio: Duration,
    words: Vec<SpokenWord>,
}

impl Heard {
    fn text(&self) -> String {
        self.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

async fn hear(tts: &dyn Tts, clauses: &[&str]) -> Result<Heard, Error> {
    let clauses: Vec<String> = clauses.iter().map(|&clause| clause.to_owned()).collect();
    let request = TtsRequest::new(AudioFormat::PHONE);
    let mut spoken = tts.speak(request, stream::iter(clauses).boxed()).await?;
    let mut heard = Heard::default();
    while let Some(item) = spoken.next().await {
        match item? {
            Spoken::Audio(chunk) => {
                assert_eq!(chunk.format(), AudioFormat::PHONE);
                heard.audio += chunk.duration();
            }
            Spoken::Word(word) => {
                assert!(word.start >= heard.audio.saturating_sub(ms(300)), "{word:?}");
                heard.words.push(word);
            }
            _ => {}
        }
    }
    Ok(heard)
}

fn fed(voice: &FakeTts, stream: usize) -> String {
    voice.journal().calls()[stream].clauses.concat()
}

#[tokio::test(start_paused = true)]
async fn another_voice_speaks_the_rest_and_nothing_twice() {
    // A word and its audio are an item each: three words are spoken, and the fourth is announced.
    let first =
        FakeTts::new().with_word_times().with_fault(0, Fault::Fail(7, ErrorKind::Connection));
    let second = FakeTts::new().with_word_times();
    let tts = Fallback::tts(first).or(second.clone());
    let heard = hear(&tts, &CLAUSES).await.unwrap();
    assert_eq!(fed(&second, 0), "nine, and we close at five.");
    assert_eq!(heard.audio, ms(9 * 300));
    // The word that was only announced is announced again where it is.
    assert_eq!(heard.words.last(), Some(&SpokenWord::new("five.", ms(2_400), ms(2_700))));
}

#[tokio::test(start_paused = true)]
async fn without_word_times_the_rest_is_reckoned_by_the_voices_pace() {
    // Nine words of three letters and a space in 300 ms each: 13.3 characters a second.
    let text = ["one two six ten one two six ten one two six ten "; 1];
    let first = FakeTts::new().with_fault(1, Fault::Fail(6, ErrorKind::Connection));
    let second = FakeTts::new();
    let tts = Fallback::tts(first).or(second.clone());
    hear(&tts, &text).await.unwrap();
    hear(&tts, &text).await.unwrap();
    // Six were spoken; one is repeated to be sure.
    assert_eq!(fed(&second, 0), "two six ten one two six ten ");
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_gives_no_word_times_is_given_some() {
    let first =
        FakeTts::new().with_word_times().with_fault(0, Fault::Refuse(ErrorKind::Connection));
    let tts = Fallback::tts(first).or(FakeTts::new());
    assert!(tts.info().words);
    let heard = hear(&tts, &CLAUSES).await.unwrap();
    assert_eq!(heard.text(), CLAUSES.concat());
}

#[tokio::test(start_paused = true)]
async fn text_without_anything_to_pronounce_is_no_failure() {
    let first = FakeTts::new();
    let second = FakeTts::new();
    let tts = Fallback::tts(first).or(second.clone());
    for clauses in [&[][..], &[" ", "\u{2014}"]] {
        assert_eq!(hear(&tts, clauses).await.unwrap(), Heard::default());
    }
    assert!(second.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_says_nothing_or_too_little_has_failed() {
    for after in [0, 2] {
        let first = FakeTts::new().with_word_times().with_fault(0, Fault::Truncate(after));
        let second = FakeTts::new().with_word_times();
        let tts = Fallback::tts(first).or(second.clone());
        let heard = hear(&tts, &CLAUSES).await.unwrap();
        assert_eq!(heard.text(), CLAUSES.concat(), "after {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_stalls_gives_way_in_time() {
    for after in [0, 4] {
        let first = FakeTts::new().with_word_times().with_fault(0, Fault::Stall(after));
        let limits = Limits::default().with_first(ms(1_000)).with_between(ms(1_000));
        let tts = Fallback::tts(Timeout::new(first.clone()).with_limits(limits))
            .or(FakeTts::new().with_word_times());
        let heard = hear(&tts, &CLAUSES).await.unwrap();
        assert_eq!(heard.text(), CLAUSES.concat(), "after {after}");
        assert_eq!(first.journal().fates()[0], Fate::Dropped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_waits_for_text_is_not_late() {
    let (mut text, clauses) = futures::channel::mpsc::channel(1);
    let voice = Timeout::new(FakeTts::new());
    let request = TtsRequest::new(AudioFormat::PHONE);
    let mut spoken = voice.speak(request, clauses.boxed()).await.unwrap();
    for clause in CLAUSES {
        tokio::time::sleep(ms(10_000)).await;
        text.try_send(clause.to_owned()).unwrap();
        while let Ok(item) = tokio::time::timeout(ms(5_000), spoken.next()).await {
            assert!(matches!(item, Some(Ok(_))), "{item:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn voices_of_other_formats_are_converted() {
    let formats = [AudioFormat::pcm16(24_000)];
    let first = FakeTts::new().with_fault(0, Fault::Refuse(ErrorKind::Quota));
    let tts = Fallback::tts(first).or(FakeTts::new().with_formats(formats));
    let heard = hear(&tts, &CLAUSES).await.unwrap();
    let expected = ms(9 * 300);
    assert!(heard.audio.abs_diff(expected) < ms(25), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_voice_is_asked_again_for_the_rest() {
    let voice =
        FakeTts::new().with_word_times().with_fault(0, Fault::Fail(6, ErrorKind::Connection));
    let tts = Retrying::new(voice.clone()).with_policy(twice_more());
    let heard = hear(&tts, &CLAUSES).await.unwrap();
    assert_eq!(heard.text(), CLAUSES.concat());
    assert_eq!(fed(&voice, 1), "nine, and we close at five.");
}

#[tokio::test(start_paused = true)]
async fn when_all_voices_fail_the_last_says_why() {
    let first = FakeTts::new().with_fault(0, Fault::Fail(1, ErrorKind::Connection));
    let second = FakeTts::new().with_fault(0, Fault::Fail(1, ErrorKind::Quota));
    let tts = Fallback::tts(first).or(second);
    assert_eq!(kind(hear(&tts, &CLAUSES).await), ErrorKind::Quota);
}

#[tokio::test(start_paused = true)]
async fn a_second_voice_without_word_times_may_fail_as_well() {
    let text = ["one two six ten one two six ten one two six ten "];
    // Four words with times, and then four without: 13.3 characters a second.
    let first =
        FakeTts::new().with_word_times().with_fault(0, Fault::Fail(8, ErrorKind::Connection));
    let second = FakeTts::new().with_fault(0, Fault::Fail(4, ErrorKind::Connection));
    let third = FakeTts::new().with_word_times();
    let tts = Fallback::tts(first).or(second).or(third.clone());
    hear(&tts, &text).await.unwrap();
    // One is repeated to be sure.
    assert_eq!(fed(&third, 0), "ten one two six ten ");
}

/// Reads the text before it refuses to speak it.
#[derive(Debug)]
struct Greedy;

#[async_trait]
impl Tts for Greedy {
    fn info(&self) -> TtsInfo {
        TtsInfo::new("greedy", [AudioFormat::PHONE])
    }

    async fn speak(
        &self,
        _: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken, Error>>, Error> {
        text.count().await;
        Err(Error::new(ErrorKind::Quota, "greedy", "not today"))
    }
}

#[tokio::test(start_paused = true)]
async fn text_that_was_read_and_not_spoken_is_spoken() {
    let second = FakeTts::new();
    hear(&Fallback::tts(Greedy).or(second.clone()), &CLAUSES).await.unwrap();
    assert_eq!(fed(&second, 0), CLAUSES.concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn wherever_voices_fail_each_word_is_heard_once(
        faults in prop::collection::vec((0_usize..12, 0_u8..3), 0..4),
        cut in 0_usize..9,
    ) {
        let words: Vec<String> = "we open at nine and we close at five.".split(' ')
            .map(|word| format!("{word} ")).collect();
        let clauses = [words[..cut].concat(), words[cut..].concat()];
        let voice = |fault: Option<&(usize, u8)>| {
            let voice = FakeTts::new().with_word_times();
            match fault {
                // After the audio of a word.
                Some(&(words, 0)) => voice.with_fault(0, Fault::Fail(2 * words, ErrorKind::Connection)),
                Some(&(words, 1)) => voice.with_fault(0, Fault::Truncate(2 * words)),
                Some(_) => voice.with_fault(0, Fault::Refuse(ErrorKind::Connection)),
                None => voice,
            }
        };
        let mut tts = Fallback::tts(voice(faults.first()));
        for fault in faults.iter().skip(1) {
            tts = tts.or(voice(Some(fault)));
        }
        tts = tts.or(FakeTts::new().with_word_times());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        let clauses: Vec<&str> = clauses.iter().map(String::as_str).collect();
        let heard = runtime.block_on(hear(&tts, &clauses)).unwrap();
        prop_assert_eq!(heard.audio, ms(9 * 300));
        let text = words.concat();
        prop_assert_eq!(heard.text(), text.trim_end());
        let starts: Vec<Duration> = heard.words.iter().map(|word| word.start).collect();
        prop_assert!(starts.is_sorted());
    }
}
