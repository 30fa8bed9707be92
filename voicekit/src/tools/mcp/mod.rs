//! Tools of MCP servers: programs, URLs and sockets that speak the Model Context Protocol.
//!
//! ```no_run
//! # async fn agent() -> voicekit::core::error::Result<()> {
//! use voicekit::tools::mcp::{McpServer, Remote};
//!
//! let calendar = McpServer::program("calendar-server", ["--stdio"]);
//! let customers = Remote::new("https://customers.example/mcp").with_token("the token");
//! let customers = McpServer::http(customers)?;
//! let builder = voicekit::Agent::builder()
//!     .tools(calendar.tools().await?)
//!     .tools(customers.tools().await?);
//! # let _ = builder; Ok(())
//! # }
//! ```
//!
//! A tool's name, description and schema are the server's. What it says of itself is believed: one
//! that only reads is dropped when the caller interrupts, one that destroys is
//! [`Effect::Irreversible`]; [`FnTool`] has what changes that. A call that is dropped or takes too
//! long is cancelled at the server, too.
//!
//! The connection is made for the first call and made again for the next one after it broke. What
//! was under way then is not repeated, unless the tool only reads: it may have been done. The model
//! is told so, and the call goes on.

mod remote;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock, JsonObject};
use rmcp::service::{RoleClient, RunningService, ServiceError, serve_client};
use rmcp::transport::TokioChildProcess;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tool::{Effect, OnBargeIn, ToolSpec};

use super::{FnTool, ToolError};

pub use remote::Remote;

/// How long a server may take to start and to say what it can do, unless set otherwise: programs
/// that fetch themselves first are slow.
const START: Duration = Duration::from_secs(20);

type Connection = Arc<RunningService<RoleClient, ()>>;
type Dial = dyn Fn() -> BoxFuture<'static, Result<Connection>> + Send + Sync;

/// An MCP server. Clones share its connection, which ends with the last of them and of its tools.
#[derive(Clone)]
pub struct McpServer {
    name: String,
    prefix: String,
    start: Duration,
    link: Arc<Link>,
}

/// The connection, and how to make it anew.
struct Link {
    dial: Box<Dial>,
    /// Held while the connection is made, so that it is made once.
    live: Mutex<Option<Connection>>,
}

impl McpServer {
    /// The server that `program` is, spoken to over its standard input and output. It is started
    /// with the environment of this process and ended with the connection.
    pub fn program<A: Into<String>>(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let program = program.into();
        let arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        let name = program.clone();
        Self::new(program.clone(), move || {
            let mut command = Command::new(&program);
            command.args(&arguments).kill_on_drop(true);
            let started = TokioChildProcess::new(command);
            let name = name.clone();
            async move {
                let process = started.map_err(|error| broken(&name, "cannot be started", error))?;
                let service = serve_client((), process).await;
                service.map(Arc::new).map_err(|error| broken(&name, "did not start", error))
            }
            .boxed()
        })
    }

    /// The server behind what `dial` connects to, such as a socket; `name` is for errors.
    pub fn dialled<F, Fut, S>(name: impl Into<String>, dial: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let name = name.into();
        Self::new(name.clone(), move || {
            let (dialled, name) = (dial(), name.clone());
            async move {
                let stream =
                    dialled.await.map_err(|error| broken(&name, "cannot be reached", error))?;
                let service = serve_client((), stream).await;
                service.map(Arc::new).map_err(|error| broken(&name, "did not start", error))
            }
            .boxed()
        })
    }

    fn new(
        name: String,
        dial: impl Fn() -> BoxFuture<'static, Result<Connection>> + Send + Sync + 'static,
    ) -> Self {
        let link = Link { dial: Box::new(dial), live: Mutex::new(None) };
        Self { name, prefix: String::new(), start: START, link: Arc::new(link) }
    }

    /// Puts `prefix` before the names of its tools, so that those of two servers differ.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long it may take to start and to list its tools. Default: 20 s.
    #[must_use]
    pub fn with_start_timeout(mut self, limit: Duration) -> Self {
        self.start = limit;
        self
    }

    /// The tools that it has now.
    ///
    /// # Errors
    ///
    /// `Connection` if it cannot be started or reached, `Timeout` if it takes too long, `Protocol`
    /// if it does not say what it can do.
    pub async fn tools(&self) -> Result<Vec<FnTool>> {
        let connection = self.connection().await?;
        let listed = self.in_time(async {
            let listed = connection.list_all_tools().await;
            listed.map_err(|error| {
                let text = format!("{} does not list its tools", self.name);
                Error::new(ErrorKind::Protocol, "mcp", text).with_source(error)
            })
        });
        Ok(listed.await?.into_iter().map(|tool| self.tool(tool)).collect())
    }

