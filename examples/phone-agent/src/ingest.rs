//! Documents become knowledge, and questions are answered with passages.

mod progress;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use voicekit::qdrant::{Qdrant, QdrantConfig};
use voicekit_core::error::ErrorKind;
use voicekit_core::retrieve::{Embedder, Index, Passage, Query, Retriever};
use voicekit_rag::ingest::{Progress, Report, Web, urls};
use voicekit_rag::{EmbeddedIndex, Ingestion, SECTION, SOURCE};

use self::progress::Bar;
use crate::{ModelArgs, console, models};

/// The exit status if parts of the source were not read.
const PARTIAL: u8 = 3;
/// Where the key of a Qdrant server is.
const KEY: &str = "QDRANT_API_KEY";

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// A directory of Markdown, HTML, PDF, Word, Excel, PowerPoint, OpenDocument, text, CSV and
    /// JSON files, subdirectories included; one such file; or a list of web addresses, one per
    /// line, whose name ends in `.urls`.
    #[arg(value_name = "DIR|FILE|LIST.urls", required_unless_present = "urls")]
    source: Option<PathBuf>,
    /// A list of web addresses, one a line, whatever its name ends in.
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    urls: Option<PathBuf>,
    /// Where the knowledge is kept: a file, or a collection of a Qdrant server,
    /// `qdrant://host:6333/collection` or with TLS `qdrants://…`, whose key is in QDRANT_API_KEY.
    /// What the source no longer has is removed from it.
    #[arg(long, value_name = "FILE|URL", default_value = "knowledge.index")]
    to: String,
    /// Exit with 0 although parts of the source were not read. Otherwise the exit status is 3
    /// then, and 1 if the ingestion failed as a whole.
    #[arg(long)]
    allow_partial: bool,
    #[command(flatten)]
    models: ModelArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// What a caller might ask.
    question: String,
    /// Where the knowledge is kept: a file, or `qdrant://host:6333/collection`.
    #[arg(long, visible_alias = "in", value_name = "FILE|URL", default_value = "knowledge.index")]
    from: String,
    /// The most passages.
    #[arg(long, value_name = "N", default_value_t = 4)]
    limit: usize,
    #[command(flatten)]
    models: ModelArgs,
}

/// Where documents are.
enum Source {
    Path(PathBuf),
    Urls(Vec<String>),
}

/// Where knowledge is kept.
enum Place {
    File(PathBuf),
    Server(Box<QdrantConfig>),
}

/// Brings the knowledge up to date. The exit status is 3 if parts of the source were not read.
pub(crate) async fn ingest(args: IngestArgs) -> Result<ExitCode> {
    let source = Source::of(&args)?;
    let place = Place::of(&args.to)?;
    let embedder = models::embedder(&args.models).await?.with_all_cores();
    let embedder: Arc<dyn Embedder> = Arc::new(embedder);
    let (report, chunks) = match place {
        Place::File(path) => {
            let index = EmbeddedIndex::edit(path, Arc::clone(&embedder))?;
            let report = run(&source, Arc::new(index.clone()), embedder).await?;
            index.compact().await?;
            (report, index.len().to_string())
        }
        Place::Server(config) => {
            let index = Qdrant::new(*config, Arc::clone(&embedder))?;
            // What is wrong with the server is said before documents are read.
            index.ensure().await?;
            let report = run(&source, Arc::new(index.clone()), embedder).await?;
            (report, index.count().await?.to_string())
        }
    };
    console::line(report::summary(&report, &chunks));
    report::notes(&report).iter().for_each(console::note);
    let is_complete = report.is_complete() || args.allow_partial;
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::from(PARTIAL) })
}

async fn run(
    source: &Source,
    index: Arc<dyn Index>,
    embedder: Arc<dyn Embedder>,
) -> Result<Report> {
    let ingestion = Ingestion::new(index, embedder);
    let mut bar = Bar::new();
    let follow = |progress: Progress<'_>| bar.show(progress);
    let report = match source {
        Source::Path(path) => ingestion.run(path, follow).await,
        Source::Urls(urls) => ingestion.run_urls(&Web::new()?, urls.clone(), follow).await,
    };
    drop(bar);
    report.map_err(|error| {
        let again = error.kind() != ErrorKind::Config;
        let error = anyhow::Error::new(error);
        if again { error.context("the ingestion failed; run it again to continue") } else { error }
    })
}

pub(crate) async fn ask(args: AskArgs) -> Result<()> {
    let passages = find(args).await?;
    if passages.is_empty() {
        console::line("Nothing is known about that.");
    }
    for passage in &passages {
        console::line(described(passage));
    }
    Ok(())
}

async fn find(args: AskArgs) -> Result<Vec<Passage>> {
    let place = Place::of(&args.from)?;
    if let Place::File(path) = &place
        && !path.exists()
    {
        bail!("{} is not there: phone-agent ingest DIR makes it", path.display());
    }
    let embedder = Arc::new(models::embedder(&args.models).await?);
    let query = Query::new(args.question).with_limit(args.limit);
    Ok(match place {
        Place::File(path) => EmbeddedIndex::open(path, embedder)?.retrieve(&query).await?,
        Place::Server(config) => Qdrant::new(*config, embedder)?.retrieve(&query).await?,
    })
}

