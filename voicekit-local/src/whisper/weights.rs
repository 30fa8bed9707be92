//! Reads the weights of a Whisper model from a CTranslate2 `model.bin`.
//!
//! The file is little-endian: version (u32, 6), name of the specification, its revision (u32),
//! the number of variables (u32), then for each its name, rank (u8), dimensions (u32 each), type
//! (u8, 4 = 16-bit float), size in bytes (u32) and data. Strings are a u16 length, which counts
//! the closing zero, and bytes. Source: CTranslate2, `src/models/model.cc`.

use std::collections::BTreeMap;

use voicekit_core::error::{Error, ErrorKind, Result};

use super::SERVICE;

const VERSION: u32 = 6;
const SPECIFICATION: &str = "WhisperSpec";
const FLOAT16: u8 = 4;

/// Named tensors of 16-bit floats, still as bytes.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    variables: BTreeMap<&'a str, Variable<'a>>,
}

#[derive(Debug)]
struct Variable<'a> {
    shape: Vec<usize>,
    float16: bool,
    bytes: &'a [u8],
}

impl<'a> Weights<'a> {
    pub(super) fn parse(file: &'a [u8]) -> Result<Self> {
        let mut reader = Reader { rest: file };
        let (version, specification) = (reader.u32()?, reader.string()?);
        if version != VERSION || specification != SPECIFICATION {
            let found =
                format!("expected {SPECIFICATION} {VERSION}, found {specification} {version}");
            return Err(bad_file(found));
        }
        let _revision = reader.u32()?;
        let count = reader.u32()?;
        let mut variables = BTreeMap::new();
        for _ in 0..count {
            let name = reader.string()?;
            variables.insert(name, reader.variable()?);
        }
        Ok(Self { variables })
    }

    /// The numbers of the variable `name`, which must have `shape`.
    pub(super) fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let variable =
            self.variables.get(name).ok_or_else(|| bad_file(format!("{name} is missing")))?;
        let count: usize = shape.iter().product();
        if variable.shape != shape || !variable.float16 || variable.bytes.len() != count * 2 {
            let found = format!("{name} is {:?}, not {shape:?} of 16-bit floats", variable.shape);
            return Err(bad_file(found));
        }
        let pairs = variable.bytes.chunks_exact(2);
        Ok(pairs.map(|pair| half_to_single(u16::from_le_bytes([pair[0], pair[1]]))).collect())
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn string(&mut self) -> Result<&'a str> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        let bytes = self.take(length)?;
        let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        std::str::from_utf8(bytes).map_err(|_| bad_file("a name is not UTF-8"))
    }

    fn variable(&mut self) -> Result<Variable<'a>> {
        let rank = self.u8()?;
        let shape = (0..rank).map(|_| Ok(self.u32()? as usize)).collect::<Result<_>>()?;
        let float16 = self.u8()? == FLOAT16;
        let length = self.u32()? as usize;
        Ok(Variable { shape, float16, bytes: self.take(length)? })
    }
}

/// IEEE 754 half to single precision, exact.
fn half_to_single(half: u16) -> f32 {
    let half = u32::from(half);
    let (sign, magnitude) = ((half & 0x8000) << 16, half & 0x7FFF);
    if magnitude >= 0x7C00 {
        return f32::from_bits(sign | 0x7F80_0000 | ((magnitude & 0x3FF) << 13));
    }
    // Moving the fields into place leaves the exponent 127 - 15 too small, also for subnormals.
    let scale = f32::from_bits((127 + 112) << 23);
    f32::from_bits(sign | (f32::from_bits(magnitude << 13) * scale).to_bits())
}

fn truncated() -> Error {
    bad_file("it ends too early")
}

fn bad_file(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, SERVICE, format!("model.bin is not the expected model: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_widened_exactly() {
        let cases = [
            (0x0000, 0.0),
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x03FF, 6.097_555e-5),
            (0x3555, 0.333_251_95),
            (0xFC00, f32::NEG_INFINITY),
        ];
        for (half, single) in cases {
            assert_eq!(half_to_single(half).to_bits(), f32::to_bits(single), "{half:#06x}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let mut file = 6u32.to_le_bytes().to_vec();
        file.extend([12, 0]);
        file.extend(b"WhisperSpec\0");
        file.extend(3u32.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend([2, 0, b'a', 0, 1, 2, 0, 0, 0, FLOAT16, 4, 0, 0, 0, 0, 0x3C, 0, 0xC0]);
        assert_eq!(Weights::parse(&file).unwrap().floats("a", &[2]).unwrap(), [1.0, -2.0]);
        for length in 0..file.len() {
            assert!(Weights::parse(&file[..length]).is_err(), "cut to {length}");
        }
    }
}
