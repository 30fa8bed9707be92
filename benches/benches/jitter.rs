//! The jitter buffer on 20 ms of sound, in and out, beside the neteq crate without its codecs. Packets
//! come when they should: most of what either does with them is then bookkeeping. (neteq gives 10 ms at
//! a time, so it is asked twice.)
#![expect(missing_docs, reason = "criterion's macros make items without any")]
#![expect(clippy::unwrap_used, reason = "the rates fit")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use neteq::codec::AudioDecoder;
use neteq::{AudioPacket, NetEq, NetEqConfig, RtpHeader};
use voicekit_core::dsp::jitter::{JitterBuffer, Packet};
use voicekit_core::time::Timestamp;

const RATE_HZ: u32 = 8_000;
const PACKET: usize = 160;
const PAYLOAD: u8 = 96;

/// 16-bit sound as it is.
struct Linear;

impl AudioDecoder for Linear {
    fn sample_rate(&self) -> u32 {
        RATE_HZ
    }

    fn channels(&self) -> u8 {
        1
    }

    fn decode(&mut self, encoded: &[u8]) -> neteq::Result<Vec<f32>> {
        let (pairs, _) = encoded.as_chunks();
        Ok(pairs.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0).collect())
    }
}

fn packets(criterion: &mut Criterion) {
    let samples: Vec<i16> = (0..PACKET).map(|n| if n % 50 < 25 { 3_000 } else { -3_000 }).collect();
    let mut group = criterion.benchmark_group("jitter");
    group.bench_function("packet", |b| {
        let mut buffer = JitterBuffer::new(RATE_HZ).unwrap();
        let mut number = 0_u32;
        b.iter(|| {
            let now = Timestamp::from_millis(u64::from(number) * 20);
            buffer.push(now, Packet::new(number.wrapping_mul(160), black_box(&samples)));
            number += 1;
            buffer.pull(now)
        });
    });
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    group.bench_function("packet, neteq", |b| {
        let config = NetEqConfig { sample_rate: RATE_HZ, ..NetEqConfig::default() };
        let mut buffer = NetEq::new(config).unwrap();
        buffer.register_decoder(PAYLOAD, Box::new(Linear));
        let mut number = 0_u32;
        b.iter(|| {
            let sequence = u16::try_from(number % 65_536).unwrap();
            let header = RtpHeader::new(sequence, number.wrapping_mul(160), 1, PAYLOAD, false);
            let packet = AudioPacket::new(header, black_box(&bytes).clone(), RATE_HZ, 1, 20);
            buffer.insert_packet(packet).unwrap();
            number += 1;
            [buffer.get_audio().unwrap(), buffer.get_audio().unwrap()]
                .map(|half| half.samples.len())
        });
    });
    group.finish();
}

criterion_group!(benches, packets);
criterion_main!(benches);
