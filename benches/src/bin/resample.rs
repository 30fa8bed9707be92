//! Brings a WAV file to another rate: `resample IN.wav OUT.wav RATE`. Each channel is fed as a call
//! feeds it, in frames of 20 ms. The resampler's delay is not taken out, and what it still holds at
//! the end is flushed.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use voicekit_core::audio::AudioFormat;
use voicekit_core::dsp::resample::Resampler;
use voicekit_core::record::wav::{self, Wav};

#[derive(Debug, Parser)]
struct Args {
    input: PathBuf,
    output: PathBuf,
    /// Samples a second: 4,000 to 192,000.
    rate: u32,
}

fn main() -> Result<()> {
    let Args { input, output, rate } = Args::parse();
    let shown = input.display();
    let bytes = fs::read(&input).with_context(|| format!("cannot read {shown}"))?;
    let wav = Wav::parse(&bytes).with_context(|| shown.to_string())?;
    let from = wav.format().rate_hz;
    let channels = (0..wav.channels()).map(|channel| resampled(&wav.channel(channel), from, rate));
    let channels: Vec<Vec<i16>> = channels.collect::<Result<_>>()?;
    let frames = channels.iter().map(Vec::len).min().unwrap_or(0);
    let samples: Vec<i16> =
        (0..frames).flat_map(|frame| channels.iter().map(move |channel| channel[frame])).collect();
    let file = wav::encode(AudioFormat::pcm16(rate), wav.channels(), &samples)?;
    fs::write(&output, file).with_context(|| format!("cannot write {}", output.display()))
}

fn resampled(samples: &[i16], from: u32, to: u32) -> Result<Vec<i16>> {
    let mut resampler = Resampler::new(from, to)?;
    let mut output = Vec::new();
    for frame in samples.chunks((from / 50).max(1) as usize) {
        resampler.process(frame, &mut output);
    }
    resampler.flush(&mut output);
    Ok(output)
}
