//! Writing a recording while the call goes on.

use std::io::{self, SeekFrom};
use std::time::Duration;

use futures::StreamExt;
use tokio::io::{AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt};
use voicekit_core::audio::Encoding;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::listen::{AudioEvent, CallAudio};
use voicekit_core::record::recording::{Lacks, Recording};

use super::NAME;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// How long the recording lasts.
    pub duration: Duration,
    /// What it lacks because the writer was too slow.
    pub lacks: Lacks,
}

/// Writes a call's sound as a WAV file, in the line's encoding or in another, until the call ends.
///
/// What is written is a valid file after every byte, and within a second of the call. A `writer`
/// that is slow delays only this recording, which then has silence where it could not follow.
///
/// # Errors
///
/// `Internal` if the writer fails; nothing is written after that. `Unsupported` for a line without
/// a sample rate.
pub async fn record_to<W>(
    mut audio: CallAudio,
    encoding: Option<Encoding>,
    writer: &mut W,
) -> Result<Written>
where
    W: AsyncWrite + AsyncSeek + Unpin,
{
    let recording = Recording::new(audio.format(), encoding).map_err(|error| {
        Error::new(ErrorKind::Unsupported, NAME, "such a line cannot be recorded")
            .with_source(error)
    });
    let mut recording = recording?;
    write(&mut audio, &mut recording, writer).await.map_err(|error| {
        let seconds = recording.duration().as_secs();
        let what = format!("the recording breaks off after {seconds} s: it cannot be written");
        Error::new(ErrorKind::Internal, NAME, what).with_source(error)
    })?;
    let (duration, lacks) = (recording.duration(), recording.lacks());
    if !lacks.is_nothing() {
        let Lacks { caller, agent, .. } = lacks;
        tracing::warn!(caller, agent, "the recording lacks samples: its writer was too slow");
    }
    Ok(Written { duration, lacks })
}

async fn write<W: AsyncWrite + AsyncSeek + Unpin>(
    audio: &mut CallAudio,
    recording: &mut Recording,
    writer: &mut W,
) -> io::Result<()> {
    let mut bytes = recording.header();
    flush(&mut bytes, writer).await?;
    let mut is_late = false;
    while let Some(event) = audio.next().await {
        if matches!(event, AudioEvent::Missed(_)) && !is_late {
            tracing::warn!("the writer of the recording does not keep up");
            is_late = true;
        }
        recording.handle(event);
        while recording.poll(&mut bytes) {
            flush(&mut bytes, writer).await?;
        }
    }
    recording.finish();
    while recording.poll(&mut bytes) {
        flush(&mut bytes, writer).await?;
    }
    for patch in recording.patches() {
        writer.seek(SeekFrom::Start(patch.offset)).await?;
        writer.write_all(&patch.bytes).await?;
        writer.flush().await?;
    }
    Ok(())
}

async fn flush<W: AsyncWrite + Unpin>(bytes: &mut Vec<u8>, writer: &mut W) -> io::Result<()> {
    writer.write_all(bytes).await?;
    bytes.clear();
    writer.flush().await
}
