//! WAV files, tidy and not, in and out.

use proptest::prelude::*;
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::record::wav::{self, Wav, WavError, WavWriter};

const SAMPLES: [i16; 4] = [0, 1_000, -1_000, 32_000];

fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = id.to_vec();
    chunk.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    chunk.extend(body);
    if !body.len().is_multiple_of(2) {
        chunk.push(0);
    }
    chunk
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    body.extend(chunks.concat());
    chunk(b"RIFF", &body)
}

fn format(tag: u16, channels: u16, rate_hz: u32, bits: u16) -> Vec<u8> {
    let frame = channels * (bits / 8);
    let mut body = Vec::new();
    body.extend(tag.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(rate_hz.to_le_bytes());
    body.extend((rate_hz * u32::from(frame)).to_le_bytes());
    body.extend(frame.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body
}

fn extensible(sub_format: &[u8], bits: u16) -> Vec<u8> {
    let mut body = format(0xFFFE, 2, 48_000, bits);
    body.extend([22, 0, 16, 0, 3, 0, 0, 0]);
    body.extend(sub_format);
    chunk(b"fmt ", &body)
}

fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn plain() -> Vec<u8> {
    chunk(b"fmt ", &format(1, 1, 8_000, 16))
}

#[test]
fn a_plain_file_is_read() {
    let file = riff(&[plain(), chunk(b"data", &pcm(&SAMPLES))]);
    let wav = Wav::parse(&file).unwrap();
    assert_eq!(wav.format(), AudioFormat::pcm16(8_000));
    assert_eq!((wav.channels(), wav.frames(), wav.is_truncated()), (1, 4, false));
    assert_eq!(wav.samples(), SAMPLES);
    assert_eq!(wav.channel(0), SAMPLES);
    assert!(wav.channel(1).is_empty());
}

#[test]
fn other_chunks_of_odd_sizes_are_skipped() {
    let file = riff(&[
        chunk(b"JUNK", &[9; 3]),
        plain(),
        chunk(b"LIST", b"INFOISFT\x05\0\0\0abcd\0"),
        chunk(b"data", &pcm(&SAMPLES)),
        chunk(b"LIST", b"INFO"),
    ]);
    assert_eq!(Wav::parse(&file).unwrap().samples(), SAMPLES);
}

#[test]
fn an_extensible_header_is_read_by_its_sub_format() {
    let sub_format = *b"\x01\0\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71";
    let file = riff(&[extensible(&sub_format, 16), chunk(b"data", &pcm(&SAMPLES))]);
    let wav = Wav::parse(&file).unwrap();
    assert_eq!((wav.format(), wav.channels(), wav.frames()), (AudioFormat::pcm16(48_000), 2, 2));
    assert_eq!(wav.channel(1), [1_000, 32_000]);

    let file = riff(&[extensible(&[7; 16], 16), chunk(b"data", &[])]);
    assert!(matches!(Wav::parse(&file), Err(WavError::Encoding { tag: 0xFFFE, bits: 16, .. })));
}

#[test]
fn a_data_size_left_open_means_up_to_the_end() {
    for size in [0, u32::MAX] {
        let mut file = riff(&[plain(), chunk(b"data", &pcm(&SAMPLES))]);
        let at = file.len() - 12;
        file[at..at + 4].copy_from_slice(&size.to_le_bytes());
        let wav = Wav::parse(&file).unwrap();
        assert_eq!((wav.samples(), wav.is_truncated()), (SAMPLES.to_vec(), false));
    }
    let file = riff(&[plain(), chunk(b"data", &[]), chunk(b"LIST", b"INFO")]);
    assert_eq!(Wav::parse(&file).unwrap().frames(), 0);
}

#[test]
fn of_a_file_cut_short_the_whole_frames_are_read() {
    let mut file = riff(&[plain(), chunk(b"data", &pcm(&SAMPLES))]);
    file.truncate(file.len() - 3);
    let wav = Wav::parse(&file).unwrap();
    assert_eq!((wav.samples(), wav.is_truncated()), (SAMPLES[..2].to_vec(), true));
}

#[test]
fn g711_files_are_decoded() {
    for (tag, encoding, codes) in
        [(7, Encoding::MuLaw, [0xFF, 0x00]), (6, Encoding::ALaw, [0xD5, 0x2A])]
    {
        let file = riff(&[chunk(b"fmt ", &format(tag, 1, 8_000, 8)), chunk(b"data", &codes)]);
        let wav = Wav::parse(&file).unwrap();
        assert_eq!(wav.format(), AudioFormat::new(encoding, 8_000));
        assert_eq!(wav.data(), codes);
        assert!(wav.samples()[0].abs() <= 8 && wav.samples()[1] < -32_000);
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let data = chunk(b"data", &pcm(&SAMPLES));
    let with = |format: Vec<u8>| riff(&[chunk(b"fmt ", &format), data.clone()]);
    let error = |file: &[u8]| Wav::parse(file).unwrap_err();
    assert_eq!(error(b""), WavError::NotWav);
    assert_eq!(error(b"RIFF\0\0\0\0AVI LIST"), WavError::NotWav);
    assert_eq!(error(&riff(std::slice::from_ref(&data))), WavError::NoFormat);
    assert_eq!(error(&riff(&[plain()])), WavError::NoData);
    assert_eq!(error(&with(vec![1, 0])), WavError::NoFormat);
    assert_eq!(error(&with(format(1, 3, 8_000, 16))), WavError::Channels(3));
    assert_eq!(error(&with(format(1, 1, 0, 16))), WavError::NoRate);
    assert_eq!(
        error(&with(format(3, 1, 8_000, 32))).to_string(),
        "unsupported encoding: format tag 0x0003 with 32 bits a sample"
    );
}

#[test]
fn a_written_file_has_the_bytes_of_the_specification() {
    let file = wav::encode(AudioFormat::pcm16(8_000), 1, &SAMPLES).unwrap();
    assert_eq!(file, riff(&[plain(), chunk(b"data", &pcm(&SAMPLES))]));

    let mut extended = format(7, 1, 8_000, 8);
    extended.extend([0, 0]);
    let file = wav::encode(AudioFormat::PHONE, 1, &[0, 0, 0]).unwrap();
    let fact = chunk(b"fact", &3_u32.to_le_bytes());
    assert_eq!(file, riff(&[chunk(b"fmt ", &extended), fact, chunk(b"data", &[0xFF; 3])]));
}

#[test]
fn a_growing_file_can_be_read_before_its_sizes_are_written() {
    let mut writer = WavWriter::new(AudioFormat::pcm16(16_000), 2).unwrap();
    let mut file = writer.header();
    writer.encode(&SAMPLES, &mut file);
    assert_eq!(Wav::parse(&file).unwrap().samples(), SAMPLES);
    writer.encode(&[5], &mut file);
    writer.finish(&mut file);
    for patch in writer.patches() {
        patch.apply(&mut file);
    }
    let wav = Wav::parse(&file).unwrap();
    assert_eq!(wav.samples(), [0, 1_000, -1_000, 32_000, 5, 0]);
    assert!(!wav.is_truncated());
}

#[test]
fn formats_that_cannot_be_written_are_refused() {
    assert_eq!(WavWriter::new(AudioFormat::PHONE, 0).unwrap_err(), WavError::Channels(0));
    assert_eq!(WavWriter::new(AudioFormat::pcm16(0), 1).unwrap_err(), WavError::NoRate);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        samples in prop::collection::vec(any::<i16>(), 0..200),
        channels in 1_u16..=2,
        rate_hz in prop::sample::select(vec![8_000_u32, 16_000, 22_050, 48_000]),
        encoding in prop::sample::select(vec![Encoding::Pcm16, Encoding::MuLaw, Encoding::ALaw]),
    ) {
        let format = AudioFormat::new(encoding, rate_hz);
        let file = wav::encode(format, channels, &samples).unwrap();
        let wav = Wav::parse(&file).unwrap();
        prop_assert_eq!((wav.format(), wav.channels(), wav.is_truncated()), (format, channels, false));
        prop_assert_eq!(wav.frames(), samples.len().div_ceil(usize::from(channels)));
        if encoding == Encoding::Pcm16 {
            prop_assert_eq!(&wav.samples()[..samples.len()], &samples[..]);
        }
        let again = wav::encode(format, channels, &wav.samples()).unwrap();
        prop_assert_eq!(Wav::parse(&again).unwrap().samples(), wav.samples());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn a_damaged_file_never_panics(
        samples in prop::collection::vec(any::<i16>(), 0..40),
        damage in prop::collection::vec((0_usize..140, any::<u8>()), 0..8),
        len in 0_usize..140,
    ) {
        let mut file = wav::encode(AudioFormat::PHONE, 2, &samples).unwrap();
        for (at, byte) in damage {
            if let Some(slot) = file.get_mut(at) {
                *slot = byte;
            }
        }
        file.truncate(len);
        read_all(&file);
    }
}

fn read_all(bytes: &[u8]) {
    if let Ok(wav) = Wav::parse(bytes) {
        assert_eq!(wav.samples().len(), wav.frames() * usize::from(wav.channels()));
        assert_eq!(wav.channel(0).len(), wav.frames());
    }
}
