//! WAV files as the caller's words.

use std::path::Path;

use anyhow::{Context, Result, bail};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::Converter;
use voicekit_core::record::wav::{Wav, WavError};
use voicekit_testkit::phone::RATE_HZ;

/// Reads a WAV file as 16-bit samples at 8 kHz; of two channels, the mean.
pub(crate) fn read(path: &Path) -> Result<Vec<i16>> {
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let wav = Wav::parse(&bytes).map_err(|error| {
        anyhow::anyhow!("{name}: {error}; {}", advice(error, &path.to_string_lossy()))
    })?;
    if wav.frames() == 0 {
        bail!("{name} holds no sound; record it again");
    }
    let samples = telephone(&mono(&wav), wav.format().rate_hz)
        .with_context(|| format!("{name} cannot be brought to {RATE_HZ} Hz"))?;
    if samples.iter().all(|sample| sample.unsigned_abs() < 64) {
        bail!("{name} is silent: the agent would hear nothing; check the recording's level");
    }
    Ok(samples)
}

/// Linear samples at any rate as 16-bit samples at 8 kHz.
pub(crate) fn telephone(samples: &[i16], rate_hz: u32) -> Result<Vec<i16>> {
    let format = AudioFormat::pcm16(rate_hz);
    let mut converter = Converter::new(format, AudioFormat::pcm16(RATE_HZ))?;
    let pieces = [converter.process(&AudioChunk::from_pcm(rate_hz, samples))?, converter.flush()?];
    let mut converted = Vec::new();
    pieces.iter().for_each(|piece| piece.decode_into(&mut converted));
    Ok(converted)
}

fn mono(wav: &Wav<'_>) -> Vec<i16> {
    let left = wav.channel(0);
    if wav.channels() == 1 {
        return left;
    }
    left.iter().zip(wav.channel(1)).map(|(&left, right)| left.midpoint(right)).collect()
}

fn advice(error: WavError, name: &str) -> String {
    match error {
        WavError::Encoding { .. } | WavError::Channels(_) | WavError::NotWav => {
            format!("convert it: ffmpeg -i \"{name}\" -ac 1 -ar 16000 -c:a pcm_s16le out.wav")
        }
        WavError::NoFormat | WavError::NoData | WavError::NoRate | _ => {
            "the file is damaged; record or export it again".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voicekit_core::record::wav;

    fn file(name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("phone-agent-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn any_rate_becomes_the_telephones() {
        for rate_hz in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
            let second = usize::try_from(rate_hz).unwrap();
            let samples: Vec<i16> =
                (0..second).map(|i| if i % 40 < 20 { 9_000 } else { -9_000 }).collect();
            let bytes = wav::encode(AudioFormat::pcm16(rate_hz), 1, &samples).unwrap();
            let path = file("rate.wav", &bytes);
            let length = read(&path).unwrap().len();
            std::fs::remove_file(path).unwrap();
            assert!(length.abs_diff(8_000) <= 40, "{rate_hz} Hz gave {length} samples");
        }
    }

    #[test]
    fn a_bad_file_is_explained_in_one_line() {
        let cases: [(&[u8], &str); 4] = [
            (b"ID3\x04", "convert it: ffmpeg"),
            (b"RIFF\0\0\0\0WAVE", "record or export it again"),
            (&wav::encode(AudioFormat::pcm16(8_000), 1, &[]).unwrap(), "holds no sound"),
            (&wav::encode(AudioFormat::pcm16(8_000), 1, &[0; 800]).unwrap(), "is silent"),
        ];
        for (bytes, expected) in cases {
            let path = file("bad.wav", bytes);
            let message = format!("{:#}", read(&path).unwrap_err());
            std::fs::remove_file(path).unwrap();
            assert!(message.contains(expected) && !message.contains('\n'), "{message}");
        }
        let message = format!("{:#}", read(Path::new("nowhere.wav")).unwrap_err());
        assert!(message.starts_with("cannot read nowhere.wav: "), "{message}");
    }
}
