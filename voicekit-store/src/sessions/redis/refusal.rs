//! What the server means when it refuses.

use std::io;
use std::time::Duration;

use redis::RedisError;
use voicekit_core::error::{Error, ErrorKind, Retry};

use super::SERVICE;

/// How long to wait for a server that is starting, failing over or full of clients.
const SOON: Retry = Retry::After(Duration::from_secs(1));

/// Whether the same command may succeed on a new connection.
pub(super) fn is_of_the_connection(error: &RedisError) -> bool {
    let is_lost = error.is_io_error() && !error.is_timeout() && !error.is_connection_refusal();
    (is_lost && !is_tls(error)) || error.is_connection_dropped() || is_read_only(error)
}

/// Whether the server is a replica, or has become one.
pub(super) fn is_read_only(error: &RedisError) -> bool {
    said(error).starts_with("READONLY")
}

/// What `error` means for voicekit. The server's own words are in the source only.
pub(super) fn meaning(error: RedisError) -> Error {
    let (kind, retry, text) = classify(&error);
    let meant = Error::new(kind, SERVICE, text).with_source(error);
    match retry {
        Some(retry) => meant.with_retry(retry),
        None => meant,
    }
}

fn classify(error: &RedisError) -> (ErrorKind, Option<Retry>, &'static str) {
    let said = said(error);
    if let Some(refused) = coded(&said) {
        return refused;
    }
    match () {
        () if error.is_timeout() => (ErrorKind::Timeout, None, "the server did not answer in time"),
        () if error.kind() == redis::ErrorKind::AuthenticationFailed => {
            (ErrorKind::Unauthenticated, None, "the server refuses the user or the password")
        }
        () if is_tls(error) => (
            ErrorKind::Config,
            None,
            "TLS failed: the certificate is not trusted, or the server's port has no TLS; set the \
             certificate of its authority with RedisConfig::with_ca, or use redis://",
        ),
        () if error.is_io_error() || error.is_connection_dropped() => {
            (ErrorKind::Connection, None, "the server cannot be reached, or closed the connection")
        }
        () if error.kind() == redis::ErrorKind::InvalidClientConfig => {
            (ErrorKind::Config, None, "the address cannot be used")
        }
        () if error.kind() == redis::ErrorKind::Parse => {
            (ErrorKind::Protocol, None, "the answer is not Redis's: check the address and port")
        }
        () => (ErrorKind::Rejected, None, "the server refused the command"),
    }
}

/// What the server's own codes mean: the first word of its refusal, or what it says after `ERR`.
fn coded(said: &str) -> Option<(ErrorKind, Option<Retry>, &'static str)> {
    let code = said.split_ascii_whitespace().next().unwrap_or_default();
    let says = |words: &str| said.to_ascii_lowercase().contains(words);
    Some(match code {
        "NOAUTH" => (ErrorKind::Unauthenticated, None, "the server asks for a password (NOAUTH)"),
        "WRONGPASS" => {
            let text = "the server refuses the user or the password (WRONGPASS)";
            (ErrorKind::Unauthenticated, None, text)
        }
        "NOPERM" => {
            let text = "the user may not use GET, SET or DEL on these keys (NOPERM)";
            (ErrorKind::Unauthenticated, None, text)
        }
        "MOVED" | "ASK" | "CROSSSLOT" => {
            let text = "the server is part of a cluster, which is not supported: use one with \
                        cluster mode disabled";
            (ErrorKind::Config, None, text)
        }
        "WRONGTYPE" => {
            let text = "the key holds something else (WRONGTYPE): choose another prefix";
            (ErrorKind::Config, None, text)
        }
        "DENIED" => {
            let text = "the server is in protected mode (DENIED): set a password there";
            (ErrorKind::Config, None, text)
        }
        "OOM" => (ErrorKind::Quota, None, "the server's memory is full (OOM)"),
        "MISCONF" => (ErrorKind::Quota, None, "the server cannot write its disk (MISCONF)"),
        "READONLY" => {
            let text = "the server is a read-only replica (READONLY): use the primary's address, \
                        or wait for a failover to complete";
            (ErrorKind::Connection, Some(SOON), text)
        }
        "LOADING" => {
            (ErrorKind::Connection, Some(SOON), "the server is still loading its data (LOADING)")
        }
        "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "NOREPLICAS" => {
            (ErrorKind::Connection, Some(SOON), "the server is not ready for the moment")
        }
        "BUSY" => (ErrorKind::RateLimited, Some(SOON), "the server runs a script (BUSY)"),
        _ if says("max number of clients") => {
            (ErrorKind::RateLimited, Some(SOON), "the server has too many clients")
        }
        _ if says("db index") || says("select is not allowed") || says("database number") => {
            (ErrorKind::Config, None, "the server has no database of this number")
        }
        _ if says("unknown command") => {
            (ErrorKind::Unsupported, None, "the server does not know GET, SET or DEL")
        }
        _ if says("without any password") || says("no password is set") => {
            let text = "the server has no password: remove the one in the address";
            (ErrorKind::Unauthenticated, None, text)
        }
        _ => return None,
    })
}

/// The server's refusal, code first. Errors of the connection have none.
fn said(error: &RedisError) -> String {
    let mut text = String::new();
    if let Some(code) = error.code() {
        text.push_str(code);
        text.push(' ');
    }
    text.push_str(error.detail().unwrap_or_default());
    // A refusal while the connection is made is the cause of another error.
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(inner) = cause.downcast_ref::<RedisError>() {
            let inner = said(inner);
            if !inner.trim().is_empty() {
                return inner;
            }
        }
        source = cause.source();
    }
    text
}

/// Whether TLS could not be established. The client hides the error of the TLS library behind its
/// text.
fn is_tls(error: &RedisError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("certificate") || text.contains("corrupt message") {
            return true;
        }
        if error.downcast_ref::<io::Error>().is_some_and(|io| {
            io.kind() == io::ErrorKind::InvalidData || io.kind() == io::ErrorKind::InvalidInput
        }) {
            return true;
        }
        cause = error.source();
    }
    false
}
