//! Tools of MCP servers: programs, URLs and sockets that speak the Model Context Protocol.
//!
//! ```no_run
//! # async fn agent() -> voicekit::core::error::Result<()> {
//! use voicekit::tools::mcp::{self, McpServer, Remote};
//!
//! let calendar = McpServer::program("calendar-server", ["--stdio"]).with_env("TZ", "UTC");
//! let customers = Remote::new("https://customers.example/mcp").with_token("the token");
//! let customers = McpServer::http(customers)?.with_required(true);
//! let builder = voicekit::Agent::builder().tools(mcp::tools([calendar, customers]).await?);
//! # let _ = builder; Ok(())
//! # }
//! ```
//!
//! # What is offered to the model
//!
//! Descriptions, hints and schemas come from the server. A tool that only reads is dropped when
//! the caller interrupts; one that destroys is [`Effect::Irreversible`]; [`FnTool`] has methods to
//! change that. Schemas are [normalized](voicekit_core::tool::schema) for model providers, and the
//! arguments of a call are checked against the server's own schema. Names are changed to what
//! providers accept and made unique; the server is called with its own.
//!
//! A server that is down, and a tool that cannot be offered, do not keep an agent from starting:
//! they are left out, with one warning that names server and tool. So are the last tools of servers
//! if an agent has more than 126 in all: models do not take more.
//!
//! # Secrets
//!
//! A program does not inherit the environment of this process: it gets a few variables that
//! programs need to run, such as `PATH`, `HOME` and `LANG`, and those of
//! [`McpServer::with_env`]. A server behind a URL gets its own token and headers only; redirects
//! are not followed. Tokens are replaced wherever a server repeats them.
//!
//! # Failures during a call
//!
//! A call that is dropped or takes too long is cancelled at the server. A connection that broke is
//! made again for the next call. What was under way is not repeated, unless the tool only reads: it
//! may have been done. The model is told so, and the call goes on. Answers of up to 32 MiB are
//! read; the model gets as much of them as
//! [`FnTool::with_longest_output`] allows, with a note of how much was cut.

mod client;
mod content;
mod failure;
mod filter;
mod hidden;
mod legacy;
mod lines;
mod listing;
mod message;
mod options;
mod program;
mod remote;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use rmcp::model::{CallToolRequestParams, CallToolResponse, JsonObject};
use rmcp::service::{RoleClient, RunningService, ServiceError, serve_client};
use rmcp::transport::Transport;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::time::timeout;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tool::schema::{Normalized, check};

use super::{FnTool, ToolError};

use failure::{broken, is_lost, not_started, problem, shortened};
use filter::Filter;
use hidden::Hidden;
use lines::Lines;
use listing::{Listed, Offer};
use program::Program;

#[cfg(doc)]
use voicekit_core::tool::Effect;

pub use remote::Remote;

/// Default time for a server to start and to list its tools: programs that download themselves
/// first are slow.
const START: Duration = Duration::from_secs(20);

type Connection = Arc<RunningService<RoleClient, ()>>;
type Dial = dyn Fn() -> BoxFuture<'static, Result<Connection>> + Send + Sync;

/// An MCP server. Clones share its connection, which ends with the last of them and of its tools.
#[derive(Clone)]
pub struct McpServer {
    name: String,
    prefix: String,
    filter: Filter,
    is_required: bool,
    start: Duration,
    call: Option<Duration>,
    hidden: Hidden,
    link: Arc<Link>,
}

/// The connection, and how to make it.
struct Link {
    way: Way,
    /// Held while the connection is made, so that it is made once.
    live: Mutex<Option<Connection>>,
}

/// How a server is reached.
#[derive(Clone)]
enum Way {
    Program(Program),
    Dial(Arc<Dial>),
}

/// Connects to all `servers` at once and returns their tools, in the order of the servers.
///
/// A server that fails is left out with a warning, unless it is
/// [required](McpServer::with_required). This takes at most the longest
/// [start timeout](McpServer::with_start_timeout) of the servers.
///
/// # Errors
///
/// As [`McpServer::tools`], for the first server that is required and fails.
pub async fn tools(servers: impl IntoIterator<Item = McpServer>) -> Result<Vec<FnTool>> {
    let all = servers.into_iter().map(|server| async move { server.optional_tools().await });
    let all: Vec<Result<Vec<FnTool>>> = join_all(all).await;
    let all: Vec<Vec<FnTool>> = all.into_iter().collect::<Result<_>>()?;
    Ok(all.into_iter().flatten().collect())
}

impl McpServer {
    /// Creates a server that is started as a program and spoken to over its standard input and
    /// output. It ends with the connection.
    ///
    /// The program gets a few variables of this process, such as `PATH`, `HOME`, `LANG` and `TZ`,
    /// and those of [`with_env`](Self::with_env). Its log (standard error) is logged at DEBUG.
    pub fn program<A: Into<String>>(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let program = program.into();
        let arguments = arguments.into_iter().map(Into::into).collect();
        let name = program.clone();
        Self::new(
            name,
            Way::Program(Program { program, arguments, env: BTreeMap::new(), cwd: None }),
        )
    }

    /// Creates a server behind what `dial` connects to, such as a socket; `name` is for messages.
    pub fn dialled<F, Fut, S>(name: impl Into<String>, dial: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self::reached(name.into(), move || {
            let dialled = dial();
            async move {
                let stream = dialled.await.map_err(|error| broken("cannot be reached", error))?;
                let (read, write) = tokio::io::split(stream);
                begin(Lines::new(read, write, None)).await
            }
            .boxed()
        })
    }

    fn reached(
        name: String,
        dial: impl Fn() -> BoxFuture<'static, Result<Connection>> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Way::Dial(Arc::new(dial)))
    }

