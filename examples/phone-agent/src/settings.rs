//! What may be set: a TOML file, and the environment over it.
//!
//! ```toml
//! greeting = "Corner Bakery, good morning."
//! instructions = "You answer the telephone of a bakery."
//! language = "en"
//!
//! # Which services to use, the next where one fails. Without these lines: those with a key, then
//! # the parts on this machine.
//! asr = ["nova", "local"]
//! llm = ["openai", "anthropic"]
//! tts = ["elevenlabs", "aura", "local"]
//!
//! # Whom callers can be connected to; needs the carrier's account.
//! [transfer]
//! "front desk" = "+15551230009"
//!
//! # MCP servers whose tools the model may use: a program, or a URL with a token from the environment.
//! [mcp.calendar]
//! program = "calendar-server"
//! arguments = ["--stdio"]
//! env = { TZ = "UTC", API_KEY = { from = "CALENDAR_KEY" } }
//! exclude = ["delete_*"]
//!
//! # A section for each service, with the fields of its crate's configuration.
//! [openai.chat]
//! model = "gpt-4.1-mini"
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};
use voicekit::resilience::Limits;
use voicekit::tools::mcp::McpServer;
use voicekit_core::control::Transfer;

mod mcp;

use mcp::Mcp;

/// Reads an environment variable.
type Var<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What may be set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What a model of the cloud is told. Default: what the knowledge file says.
    pub(crate) instructions: Option<String>,
    /// What the agent says first. Default: what the knowledge file says.
    pub(crate) greeting: Option<String>,
    /// The language spoken, as a BCP 47 tag. Default: `en`.
    pub(crate) language: Option<String>,
    /// How long a service may take before the next is tried, in milliseconds. Default: 2,500.
    answer_within_ms: Option<u64>,
    asr: Option<Vec<String>>,
    llm: Option<Vec<String>>,
    tts: Option<Vec<String>>,
    /// Whom callers can be connected to: names and numbers. Default: nobody.
    pub(crate) transfer: BTreeMap<String, String>,
    /// MCP servers whose tools the model may use, by a name for messages. Default: none.
    mcp: BTreeMap<String, Mcp>,
    /// What is said of each service, by its name.
    #[serde(skip)]
    sections: BTreeMap<&'static str, Table>,
}

/// A service that can be used.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its name in the file, also that of its section.
    pub(crate) name: &'static str,
    /// Environment variables and the fields that they set.
    vars: &'static [(&'static str, &'static str)],
    /// The variables of which one is needed.
    needs: &'static [&'static str],
}

const DEEPGRAM: &[(&str, &str)] =
    &[("DEEPGRAM_API_KEY", "account.credentials.key"), ("DEEPGRAM_URL", "account.url")];

pub(crate) const NOVA: Service =
    Service { name: "nova", vars: DEEPGRAM, needs: &["DEEPGRAM_API_KEY"] };
pub(crate) const FLUX: Service =
    Service { name: "flux", vars: DEEPGRAM, needs: &["DEEPGRAM_API_KEY"] };
pub(crate) const AURA: Service =
    Service { name: "aura", vars: DEEPGRAM, needs: &["DEEPGRAM_API_KEY"] };
pub(crate) const ASSEMBLYAI: Service = Service {
    name: "assemblyai",
    vars: &[("ASSEMBLYAI_API_KEY", "account.credentials.key"), ("ASSEMBLYAI_URL", "account.url")],
    needs: &["ASSEMBLYAI_API_KEY"],
};
pub(crate) const ELEVENLABS: Service = Service {
    name: "elevenlabs",
    vars: &[("ELEVENLABS_API_KEY", "api_key"), ("ELEVENLABS_URL", "url")],
    needs: &["ELEVENLABS_API_KEY"],
};
pub(crate) const PIPER: Service = Service {
    name: "piper",
    vars: &[("PIPER_URL", "url"), ("PIPER_VOICE", "voice")],
    needs: &["PIPER_URL"],
};
pub(crate) const OPENAI: Service = Service {
    name: "openai",
    vars: &[("OPENAI_API_KEY", "api_key"), ("OPENAI_BASE_URL", "base_url")],
    // A server of one's own wants no key.
    needs: &["OPENAI_API_KEY", "OPENAI_BASE_URL"],
};
pub(crate) const GROQ: Service = Service {
    name: "groq",
    vars: &[("GROQ_API_KEY", "api_key"), ("GROQ_BASE_URL", "base_url")],
    needs: &["GROQ_API_KEY"],
};
pub(crate) const ANTHROPIC: Service = Service {
    name: "anthropic",
    vars: &[("ANTHROPIC_API_KEY", "api_key"), ("ANTHROPIC_BASE_URL", "base_url")],
    needs: &["ANTHROPIC_API_KEY"],
};
/// The parts on this machine.
pub(crate) const LOCAL: Service = Service { name: "local", vars: &[], needs: &[] };

