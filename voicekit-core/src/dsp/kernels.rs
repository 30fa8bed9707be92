//! The inner loops of the resampler, compiled twice: for AVX2, used where the machine has it, and
//! for what the target always has. Both do the same operations in the same order, so that the
//! results are the same to the bit on every machine; multiplications and additions are therefore
//! not fused.

use super::vectorised;

/// Sums made side by side: four registers of AVX2, so that an addition need not wait for the one
/// before it.
pub(super) const LANES: usize = 32;

/// The lanes of one such register.
const PARTS: usize = 8;

/// `1.5 * 2^23`: added to a smaller number, it leaves that number, rounded, in the lowest bits.
const ROUND: f32 = 12_582_912.0;

vectorised! {
    /// Sums of samples, each weighed by its coefficient, one after the other as far as the samples
    /// and the room for sums go, [`LANES`] at most; how many there are, and where the next is.
    /// `phases` holds `taps` coefficients for each of `up` phases, in whole groups of [`LANES`] and in
    /// the order in which sums have them.
    slide = slide_loop(phases: &[f32], taps: usize, samples: &[f32], step: Step, sums: &mut [f32])
        -> (usize, Step)
}

/// Where a sum lies, and how the next is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The first sample.
    pub(super) next: usize,
    /// The sum's phase, below `up`.
    pub(super) phase: usize,
    /// Its place in the table, below `up`.
    pub(super) row: usize,
    up: usize,
    /// Samples and phases to the next sum.
    samples: usize,
    phases: usize,
}

impl Step {
    /// Sums `down / up` samples apart.
    pub(super) fn new(next: usize, phase: usize, row: usize, up: usize, down: usize) -> Self {
        Self { next, phase, row, up, samples: down / up, phases: down % up }
    }

    #[inline(always)]
    fn advance(self) -> Self {
        let (phase, wraps) = match self.phase + self.phases {
            phase if phase < self.up => (phase, 0),
            phase => (phase - self.up, 1),
        };
        let row = if self.row + 1 < self.up { self.row + 1 } else { 0 };
        Self { next: self.next + self.samples + wraps, phase, row, ..self }
    }
}

vectorised! {
    /// [`LANES`] such sums at once: their samples begin at `start` and `down` further each. The
    /// samples are dealt out to `down` rows of `len`. Lanes beyond the samples hold nothing of use.
    weigh = weigh_loop(
        coefficients: &[f32],
        rows: &[f32],
        len: usize,
        down: usize,
        start: usize
    ) -> [f32; LANES]
}

vectorised! {
    /// Appends the values rounded to 16 bits; what is beyond is clipped.
    append_rounded = append_loop(values: &[f32], output: &mut Vec<i16>)
}

vectorised! {
    /// The samples as numbers; as many as the shorter slice holds.
    widen = widen_loop(samples: &[i16], values: &mut [f32])
}

/// Deals samples out to `ROWS` rows of `len`, like cards.
pub(super) fn deal<const ROWS: usize>(samples: &[f32], rows: &mut [f32], len: usize) {
    let mut row = rows.chunks_exact_mut(len);
    let mut rows: [&mut [f32]; ROWS] = std::array::from_fn(|_| row.next().unwrap_or_default());
    let (rounds, rest) = samples.as_chunks::<ROWS>();
    let columns = rows.iter().map(|row| row.len()).min().unwrap_or(0);
    for (column, round) in rounds.iter().enumerate().take(columns) {
        for (row, &sample) in rows.iter_mut().zip(round) {
            row[column] = sample;
        }
    }
    for (row, &sample) in rows.iter_mut().zip(rest) {
        row[rounds.len()] = sample;
    }
}

#[inline(always)]
fn slide_loop(
    phases: &[f32],
    taps: usize,
    samples: &[f32],
    mut step: Step,
    sums: &mut [f32],
) -> (usize, Step) {
    // Adding up a register's lanes beside the work of the next sum keeps neither from registers as
    // wide as they are; doing all of it afterwards does.
    let mut parts = [[0.0; PARTS]; LANES];
    let mut known = 0;
    for parts in parts.iter_mut().take(sums.len()) {
        let coefficients = phases.get(step.row * taps..(step.row + 1) * taps);
        let samples = samples.get(step.next..step.next + taps);
        let (Some(coefficients), Some(samples)) = (coefficients, samples) else { break };
        *parts = dot(coefficients, samples);
        step = step.advance();
        known += 1;
    }
    for (sum, parts) in sums.iter_mut().zip(&parts[..known]) {
        let [a, b, c, d, e, f, g, h] = *parts;
        *sum = ((a + e) + (c + g)) + ((b + f) + (d + h));
    }
    (known, step)
}

