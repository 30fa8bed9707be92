//! Settings of a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use voicekit_net::Secret;

use super::program::Program;
use super::{Link, McpServer, Way};

#[cfg(doc)]
use super::tools;

impl McpServer {
    /// Sets the name in messages and, where names of tools collide, before them. Default: the
    /// program or the host.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Puts `prefix` before the names of its tools. Default: nothing; names that collide are made
    /// unique all the same.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Offers only the tools that match one of these: names at the server, in which `*` stands for
    /// any characters and `?` for one. Default: all tools.
    #[must_use]
    pub fn with_include<P: Into<String>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.filter.include = names.into_iter().map(Into::into).collect();
        self
    }

    /// Leaves out the tools that match one of these, also if they are included. Default: none.
    #[must_use]
    pub fn with_exclude<P: Into<String>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.filter.exclude = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether [`tools`] fails if this server does. Default: no.
    #[must_use]
    pub fn with_required(mut self, is_required: bool) -> Self {
        self.is_required = is_required;
        self
    }

    /// Sets an environment variable of the program. A value of 8 or more characters whose variable
    /// is named like a secret (`…KEY`, `…TOKEN`, `…SECRET`, `…PASSWORD`) is hidden where the
    /// program repeats it. No effect on a server that is not a program.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        let (name, value) = (name.into(), value.into());
        if is_secret(&name) {
            self.hidden.add(value.expose());
        }
        self.change(|program| {
            program.env.insert(name, value);
        })
    }

    /// Sets the directory in which the program runs. Default: that of this process. No effect on a
    /// server that is not a program.
    #[must_use]
    pub fn with_cwd(self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.change(|program| program.cwd = Some(directory))
    }

    /// Clones that exist keep the program as it was.
    fn change(mut self, change: impl FnOnce(&mut Program)) -> Self {
        let mut way = self.link.way.clone();
        if let Way::Program(program) = &mut way {
            change(program);
            self.link = Arc::new(Link { way, live: Mutex::new(None) });
        }
        self
    }

    /// Sets the time that the server may take to start and to list its tools, and to be connected
    /// again later. Default: 20 s.
    #[must_use]
    pub fn with_start_timeout(mut self, limit: Duration) -> Self {
        self.start = limit;
        self
    }

    /// Sets the time that one call of a tool may take. Default: 30 s.
    #[must_use]
    pub fn with_call_timeout(mut self, limit: Duration) -> Self {
        self.call = Some(limit);
        self
    }
}

/// Whether a variable is named like one that holds a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words =
        ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PWD", "CREDENTIAL", "AUTH", "DSN", "URL"];
    words.iter().any(|word| name.contains(word)) && name != "PWD"
}
