//! G.711 from standard input to standard output: `g711 encode|decode mu|a < raw > raw`. Samples
//! are 16 bits, little-endian.

use std::io::{self, Read, Write};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use voicekit_core::codec::{alaw, mulaw};

#[derive(Debug, Parser)]
struct Args {
    way: Way,
    law: Law,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    /// Samples to codes.
    Encode,
    /// Codes to samples.
    Decode,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Law {
    /// Mu-law.
    Mu,
    /// A-law.
    A,
}

fn main() -> Result<()> {
    let Args { way, law } = Args::parse();
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).context("cannot read standard input")?;
    let output = match way {
        Way::Encode => encode(law, &input)?,
        Way::Decode => decode(law, &input),
    };
    io::stdout().write_all(&output).context("cannot write to standard output")
}

fn encode(law: Law, bytes: &[u8]) -> Result<Vec<u8>> {
    ensure!(bytes.len().is_multiple_of(2), "half a sample at the end of {} bytes", bytes.len());
    let samples = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let samples: Vec<i16> = samples.collect();
    let mut codes = vec![0; samples.len()];
    match law {
        Law::Mu => mulaw::encode(&samples, &mut codes),
        Law::A => alaw::encode(&samples, &mut codes),
    };
    Ok(codes)
}

fn decode(law: Law, codes: &[u8]) -> Vec<u8> {
    let mut samples = vec![0; codes.len()];
    match law {
        Law::Mu => mulaw::decode(codes, &mut samples),
        Law::A => alaw::decode(codes, &mut samples),
    };
    samples.into_iter().flat_map(i16::to_le_bytes).collect()
}
