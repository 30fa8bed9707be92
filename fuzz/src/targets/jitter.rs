//! The jitter buffer: packets of any length, in any order, at any time. Frames are always 20 ms and
//! never go back; sound is not multiplied.

use std::time::Duration;

use voicekit_core::dsp::jitter::{JitterBuffer, Packet};
use voicekit_core::time::Timestamp;

use crate::Input;

/// Runs the target on one input; panics if what must hold does not.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let rate = [8_000, 16_000, 48_000, u32::from(input.short())][usize::from(input.below(4))];
    let Ok(mut buffer) = JitterBuffer::new(rate) else { return };
    let frame = usize::try_from(rate / 50).expect("small");
    let sound: Vec<i16> = (0..40_i16).map(|n| (n - 20) * 600).cycle().take(50_000).collect();
    let (mut now, mut next) = (Timestamp::ZERO, u32::MAX - 3 * rate);
    let (mut at, mut concealed) = (0, 0);
    while !input.is_empty() {
        let what = input.byte();
        match what % 16 {
            0..6 => {
                let frame = buffer_pull(&mut buffer, now, frame);
                assert!(frame.0 >= at, "a frame goes back from {at} to {}", frame.0);
                at = frame.0;
                concealed += frame.1;
                assert_eq!(buffer.stats().concealed, concealed);
                now += Duration::from_millis(20);
            }
            6..12 => {
                let lost = u32::from((what / 16) & 1);
                next = next.wrapping_add(lost * rate / 50);
                buffer.push(now, Packet::new(next, &sound[..frame]));
                next = next.wrapping_add(rate / 50);
            }
            12 => now += Duration::from_millis(input.short().into()),
            13 => {
                let back = u32::from(input.byte()) * rate / 100;
                let packet = Packet::new(next.wrapping_sub(back), &sound[..frame]);
                buffer.push(now, packet);
            }
            14 => {
                let length = usize::from(input.short()).min(sound.len());
                buffer.push(now, Packet::new(next, &sound[..length]));
            }
            _ => {
                let anywhere = u32::from(input.short()) << (what / 16);
                next = next.wrapping_add(anywhere);
                if what >= 240 {
                    now = Timestamp::from_micros(input.long());
                }
            }
        }
    }
    // Whatever came, what waits is soon played, and then nothing more comes.
    let waits = (0..500).map(|_| {
        now += Duration::from_millis(20);
        buffer_pull(&mut buffer, now, frame).0
    });
    assert!(waits.last() >= Some(at));
    assert!(buffer.stats().target <= Duration::from_secs(5));
}

fn buffer_pull(buffer: &mut JitterBuffer, now: Timestamp, frame: usize) -> (u64, u64) {
    let pulled = buffer.pull(now);
    assert_eq!(pulled.samples.len(), frame);
    assert!(pulled.concealed <= frame);
    (pulled.at.samples, pulled.concealed as u64)
}
