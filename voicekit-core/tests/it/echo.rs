//! The echo of the agent's own voice, by its behaviour.

use std::time::Duration;

use voicekit_core::codec::mulaw;
use voicekit_core::dsp::echo::Echo;
use voicekit_core::dsp::level::rms_dbfs;

const FRAME: usize = 160;
const SECOND: usize = 8_000;

/// Noise that rises and falls like speech, different in low and in high sounds, at about
/// −20 dBFS.
fn voice(seed: u64, samples: usize) -> Vec<i16> {
    let mut random = Random(seed);
    let (mut low, mut out) = (0.0, Vec::with_capacity(samples));
    while out.len() < samples {
        let length = 400 + random.below(1_600);
        let (hum, hiss) = (random.even().max(0.0), random.even().max(0.0));
        for _ in 0..length {
            let noise = random.even();
            low += 0.2 * (noise - low);
            out.push(sample(hum * low * 20_000.0 + hiss * (noise - low) * 8_000.0));
        }
    }
    out.truncate(samples);
    out
}

/// What comes in: the echo of `sent`, and `caller`, over mu-law with a little noise.
fn line(sent: &[i16], delay: usize, loss_db: f32, caller: &[i16]) -> Vec<i16> {
    let gain = 10_f32.powf(-loss_db / 20.0);
    let mut random = Random(99);
    (0..sent.len())
        .map(|at| {
            let echo = at.checked_sub(delay).map_or(0.0, |at| f32::from(sent[at]) * gain);
            let near = caller.get(at).copied().map_or(0.0, f32::from);
            let heard = sample(echo + near + 15.0 * random.even());
            mulaw::decode_sample(mulaw::encode_sample(heard))
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
fn sample(value: f32) -> i16 {
    value as i16
}

/// The verdicts on `line`, of a detector that is sure of hearing a voice all the time.
fn verdicts(echo: &mut Echo, sent: &[i16], line: &[i16]) -> Vec<f32> {
    let frames = sent.chunks_exact(FRAME).zip(line.chunks_exact(FRAME)).enumerate();
    frames
        .map(|(frame, (sent, heard))| {
            echo.outgoing((frame * FRAME) as u64, sent);
            echo.near_end(heard, 1.0)
        })
        .collect()
}

fn mean(verdicts: &[f32]) -> f32 {
    verdicts.iter().sum::<f32>() / verdicts.len() as f32
}

/// The frames of the seconds from `from` to `to`.
fn between(verdicts: &[f32], from: usize, to: usize) -> &[f32] {
    &verdicts[from * SECOND / FRAME..to * SECOND / FRAME]
}

#[test]
fn an_echo_is_found_and_discounted() {
    for (delay_ms, loss_db) in [(60, 25.0), (200, 25.0), (400, 25.0), (100, 35.0), (600, 20.0)] {
        let sent = voice(1, 8 * SECOND);
        let line = line(&sent, delay_ms * 8, loss_db, &[]);
        let mut echo = Echo::new();
        let verdicts = verdicts(&mut echo, &sent, &line);
        let estimate = echo.estimate();
        let wanted = Duration::from_millis(delay_ms as u64);
        assert!(estimate.confidence > 0.9, "{delay_ms} ms, {loss_db} dB: {estimate:?}");
        assert!(estimate.delay.abs_diff(wanted) <= Duration::from_millis(12), "{estimate:?}");
        assert!((estimate.return_loss_db - loss_db).abs() < 6.0, "{loss_db} dB: {estimate:?}");
        let left = mean(between(&verdicts, 2, 8));
        assert!(left < 0.25, "{delay_ms} ms, {loss_db} dB: {left} left");
    }
}

#[test]
fn a_caller_over_the_echo_is_heard_and_the_echo_after_them_is_not() {
    let sent = voice(1, 10 * SECOND);
    let mut caller = vec![0; 4 * SECOND];
    caller.extend(voice(2, 2 * SECOND).iter().map(|sample| sample / 2));
    let line = line(&sent, 1_600, 25.0, &caller);
    let verdicts = verdicts(&mut Echo::new(), &sent, &line);
    let (before, during) = (mean(between(&verdicts, 2, 4)), mean(between(&verdicts, 4, 6)));
    let after = mean(between(&verdicts, 7, 10));
    assert!(before < 0.1 && during > 0.6 && after < 0.15, "{before} {during} {after}");
}

#[test]
fn a_caller_on_a_line_without_echo_is_heard() {
    for seed in 2..8 {
        let sent = voice(1, 20 * SECOND);
        let caller: Vec<i16> = voice(seed, 20 * SECOND).iter().map(|sample| sample / 2).collect();
        let line = line(&sent, 0, 200.0, &caller);
        let mut echo = Echo::new();
        let verdicts = verdicts(&mut echo, &sent, &line);
        assert!(echo.estimate().confidence < 0.5, "caller {seed}: {:?}", echo.estimate());
        let spoken = verdicts.iter().zip(caller.chunks_exact(FRAME)).skip(SECOND / FRAME);
        let spoken = spoken.filter(|(_, caller)| rms_dbfs(caller) > -35.0);
        let kept = mean(&spoken.map(|(&verdict, _)| verdict).collect::<Vec<_>>());
        assert!(kept > 0.9, "caller {seed}: {kept}");
    }
}

#[test]
fn verdicts_pass_while_the_agent_is_silent() {
    let sent = vec![0; 5 * SECOND];
    let line = line(&sent, 0, 200.0, &voice(2, 5 * SECOND));
    let verdicts = verdicts(&mut Echo::new(), &sent, &line);
    assert!(verdicts.iter().all(|&verdict| verdict == 1.0));
}

#[test]
fn a_new_delay_is_found() {
    let sent = voice(1, 12 * SECOND);
    let (early, late) = (line(&sent, 800, 25.0, &[]), line(&sent, 2_400, 25.0, &[]));
    let line = [&early[..5 * SECOND], &late[5 * SECOND..]].concat();
    let mut echo = Echo::new();
    let verdicts = verdicts(&mut echo, &sent, &line);
    let found = echo.estimate().delay;
    assert!(found.abs_diff(Duration::from_millis(300)) <= Duration::from_millis(12), "{found:?}");
    let left = mean(between(&verdicts, 8, 12));
    assert!(left < 0.2, "{left} left");
}

#[test]
fn what_was_cleared_is_not_expected_back() {
    let sent = voice(1, 6 * SECOND);
    let line = line(&sent, 1_600, 25.0, &[]);
    let mut echo = Echo::new();
    verdicts(&mut echo, &sent, &line);
    let at = (6 * SECOND) as u64;
    echo.outgoing(at, &voice(3, SECOND));
    echo.cleared(at);
    // The echo of what was played before comes for 200 ms more.
    let quiet: Vec<i16> = voice(5, 2 * SECOND).iter().map(|sample| sample / 16).collect();
    let verdicts: Vec<f32> =
        quiet.chunks_exact(FRAME).map(|frame| echo.near_end(frame, 1.0)).collect();
    let kept = mean(between(&verdicts, 1, 2));
    assert!(kept > 0.99, "{kept}");
}

#[test]
fn frames_of_any_size_and_place_do_no_harm() {
    let sent = voice(1, 2 * SECOND);
    let mut echo = Echo::new();
    assert_eq!(echo.near_end(&[], 0.7), 0.7);
    echo.outgoing(u64::MAX - 3, &sent[..100]);
    echo.outgoing(1 << 40, &sent);
    echo.outgoing(0, &sent);
    echo.outgoing(0, &[]);
    echo.cleared(u64::MAX);
    let mut rest = sent.as_slice();
    for size in [1, 63, 64, 65, 256, 7, 4_001].into_iter().cycle() {
        let (part, after) = rest.split_at(size.min(rest.len()));
        let verdict = echo.near_end(part, 1.0);
        assert!((0.0..=1.0).contains(&verdict), "{verdict}");
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let full_scale: Vec<i16> = [i16::MIN, i16::MAX].repeat(500);
    assert!((0.0..=1.0).contains(&echo.near_end(&full_scale, 1.0)));
}

#[test]
fn the_size_of_frames_makes_no_difference() {
    let sent = voice(1, 3 * SECOND);
    let line = line(&sent, 800, 25.0, &[]);
    let (mut one, mut other) = (Echo::new(), Echo::new());
    one.outgoing(0, &sent[..SECOND]);
    for (frame, part) in sent[..SECOND].chunks(37).enumerate() {
        other.outgoing((frame * 37) as u64, part);
    }
    one.incoming(&line[..SECOND]);
    for part in line[..SECOND].chunks(53) {
        other.incoming(part);
    }
    let (one, other) = (one.estimate(), other.estimate());
    assert_eq!((one.delay, one.confidence), (other.delay, other.confidence));
    assert_eq!(one.return_loss_db, other.return_loss_db);
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// From −1 to 1.
    fn even(&mut self) -> f32 {
        self.next() as f32 / (1_u64 << 30) as f32 - 1.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
