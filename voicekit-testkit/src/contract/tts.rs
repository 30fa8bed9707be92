//! The contract of voices.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::timeout;
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::Result;
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsRequest};

use super::feed::Feed;
use super::{ContractReport, PATIENCE, Verdict, unless};

const CLAUSES: [&str; 2] = ["Good morning, this is the bakery. ", "What can I do for you?"];

/// Checks the contract of [`Tts`], in the voice's best format.
pub async fn tts(tts: &dyn Tts) -> ContractReport {
    let mut report = ContractReport::new(tts.info().name);
    let Some(&format) = tts.info().formats.first() else {
        report.check(3, Some("it gives no format".to_owned()));
        return report;
    };
    let request = TtsRequest::new(format);
    let spoken = speak(tts, &request, &CLAUSES).await;
    report.check(1, spoken.as_ref().err().cloned());
    report.check(2, starts_with_the_first_clause(tts, &request).await);
    let items = spoken.unwrap_or_default();
    report.check(3, one_format(&items, format));
    report.check(4, drops_its_text(tts, &request).await);
    report.add(5, errors_come_last(tts, &items).await);
    report.check(6, stays_silent(tts, &request).await);
    report.add(7, if tts.info().words { words_lie_in_order(&items) } else { NO_WORDS });
    report
}

const NO_WORDS: Verdict = Verdict::Skipped("the voice gives no word times");

/// A format that is not among `formats`, if there is one.
pub(super) fn foreign_format(formats: &[AudioFormat]) -> Option<AudioFormat> {
    let rates = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000];
    let encodings = [Encoding::ALaw, Encoding::Pcm16, Encoding::MuLaw];
    let all = encodings.iter().flat_map(|&e| rates.iter().map(move |&r| AudioFormat::new(e, r)));
    all.into_iter().find(|format| !formats.contains(format))
}

/// All that is spoken of a text that ends.
async fn speak(
    tts: &dyn Tts,
    request: &TtsRequest,
    clauses: &[&str],
) -> Result<Vec<Result<Spoken>>, String> {
    let (_, text) = Feed::new(clauses.iter().map(|&clause| clause.to_owned()).collect(), true);
    let spoken = open(tts, request, text).await?;
    let items = timeout(PATIENCE, spoken.collect::<Vec<_>>()).await;
    items.map_err(|_| "the output does not end after the text".to_owned())
}

async fn starts_with_the_first_clause(tts: &dyn Tts, request: &TtsRequest) -> Option<String> {
    let (_, text) = Feed::new(vec![CLAUSES[0].to_owned()], false);
    let spoken = match open(tts, request, text).await {
        Ok(spoken) => spoken,
        Err(seen) => return Some(seen),
    };
    let mut audio = spoken.filter(|item| {
        let audio = matches!(item, Ok(Spoken::Audio(chunk)) if !chunk.is_empty());
        std::future::ready(audio)
    });
    let first = timeout(PATIENCE, audio.next()).await;
    unless(matches!(first, Ok(Some(_))), || {
        "no audio of the first clause while more text is to come".to_owned()
    })
}

fn one_format(items: &[Result<Spoken>], format: AudioFormat) -> Option<String> {
    let mut length = Duration::ZERO;
    for item in items {
        if let Ok(Spoken::Audio(chunk)) = item {
            if chunk.format() != format {
                return Some(format!("audio in {}, asked for {format}", chunk.format()));
            }
            length += chunk.duration();
        }
    }
    unless(length > Duration::ZERO, || "no audio came".to_owned())
}

async fn drops_its_text(tts: &dyn Tts, request: &TtsRequest) -> Option<String> {
    let (feed, text) = Feed::new(vec![CLAUSES[0].to_owned()], false);
    let mut spoken = match open(tts, request, text).await {
        Ok(spoken) => spoken,
        Err(seen) => return Some(seen),
    };
    let _ = timeout(PATIENCE, spoken.next()).await;
    drop(spoken);
    unless(feed.is_dropped().await, || "the text lives on after the output was dropped".to_owned())
}

async fn errors_come_last(tts: &dyn Tts, items: &[Result<Spoken>]) -> Verdict {
    if let Some(index) = items.iter().position(Result::is_err) {
        let seen = format!("item {index} of {} failed: {:?}", items.len(), items[index]);
        return Verdict::Broken(seen);
    }
    let Some(foreign) = foreign_format(&tts.info().formats) else {
        return Verdict::Skipped("it gives every format, so that no error could be provoked");
    };
    let (_, text) = Feed::new(vec![CLAUSES[0].to_owned()], true);
    let spoken = match timeout(PATIENCE, tts.speak(TtsRequest::new(foreign), text)).await {
        Ok(Ok(spoken)) => spoken,
        Ok(Err(_)) => return Verdict::Kept,
        Err(_) => return Verdict::Broken("it does not answer".to_owned()),
    };
    match timeout(PATIENCE, spoken.collect::<Vec<_>>()).await {
        Ok(items) if items.len() == 1 && items[0].is_err() => Verdict::Kept,
        Ok(_) => Verdict::Broken(format!("{foreign} is not among its formats, yet spoken")),
        Err(_) => Verdict::Broken("it does not end".to_owned()),
    }
}

async fn stays_silent(tts: &dyn Tts, request: &TtsRequest) -> Option<String> {
    let items = match speak(tts, request, &[" ", "\u{2014} \u{2026} "]).await {
        Ok(items) => items,
        Err(seen) => return Some(seen),
    };
    unless(items.is_empty(), || format!("text without words gave {} items", items.len()))
}

fn words_lie_in_order(items: &[Result<Spoken>]) -> Verdict {
    let (mut audio, mut last) =
        (Duration::ZERO, SpokenWord::new("", Duration::ZERO, Duration::ZERO));
    let mut words = 0;
    for item in items {
        match item {
            Ok(Spoken::Word(word)) if word.start < last.start || word.end < word.start => {
                return Verdict::Broken(format!("{word:?} after {last:?}"));
            }
            Ok(Spoken::Word(word)) if word.end <= audio => {
                return Verdict::Broken(format!("{word:?} came after its audio"));
            }
            Ok(Spoken::Word(word)) => {
                words += 1;
                last = word.clone();
            }
            Ok(Spoken::Audio(chunk)) => audio += chunk.duration(),
            Ok(_) | Err(_) => {}
        }
    }
    let expected = CLAUSES.iter().flat_map(|clause| clause.split_whitespace()).count();
    if words != expected {
        return Verdict::Broken(format!("{words} words of {expected} have times"));
    }
    Verdict::Kept
}

async fn open(
    tts: &dyn Tts,
    request: &TtsRequest,
    text: BoxStream<'static, String>,
) -> Result<BoxStream<'static, Result<Spoken>>, String> {
    match timeout(PATIENCE, tts.speak(request.clone(), text)).await {
        Ok(Ok(spoken)) => Ok(spoken),
        Ok(Err(error)) => Err(format!("the stream cannot be opened: {error}")),
        Err(_) => Err("the stream does not open".to_owned()),
    }
}
