//! Results of tools as text for the model.

use serde_json::Value;

use crate::tools::ToolError;

/// The text of a result, whatever version of the protocol it is written in.
pub(super) fn text(result: &Value) -> Result<String, ToolError> {
    let text = parts(result);
    let failed = matches!(result.get("isError"), Some(Value::Bool(true)))
        || result.get("isError").and_then(Value::as_str) == Some("true");
    if failed { Err(ToolError::new(text)) } else { Ok(text) }
}

fn parts(result: &Value) -> String {
    if let Some(text) = unfinished(result) {
        return text;
    }
    let blocks: &[Value] = match result.get("content") {
        Some(Value::Array(blocks)) => blocks,
        Some(Value::Null) | None => &[],
        Some(block) => std::slice::from_ref(block),
    };
    let pieces = blocks.iter().map(piece).filter(|(text, _)| !text.trim().is_empty());
    let pieces: Vec<(String, bool)> = pieces.collect();
    let mut texts: Vec<String> = pieces.iter().map(|(text, _)| text.clone()).collect();
    // Structured content repeats the text, if there is one.
    if !pieces.iter().any(|(_, is_text)| *is_text) {
        let structured = ["structuredContent", "toolResult"]
            .iter()
            .find_map(|field| result.get(*field).filter(|value| !value.is_null()));
        texts.extend(structured.map(written));
    }
    if texts.is_empty() {
        texts.extend(other_fields(result));
    }
    if texts.is_empty() { "Done.".to_owned() } else { texts.join("\n") }
}

/// What a result says that is not the end of a call.
fn unfinished(result: &Value) -> Option<String> {
    if result.get("content").is_some() {
        return None;
    }
    match result.get("resultType").and_then(Value::as_str)? {
        "input_required" => Some(
            "Nothing was done: the tool asks for input from a screen, which this call does not have."
                .to_owned(),
        ),
        "task" => Some(
            "The tool has started work that goes on by itself; its result will not follow.".to_owned(),
        ),
        _ => None,
    }
}

/// One piece of content, and whether it is text.
fn piece(block: &Value) -> (String, bool) {
    if let Some(text) = block.as_str() {
        return (text.to_owned(), true);
    }
    let field = |name: &str| block.get(name).and_then(Value::as_str);
    match field("type") {
        Some("text") => match block.get("text") {
            Some(text) => (written(text), true),
            None => (String::new(), false),
        },
        Some("image") => (media("an image", field("mimeType"), field("data")), false),
        Some("audio") => (media("a sound", field("mimeType"), field("data")), false),
        Some("resource") => resource(block.get("resource").unwrap_or(block)),
        Some("resource_link") => (link(block), true),
        _ if block.is_null() => (String::new(), false),
        _ => (bare(block).to_string(), true),
    }
}

/// An embedded resource: its text, or what it is.
fn resource(resource: &Value) -> (String, bool) {
    let field = |name: &str| resource.get(name).and_then(Value::as_str);
    if let Some(text) = field("text") {
        return (text.to_owned(), true);
    }
    let Some(data) = field("blob") else { return (link(resource), true) };
    let kind = field("mimeType");
    (
        media(
            &format!("the file {}", field("uri").unwrap_or("without an address")),
            kind,
            Some(data),
        ),
        false,
    )
}

fn link(resource: &Value) -> String {
    let field = |name: &str| {
        let text = resource.get(name).and_then(Value::as_str);
        text.filter(|text| !text.trim().is_empty())
    };
    let mut text = field("title").or_else(|| field("name")).unwrap_or_default().to_owned();
    if let Some(uri) = field("uri") {
        text = if text.is_empty() { uri.to_owned() } else { format!("{text}: {uri}") };
    }
    if let Some(description) = field("description") {
        text = format!("{text} ({description})");
    }
    if text.trim().is_empty() { bare(resource).to_string() } else { text }
}

/// What cannot be read aloud, named with its type and size.
fn media(what: &str, kind: Option<&str>, data: Option<&str>) -> String {
    let mut details = vec![what.to_owned()];
    details.extend(kind.map(str::to_owned));
    // Four characters of base64 are three bytes.
    details.extend(data.map(|data| size(data.trim_end_matches('=').len() * 3 / 4)));
    format!("[{}; it cannot be spoken]", details.join(", "))
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// The block without what is for programs only.
fn bare(block: &Value) -> Value {
    let mut block = block.clone();
    if let Some(fields) = block.as_object_mut() {
        fields.remove("_meta");
        fields.remove("annotations");
    }
    block
}

/// The fields of a result that has neither content nor structured content.
fn other_fields(result: &Value) -> Option<String> {
    let Some(fields) = result.as_object() else {
        return Some(result).filter(|result| !result.is_null()).map(written);
    };
    let known = ["content", "structuredContent", "toolResult", "isError", "_meta", "resultType"];
    let others = fields.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let others: serde_json::Map<String, Value> =
        others.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!others.is_empty()).then(|| Value::Object(others).to_string())
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
