//! The contract of voices.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::timeout;
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::Result;
use voicekit_core::tts::{Spoken, SpokenWord, Tts, TtsRequest};

use super::cancel::outlives;
use super::feed::Feed;
use super::{ContractReport, PATIENCE, Subject, Verdict, unless};

const TEXT: [&str; 2] = ["Good morning, this is the bakery. ", "What can I do for you?"];

/// The clauses of [`Tts`].
pub(super) const CLAUSES: u32 = 7;

/// Checks the contract of [`Tts`], in the voice's best format.
pub async fn tts<A: Tts>(subject: &Subject<A>) -> ContractReport {
    let mut report = ContractReport::new(subject.adapter.info().name);
    for number in 1..=CLAUSES {
        report.add(number, clause(subject, number).await);
    }
    report
}

pub(super) async fn clause<A: Tts>(subject: &Subject<A>, number: u32) -> Verdict {
    let voice = &subject.adapter;
    let Some(&format) = voice.info().formats.first() else {
        return Verdict::Broken("it gives no format".to_owned());
    };
    let request = TtsRequest::new(format);
    match number {
        1 => speaks_all(voice, &request).await,
        2 => starts_with_the_first_clause(voice, &request).await,
        3 => one_format(voice, &request).await,
        4 => cancels(subject, &request).await,
        5 => errors_come_last(voice, &request).await,
        6 => stays_silent(voice, &request).await,
        _ => words_lie_in_order(voice, &request).await,
    }
}

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

async fn speaks_all(tts: &dyn Tts, request: &TtsRequest) -> Verdict {
    let mut lengths = Vec::new();
    for text in [&TEXT[..1], &TEXT] {
        match speak(tts, request, text).await {
            Ok(items) => lengths.push(length(&items)),
            Err(seen) => return Verdict::Broken(seen),
        }
    }
    unless(lengths[0] < lengths[1], || {
        format!("two clauses last {:?}, the first of them {:?}", lengths[1], lengths[0])
    })
}

async fn starts_with_the_first_clause(tts: &dyn Tts, request: &TtsRequest) -> Verdict {
    let (_, text) = Feed::new(vec![TEXT[0].to_owned()], false);
    let spoken = match open(tts, request, text).await {
        Ok(spoken) => spoken,
        Err(seen) => return Verdict::Broken(seen),
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

async fn one_format(tts: &dyn Tts, request: &TtsRequest) -> Verdict {
    let items = match speak(tts, request, &TEXT).await {
        Ok(items) => items,
        Err(seen) => return Verdict::Broken(seen),
    };
    for item in &items {
        if let Ok(Spoken::Audio(chunk)) = item
            && chunk.format() != request.format
        {
            let seen = format!("audio in {}, asked for {}", chunk.format(), request.format);
            return Verdict::Broken(seen);
        }
    }
    unless(length(&items) > Duration::ZERO, || "no audio came".to_owned())
}

fn length(items: &[Result<Spoken>]) -> Duration {
    let audio = items.iter().map(|item| match item {
        Ok(Spoken::Audio(chunk)) => chunk.duration(),
        Ok(_) | Err(_) => Duration::ZERO,
    });
    audio.sum()
}

async fn cancels<A: Tts>(subject: &Subject<A>, request: &TtsRequest) -> Verdict {
    // More than one, for those that are asked for while the first is heard.
    let clauses = || [TEXT, TEXT].concat().into_iter().map(str::to_owned).collect();
    if let Some(work) = &subject.work {
        for items in [0, 1] {
            let (_, text) = Feed::new(clauses(), false);
            if let Some(seen) = outlives(work, open(&subject.adapter, request, text), items).await {
                return Verdict::Broken(seen);
            }
        }
    }
    let (feed, text) = Feed::new(clauses(), false);
    let mut spoken = match open(&subject.adapter, request, text).await {
        Ok(spoken) => spoken,
        Err(seen) => return Verdict::Broken(seen),
    };
    let _ = timeout(PATIENCE, spoken.next()).await;
    drop(spoken);
    if !feed.is_dropped().await {
        return Verdict::Broken("the text lives on after the output was dropped".to_owned());
    }
    Verdict::Kept
}

async fn errors_come_last(tts: &dyn Tts, request: &TtsRequest) -> Verdict {
    let items = match speak(tts, request, &TEXT).await {
        Ok(items) => items,
        Err(seen) => return Verdict::Broken(seen),
    };
    if let Some(index) = items.iter().position(Result::is_err) {
        let seen = format!("item {index} of {} failed: {:?}", items.len(), items[index]);
        return Verdict::Broken(seen);
    }
    let Some(foreign) = foreign_format(&tts.info().formats) else {
        return Verdict::Skipped("it gives every format, so that no error could be provoked");
    };
    let (_, text) = Feed::new(vec![TEXT[0].to_owned()], true);
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

async fn stays_silent(tts: &dyn Tts, request: &TtsRequest) -> Verdict {
    let items = match speak(tts, request, &[" ", "\u{2014} \u{2026} "]).await {
        Ok(items) => items,
        Err(seen) => return Verdict::Broken(seen),
    };
    unless(items.is_empty(), || format!("text without words gave {} items", items.len()))
}

async fn words_lie_in_order(tts: &dyn Tts, request: &TtsRequest) -> Verdict {
    if !tts.info().words {
        return Verdict::Skipped("the voice gives no word times");
    }
    match speak(tts, request, &TEXT).await {
        Ok(items) => in_order(&items),
        Err(seen) => Verdict::Broken(seen),
    }
}

fn in_order(items: &[Result<Spoken>]) -> Verdict {
    // Where the audio ends, and where it ended before the latest piece.
    let (mut audio, mut before) = (Duration::ZERO, Duration::ZERO);
    let mut last = SpokenWord::new("", Duration::ZERO, Duration::ZERO);
    let mut words = 0;
    for item in items {
        match item {
            Ok(Spoken::Word(word)) if word.start < last.start || word.end < word.start => {
                return Verdict::Broken(format!("{word:?} after {last:?}"));
            }
            Ok(Spoken::Word(word)) if word.end <= before => {
                return Verdict::Broken(format!("{word:?} came after the audio that follows it"));
            }
            Ok(Spoken::Word(word)) => {
                words += 1;
                last = word.clone();
            }
            Ok(Spoken::Audio(chunk)) => {
                before = audio;
                audio += chunk.duration();
            }
            Ok(_) | Err(_) => {}
        }
    }
    let expected = TEXT.iter().flat_map(|clause| clause.split_whitespace()).count();
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