/// What a stage of a call is done by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Speech to text.
    Asr,
    /// Answers.
    Llm,
    /// Text to speech.
    Tts,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Asr => "asr",
            Self::Llm => "llm",
            Self::Tts => "tts",
        }
    }

    /// What it can be done by, best first.
    fn services(self) -> &'static [&'static Service] {
        match self {
            Self::Asr => &[&NOVA, &FLUX, &ASSEMBLYAI, &LOCAL],
            Self::Llm => &[&OPENAI, &GROQ, &ANTHROPIC, &LOCAL],
            Self::Tts => &[&ELEVENLABS, &AURA, &PIPER, &OPENAI, &LOCAL],
        }
    }

    /// Whether the service is used without being asked for, if its key is there.
    fn uses(self, service: &Service, chosen: &[&Service]) -> bool {
        match (self, service.name) {
            // Nova has the same key, and leaves it to the engine when a turn ends.
            (_, "flux") => false,
            // Its key is there for its models.
            (Self::Tts, "openai") => false,
            // It knows what is in its file and nothing else: no stand-in for a model.
            (Self::Llm, "local") => chosen.is_empty(),
            _ => true,
        }
    }
}

impl Settings {
    /// What the file says, and the environment over it.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the configuration {}", path.display()))?,
        };
        let settings = Self::parse(&text, &|name| std::env::var(name).ok());
        settings.with_context(|| match file {
            Some(path) => path.display().to_string(),
            None => "the environment".to_owned(),
        })
    }

    /// `text`, and the environment `var` over it.
    pub(crate) fn parse(text: &str, var: Var<'_>) -> Result<Self> {
        let mut file: Table = toml::from_str(text)?;
        let mut sections = BTreeMap::new();
        for service in [Stage::Asr, Stage::Llm, Stage::Tts].map(Stage::services).concat() {
            // Lists of services are at the top of the file, and no service is called as a stage.
            let said = match file.remove(service.name) {
                None => Table::new(),
                Some(Value::Table(table)) => table,
                Some(_) => bail!("{} is to be a section: [{0}]", service.name),
            };
            let section: &mut Table = sections.entry(service.name).or_default();
            section.extend(said);
            for (name, field) in service.vars {
                let value = var(name).map(|value| value.trim().to_owned());
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    set(section, field, value);
                }
            }
        }
        let mut settings: Self = Value::Table(file).try_into()?;
        settings.sections = sections;
        Ok(settings)
    }

    /// What to do a stage by, best first.
    pub(crate) fn chosen(&self, stage: Stage) -> Result<Vec<&'static Service>> {
        let listed = match stage {
            Stage::Asr => &self.asr,
            Stage::Llm => &self.llm,
            Stage::Tts => &self.tts,
        };
        let services = stage.services();
        let Some(listed) = listed else {
            let mut chosen = Vec::new();
            for service in services {
                if self.is_ready(service) && stage.uses(service, &chosen) {
                    chosen.push(*service);
                }
            }
            return Ok(chosen);
        };
        if listed.is_empty() {
            bail!("{}: name at least one of {}", stage.name(), names(services));
        }
        let mut chosen = Vec::new();
        for name in listed {
            let service = services.iter().find(|service| service.name == name);
            let Some(service) = service else {
                bail!("{}: {name:?} is not one of {}", stage.name(), names(services));
            };
            if !self.is_ready(service) {
                let needs = service.needs.join(" or ");
                bail!("{}: {name:?} needs {needs} in the environment", stage.name());
            }
            chosen.push(*service);
        }
        Ok(chosen)
    }

    /// The configuration of a service, as its crate has it.
    pub(crate) fn section<T: DeserializeOwned>(&self, service: &Service) -> Result<T> {
        let section = self.sections.get(service.name).cloned().unwrap_or_default();
        Value::Table(section).try_into().with_context(|| format!("[{}]", service.name))
    }

    /// Whom callers can be connected to.
    pub(crate) fn transfers(&self) -> BTreeMap<String, Transfer> {
        let all = self.transfer.iter();
        all.map(|(name, number)| (name.clone(), Transfer::to(number))).collect()
    }

    /// The MCP servers whose tools the model may use.
    pub(crate) fn mcp_servers(&self) -> Result<Vec<McpServer>> {
        let each = self.mcp.iter();
        each.map(|(name, mcp)| mcp.server(name).with_context(|| format!("[mcp.{name}]"))).collect()
    }

    /// How long a service may take before the next is tried.
    pub(crate) fn limits(&self) -> Limits {
        let Some(limit) = self.answer_within_ms.map(Duration::from_millis) else {
            return Limits::default();
        };
        Limits::default().with_first(limit).with_between(limit)
    }

    /// Whether what the service needs is there, from the environment or the file.
    fn is_ready(&self, service: &Service) -> bool {
        let mut needed = service.vars.iter().filter(|(name, _)| service.needs.contains(name));
        let section = self.sections.get(service.name);
        service.needs.is_empty()
            || needed.any(|(_, field)| section.is_some_and(|table| has(table, field)))
    }
}

fn names(services: &[&Service]) -> String {
    let names: Vec<&str> = services.iter().map(|service| service.name).collect();
    names.join(", ")
}

/// Sets the field at a path such as `account.url`.
fn set(table: &mut Table, path: &str, value: String) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), Value::String(value));
        }
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

fn has(table: &Table, path: &str) -> bool {
    match path.split_once('.') {
        None => table.contains_key(path),
        Some((head, rest)) => {
            table.get(head).and_then(Value::as_table).is_some_and(|inner| has(inner, rest))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