    fn tool(&self, tool: rmcp::model::Tool) -> FnTool {
        let hints = tool.annotations.unwrap_or_default();
        let reads = hints.read_only_hint == Some(true);
        let effect = match (reads, hints.destructive_hint) {
            (true, _) => Effect::Read,
            (false, Some(true)) => Effect::Irreversible,
            (false, _) => Effect::Write,
        };
        let policy = if reads { OnBargeIn::Cancel } else { OnBargeIn::Finish };
        let mut schema = Value::Object((*tool.input_schema).clone());
        if let Some(fields) = schema.as_object_mut() {
            fields.remove("$schema");
        }
        let name = format!("{}{}", self.prefix, tool.name);
        let spec = ToolSpec::new(fitting(&name), tool.description.unwrap_or_default())
            .with_parameters(schema)
            .with_effect(effect)
            .with_on_barge_in(policy);
        let server = self.clone();
        let run = move |arguments: &str, _| {
            let (server, name) = (server.clone(), tool.name.clone().into_owned());
            let arguments = read(arguments);
            async move { server.call(name, arguments?, reads).await }.boxed()
        };
        FnTool { spec, quiet: false, run: Arc::new(run) }
    }

    async fn call(
        &self,
        name: String,
        arguments: JsonObject,
        reads: bool,
    ) -> Result<String, ToolError> {
        let mut request = CallToolRequestParams::new(name);
        request.arguments = Some(arguments);
        let first = self.connection().await?.call_tool(request.clone()).await;
        let answer = match first {
            Err(error) if reads && is_lost(&error) => {
                self.connection().await?.call_tool(request).await
            }
            first => first,
        };
        match answer {
            Ok(result) => said(&result),
            Err(ServiceError::McpError(error)) => Err(ToolError::new(error.message.into_owned())),
            Err(error) if is_lost(&error) => {
                let text = "went away. It may or may not have happened.";
                Err(ToolError::new(format!("{} {text}", self.name)))
            }
            Err(error) => {
                let text = match remote::failed(&error) {
                    Some(refusal) => refusal.message().to_owned(),
                    None => error.to_string(),
                };
                Err(ToolError::new(format!("{}: {text}", self.name)))
            }
        }
    }

    /// The connection, made anew if it is gone.
    async fn connection(&self) -> Result<Connection> {
        let mut live = self.link.live.lock().await;
        if let Some(connection) = live.as_ref().filter(|live| !live.is_transport_closed()) {
            return Ok(Arc::clone(connection));
        }
        let connection = self.in_time((self.link.dial)()).await?;
        *live = Some(Arc::clone(&connection));
        Ok(connection)
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(self.start, work).await.unwrap_or_else(|_| {
            let text = format!("{} did not answer within {:?}", self.name, self.start);
            Err(Error::new(ErrorKind::Timeout, "mcp", text))
        })
    }
}

/// Arguments and environment may hold keys: only the name is shown.
impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The name with what models do not take in names replaced, at most 64 characters.
fn fitting(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    name.chars().map(|c| if fits(c) { c } else { '_' }).take(64).collect()
}

fn read(arguments: &str) -> Result<JsonObject, ToolError> {
    crate::tools::arguments::read(arguments)
}

/// What the tool says, as text.
fn said(result: &CallToolResult) -> Result<String, ToolError> {
    let mut text: Vec<String> = result.content.iter().map(piece).collect();
    if text.is_empty() {
        text.extend(result.structured_content.as_ref().map(Value::to_string));
    }
    let text = if text.is_empty() { "Done.".to_owned() } else { text.join("\n") };
    if result.is_error == Some(true) { Err(ToolError::new(text)) } else { Ok(text) }
}

fn piece(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(_) => "[an image]".to_owned(),
        ContentBlock::Audio(_) => "[a sound]".to_owned(),
        ContentBlock::Resource(_) | ContentBlock::ResourceLink(_) | _ => "[a document]".to_owned(),
    }
}

/// Whether there is no answer to be had, rather than one that refuses.
fn is_lost(error: &ServiceError) -> bool {
    match remote::failed(error) {
        Some(error) => matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout),
        None => matches!(error, ServiceError::TransportClosed | ServiceError::TransportSend(_)),
    }
}

fn broken(name: &str, what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Connection, "mcp", format!("{name} {what}: {error}")).with_source(error)
}
