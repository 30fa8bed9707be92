//! Measures recognition and voice activity on the recorded speech, over the phone (8 kHz mu-law):
//! words wrong, and processor time of one thread.
//!
//! ```sh
//! cargo run --release -p voicekit-local --example measure_speech
//! ```
//!
//! Fetches the model if it is not here. Processor times need Linux.
#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

use std::fs;

use voicekit_core::error::Result;
use voicekit_core::vad::Vad;
use voicekit_local::models::{Model, Models};
use voicekit_local::silero::Silero;
use voicekit_local::whisper::Whisper;
use voicekit_testkit::speech;
use voicekit_testkit::words::{self, words};

fn main() -> Result<()> {
    let (models, model) = (Models::in_default_directory()?, Model::whisper_tiny_en());
    models.ensure(&[&model], &mut |_| {})?;
    let start = processor_ms();
    let whisper = Whisper::load(&models.path(&model))?;
    println!("loading Whisper: {:.0} ms", processor_ms() - start);

    let (mut wrong, mut all, mut times) = (0, 0, Vec::new());
    for recording in speech::all() {
        let audio = recording.over_the_phone();
        let start = processor_ms();
        let decoded = whisper.transcribe(&audio, 8_000)?;
        times.push(processor_ms() - start);
        let (said, heard) = (words(&recording.text), words(&decoded.text));
        let errors = words::errors(&said, &heard);
        (wrong, all) = (wrong + errors, all + said.len());
        println!(
            "{:18} {:4.1} s {:4.0} ms {errors} wrong  no speech {:.2}  log p {:.2}  {}",
            recording.file,
            audio.len() as f64 / 8_000.0,
            times.last().copied().unwrap_or_default(),
            decoded.no_speech,
            decoded.mean_log_probability,
            decoded.text
        );
    }
    times.sort_by(f64::total_cmp);
    let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
    let rate = 100.0 * wrong as f64 / all as f64;
    println!("Whisper: {rate:.1} % of {all} words wrong; median {median:.0} ms, most {most:.0} ms");
    measure_silero()
}

fn measure_silero() -> Result<()> {
    let mut vad = Silero::new()?;
    let (mut windows, mut speech, start) = (0_u32, 0_u32, processor_ms());
    for audio in speech::all().iter().map(speech::Recording::over_the_phone) {
        for window in audio.chunks_exact(vad.window()) {
            windows += 1;
            speech += u32::from(vad.probability(window) > 0.5);
        }
    }
    let all = processor_ms() - start;
    let start = processor_ms();
    for _ in 0..20 {
        for window in [0; 256 * 500].chunks_exact(256) {
            vad.probability(window);
        }
    }
    let each = (processor_ms() - start) * 1_000.0 / 10_000.0;
    println!(
        "Silero: {each:.1} us a window; {speech} of {windows} are speech ({all:.0} ms with reading)"
    );
    Ok(())
}

/// Processor time of all threads so far, in milliseconds; 0 where it is not known.
fn processor_ms() -> f64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return 0.0 };
    let times = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    times.sum::<f64>() / 1e6
}
