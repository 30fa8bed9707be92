//! The tools that a server lists: pages that end, names that models accept, and a warning for each
//! tool that is left out.

use std::collections::BTreeSet;
use std::time::Duration;

use rmcp::model::{ClientRequest, ListToolsRequest, PaginatedRequestParams, ServerResult};
use rmcp::service::ServiceError;
use serde_json::{Map, Value, json};
use voicekit_core::tool::schema::Normalized;
use voicekit_core::tool::{Effect, OnBargeIn, ToolSpec};

use super::filter::Filter;
use super::hidden::Hidden;
use super::{Connection, message};
use crate::tools::names::{fitting, unique};

/// Maximum number of pages and of tools that are read.
const MOST_PAGES: usize = 100;
const MOST_TOOLS: usize = 1_000;

/// Longest description that is passed on, in characters (OpenAI, "Function calling").
const LONGEST_DESCRIPTION: usize = 1_024;

/// Longest name of the server's own that a warning quotes, in characters.
const LONGEST_QUOTE: usize = 80;

/// A tool of a server.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// Its name at the server.
    pub(super) name: String,
    /// Its schema at the server.
    pub(super) schema: Value,
    /// What the model is told.
    pub(super) spec: ToolSpec,
    /// Whether it only reads.
    pub(super) reads: bool,
}

/// Reads all pages of the list, as the server wrote them.
pub(super) async fn pages(
    connection: &Connection,
    server: &str,
) -> Result<Vec<Value>, ServiceError> {
    let (mut tools, mut cursor, mut seen) = (Vec::new(), None, BTreeSet::new());
    for _ in 0..MOST_PAGES {
        let params = PaginatedRequestParams::default().with_cursor(cursor.take());
        let request = ClientRequest::ListToolsRequest(ListToolsRequest::with_param(params));
        let mut page = match connection.send_request(request).await {
            Ok(ServerResult::CallToolResult(result)) => message::raw(result),
            Ok(_) => return Err(ServiceError::UnexpectedResponse),
            // The tools of the pages before are tools all the same.
            Err(error) if tools.is_empty() => return Err(error),
            Err(_) => {
                tracing::warn!(
                    server,
                    "MCP server fails to list more tools; those before are used"
                );
                return Ok(tools);
            }
        };
        match page.get_mut("tools").map(Value::take) {
            Some(Value::Array(more)) => tools.extend(more),
            _ if tools.is_empty() => return Err(ServiceError::UnexpectedResponse),
            _ => {}
        }
        let next = page.get("nextCursor").and_then(Value::as_str).filter(|next| !next.is_empty());
        let Some(next) = next else { return Ok(tools) };
        if !seen.insert(next.to_owned()) || tools.len() >= MOST_TOOLS {
            break;
        }
        cursor = Some(next.to_owned());
    }
    tools.truncate(MOST_TOOLS);
    tracing::warn!(server, tools = tools.len(), "MCP server does not end its list of tools");
    Ok(tools)
}

/// What of a list is offered, and how.
#[derive(Clone, Debug)]
pub(super) struct Offer<'a> {
    pub(super) server: &'a str,
    pub(super) prefix: &'a str,
    pub(super) filter: &'a Filter,
    pub(super) timeout: Option<Duration>,
    pub(super) hidden: &'a Hidden,
}

impl Offer<'_> {
    /// The tools that can be offered. For each that cannot, there is one warning.
    pub(super) fn of(&self, tools: Vec<Value>) -> Vec<Listed> {
        let server = self.server;
        let (mut listed, mut originals, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (number, tool) in tools.iter().enumerate() {
            let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
            let tool_name = if name.trim().is_empty() {
                format!("number {}", number + 1)
            } else {
                name.chars().take(LONGEST_QUOTE).flat_map(char::escape_debug).collect()
            };
            let problem = if name.trim().is_empty() {
                Some("it has no name")
            } else if originals.iter().any(|other| other == name) {
                Some("its name is listed twice")
            } else {
                problem(tool)
            };
            if problem.is_none() || !name.trim().is_empty() {
                originals.push(name.to_owned());
            }
            if !self.filter.takes(name) {
                continue;
            }
            if let Some(reason) = problem {
                tracing::warn!(server, tool = tool_name, reason, "tool of an MCP server left out");
                continue;
            }
            let fitted = unique(&fitting(&format!("{}{name}", self.prefix)), &taken);
            taken.insert(fitted.clone());
            listed.push(self.listed(name, fitted, tool));
        }
        for pattern in self.filter.idle(&originals) {
            tracing::warn!(server, tool = pattern, "MCP server lists no such tool");
        }
        listed
    }

    fn listed(&self, name: &str, fitted: String, tool: &Value) -> Listed {
        let schema = self.hidden.hide_in(input_schema(tool));
        let (mut spec, reads) = spec(fitted, tool, self.hidden);
        spec = spec.with_parameters(Normalized::new(&schema).schema).with_source(self.server);
        if let Some(timeout) = self.timeout {
            spec = spec.with_timeout(timeout);
        }
        Listed { name: name.to_owned(), schema, spec, reads }
    }
}

/// Why a tool cannot be offered.
fn problem(tool: &Value) -> Option<&'static str> {
    let support = tool.pointer("/execution/taskSupport").and_then(Value::as_str);
    if support == Some("required") {
        return Some("it runs as a task only");
    }
    match input_schema(tool) {
        Value::Object(fields) if !may_be_object(&fields) => Some("it does not take an object"),
        Value::Object(_) | Value::Null | Value::Bool(true) => None,
        Value::Bool(false) => Some("its schema allows no arguments at all"),
        Value::Array(_) | Value::Number(_) | Value::String(_) => Some("its schema is not a schema"),
    }
}

fn may_be_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => {
            let others = ["array", "string", "number", "integer", "boolean", "null"];
            !others.contains(&kind.as_str())
        }
        Some(Value::Array(kinds)) if !kinds.is_empty() => kinds.contains(&json!("object")),
        _ => true,
    }
}

fn input_schema(tool: &Value) -> Value {
    let names = ["inputSchema", "input_schema", "parameters"];
    names.iter().find_map(|name| tool.get(*name)).cloned().unwrap_or_default()
}

fn spec(name: String, tool: &Value, hidden: &Hidden) -> (ToolSpec, bool) {
    let hint = |name: &str| tool.pointer(&format!("/annotations/{name}")).and_then(Value::as_bool);
    let reads = hint("readOnlyHint") == Some(true);
    let effect = match (reads, hint("destructiveHint")) {
        (true, _) => Effect::Read,
        (false, Some(true)) => Effect::Irreversible,
        (false, _) => Effect::Write,
    };
    let policy = if reads { OnBargeIn::Cancel } else { OnBargeIn::Finish };
    let texts = ["/description", "/title", "/annotations/title"];
    let text = texts.iter().find_map(|place| tool.pointer(place)?.as_str());
    let mut description = hidden.hide(text.unwrap_or_default().to_owned());
    if let Some((end, _)) = description.char_indices().nth(LONGEST_DESCRIPTION) {
        description.truncate(end);
    }
    (ToolSpec::new(name, description).with_effect(effect).with_on_barge_in(policy), reads)
}
