//! Documents become knowledge, and questions are answered with passages.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use voicekit_core::error::ErrorKind;
use voicekit_core::retrieve::{Passage, Query, Retriever};
use voicekit_rag::ingest::{Progress, Report};
use voicekit_rag::{EmbeddedIndex, Ingestion, SECTION, SOURCE};

use crate::{ModelArgs, console, models};

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// The directory: Markdown, HTML, PDF, text, CSV and JSON, in subdirectories too.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The file that the knowledge is kept in. What is no longer in DIR is removed from it.
    #[arg(long, value_name = "FILE", default_value = "knowledge.index")]
    to: PathBuf,
    #[command(flatten)]
    models: ModelArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// What a caller might ask.
    question: String,
    /// The file that the knowledge is kept in.
    #[arg(long = "in", value_name = "FILE", default_value = "knowledge.index")]
    file: PathBuf,
    /// The most passages.
    #[arg(long, value_name = "N", default_value_t = 4)]
    limit: usize,
    #[command(flatten)]
    models: ModelArgs,
}

pub(crate) async fn ingest(args: IngestArgs) -> Result<()> {
    if !args.directory.is_dir() {
        bail!("{} is not a directory", args.directory.display());
    }
    let embedder = Arc::new(models::embedder(&args.models).await?);
    let index = EmbeddedIndex::edit(&args.to, embedder.clone())?;
    let bar = bar();
    let ingestion = Ingestion::new(Arc::new(index.clone()), embedder);
    let report = ingestion.run(&args.directory, |progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    let report = report.map_err(|error| {
        let again = error.kind() != ErrorKind::Config;
        let error = anyhow::Error::new(error);
        if again { error.context("the ingestion broke off; run it again to go on") } else { error }
    })?;
    index.compact().await?;
    console::line(summary(&report, index.len()));
    for (document, error) in &report.failed {
        console::note(format_args!("  {document}: {}", error.message()));
    }
    match report.failed.len() {
        0 => Ok(()),
        1 => bail!("one file could not be read"),
        failed => bail!("{failed} files could not be read"),
    }
}

pub(crate) async fn ask(args: AskArgs) -> Result<()> {
    if !args.file.exists() {
        bail!("{} is not there: phone-agent ingest DIR makes it", args.file.display());
    }
    let embedder = Arc::new(models::embedder(&args.models).await?);
    let index = EmbeddedIndex::open(&args.file, embedder)?;
    let query = Query::new(args.question).with_limit(args.limit);
    let passages = index.retrieve(&query).await?;
    if passages.is_empty() {
        console::line("Nothing is known about that.");
    }
    for passage in &passages {
        console::line(described(passage));
    }
    Ok(())
}

fn described(passage: &Passage) -> String {
    let known = |key| passage.metadata.get(key).map_or("", String::as_str);
    let text = passage.text.replace('\n', "\n       ");
    format!("{:.3}  {} · {}\n       {text}\n", passage.score, known(SOURCE), known(SECTION))
}

fn summary(report: &Report, chunks: usize) -> String {
    let mut summary = format!(
        "{} new, {} changed, {} unchanged, {} removed; passages in all: {chunks}",
        report.added, report.changed, report.unchanged, report.removed
    );
    if report.ignored > 0 {
        summary.push_str(&format!("; {} files of other kinds were ignored", report.ignored));
    }
    summary
}

fn show(bar: &ProgressBar, progress: Progress<'_>) {
    bar.set_length(u64::try_from(progress.of).unwrap_or(u64::MAX));
    bar.set_position(u64::try_from(progress.files).unwrap_or(u64::MAX));
    bar.set_message(format!("{} passages  {}", progress.chunks, progress.document));
}

fn bar() -> ProgressBar {
    let template = "  {bar:30} {pos} of {len} files  {msg}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
