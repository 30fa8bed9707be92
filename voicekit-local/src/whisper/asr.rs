//! [`Whisper`] as a recogniser of calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, keep_words};
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::{Error, ErrorKind, Result};

use super::listener::Listener;
use super::{Decoded, SERVICE, Whisper};
use crate::inference;
use crate::mel::{PHONE_RATE_HZ, RATE_HZ};

/// A long utterance that waits for another model takes as long; a short one 0.2 s.
const FINAL_LATENCY: Duration = Duration::from_secs(2);

#[async_trait]
impl Asr for Whisper {
    fn info(&self) -> AsrInfo {
        let formats = [
            AudioFormat::PHONE,
            AudioFormat::new(Encoding::ALaw, PHONE_RATE_HZ),
            AudioFormat::pcm16(PHONE_RATE_HZ),
            AudioFormat::pcm16(RATE_HZ),
        ];
        AsrInfo::new(SERVICE, formats).with_final_latency(FINAL_LATENCY)
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        if !self.info().formats.contains(&request.format) {
            return Err(unsupported(format!("audio as {}", request.format)));
        }
        let language = request.language.split('-').next().unwrap_or_default();
        if !language.eq_ignore_ascii_case("en") {
            return Err(unsupported(format!("the language {}", request.language)));
        }
        let listener = Listener::new(self.clone(), request.format, input.fuse());
        let events = stream::unfold(listener, |mut listener| async move {
            let event = listener.next().await?;
            Some((event, listener))
        });
        Ok(keep_words(events.boxed()))
    }
}

fn unsupported(what: String) -> Error {
    Error::new(ErrorKind::Unsupported, SERVICE, format!("it does not understand {what}"))
}

/// A decode under way. Dropping it stops it.
pub(super) struct Job {
    result: BoxFuture<'static, Result<Decoded>>,
    stopped: Arc<AtomicBool>,
}

impl Job {
    /// Starts to decode `samples` once it is its turn.
    pub(super) fn start(whisper: &Whisper, samples: Vec<i16>, rate_hz: u32) -> Self {
        let (whisper, stopped) = (whisper.clone(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&stopped);
        let result = inference::run(move |lane| {
            let stop = || stop.load(Ordering::Relaxed);
            whisper.transcribe_on(lane, &samples, rate_hz, &stop).map(Option::unwrap_or_default)
        });
        Self { result: result.map(Result::flatten).boxed(), stopped }
    }

    /// The outcome, once; a job is not polled again after it.
    pub(super) fn result(&mut self) -> &mut BoxFuture<'static, Result<Decoded>> {
        &mut self.result
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}
