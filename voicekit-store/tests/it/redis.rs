//! Redis as clouds offer it: idle connections that are closed, TLS, users, and every refusal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use voicekit_core::error::{Error, ErrorKind, Retry};
use voicekit_core::llm::Message;
use voicekit_core::store::{SessionRecord, SessionStore};
use voicekit_store::sessions::redis::{Redis, RedisConfig};

const HOUR: Duration = Duration::from_secs(3_600);

fn record() -> SessionRecord {
    SessionRecord::new(vec![Message::caller("a table for two")])
}

/// A server of a test's own, started with `arguments`.
struct Server {
    port: u16,
    process: Child,
    directory: tempfile::TempDir,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        Self::at("--port", arguments, tempfile::tempdir().unwrap())
    }

    fn at(port_option: &str, arguments: &[&str], directory: tempfile::TempDir) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new("redis-server");
        server.args([port_option, &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        server.arg("--dir").arg(directory.path()).args(arguments).stdout(Stdio::piped());
        let mut process = server.spawn().expect("redis-server: `cargo xtask setup` installs it");
        let mut seen = String::new();
        let output = BufReader::new(process.stdout.take().unwrap());
        let ready = output.lines().map(Result::unwrap).any(|line| {
            seen += &line;
            line.contains("Ready to accept connections")
        });
        assert!(ready, "the server did not start: {seen}");
        Self { port, process, directory }
    }

    fn url(&self, user: &str) -> String {
        format!("redis://{user}127.0.0.1:{}", self.port)
    }

    /// Has the server carry out a command, on a connection of its own.
    fn tell(&self, command: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        writeln!(socket, "{command}\r").unwrap();
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        assert!(!answer.starts_with('-'), "{command}: {answer}");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Checks the error of a save, and that it shows nothing of the server's words.
async fn refused(store: &Redis, kind: ErrorKind, retry: Retry, says: &str) -> Error {
    let error = store.save("caller-15551230001", &record(), HOUR).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (kind, retry), "{error:?}");
    assert!(error.message().contains(says), "{error}");
    assert!(!error.to_string().contains("15551230001"), "{error}");
    error
}

fn soon() -> Retry {
    Retry::After(Duration::from_secs(1))
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_costs_no_request() {
    let server = Server::start(&[]);
    let store = Redis::new(&server.url("")).unwrap();
    for round in 0..20 {
        store.save("a", &record(), HOUR).await.unwrap();
        server.tell("CLIENT KILL TYPE normal SKIPME yes");
        match round % 3 {
            0 => assert_eq!(store.load("a").await.unwrap(), Some(record()), "round {round}"),
            1 => store.save("b", &record(), HOUR).await.unwrap(),
            _ => store.forget("b").await.unwrap(),
        }
    }
}

#[tokio::test]
async fn many_that_share_a_closed_connection_all_get_through() {
    let server = Server::start(&[]);
    let store = Redis::new(&server.url("")).unwrap();
    store.save("a", &record(), HOUR).await.unwrap();
    server.tell("CLIENT KILL TYPE normal SKIPME yes");
    let loads = (0..20).map(|_| store.load("a"));
    for loaded in futures::future::join_all(loads).await {
        assert_eq!(loaded.unwrap(), Some(record()));
    }
}

#[tokio::test]
async fn users_and_passwords_are_taken_from_the_address_or_the_settings() {
    let server = Server::start(&["--requirepass", "p@ss/word"]);
    let never = Retry::Never;
    let store = Redis::new(&server.url("")).unwrap();
    refused(&store, ErrorKind::Unauthenticated, never, "NOAUTH").await;
    for user in [":wrong@", "default:wrong@", "nobody:p%40ss%2Fword@"] {
        let store = Redis::new(&server.url(user)).unwrap();
        refused(&store, ErrorKind::Unauthenticated, never, "password").await;
    }
    for user in [":p%40ss%2Fword@", "default:p%40ss%2Fword@"] {
        let store = Redis::new(&server.url(user)).unwrap();
        store.save("a", &record(), HOUR).await.unwrap();
    }
    let settings = RedisConfig::new(server.url("")).with_credentials("default", "p@ss/word");
    assert!(!format!("{settings:?}").contains("p@ss"), "{settings:?}");
    let store = Redis::with_config(settings).unwrap();
    assert_eq!(store.load("a").await.unwrap(), Some(record()));
}

#[tokio::test]
async fn a_user_without_a_password_where_the_server_has_none_is_told() {
    let server = Server::start(&[]);
    let store = Redis::new(&server.url(":unneeded@")).unwrap();
    let error = store.load("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
}

#[tokio::test]
async fn a_user_that_may_not_touch_the_keys_is_told_so() {
    let server = Server::start(&[]);
    server.tell("ACL SETUSER agent on >secret ~other:* +get +set +del");
    server.tell("ACL SETUSER reader on >secret ~* +get");
    let store = Redis::new(&server.url("agent:secret@")).unwrap();
    refused(&store, ErrorKind::Unauthenticated, Retry::Never, "NOPERM").await;
    store.clone().with_prefix("other:").save("a", &record(), HOUR).await.unwrap();
    let store = Redis::new(&server.url("reader:secret@")).unwrap();
    assert_eq!(store.load("a").await.unwrap(), None);
    refused(&store, ErrorKind::Unauthenticated, Retry::Never, "NOPERM").await;
}

#[tokio::test]
async fn databases_are_chosen_by_number() {
    let server = Server::start(&["--databases", "4"]);
    let store = Redis::new(&(server.url("") + "/3")).unwrap();
    store.save("a", &record(), HOUR).await.unwrap();
    assert_eq!(Redis::new(&server.url("")).unwrap().load("a").await.unwrap(), None);
    let store = Redis::new(&(server.url("") + "/4")).unwrap();
    refused(&store, ErrorKind::Config, Retry::Never, "database").await;
}

#[tokio::test]
async fn a_server_that_is_full_or_a_replica_says_so_and_is_used_again_when_it_is_not() {
    let server = Server::start(&[]);
    let store = Redis::new(&server.url("")).unwrap();
    store.save("a", &record(), HOUR).await.unwrap();
    server.tell("CONFIG SET maxmemory 1");
    refused(&store, ErrorKind::Quota, Retry::Never, "OOM").await;
    server.tell("CONFIG SET maxmemory 0");
    server.tell("REPLICAOF 127.0.0.1 1");
    refused(&store, ErrorKind::Connection, soon(), "READONLY").await;
    server.tell("CONFIG SET replica-serve-stale-data no");
    let error = store.load("a").await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Connection, soon()), "{error:?}");
    server.tell("REPLICAOF NO ONE");
    store.save("a", &record(), HOUR).await.unwrap();
    server.tell("LPUSH voicekit:session:list x");
    let error = store.load("list").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
}

/// A server that answers each GET, SET and DEL with `line`, and all else with OK.
fn scripted(line: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(socket) = socket else { return };
            std::thread::spawn(move || answer(socket, line));
        }
    });
    format!("redis://{address}")
}

