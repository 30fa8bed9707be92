//! Messages of servers, read leniently.
//!
//! The types of `rmcp` reject a whole answer for one tool or one piece of content that they do not
//! know. Results are therefore passed on as the JSON that they are: in `structuredContent`, from
//! where [`raw`] takes them. Notifications are not passed on, since a call has no use for them and
//! `rmcp` logs what they say.

use rmcp::model::{
    CallToolResult, ErrorCode, ErrorData, RequestId, ServerJsonRpcMessage, ServerResult,
};
use serde_json::{Value, json};

/// Maximum size of one message, in bytes. Larger ones are answered by an error.
pub(super) const LARGEST: usize = 32 * 1024 * 1024;

/// Requests of servers that are passed on. `rmcp` answers or refuses them; others are refused under
/// another name.
const REQUESTS: [&str; 4] = ["ping", "roots/list", "sampling/createMessage", "elicitation/create"];

/// Reads what one line, body or event holds: a message or, in protocol version 2025-03-26, a list of
/// them. What is not a message is left out.
pub(super) fn read(text: &[u8]) -> Vec<ServerJsonRpcMessage> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let value: Option<Value> = serde_json::from_slice(text)
        .ok()
        .or_else(|| serde_json::from_str(&String::from_utf8_lossy(text)).ok());
    match value {
        Some(Value::Array(all)) => all.into_iter().filter_map(message).collect(),
        Some(value @ Value::Object(_)) => message(value).into_iter().collect(),
        _ => {
            tracing::debug!(bytes = text.len(), "an MCP server sends what is not a message");
            Vec::new()
        }
    }
}

/// A message, if it is one. What requests hold is not passed on, since `rmcp` logs it.
fn message(mut value: Value) -> Option<ServerJsonRpcMessage> {
    let id = value.get("id").and_then(id);
    if let Some(method) = value.get("method") {
        if id.is_none() {
            tracing::trace!(?method, "notification of an MCP server");
            return None;
        }
        let known = method.as_str().filter(|method| REQUESTS.contains(method));
        let request = json!({"jsonrpc": "2.0", "id": id, "method": known.unwrap_or("unknown")});
        return serde_json::from_value(request).ok();
    }
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        return Some(ServerJsonRpcMessage::error(error_data(error), id));
    }
    let result = value.get_mut("result")?.take();
    let result = match initialized(&result) {
        Some(result) => result,
        None => {
            let mut wrapped = CallToolResult::default();
            wrapped.structured_content = Some(result);
            ServerResult::CallToolResult(wrapped)
        }
    };
    Some(ServerJsonRpcMessage::response(result, id?))
}

fn id(value: &Value) -> Option<RequestId> {
    if let Some(text) = value.as_str() {
        return Some(RequestId::String(text.into()));
    }
    let number = value.as_i64().or_else(|| format!("{:.0}", value.as_f64()?).parse().ok());
    number.map(RequestId::Number)
}

fn error_data(error: &Value) -> ErrorData {
    let text = match (error.get("message"), error.as_str()) {
        (Some(Value::String(text)), _) => text.clone(),
        (_, Some(text)) => text.to_owned(),
        _ => error.to_string(),
    };
    let code = error.get("code").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok());
    ErrorData::new(ErrorCode(code.unwrap_or(-32_603)), text, None)
}

/// The answer to `initialize`: of it, only the version matters.
fn initialized(result: &Value) -> Option<ServerResult> {
    let version = result.get("protocolVersion")?;
    let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    if result.get("content").is_some() {
        return None;
    }
    let result = json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "server", "version": "0"},
    });
    serde_json::from_value(result).ok().map(ServerResult::InitializeResult)
}

/// The result as the server wrote it.
pub(super) fn raw(result: CallToolResult) -> Value {
    result.structured_content.unwrap_or_default()
}

/// The error that stands for a message with `id` that is too large.
pub(super) fn too_large(id: RequestId) -> ServerJsonRpcMessage {
    let text = format!("The answer is larger than {} MiB and was not read.", LARGEST >> 20);
    ServerJsonRpcMessage::error(ErrorData::new(ErrorCode(-32_603), text, None), Some(id))
}

/// Finds the id of a message that is not kept, byte by byte.
#[derive(Debug, Default)]
pub(super) struct IdScan {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The last string or number at the top level, up to a few bytes.
    token: Vec<u8>,
    key: Vec<u8>,
    is_value: bool,
    is_request: bool,
    found: Option<Value>,
}

/// Longest key or id that is told apart, in bytes.
const LONGEST_TOKEN: usize = 128;

impl IdScan {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.next(*byte));
    }

    /// The id, if the message is an answer and has one.
    pub(super) fn id(&self) -> Option<RequestId> {
        self.found.as_ref().filter(|_| !self.is_request).and_then(id)
    }

    fn next(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => {
                    self.in_string = false;
                    if self.depth == 1 && self.is_value && self.key == b"id" {
                        self.found = Some(json!(String::from_utf8_lossy(&self.token)));
                    }
                }
                _ => self.keep(byte),
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.token.clear();
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.end_number();
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => {
                self.key = std::mem::take(&mut self.token);
                self.is_value = true;
                self.is_request |= self.key == b"method";
            }
            b',' if self.depth == 1 => {
                self.end_number();
                self.is_value = false;
                self.token.clear();
            }
            byte if byte.is_ascii_whitespace() => {}
            byte => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() < LONGEST_TOKEN {
            self.token.push(byte);
        }
    }

    fn end_number(&mut self) {
        if self.depth == 1 && self.is_value && self.key == b"id" && self.found.is_none() {
            self.found = serde_json::from_slice(&self.token).ok();
        }
    }
}
