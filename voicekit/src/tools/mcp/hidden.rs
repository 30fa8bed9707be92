//! Secrets, kept out of what a server says.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use voicekit_net::Secret;

/// Shortest text that is taken for a secret, in bytes: shorter ones occur by chance.
const SHORTEST: usize = 8;

/// The secrets that a server knows. What it says is searched for them.
#[derive(Clone, Default)]
pub(super) struct Hidden(Arc<Vec<String>>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hidden({} secrets)", self.0.len())
    }
}

impl Hidden {
    pub(super) fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() >= SHORTEST {
            Arc::make_mut(&mut self.0).push(secret.to_owned());
        }
    }

    /// The text without secrets.
    pub(super) fn hide(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            if text.contains(secret) { text.replace(secret, Secret::REDACTED) } else { text }
        })
    }

    /// The JSON without secrets.
    pub(super) fn hide_in(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.hide(text)),
            Value::Array(items) => items.into_iter().map(|item| self.hide_in(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.into_iter();
                fields.map(|(name, value)| (self.hide(name), self.hide_in(value))).collect()
            }
            value @ (Value::Null | Value::Bool(_) | Value::Number(_)) => value,
        }
    }
}