fn answer(mut socket: TcpStream, line: &str) {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    while let Some(command) = command(&mut reader) {
        let is_asked = matches!(command.as_str(), "GET" | "SET" | "DEL");
        let answer = if is_asked { line } else { "+OK" };
        if write!(socket, "{answer}\r\n").is_err() {
            return;
        }
    }
}

/// The name of the next command: an array of strings, each with its length before it.
fn command(reader: &mut dyn BufRead) -> Option<String> {
    let number = |reader: &mut dyn BufRead| -> Option<usize> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        line.trim().get(1..)?.parse().ok()
    };
    let count = number(reader)?;
    let mut name = None;
    for _ in 0..count {
        let length = number(reader)?;
        let mut bytes = vec![0; length + 2];
        reader.read_exact(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes[..length]).to_uppercase();
        name.get_or_insert(text);
    }
    name
}

#[tokio::test]
async fn every_refusal_has_its_kind_and_says_when_to_try_again() {
    use ErrorKind::{
        Config, Connection, Quota, RateLimited, Rejected, Unauthenticated, Unsupported,
    };
    let never = Retry::Never;
    let cases = [
        ("-NOAUTH Authentication required.", Unauthenticated, never, "NOAUTH"),
        ("-WRONGPASS invalid username-password pair", Unauthenticated, never, "WRONGPASS"),
        (
            "-NOPERM this user has no permissions to run the 'set' command",
            Unauthenticated,
            never,
            "NOPERM",
        ),
        ("-MOVED 3999 10.0.0.7:6381", Config, never, "cluster"),
        ("-ASK 3999 10.0.0.7:6381", Config, never, "cluster"),
        ("-CROSSSLOT Keys in request don't hash to the same slot", Config, never, "cluster"),
        (
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
            Config,
            never,
            "prefix",
        ),
        ("-DENIED Redis is running in protected mode", Config, never, "protected"),
        ("-OOM command not allowed when used memory > 'maxmemory'.", Quota, never, "OOM"),
        ("-MISCONF Redis is configured to save RDB snapshots", Quota, never, "MISCONF"),
        ("-READONLY You can't write against a read only replica.", Connection, soon(), "READONLY"),
        ("-LOADING Redis is loading the dataset in memory", Connection, soon(), "LOADING"),
        ("-MASTERDOWN Link with MASTER is down", Connection, soon(), "not ready"),
        ("-CLUSTERDOWN The cluster is down", Connection, soon(), "not ready"),
        (
            "-TRYAGAIN Multiple keys request during rehashing of slot",
            Connection,
            soon(),
            "not ready",
        ),
        ("-NOREPLICAS Not enough good replicas to write.", Connection, soon(), "not ready"),
        ("-BUSY Redis is busy running a script", RateLimited, soon(), "BUSY"),
        ("-ERR max number of clients reached", RateLimited, soon(), "clients"),
        ("-ERR unknown command 'SET', with args", Unsupported, never, "does not know"),
        ("-ERR syntax error near caller-15551230001", Rejected, never, "refused"),
        ("-SOMETHINGNEW the caller-15551230001", Rejected, never, "refused"),
    ];
    for (line, kind, retry, says) in cases {
        let store = Redis::new(&scripted(line)).unwrap();
        let error = refused(&store, kind, retry, says).await;
        assert_eq!(error.service(), "redis", "{line}");
        assert!(store.load("a").await.is_err() && store.forget("a").await.is_err(), "{line}");
    }
}

