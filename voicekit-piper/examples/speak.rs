//! Speaks a text into a WAV file: `speak URL TEXT FILE`.

use std::env;
use std::time::Instant;

use futures::{StreamExt, stream};
use voicekit_core::audio::AudioFormat;
use voicekit_core::record::wav;
use voicekit_core::text::{Clauses, ClausesConfig};
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_piper::{Piper, PiperConfig};

#[tokio::main]
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it tells what it measures")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(url), Some(text), Some(file)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: speak URL TEXT FILE [VOICE]".into());
    };
    let mut config = PiperConfig::new(url);
    config.voice = arguments.next();
    let format = AudioFormat::pcm16(config.rate_hz);
    let piper = Piper::new(config)?;
    let begun = Instant::now();
    let mut cutter = Clauses::new(ClausesConfig::default());
    let mut clauses = cutter.push(&text);
    clauses.extend(cutter.flush());
    let clauses = stream::iter(clauses).boxed();
    let mut spoken = piper.speak(TtsRequest::new(format), clauses).await?;
    let mut samples = Vec::new();
    while let Some(part) = spoken.next().await {
        if let Spoken::Audio(chunk) = part? {
            if samples.is_empty() {
                println!("first audio after {:?}", begun.elapsed());
            }
            chunk.decode_into(&mut samples);
        }
    }
    let seconds = samples.len() as f64 / f64::from(format.rate_hz);
    println!("{seconds:.2} s of audio after {:?}", begun.elapsed());
    std::fs::write(file, wav::encode(format, 1, &samples)?)?;
    Ok(())
}