impl Source {
    fn of(args: &IngestArgs) -> Result<Self> {
        let is_list = |path: &&PathBuf| path.extension().is_some_and(|end| end == "urls");
        let list = args.urls.as_ref().or_else(|| args.source.as_ref().filter(is_list));
        if let Some(path) = list {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            return Ok(Self::Urls(urls(&text).with_context(|| path.display().to_string())?));
        }
        match &args.source {
            Some(path) if path.exists() => Ok(Self::Path(path.clone())),
            Some(path) => bail!("{} is not there", path.display()),
            None => bail!("there is nothing to read"),
        }
    }
}

impl Place {
    fn of(text: &str) -> Result<Self> {
        if !text.contains("://") {
            return Ok(Self::File(Path::new(text).to_owned()));
        }
        let config = QdrantConfig::from_url(text)?;
        let key = std::env::var(KEY).ok().filter(|key| !key.trim().is_empty());
        Ok(Self::Server(Box::new(match key {
            Some(key) => config.with_api_key(key.trim()),
            None => config,
        })))
    }
}

fn described(passage: &Passage) -> String {
    let known = |key| passage.metadata.get(key).map_or("", String::as_str);
    let text = passage.text.replace('\n', "\n       ");
    format!("{:.3}  {} · {}\n       {text}\n", passage.score, known(SOURCE), known(SECTION))
}

#[cfg(test)]
mod tests {
    use voicekit_testkit::server::http::{Answer, HttpServer};
    use voicekit_testkit::server::provider::qdrant;

    use super::*;

    #[tokio::test]
    async fn pages_of_a_list_are_kept_on_a_server_and_found_there() {
        // Networks of this machine take turns.
        let _desk = crate::tests::DESK.lock().await;
        let service = qdrant::Qdrant::new();
        let answering = service.clone();
        let server = HttpServer::start_answering(move |asked| answering.answer(asked));
        let server = server.await.unwrap();
        let site = HttpServer::start_answering(|asked| {
            let page = match asked.target.as_str() {
                "/dogs" => "<h1>Pets</h1><p>Dogs are welcome in every room.</p>",
                "/cars" => "<h1>Cars</h1><p>There is a garage below the house.</p>",
                _ => return Answer::new(404),
            };
            Answer::new(200).with_header("content-type", "text/html").then(page)
        });
        let site = site.await.unwrap();
        let directory =
            std::env::temp_dir().join(format!("phone-agent-urls-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let list = directory.join("site.urls");
        let to = server.url().replace("http://", "qdrant://") + "/kb";
        let models = || ModelArgs::default();
        let keep = async |pages: &[&str]| {
            let lines: Vec<String> =
                pages.iter().map(|page| format!("{}{page}\n", site.url())).collect();
            std::fs::write(&list, lines.concat()).unwrap();
            let (source, to) = (Some(list.clone()), to.clone());
            let allow_partial = false;
            ingest(IngestArgs { source, urls: None, to, allow_partial, models: models() }).await
        };
        assert_eq!(keep(&["/dogs", "/cars"]).await.unwrap(), ExitCode::SUCCESS);
        let ask = async |question: &str| {
            let (question, from) = (question.to_owned(), to.clone());
            find(AskArgs { question, from, limit: 4, models: models() }).await.unwrap()
        };
        let found = ask("can i bring my dog").await;
        assert_eq!(found[0].text, "Dogs are welcome in every room.");
        assert_eq!(found[0].metadata[SOURCE], format!("{}/dogs", site.url()));
        // A page that is gone from the list is forgotten; one that cannot be had is reported.
        assert_eq!(keep(&["/cars", "/cats"]).await.unwrap(), ExitCode::from(PARTIAL));
        assert_eq!(ask("can i bring my dog").await.len(), 1);
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[tokio::test]
    async fn the_exit_status_says_whether_everything_was_read() {
        let directory =
            std::env::temp_dir().join(format!("phone-agent-partial-{}", std::process::id()));
        let source = directory.join("documents");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("dogs.md"), "Dogs are welcome.").unwrap();
        std::fs::write(source.join("front.md"), "---\nlayout: home\n---\n").unwrap();
        let to = directory.join("kb.index").to_str().unwrap().to_owned();
        let run = async |allow_partial: bool| {
            let (source, to, models) = (Some(source.clone()), to.clone(), ModelArgs::default());
            ingest(IngestArgs { source, urls: None, to, allow_partial, models }).await.unwrap()
        };
        assert_eq!(run(false).await, ExitCode::SUCCESS);
        for (name, content) in
            [("scan.doc", "\u{d0}\u{cf}"), ("photo.png", "x"), ("rows.json", "{\"a\": ")]
        {
            std::fs::write(source.join(name), content).unwrap();
            assert_eq!(run(false).await, ExitCode::from(PARTIAL), "{name}");
            assert_eq!(run(true).await, ExitCode::SUCCESS, "{name}");
            std::fs::remove_file(source.join(name)).unwrap();
        }
        assert_eq!(run(false).await, ExitCode::SUCCESS);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
