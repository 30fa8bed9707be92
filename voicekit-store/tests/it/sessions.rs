//! Conversations that are kept: the contract, for each store.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use voicekit_core::error::ErrorKind;
use voicekit_core::llm::Message;
use voicekit_core::store::{SessionRecord, SessionStore};
use voicekit_store::sessions::Memory;
use voicekit_store::sessions::file::File;
use voicekit_store::sessions::redis::Redis;

const HOUR: Duration = Duration::from_secs(3_600);

fn record(text: &str) -> SessionRecord {
    let heard = Message::Agent { text: "Good morning.".to_owned(), interrupted: true };
    SessionRecord::new(vec![heard, Message::caller(text)])
}

async fn keeps_its_contract(store: &dyn SessionStore) {
    assert_eq!(store.load("a").await.unwrap(), None);
    store.forget("a").await.unwrap();
    store.save("a", &record("hello"), HOUR).await.unwrap();
    store.save("b", &record("\u{1F41D} \"quoted\"\n"), Duration::MAX).await.unwrap();
    assert_eq!(store.load("a").await.unwrap(), Some(record("hello")));
    assert_eq!(store.load("b").await.unwrap(), Some(record("\u{1F41D} \"quoted\"\n")));
    store.save("a", &record("again"), HOUR).await.unwrap();
    assert_eq!(store.load("a").await.unwrap(), Some(record("again")));
    store.forget("a").await.unwrap();
    assert_eq!(store.load("a").await.unwrap(), None);
    store.save("c", &record("brief"), Duration::ZERO).await.unwrap();
    // Redis keeps it for a millisecond at least.
    while store.load("c").await.unwrap().is_some() {}
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    keeps_its_contract(&Memory::new()).await;
}

#[tokio::test(start_paused = true)]
async fn memory_forgets_when_the_time_is_over() {
    let store = Memory::new();
    store.save("a", &record("hello"), HOUR).await.unwrap();
    tokio::time::advance(HOUR - Duration::from_millis(1)).await;
    assert!(store.load("a").await.unwrap().is_some());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(store.load("a").await.unwrap(), None);
}

#[tokio::test]
async fn memory_is_bounded() {
    let store = Memory::new();
    store.save("first to go", &record(""), HOUR / 2).await.unwrap();
    for number in 0..10_000 {
        store.save(&number.to_string(), &record(""), HOUR).await.unwrap();
    }
    assert_eq!(store.load("first to go").await.unwrap(), None);
    assert!(store.load("0").await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_keeps_the_contract() {
    let directory = Scratch::new();
    keeps_its_contract(&File::open(directory.0.join("sessions")).unwrap()).await;
}

#[tokio::test]
async fn a_file_outlives_its_process() {
    let directory = Scratch::new();
    let path = directory.0.join("sessions");
    let store = File::open(&path).unwrap();
    store.save("a", &record("hello"), HOUR).await.unwrap();
    // As after a crash: what is on the disk is copied while the file is open.
    let copy = directory.0.join("copy");
    std::fs::copy(&path, &copy).unwrap();
    let store = File::open(&copy).unwrap();
    assert_eq!(store.load("a").await.unwrap(), Some(record("hello")));
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_refused() {
    let directory = Scratch::new();
    let path = directory.0.join("sessions");
    let _open = File::open(&path).unwrap();
    let text = directory.0.join("text");
    std::fs::write(&text, "This is no database. ".repeat(500)).unwrap();
    for path in [&path, &text, &directory.0.join("no/such/directory")] {
        let error = File::open(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
}

#[tokio::test]
async fn redis_keeps_the_contract() {
    let server = Server::start(&Scratch::new());
    keeps_its_contract(&Redis::new(&server.url()).unwrap()).await;
    let apart = Redis::new(&server.url()).unwrap().with_prefix("other:");
    assert_eq!(apart.load("b").await.unwrap(), None);
}

#[tokio::test]
async fn redis_that_dies_says_so_and_loses_nothing_it_has_taken() {
    let directory = Scratch::new();
    let mut server = Server::start(&directory);
    let store = Redis::new(&server.url()).unwrap();
    store.save("a", &record("hello"), HOUR).await.unwrap();
    server.kill();
    let error = store.save("a", &record("lost"), HOUR).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout), "{error:?}");
    assert!(store.load("a").await.is_err());
    server.restart(&directory);
    assert_eq!(store.load("a").await.unwrap(), Some(record("hello")));
    store.save("a", &record("later"), HOUR).await.unwrap();
    assert_eq!(store.load("a").await.unwrap(), Some(record("later")));
}

#[tokio::test]
async fn addresses_that_are_none_are_refused_without_being_shown() {
    for url in ["", "http://localhost", "redis://:sesame@"] {
        let error = Redis::new(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
    }
    let store = Redis::new("redis://:sesame@localhost:1").unwrap();
    assert!(!format!("{store:?}").contains("sesame"));
}

/// A directory of a test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sessions-{}-{number}", std::process::id());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A server that writes down all it takes before it answers.
struct Server {
    port: u16,
    process: Child,
}

impl Server {
    fn start(directory: &Scratch) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, process: spawn(directory, port) }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn restart(&mut self, directory: &Scratch) {
        self.process = spawn(directory, self.port);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(directory: &Scratch, port: u16) -> Child {
    let mut server = Command::new("redis-server");
    server.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    server.args(["--appendonly", "yes", "--appendfsync", "always"]).arg("--dir").arg(&directory.0);
    let mut process = server
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server: `cargo xtask setup` installs it");
    let output = BufReader::new(process.stdout.take().unwrap());
    let ready = output.lines().any(|line| line.unwrap().contains("Ready to accept connections"));
    assert!(ready, "the server did not start");
    process
}
