//! Making speech shorter or longer by one period of the voice, and going on with it.

/// Shortest and longest piece taken out or put in: 5 to 15 ms, a period of voices from 67 to 200 Hz
/// and two or three of higher ones.
const SHORTEST_PER_S: usize = 200;
const LONGEST_PER_1000_S: usize = 15;

/// The shortest piece at this rate, in samples.
pub(super) fn shortest_period(rate_hz: usize) -> usize {
    rate_hz / SHORTEST_PER_S
}

/// The longest piece at this rate, in samples.
pub(super) fn longest_period(rate_hz: usize) -> usize {
    rate_hz * LONGEST_PER_1000_S / 1_000
}

/// How far `samples` must be shifted to look most like themselves, comparing `window` samples from
/// the start, and how much they do: 1 is the same, 0 and below is not at all. Digital silence is
/// like itself. Shifts that reach beyond the samples are not tried.
pub(super) fn period(samples: &[i16], window: usize, rate_hz: usize) -> (usize, f32) {
    let shortest = shortest_period(rate_hz);
    let longest = longest_period(rate_hz).min(samples.len().saturating_sub(window));
    let still = &samples[..window.min(samples.len())];
    let mut best = (shortest, -1.0);
    for shift in shortest..=longest {
        let likeness = likeness(still, &samples[shift..]);
        if likeness > best.1 {
            best = (shift, likeness);
        }
    }
    best
}

fn likeness(a: &[i16], b: &[i16]) -> f32 {
    let (mut product, mut of_a, mut of_b) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f32::from(a), f32::from(b));
        product += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    if of_a + of_b == 0.0 {
        return 1.0;
    }
    product / (of_a * of_b).sqrt().max(1.0)
}

/// `samples` without `piece` of them: fades, over `fade` samples, from their start to what lies
/// `piece` later. It begins as they begin and ends as they end.
pub(super) fn without(samples: &[i16], piece: usize, fade: usize) -> Vec<i16> {
    let mut shorter = samples[piece..].to_vec();
    fade_in(&mut shorter[..fade], samples);
    shorter
}

/// `samples` with their first `piece` twice: fades, over `fade` samples, from what follows the
/// piece to its beginning. It begins as they begin and ends as they end.
pub(super) fn with_twice(samples: &[i16], piece: usize, fade: usize) -> Vec<i16> {
    let mut longer = samples[..piece].to_vec();
    longer.extend_from_slice(samples);
    fade_in(&mut longer[piece..piece + fade], &samples[piece..]);
    longer
}

/// Fades from `old` to `new`, as long as both last.
pub(super) fn fade_in(new: &mut [i16], old: &[i16]) {
    let length = new.len().min(old.len());
    for (at, (new, &old)) in new.iter_mut().zip(old).enumerate() {
        let share = (at + 1) as f32 / (length + 1) as f32;
        *new = sample(f32::from(old) + share * (f32::from(*new) - f32::from(old)));
    }
}

/// The nearest sample.
#[expect(clippy::cast_possible_truncation, reason = "a cast from floating point saturates")]
pub(super) fn sample(value: f32) -> i16 {
    value.round() as i16
}
