//! Speaks a text into a WAV file and says how long that took.
//!
//!     cargo run --release -p voicekit-local --example say -- VOICE.onnx OUT.wav "Hello there."
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::time::Instant;
use std::{env, fs};

use futures::{StreamExt, stream};
use voicekit_core::audio::AudioChunk;
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_local::piper::Piper;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let (Some(voice), Some(file), Some(text)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: say VOICE.onnx OUT.wav TEXT".into());
    };
    let begun = Instant::now();
    let piper = Piper::load(voice)?;
    println!("loaded in {:?}", begun.elapsed());
    for round in ["first", "again, from the store"] {
        println!("{round}:");
        let audio = say(&piper, &text).await?;
        fs::write(&file, wav(&audio))?;
    }
    Ok(())
}

async fn say(piper: &Piper, text: &str) -> Result<Vec<AudioChunk>, Failure> {
    let request = TtsRequest::new(piper.info().formats[0]);
    let begun = Instant::now();
    let mut spoken = piper.speak(request, stream::iter([text.to_owned()]).boxed()).await?;
    let mut audio: Vec<AudioChunk> = Vec::new();
    while let Some(part) = spoken.next().await {
        match part? {
            Spoken::Audio(chunk) => {
                println!("  {:>9.1?} {:>9.1?} of audio", begun.elapsed(), chunk.duration());
                audio.push(chunk);
            }
            Spoken::Word(word) => println!("  {:>9.1?} {:?}", word.start, word.text),
            _ => {}
        }
    }
    let seconds: f64 = audio.iter().map(|chunk| chunk.duration().as_secs_f64()).sum();
    println!("  {:.3} of real time", begun.elapsed().as_secs_f64() / seconds);
    Ok(audio)
}

fn wav(audio: &[AudioChunk]) -> Vec<u8> {
    let data: Vec<u8> = audio.iter().flat_map(|chunk| chunk.bytes().iter().copied()).collect();
    let rate = audio.first().map_or(22_050, |chunk| chunk.format().rate_hz);
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX - 36);
    let mut wav = b"RIFF".to_vec();
    wav.extend((length + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * 2).to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend(length.to_le_bytes());
    wav.extend(data);
    wav
}
