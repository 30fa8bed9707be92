//! The contract of recognisers.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::{sleep, timeout};
use voicekit_core::asr::{Asr, AsrEvent, AsrInput, AsrRequest};
use voicekit_core::audio::AudioChunk;
use voicekit_core::error::{ErrorKind, Result};

use super::cancel::outlives;
use super::feed::Feed;
use super::{ContractReport, PATIENCE, Subject, Verdict, unless};

type Events = BoxStream<'static, Result<AsrEvent>>;

/// The clauses of [`Asr`].
pub(super) const CLAUSES: u32 = 8;

/// Checks the contract of [`Asr`] on the subject's speech.
pub async fn asr<A: Asr>(subject: &Subject<A>) -> ContractReport {
    let mut report = ContractReport::new(subject.adapter.info().name);
    for number in 1..=CLAUSES {
        report.add(number, clause(subject, number).await);
    }
    report
}

pub(super) async fn clause<A: Asr>(subject: &Subject<A>, number: u32) -> Verdict {
    let asr = &subject.adapter;
    let speech = match subject.speech(asr.info().formats.first()) {
        Ok(speech) => speech,
        Err(seen) => return Verdict::Broken(seen),
    };
    let request = AsrRequest::new(speech.format());
    match number {
        1 => opens_without_audio(asr, &request).await,
        2 => flushes(asr, &request, &speech).await,
        3 => cancels(subject, &request, &speech).await,
        4 => errors_come_last(asr, &request, &speech).await,
        5 => ends_final(asr, &request, &speech).await,
        6 => finalizes(asr, &request, &speech).await,
        7 => takes_input(asr, &request, &speech).await,
        _ => keeps_words(subject, &request, &speech).await,
    }
}

async fn opens_without_audio(asr: &dyn Asr, request: &AsrRequest) -> Verdict {
    let (_, input) = Feed::new(Vec::new(), false);
    open(asr, request, input).await.map_or_else(Verdict::Broken, |_| Verdict::Kept)
}

async fn flushes(asr: &dyn Asr, request: &AsrRequest, speech: &AudioChunk) -> Verdict {
    flush(asr, request, speech).await.map_or_else(Verdict::Broken, |_| Verdict::Kept)
}

/// What comes out when the input ends.
async fn flush(
    asr: &dyn Asr,
    request: &AsrRequest,
    speech: &AudioChunk,
) -> Result<Vec<Result<AsrEvent>>, String> {
    let mut items = vec![AsrInput::SpeechStarted];
    items.extend(pieces(speech));
    let (_, input) = Feed::new(items, true);
    let events = open(asr, request, input).await?;
    let events = timeout(PATIENCE, events.collect::<Vec<_>>()).await;
    let events = events.map_err(|_| "the output does not end after the input".to_owned())?;
    let finals = events.iter().filter(|event| matches!(event, Ok(AsrEvent::Final(_)))).count();
    if finals == 0 {
        return Err(format!("speech was not finalised at the end: {events:?}"));
    }
    Ok(events)
}

async fn cancels<A: Asr>(
    subject: &Subject<A>,
    request: &AsrRequest,
    speech: &AudioChunk,
) -> Verdict {
    let asr = &subject.adapter;
    if let Some(work) = &subject.work {
        for items in [0, 1] {
            let (_, input) = Feed::new(utterance(speech), false);
            if let Some(seen) = outlives(work, open(asr, request, input), items).await {
                return Verdict::Broken(seen);
            }
        }
    }
    let (feed, input) = Feed::new(pieces(speech), false);
    let mut events = match open(asr, request, input).await {
        Ok(events) => events,
        Err(seen) => return Verdict::Broken(seen),
    };
    // Work is under way when the output is dropped.
    let _ = timeout(Duration::from_millis(50), events.next()).await;
    drop(events);
    if !feed.is_dropped().await {
        return Verdict::Broken("the input lives on after the output was dropped".to_owned());
    }
    Verdict::Kept
}

async fn errors_come_last(asr: &dyn Asr, request: &AsrRequest, speech: &AudioChunk) -> Verdict {
    let events = match flush(asr, request, speech).await {
        Ok(events) => events,
        Err(seen) => return Verdict::Broken(seen),
    };
    if let Some(index) = events.iter().position(Result::is_err) {
        let seen = format!("item {index} of {} failed: {:?}", events.len(), events[index]);
        return Verdict::Broken(seen);
    }
    let formats = asr.info().formats;
    let Some(foreign) = super::tts::foreign_format(&formats) else {
        return Verdict::Skipped("it takes every format, so that no error could be provoked");
    };
    let (_, input) = Feed::new(Vec::new(), true);
    match timeout(PATIENCE, asr.recognize(AsrRequest::new(foreign), input)).await {
        Ok(Err(error)) if error.kind() == ErrorKind::Unsupported => Verdict::Kept,
        Ok(Err(error)) => Verdict::Broken(format!("{foreign} is refused as {:?}", error.kind())),
        Ok(Ok(_)) => Verdict::Broken(format!("{foreign} is not among its formats, yet accepted")),
        Err(_) => Verdict::Broken("it does not answer".to_owned()),
    }
}

