//! Says how likely it is that each window of WAV files holds speech: `vad FILE.wav...`. Writes CSV,
//! `start,end,probability`, times in seconds; of several files, each after a line `# FILE`.
//!
//! Files at other rates are brought to 8 kHz; of several channels, the first counts. With
//! `--phone`, the sound goes through mu-law first, as on a call.
//!
//! With `--score`, arguments are recordings at 8 kHz, each with its label track beside it, and what
//! is written is how well Silero tells speech from silence in them, beside the same network in
//! single precision. Recordings with a label of a condition are left out.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use voicekit_benches::labels::{self, Label};
use voicekit_benches::reference::Reference;
use voicekit_benches::score::{Line, Score};
use voicekit_core::codec::mulaw;
use voicekit_core::dsp::resample::Resampler;
use voicekit_core::record::wav::Wav;
use voicekit_core::vad::{EnergyVad, Vad};
use voicekit_local::Silero;

#[derive(Debug, Parser)]
struct Args {
    #[arg(required = true, value_name = "FILE.wav")]
    files: Vec<PathBuf>,
    /// The detector.
    #[arg(long, value_enum, default_value = "silero")]
    detector: Detector,
    /// Puts the sound through mu-law first.
    #[arg(long)]
    phone: bool,
    /// Scores Silero on labelled recordings.
    #[arg(long, conflicts_with_all = ["detector", "phone"])]
    score: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Detector {
    /// Silero's network at 8 kHz.
    Silero,
    /// Energy over an adaptive floor.
    Energy,
}

impl Detector {
    fn open(self) -> Result<Box<dyn Vad>> {
        Ok(match self {
            Self::Silero => Box::new(Silero::new()?),
            Self::Energy => Box::new(EnergyVad::new(8_000, std::time::Duration::from_millis(20))?),
        })
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut output = BufWriter::new(io::stdout().lock());
    if args.score {
        score(&args.files, &mut output)?;
        return Ok(output.flush()?);
    }
    for file in &args.files {
        if args.files.len() > 1 {
            writeln!(output, "# {}", file.display())?;
        }
        judge(&args, file, &mut output).with_context(|| file.display().to_string())?;
    }
    Ok(output.flush()?)
}

fn judge(args: &Args, file: &Path, output: &mut impl Write) -> Result<()> {
    let bytes = fs::read(file)?;
    let wav = Wav::parse(&bytes)?;
    let mut vad = args.detector.open()?;
    let (rate, window) = (vad.rate_hz(), vad.window());
    let mut samples = Vec::new();
    Resampler::new(wav.format().rate_hz, rate)?.process(&wav.channel(0), &mut samples);
    if args.phone {
        for sample in &mut samples {
            *sample = mulaw::decode_sample(mulaw::encode_sample(*sample));
        }
    }
    let seconds = |window_count: usize| (window_count * window) as f64 / f64::from(rate);
    for (index, samples) in samples.chunks_exact(window).enumerate() {
        let probability = vad.probability(samples);
        writeln!(output, "{:.3},{:.3},{probability:.4}", seconds(index), seconds(index + 1))?;
    }
    Ok(())
}

fn score(files: &[PathBuf], output: &mut impl Write) -> Result<()> {
    let mut calls = Vec::new();
    for file in files {
        let call = labelled(file).with_context(|| file.display().to_string())?;
        calls.extend((!call.1.iter().any(|label| label.kind.is_condition())).then_some(call));
    }
    writeln!(output, "line                    windows  F1     AUC     reference F1, AUC  apart")?;
    for line in Line::ALL {
        let (mut own, mut exact) = (Score::default(), Score::default());
        for (samples, labels) in &calls {
            let heard = line.carry(samples, labels);
            own.judge(&mut Silero::new()?, &heard, labels);
            exact.judge(&mut Reference::new()?, &heard, labels);
        }
        write!(output, "{line:<23} {:<8} {:.4} {:.4}  ", own.windows(), own.f1(), own.auc())?;
        writeln!(output, "{:.4} {:.4}      {:.4}", exact.f1(), exact.auc(), own.apart(&exact))?;
    }
    Ok(())
}

/// What the caller says at 8 kHz, and its labels.
fn labelled(file: &Path) -> Result<(Vec<i16>, Vec<Label>)> {
    let bytes = fs::read(file)?;
    let wav = Wav::parse(&bytes)?;
    ensure!(wav.format().rate_hz == 8_000, "{} Hz; 8000 Hz is needed", wav.format().rate_hz);
    let track = file.with_extension("txt");
    let track = fs::read_to_string(&track).with_context(|| track.display().to_string())?;
    Ok((wav.channel(0), labels::parse(&track)?))
}
