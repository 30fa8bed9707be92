//! Settings of an MCP server: `[mcp.NAME]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use voicekit::tools::mcp::{McpServer, Remote};

/// An MCP server: a program, or what is behind a URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mcp {
    /// The program to start; either this or `url`.
    program: Option<String>,
    /// Arguments of the program. Default: none.
    arguments: Vec<String>,
    /// Environment variables of the program: a value, or the name of a variable of the agent's own
    /// environment. The program gets these, `PATH`, `HOME`, `LANG` and the like, and nothing else.
    /// Default: none.
    env: BTreeMap<String, EnvValue>,
    /// The directory in which the program runs. Default: that of the agent.
    cwd: Option<PathBuf>,
    /// The URL; either this or `program`.
    url: Option<String>,
    /// The environment variable that holds the token for the URL. Default: no token.
    token_env: Option<String>,
    /// Whether the agent refuses to start without this server. Default: no, it starts without the
    /// server's tools.
    required: bool,
    /// Tools to offer, by name or with `*` and `?`. Default: all.
    include: Vec<String>,
    /// Tools to leave out, by name or with `*` and `?`. Default: none.
    exclude: Vec<String>,
    /// Prefix of the names of its tools. Default: none.
    prefix: String,
    /// Time for the server to start and list its tools, and for each call of a tool, in seconds.
    /// Default: 20 to start, 30 for a call.
    timeout: Option<f64>,
}

/// The value of an environment variable.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum EnvValue {
    Text(String),
    Number(i64),
    Flag(bool),
    From(Variable),
}

/// A variable of the agent's own environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    from: String,
}

impl Mcp {
    /// The server, which is called `name` in messages.
    pub(super) fn server(&self, name: &str) -> Result<McpServer> {
        let mut server = match (&self.program, &self.url) {
            (Some(program), None) => self.started(program)?,
            (None, Some(url)) => self.remote(url)?,
            (Some(_), Some(_)) => bail!("give a program or a url, not both"),
            (None, None) => bail!("give a program or a url"),
        };
        if let Some(seconds) = self.timeout {
            let limit = Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero());
            let limit = limit.with_context(|| {
                format!("timeout: {seconds} is not a number of seconds above 0")
            })?;
            server = server.with_start_timeout(limit).with_call_timeout(limit);
        }
        Ok(server
            .with_name(name)
            .with_prefix(&self.prefix)
            .with_include(self.include.clone())
            .with_exclude(self.exclude.clone())
            .with_required(self.required))
    }

    fn started(&self, program: &str) -> Result<McpServer> {
        if self.token_env.is_some() {
            bail!("token_env is for a url; a program takes its token from env");
        }
        let mut server = McpServer::program(program, self.arguments.clone());
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                bail!("env: {name:?} is not a name of a variable");
            }
            server = server.with_env(name, value.read()?);
        }
        Ok(match &self.cwd {
            Some(directory) => server.with_cwd(directory),
            None => server,
        })
    }

    fn remote(&self, url: &str) -> Result<McpServer> {
        for (name, is_set) in [
            ("arguments", !self.arguments.is_empty()),
            ("env", !self.env.is_empty()),
            ("cwd", self.cwd.is_some()),
        ] {
            if is_set {
                bail!("{name} is for a program, not for a url");
            }
        }
        let mut remote = Remote::new(url);
        if let Some(name) = &self.token_env {
            remote = remote
                .with_token(variable(name).with_context(|| format!("{name} holds no token"))?);
        }
        Ok(McpServer::http(remote)?)
    }
}

impl EnvValue {
    fn read(&self) -> Result<String> {
        Ok(match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::From(Variable { from }) => {
                variable(from).with_context(|| format!("env: {from} is not set"))?
            }
        })
    }
}

fn variable(name: &str) -> Result<String> {
    Ok(std::env::var(name)?)
}
