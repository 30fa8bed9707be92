//! Tools as an agent offers them: with schemas that model providers accept, and names that differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tool::schema::Normalized;
use voicekit_core::tool::{Tool, ToolCall, ToolContext, ToolOutcome, ToolSpec};

use super::names::{fitting, is_fitting, unique};
use crate::session::STOP;
use crate::team::HAND_OFF;

/// Maximum number of tools that are offered: 128 (OpenAI, "Function calling"), less those that an
/// agent and a team add themselves.
const MOST: usize = 126;

/// Maximum number of tools that one warning names.
const LONGEST_LIST: usize = 20;

/// A tool with the name and the schema that the model sees.
#[derive(Debug)]
struct Offered {
    tool: Arc<dyn Tool>,
    /// Its name, if it is not its own.
    name: Option<String>,
    /// The schema that `normalized` is made of.
    original: Value,
    normalized: Normalized,
}

/// The tools as the model sees them. Tools of servers get other names where they collide, and are
/// left out where there are too many.
///
/// # Errors
///
/// `Config` if two of the application's own tools have the same name, or one cannot be offered.
pub(crate) fn offered(tools: Vec<Arc<dyn Tool>>) -> Result<Vec<Arc<dyn Tool>>> {
    let mut taken = BTreeSet::from([STOP.to_owned()]);
    let mut left = MOST;
    for spec in tools.iter().map(|tool| tool.spec()).filter(|spec| spec.source.is_none()) {
        check(&spec, &taken)?;
        left = left.saturating_sub(1);
        taken.insert(spec.name);
    }
    // A team adds it later.
    taken.insert(HAND_OFF.to_owned());
    let (mut offered, mut excess) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for tool in tools {
        let ToolSpec { name, parameters, source, .. } = tool.spec();
        let name = match source {
            Some(server) if left == 0 => {
                excess.entry(server).or_default().push(name);
                continue;
            }
            Some(server) => {
                left -= 1;
                renamed(&server, name, &mut taken)
            }
            None => None,
        };
        let normalized = Normalized::new(&parameters);
        let tool = Offered { tool, name, original: parameters, normalized };
        offered.push(Arc::new(tool) as Arc<dyn Tool>);
    }
    for (server, names) in excess {
        let count = names.len();
        let tools = names.into_iter().take(LONGEST_LIST).collect::<Vec<_>>().join(" ");
        tracing::warn!(server, count, tools, "too many tools for a model: these are left out");
    }
    Ok(offered)
}

/// Models accept letters, digits, `_` and `-`, must tell tools apart, and give their arguments as
/// an object.
fn check(spec: &ToolSpec, taken: &BTreeSet<String>) -> Result<()> {
    let name = &spec.name;
    let kind = spec.parameters.get("type").and_then(Value::as_str);
    let is_made_of_others =
        ["oneOf", "anyOf", "allOf", "$ref"].iter().any(|word| spec.parameters.get(word).is_some());
    let problem = if !is_fitting(name) {
        "is not 1 to 64 letters, digits, _ and -"
    } else if name == STOP {
        "is taken: the model stops tools with it"
    } else if taken.contains(name) {
        "is the name of two tools"
    } else if kind != Some("object") && !(kind.is_none() && is_made_of_others) {
        "takes no object: its arguments must be a struct with named fields"
    } else {
        return Ok(());
    };
    let message = format!("tool name {name:?} {problem}");
    Err(Error::new(ErrorKind::Config, "agent", message))
}

/// The name of a server's tool, if it has to be another: the server's name comes before it.
fn renamed(server: &str, name: String, taken: &mut BTreeSet<String>) -> Option<String> {
    let mut fitted = fitting(&name);
    if taken.contains(&fitted) {
        fitted = unique(&fitting(&format!("{server}_{name}")), taken);
    }
    taken.insert(fitted.clone());
    if fitted == name {
        return None;
    }
    tracing::warn!(
        server,
        tool = name,
        offered_as = fitted,
        "tool renamed: its name is taken or not accepted by models"
    );
    Some(fitted)
}

#[async_trait]
impl Tool for Offered {
    fn spec(&self) -> ToolSpec {
        let mut spec = self.tool.spec();
        if let Some(name) = &self.name {
            spec.name.clone_from(name);
        }
        if spec.parameters != self.original {
            spec.parameters = Normalized::new(&spec.parameters).schema;
        } else if self.original != self.normalized.schema {
            spec.parameters.clone_from(&self.normalized.schema);
        }
        spec
    }

    async fn run(&self, call: &ToolCall, context: &ToolContext) -> Result<ToolOutcome> {
        if self.name.is_none() && self.normalized.renamed.is_empty() {
            return self.tool.run(call, context).await;
        }
        let mut call = call.clone();
        call.name = self.tool.spec().name;
        if let Ok(arguments) = serde_json::from_str(&call.arguments)
            && !self.normalized.renamed.is_empty()
        {
            call.arguments = self.normalized.restore(arguments).to_string();
        }
        self.tool.run(&call, context).await
    }
}