/// The sum of the samples, each weighed by its coefficient, in parts.
#[inline(always)]
fn dot(coefficients: &[f32], samples: &[f32]) -> [f32; PARTS] {
    let mut sums = [[0.0; PARTS]; LANES / PARTS];
    let (coefficients, _) = coefficients.as_chunks::<PARTS>();
    let (samples, _) = samples.as_chunks::<PARTS>();
    let coefficients = coefficients.chunks_exact(LANES / PARTS);
    for (coefficients, samples) in coefficients.zip(samples.chunks_exact(LANES / PARTS)) {
        for (sum, (coefficients, samples)) in sums.iter_mut().zip(coefficients.iter().zip(samples))
        {
            for lane in 0..PARTS {
                sum[lane] += coefficients[lane] * samples[lane];
            }
        }
    }
    let [a, b, c, d] = sums;
    std::array::from_fn(|lane| (a[lane] + c[lane]) + (b[lane] + d[lane]))
}

#[inline(always)]
fn weigh_loop(
    coefficients: &[f32],
    rows: &[f32],
    len: usize,
    down: usize,
    start: usize,
) -> [f32; LANES] {
    let (mut row, mut column) = (start % down, start / down);
    // Two sums for each lane, so that additions need not wait for those before them.
    let mut sums = [[0.0; LANES]; 2];
    let mut add = |sums: &mut [f32; LANES], coefficient: f32| {
        let begin = row * len + column;
        if let Some(samples) = rows[begin..].first_chunk::<LANES>() {
            for (sum, sample) in sums.iter_mut().zip(samples) {
                *sum += coefficient * sample;
            }
        }
        row += 1;
        if row == down {
            (row, column) = (0, column + 1);
        }
    };
    let (pairs, last) = coefficients.as_chunks::<2>();
    let [even, odd] = &mut sums;
    for pair in pairs {
        add(even, pair[0]);
        add(odd, pair[1]);
    }
    for coefficient in last {
        add(even, *coefficient);
    }
    std::array::from_fn(|lane| sums[0][lane] + sums[1][lane])
}

#[inline(always)]
fn append_loop(values: &[f32], output: &mut Vec<i16>) {
    output.extend(values.iter().map(|value| {
        let rounded = value.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) + ROUND;
        #[expect(clippy::cast_possible_truncation, reason = "the number is in the lowest bits")]
        let low = rounded.to_bits() as u16;
        low.cast_signed()
    }));
}

#[inline(always)]
fn widen_loop(samples: &[i16], values: &mut [f32]) {
    for (value, &sample) in values.iter_mut().zip(samples) {
        *value = f32::from(sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern, -32768 to 32767.
    fn samples(count: usize) -> Vec<i16> {
        let mut state = 1_u32;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [.., low, high] = state.to_be_bytes();
            i16::from_be_bytes([low, high])
        };
        (0..count).map(next).collect()
    }

    fn numbers(count: usize) -> Vec<f32> {
        samples(count).into_iter().map(|sample| f32::from(sample) * 1.3 + 0.25).collect()
    }

    #[test]
    fn what_is_compiled_for_this_machine_gives_the_same_bits() {
        for count in [0, 1, 31, 32, 33, 160, 512] {
            let (values, samples) = (numbers(count), samples(count));
            let (mut here, mut anywhere) = (Vec::new(), Vec::new());
            append_rounded(&values, &mut here);
            append_loop(&values, &mut anywhere);
            assert_eq!(here, anywhere);
            let (mut here, mut anywhere) = (vec![0.0; count], vec![0.0; count]);
            widen(&samples, &mut here);
            widen_loop(&samples, &mut anywhere);
            assert_eq!(here, anywhere);
        }
        let (coefficients, values) = (numbers(192), numbers(2_000));
        let (mut step, mut count) = (Step::new(3, 2, 2, 3, 7), 0);
        loop {
            let (mut here, mut anywhere) = ([0.0; LANES], [0.0; LANES]);
            let reached = slide(&coefficients, 64, &values, step, &mut here);
            assert_eq!(reached, slide_loop(&coefficients, 64, &values, step, &mut anywhere));
            assert_eq!(here.map(f32::to_bits), anywhere.map(f32::to_bits));
            let (known, next) = reached;
            (step, count) = (next, count + known);
            if known == 0 {
                break;
            }
        }
        // They are 7/3 samples apart, and the last has all its samples.
        assert_eq!(count, (2_000 - 64 - 3) * 3 / 7 + 1);
        for (down, start) in [(1, 0), (1, 77), (3, 100), (6, 5)] {
            let len = values.len() / down;
            let here = weigh(&coefficients, &values, len, down, start);
            let anywhere = weigh_loop(&coefficients, &values, len, down, start);
            assert_eq!(here.map(f32::to_bits), anywhere.map(f32::to_bits), "{down} {start}");
        }
    }
}