#[tokio::test]
async fn a_server_with_too_many_clients_is_asked_again_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            socket.write_all(b"-ERR max number of clients reached\r\n").ok();
            // Closing with unread bytes would take the answer back.
            socket.shutdown(std::net::Shutdown::Write).ok();
            let mut rest = Vec::new();
            socket.read_to_end(&mut rest).ok();
        }
    });
    let error = Redis::new(&url).unwrap().load("a").await.unwrap_err();
    let kinds = [ErrorKind::RateLimited, ErrorKind::Connection];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    assert!(matches!(error.retry(), Retry::After(_)), "{error:?}");
}

/// A certificate for 127.0.0.1 and its key, in PEM.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    (pem("CERTIFICATE", made.cert.der()), pem("PRIVATE KEY", &made.signing_key.serialize_der()))
}

fn pem(kind: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

fn with_tls(certificate: &str, key: &str, clients: &str) -> Server {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key) = (file("cert.pem", certificate), file("key.pem", key));
    let arguments = [
        "--port",
        "0",
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        clients,
    ];
    Server::at("--tls-port", &arguments, directory)
}

#[tokio::test]
async fn tls_is_spoken_with_an_authority_of_ones_own_or_if_told_to_with_anybody() {
    let (certificate, key) = certificate();
    let server = with_tls(&certificate, &key, "no");
    assert!(Path::exists(server.directory.path()));
    let url = server.url("").replace("redis://", "rediss://");
    let own = RedisConfig::new(&url).with_ca(certificate.clone());
    let store = Redis::with_config(own).unwrap();
    store.save("a", &record(), HOUR).await.unwrap();
    let store = Redis::new(&format!("{url}/#insecure")).unwrap();
    assert_eq!(store.load("a").await.unwrap(), Some(record()));
    let store = Redis::new(&url).unwrap();
    refused(&store, ErrorKind::Config, Retry::Never, "with_ca").await;
    let (other, _) = self::certificate();
    let store = Redis::with_config(RedisConfig::new(&url).with_ca(other)).unwrap();
    refused(&store, ErrorKind::Config, Retry::Never, "not trusted").await;
    // Without TLS where it is expected, nobody understands the other.
    let store = Redis::new(&server.url("")).unwrap();
    let error = store.load("a").await.unwrap_err();
    let kinds = [ErrorKind::Connection, ErrorKind::Protocol, ErrorKind::Timeout];
    assert!(kinds.contains(&error.kind()), "{error:?}");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let (certificate, key) = certificate();
    let server = with_tls(&certificate, &key, "yes");
    let url = server.url("").replace("redis://", "rediss://");
    let own = RedisConfig::new(&url).with_ca(certificate.clone());
    let store = Redis::with_config(own.clone()).unwrap();
    assert!(store.load("a").await.is_err());
    let store = Redis::with_config(own.with_client_certificate(certificate, key)).unwrap();
    store.save("a", &record(), HOUR).await.unwrap();
}

#[tokio::test]
async fn tls_where_the_server_has_none_is_an_error() {
    let server = Server::start(&[]);
    let url = server.url("").replace("redis://", "rediss://");
    let error = Redis::new(&url).unwrap().load("a").await.unwrap_err();
    // The server waits for the rest of what is no command to it.
    let kinds = [ErrorKind::Config, ErrorKind::Timeout, ErrorKind::Connection];
    assert!(kinds.contains(&error.kind()), "{error:?}");
}