    fn new(name: String, way: Way) -> Self {
        Self {
            name,
            prefix: String::new(),
            filter: Filter::default(),
            is_required: false,
            start: START,
            call: None,
            hidden: Hidden::default(),
            link: Arc::new(Link { way, live: Mutex::new(None) }),
        }
    }

    /// Connects and returns the tools that can be offered. Those that cannot are left out with a
    /// warning.
    ///
    /// # Errors
    ///
    /// `Connection` if it cannot be started or reached, `Timeout` if it takes too long, `Protocol`
    /// if it does not list its tools.
    pub async fn tools(&self) -> Result<Vec<FnTool>> {
        let listed = self.in_time(async {
            let connection = self.connect().await?;
            listing::pages(&connection, &self.name).await.map_err(|error| {
                let (problem, said) = problem(&error);
                let text = format!("does not list its tools: {problem}");
                let kind = failure::failed(&error).map_or(ErrorKind::Protocol, Error::kind);
                Error::new(kind, "mcp", text).with_detail(said)
            })
        });
        let listed = listed.await?;
        let offer = Offer {
            server: &self.name,
            prefix: &self.prefix,
            filter: &self.filter,
            timeout: self.call,
            hidden: &self.hidden,
        };
        Ok(offer.of(listed).into_iter().map(|tool| self.tool(tool)).collect())
    }

    /// The tools, or none with a warning if the server fails and is not required.
    async fn optional_tools(&self) -> Result<Vec<FnTool>> {
        match self.tools().await {
            Err(error) if !self.is_required => {
                let (server, kind, detail) = (&self.name, error.kind(), error.detail());
                tracing::warn!(
                    server,
                    ?kind,
                    "MCP server is not available: its tools are left out"
                );
                tracing::debug!(server, %error, ?detail, "why an MCP server is not available");
                Ok(Vec::new())
            }
            tools => tools,
        }
    }

    fn tool(&self, tool: Listed) -> FnTool {
        let Listed { name, schema, spec, reads } = tool;
        let normalized = Arc::new(Normalized::new(&schema));
        let (schema, server) = (Arc::new(schema), self.clone());
        let run = move |arguments: &str, _| {
            let (server, name) = (server.clone(), name.clone());
            let arguments = read(arguments, &schema, &normalized);
            async move {
                let told = match arguments {
                    Ok(arguments) => server.call(name, arguments, reads).await,
                    Err(error) => Err(error),
                };
                let hidden = &server.hidden;
                told.map(|text| hidden.hide(text)).map_err(|error| ToolError(hidden.hide(error.0)))
            }
            .boxed()
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
        let first = self.connection().await?.call_tool_once(request.clone()).await;
        let answer = match first {
            Err(error) if reads && is_lost(&error) => {
                self.connection().await?.call_tool_once(request).await
            }
            first => first,
        };
        match answer {
            Ok(CallToolResponse::Complete(result)) => content::text(&message::raw(result)),
            Err(ServiceError::McpError(error)) => Err(ToolError::new(error.message.into_owned())),
            Err(error) if is_lost(&error) => {
                let text = "went away. It may or may not have happened.";
                Err(ToolError::new(format!("{} {text}", self.name)))
            }
            Err(error) => Err(ToolError::new(format!("{}: {}", self.name, self.words(&error)))),
            Ok(_) => Err(ToolError::new(format!("{} gives an answer of no known kind", self.name))),
        }
    }

    /// The connection, made again if it is gone.
    async fn connection(&self) -> Result<Connection> {
        self.in_time(self.connect()).await
    }

    async fn connect(&self) -> Result<Connection> {
        let mut live = self.link.live.lock().await;
        if let Some(connection) = live.as_ref().filter(|live| !live.is_transport_closed()) {
            return Ok(Arc::clone(connection));
        }
        let connection = match &self.link.way {
            Way::Program(program) => begin(program.start(&self.name)?).await?,
            Way::Dial(dial) => dial().await?,
        };
        *live = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Limits the time of `work` and puts the server's name before its error.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match timeout(self.start, work).await {
            Ok(Err(error)) => {
                let text = self.hidden.hide(format!("{} {}", self.name, error.message()));
                let detail = self.hidden.hide(error.detail().unwrap_or_default().to_owned());
                let error = Error::new(error.kind(), "mcp", text).with_retry(error.retry());
                Err(error.with_detail(detail))
            }
            Ok(done) => done,
            Err(_) => {
                let text = format!("{} did not answer within {:?}", self.name, self.start);
                Err(Error::new(ErrorKind::Timeout, "mcp", text))
            }
        }
    }

    /// What the model is told of an error.
    fn words(&self, error: &ServiceError) -> String {
        let (problem, said) = problem(error);
        let text = if said.is_empty() { problem } else { format!("{problem}: {said}") };
        self.hidden.hide(shortened(text))
    }
}

/// Arguments and environment may hold keys: only the name is shown.
impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Starts the protocol over a transport.
async fn begin(transport: impl Transport<RoleClient> + 'static) -> Result<Connection> {
    let service = serve_client((), transport).await;
    service.map(Arc::new).map_err(|error| not_started(&error))
}

/// The arguments for the server: with its own names, and as its schema wants them.
fn read(arguments: &str, schema: &Value, names: &Normalized) -> Result<JsonObject, ToolError> {
    let arguments: JsonObject = crate::tools::arguments::read(arguments)?;
    let arguments = names.restore(Value::Object(arguments));
    match check(schema, arguments) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err(ToolError::new("Nothing was done: the arguments must be one JSON object.")),
        Err(wrong) => {
            let advice = "Correct it, or ask the caller again.";
            Err(ToolError::new(format!("Nothing was done: {wrong}. {advice}")))
        }
    }
}
