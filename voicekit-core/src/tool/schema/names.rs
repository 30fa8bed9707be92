//! Property names that every provider accepts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Maximum length of a property name, in characters (Anthropic, "Tool use").
const LONGEST: usize = 64;

/// The names of a document: those that are taken, and those that were changed.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    /// Original names and what replaces them.
    changed: BTreeMap<String, String>,
}

impl Names {
    /// Collects the property names anywhere in `schema`, so that no new name collides with one.
    pub(super) fn of(schema: &Value) -> Self {
        let mut names = Self::default();
        names.collect(schema);
        names
    }

    fn collect(&mut self, value: &Value) {
        if let Some(fields) = value.as_object() {
            self.taken.extend(fields.keys().cloned());
            fields.values().for_each(|value| self.collect(value));
        } else if let Some(items) = value.as_array() {
            items.iter().for_each(|item| self.collect(item));
        }
    }

    /// Returns the name to use for the property `name`; always the same one.
    pub(super) fn fit(&mut self, name: &str) -> String {
        if is_fit(name) {
            return name.to_owned();
        }
        if let Some(changed) = self.changed.get(name) {
            return changed.clone();
        }
        let fits = |c: char| if is_fit_char(c) { c } else { '_' };
        let mut base: String = name.chars().map(fits).take(LONGEST).collect();
        if base.chars().all(|c| c == '_') {
            base = "value".to_owned();
        }
        let mut fitted = base.clone();
        let mut number = 2;
        while !self.taken.insert(fitted.clone()) {
            let end = format!("_{number}");
            fitted = base.chars().take(LONGEST - end.len()).collect::<String>() + &end;
            number += 1;
        }
        self.changed.insert(name.to_owned(), fitted.clone());
        fitted
    }

    /// The new names and their originals.
    pub(super) fn renamed(self) -> BTreeMap<String, String> {
        self.changed.into_iter().map(|(original, name)| (name, original)).collect()
    }
}

fn is_fit(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.chars().all(is_fit_char)
}

fn is_fit_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}
