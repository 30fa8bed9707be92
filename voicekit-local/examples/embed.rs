//! Embeds the lines of standard input with MiniLM: one line of output for each, the text, a tab and
//! the 384 components times 600 as signed bytes in hexadecimal. This is how the recorded
//! embeddings of the tests are made.
//!
//! With `ALL_CORES=1` it uses every core, as an ingestion does, and prints its rate.
//!
//!     cargo run --release -p voicekit-local --example embed -- MODEL.onnx < texts > embeddings
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]
#![allow(clippy::cast_possible_truncation)]

use std::fmt::Write as _;
use std::io::{self, BufRead};
use std::time::Instant;

use voicekit_core::retrieve::Embedder;
use voicekit_local::minilm::MiniLm;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = std::env::args().nth(1).ok_or("usage: embed MODEL.onnx < texts")?;
    let begun = Instant::now();
    let minilm = MiniLm::load(model)?;
    let is_bulk = std::env::var_os("ALL_CORES").is_some();
    let minilm = if is_bulk { minilm.with_all_cores() } else { minilm };
    eprintln!("loaded in {:?}", begun.elapsed());
    let texts = io::stdin().lock().lines().collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let embeddings = minilm.embed(&texts).await?;
    eprintln!("{:?} a text", begun.elapsed() / u32::try_from(texts.len().max(1))?);
    for (text, embedding) in texts.iter().zip(embeddings) {
        let mut line = format!("{text}\t");
        for value in embedding.values() {
            write!(line, "{:02x}", (value * 600.0).round().clamp(-127.0, 127.0) as i8)?;
        }
        println!("{line}");
    }
    Ok(())
}