async fn ends_final(asr: &dyn Asr, request: &AsrRequest, speech: &AudioChunk) -> Verdict {
    let events = match flush(asr, request, speech).await {
        Ok(events) => events,
        Err(seen) => return Verdict::Broken(seen),
    };
    let mut words = events.iter().rev().filter_map(|event| match event {
        Ok(event @ (AsrEvent::Interim(_) | AsrEvent::Final(_))) => Some(event),
        Ok(_) | Err(_) => None,
    });
    unless(!matches!(words.next(), Some(AsrEvent::Interim(_))), || {
        "an interim was never finalised".to_owned()
    })
}

/// Whether a `Finalize` is answered once.
async fn finalizes(asr: &dyn Asr, request: &AsrRequest, speech: &AudioChunk) -> Verdict {
    match answers(asr, request, speech).await {
        Ok((answers, _)) => unless(answers == 1, || format!("{answers} answers to one Finalize")),
        Err(seen) => Verdict::Broken(seen),
    }
}

/// Whether all input is taken although it is more than there is output.
async fn takes_input(asr: &dyn Asr, request: &AsrRequest, speech: &AudioChunk) -> Verdict {
    let wanted = utterance(speech).len();
    match answers(asr, request, speech).await {
        Ok((_, taken)) => {
            unless(taken == wanted, || format!("only {taken} of {wanted} inputs were taken"))
        }
        Err(seen) => Verdict::Broken(seen),
    }
}

/// Whether words that were shown are in the final that follows, at the end of the input and after
/// a `Finalize`.
async fn keeps_words<A: Asr>(
    subject: &Subject<A>,
    request: &AsrRequest,
    speech: &AudioChunk,
) -> Verdict {
    let asr = subject.forgetful.as_ref().unwrap_or(&subject.adapter);
    let flushed = match flush(asr, request, speech).await {
        Ok(events) => events,
        Err(seen) => return Verdict::Broken(seen),
    };
    let answered = match answered(asr, request, speech).await {
        Ok(events) => events,
        Err(seen) => return Verdict::Broken(seen),
    };
    let mut has_shown = false;
    for events in [flushed, answered] {
        let mut shown = String::new();
        for event in events.into_iter().flatten() {
            match event {
                AsrEvent::Interim(words) if words.has_words() => shown = words.text,
                AsrEvent::Final(words) if words.has_words() => shown.clear(),
                AsrEvent::Final(_) if !shown.is_empty() => {
                    return Verdict::Broken(format!("{shown:?} was shown and taken back"));
                }
                AsrEvent::Interim(_) | AsrEvent::Final(_) | AsrEvent::Turn(_) | _ => {}
            }
            has_shown |= !shown.is_empty();
        }
    }
    match (has_shown, &subject.forgetful) {
        (true, _) => Verdict::Kept,
        (false, Some(_)) => Verdict::Broken("the forgetful service shows no words".to_owned()),
        (false, None) => Verdict::Skipped("no words are shown before they are final"),
    }
}

/// What comes up to a second after the answer to a `Finalize`.
async fn answered(
    asr: &dyn Asr,
    request: &AsrRequest,
    speech: &AudioChunk,
) -> Result<Vec<Result<AsrEvent>>, String> {
    // As fast as it is spoken: words are shown while there is time to.
    let spoken = stream::iter(utterance(speech)).then(|item| async move {
        sleep(Duration::from_millis(20)).await;
        item
    });
    let mut events = open(asr, request, spoken.chain(stream::pending()).boxed()).await?;
    let (mut seen, mut patience) = (Vec::new(), PATIENCE);
    while let Ok(Some(event)) = timeout(patience, events.next()).await {
        if matches!(&event, Ok(AsrEvent::Final(words)) if words.finalized) {
            patience = Duration::from_secs(1);
        }
        seen.push(event);
    }
    Ok(seen)
}

/// How many answers one `Finalize` has, and how many inputs were taken.
async fn answers(
    asr: &dyn Asr,
    request: &AsrRequest,
    speech: &AudioChunk,
) -> Result<(usize, usize), String> {
    let (feed, input) = Feed::new(utterance(speech), false);
    let mut events = open(asr, request, input).await?;
    let mut answers = 0;
    // One more second after the answer, in which no second one may come.
    while let Ok(Some(Ok(event))) =
        timeout(if answers == 0 { PATIENCE } else { Duration::from_secs(1) }, events.next()).await
    {
        answers += usize::from(matches!(event, AsrEvent::Final(t) if t.finalized));
    }
    Ok((answers, feed.taken()))
}

async fn open(
    asr: &dyn Asr,
    request: &AsrRequest,
    input: BoxStream<'static, AsrInput>,
) -> Result<Events, String> {
    match timeout(PATIENCE, asr.recognize(request.clone(), input)).await {
        Ok(Ok(events)) => Ok(events),
        Ok(Err(error)) => Err(format!("the stream cannot be opened: {error}")),
        Err(_) => Err("the stream waits for audio before it opens".to_owned()),
    }
}

/// The speech with what the engine says of it, up to the request for the final transcript.
fn utterance(speech: &AudioChunk) -> Vec<AsrInput> {
    let mut items = vec![AsrInput::SpeechStarted];
    items.extend(pieces(speech));
    items.extend([AsrInput::SpeechEnded, AsrInput::Finalize]);
    items
}

/// The speech in frames of 20 ms.
fn pieces(speech: &AudioChunk) -> Vec<AsrInput> {
    let mut rest = speech.clone();
    let samples = usize::try_from(rest.format().rate_hz / 50).unwrap_or(1);
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        pieces.push(AsrInput::Audio(rest.split_to(samples)));
    }
    pieces
}
