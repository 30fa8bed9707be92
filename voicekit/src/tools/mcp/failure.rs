//! Failures of servers: what is ours to say of them, and what the server says.

use std::io;

use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpError;
use voicekit_core::error::{Error, ErrorKind};

/// Longest text of an error of a server, in characters.
const LONGEST_ERROR: usize = 300;

/// Why the protocol did not start. What the server says is the detail.
pub(super) fn not_started(error: &ClientInitializeError) -> Error {
    let (problem, said) = if let ClientInitializeError::JsonRpcError(error) = error {
        ("it answers with an error".to_owned(), error.message.clone().into_owned())
    } else if let ClientInitializeError::TransportError { error, .. } = error {
        lost(&*error.error)
    } else if let ClientInitializeError::ConnectionClosed(_) = error {
        ("the connection was closed".to_owned(), String::new())
    } else {
        ("it does not answer as an MCP server".to_owned(), error.to_string())
    };
    let text = shortened(format!("did not start: {problem}"));
    Error::new(ErrorKind::Connection, "mcp", text).with_detail(shortened(said))
}

/// What went wrong, and what the server says of it.
pub(super) fn problem(error: &ServiceError) -> (String, String) {
    if let Some(refusal) = failed(error) {
        let said = refusal.detail().unwrap_or_default();
        return (refusal.message().to_owned(), said.to_owned());
    }
    if let ServiceError::McpError(error) = error {
        let said = shortened(error.message.clone().into_owned());
        return ("it answers with an error".to_owned(), said);
    }
    if let ServiceError::TransportSend(error) = error {
        return lost(&*error.error);
    }
    let is_odd = matches!(error, ServiceError::UnexpectedResponse);
    let text =
        if is_odd { "the answer is not of the kind expected" } else { "the connection ended" };
    (text.to_owned(), shortened(error.to_string()))
}

/// The same of a transport: errors of the system are ours to say, others may quote the server.
fn lost(error: &(dyn std::error::Error + 'static)) -> (String, String) {
    match error.downcast_ref::<io::Error>() {
        Some(error) => (shortened(error.to_string()), String::new()),
        None => ("the connection failed".to_owned(), shortened(error.to_string())),
    }
}

/// Whether there is no answer to be had, rather than one that refuses.
pub(super) fn is_lost(error: &ServiceError) -> bool {
    match failed(error) {
        Some(error) => matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout),
        None => matches!(error, ServiceError::TransportClosed | ServiceError::TransportSend(_)),
    }
}

pub(super) fn broken(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let text = shortened(format!("{what}: {error}"));
    Error::new(ErrorKind::Connection, "mcp", text)
}

pub(super) fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_ERROR) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Why it did not start, if that is known.
pub(super) fn started(error: &ClientInitializeError) -> Option<&Error> {
    let ClientInitializeError::TransportError { error, .. } = error else { return None };
    cause(&*error.error)
}

/// Why a request did not succeed, if it was made over HTTP.
pub(super) fn failed(error: &ServiceError) -> Option<&Error> {
    let ServiceError::TransportSend(error) = error else { return None };
    cause(&*error.error)
}

fn cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    if let Some(error) = error.downcast_ref() {
        return Some(error);
    }
    let error = error.downcast_ref::<StreamableHttpError<Error>>()?;
    if let StreamableHttpError::Client(error) = error { Some(error) } else { None }
}
