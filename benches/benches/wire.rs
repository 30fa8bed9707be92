//! A frame of 20 ms as the carrier's JSON, in and out, beside the same through `serde_json::Value` and
//! as a serialised struct, which is how most servers do it.
#![expect(missing_docs, reason = "criterion's macros make items without any")]
#![expect(clippy::unwrap_used, reason = "the messages are right")]

use std::hint::black_box;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::transport::{TransportCommand, TransportEvent};
use voicekit_twilio::bare::Stream;

const STREAM: &str = "MZ00000000000000000000000000000001";

fn frames(criterion: &mut Criterion) {
    let codes = [0x55_u8; 160];
    let payload = STANDARD.encode(codes);
    let text = |timestamp: u64| {
        json!({
            "event": "media", "sequenceNumber": "3", "streamSid": STREAM,
            "media": {"track": "inbound", "chunk": "1", "timestamp": timestamp.to_string(),
                      "payload": payload},
        })
        .to_string()
    };
    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Elements(1));
    let texts: Vec<String> = (0..1_000).map(|frame| text(frame * 20)).collect();
    let mut at = 0;
    let mut stream = Stream::new(STREAM);
    group.bench_function("decode", |b| {
        b.iter(|| {
            at = (at + 1) % texts.len();
            if at == 0 {
                stream = Stream::new(STREAM);
            }
            decode(&mut stream, black_box(&texts[at])).unwrap()
        });
    });
    group.bench_function("decode, serde_json::Value", |b| {
        b.iter(|| {
            let message: Value = serde_json::from_str(black_box(&texts[1])).unwrap();
            STANDARD.decode(message["media"]["payload"].as_str().unwrap()).unwrap()
        });
    });
    let chunk = AudioChunk::new(AudioFormat::PHONE, codes.to_vec()).unwrap();
    group.bench_function("encode", |b| {
        b.iter(|| encode(&mut stream, black_box(&chunk)).unwrap());
    });
    group.bench_function("encode, serde_json::Value", |b| {
        b.iter(|| {
            let payload = STANDARD.encode(black_box(&codes));
            json!({"event": "media", "streamSid": STREAM, "media": {"payload": payload}})
                .to_string()
        });
    });
    group.finish();
}

/// The caller's sound in a message.
fn decode(stream: &mut Stream, text: &str) -> Option<AudioChunk> {
    stream.text(text);
    let TransportEvent::Audio { chunk, .. } = stream.event()?.ok()? else { return None };
    Some(chunk)
}

/// The message that carries the agent's sound.
fn encode(stream: &mut Stream, chunk: &AudioChunk) -> Option<impl AsRef<str> + use<>> {
    stream.command(TransportCommand::Audio(chunk.clone())).ok()?;
    stream.frame()
}

criterion_group!(benches, frames);
criterion_main!(benches);
