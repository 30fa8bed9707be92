//! WAV files: whatever the bytes, reading gives whole frames or an error; what was written is read
//! as it was, also before its sizes are patched, and also cut short.

use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::record::wav::{Wav, WavWriter, encode};

use crate::{Input, pieces};

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    if data.starts_with(b"RI") || data.starts_with(b"RF") {
        read(data);
    } else {
        written_is_read(Input(data));
    }
}

fn read(bytes: &[u8]) {
    let Ok(wav) = Wav::parse(bytes) else { return };
    let samples = wav.samples();
    let channels = usize::from(wav.channels());
    assert!((1..=2).contains(&channels) && wav.format().rate_hz > 0);
    assert_eq!(samples.len(), wav.frames() * channels, "{wav:?}");
    assert!(wav.data().len() <= bytes.len());
    for index in 0..3_u16 {
        let expected = if index < wav.channels() { wav.frames() } else { 0 };
        assert_eq!(wav.channel(index).len(), expected, "{wav:?}");
    }
    let again = encode(wav.format(), wav.channels(), &samples).expect("it was read");
    let again = Wav::parse(&again).expect("it was written");
    assert_eq!((again.format(), again.channels()), (wav.format(), wav.channels()));
    assert_eq!(again.samples(), samples);
}

fn written_is_read(mut input: Input<'_>) {
    let encoding = [Encoding::Pcm16, Encoding::MuLaw, Encoding::ALaw][usize::from(input.below(3))];
    let format = AudioFormat::new(encoding, u32::from(input.short()));
    let channels = u16::from(input.below(4));
    let (how, cut) = (input.byte(), input.short());
    let mut samples = input.samples();
    let Ok(mut writer) = WavWriter::new(format, channels) else {
        assert!(format.rate_hz == 0 || !(1..=2).contains(&channels));
        return;
    };
    let mut file = writer.header();
    for piece in pieces(&samples, how) {
        writer.encode(piece, &mut file);
    }
    let crashed = file.clone();
    writer.finish(&mut file);
    for patch in writer.patches() {
        patch.apply(&mut file);
    }
    assert_eq!(file, encode(format, channels, &samples).expect("a writer took it"));
    if !samples.len().is_multiple_of(usize::from(channels)) {
        samples.push(0);
    }
    let expected: Vec<i16> = samples.iter().map(|sample| through(encoding, *sample)).collect();
    let whole = Wav::parse(&file).expect("it was written");
    assert_eq!((whole.format(), whole.channels()), (format, channels));
    assert!(!whole.is_truncated());
    assert_eq!(whole.samples(), expected);

    let open = Wav::parse(&crashed).expect("the header was written").samples();
    assert_eq!(open, expected[..open.len()]);
    assert!(expected.len() - open.len() <= usize::from(channels));

    let short = &file[..usize::from(cut).min(file.len())];
    if let Ok(short) = Wav::parse(short) {
        assert!(expected.starts_with(&short.samples()));
    }
}

fn through(encoding: Encoding, sample: i16) -> i16 {
    use voicekit_core::codec::{alaw, mulaw};
    match encoding {
        Encoding::MuLaw => mulaw::decode_sample(mulaw::encode_sample(sample)),
        Encoding::ALaw => alaw::decode_sample(alaw::encode_sample(sample)),
        Encoding::Pcm16 | _ => sample,
    }
}
