//! What the fields of JSON hold: titles, texts, items or what is wrapped around them.

use super::item::said;
use super::value::Json;

/// What an item may call its title, the surest first.
pub(super) const TITLES: &[&str] = &[
    "question", "q", "frage", "prompt", "title", "heading", "headline", "name", "topic", "subject",
    "term", "label",
];
/// What an item may call its text, which needs no label.
pub(super) const TEXTS: &[&str] = &[
    "text",
    "content",
    "body",
    "answer",
    "description",
    "a",
    "antwort",
    "acceptedanswer",
    "completion",
    "response",
    "reply",
    "articlebody",
    "definition",
    "suggestedanswer",
    "output",
];
/// What says how an item is kept, not what it is.
pub(super) const BOOKKEEPING: &[&str] = &[
    "id",
    "_id",
    "uuid",
    "guid",
    "@id",
    "@type",
    "@context",
    "$schema",
    "__typename",
    "_index",
    "_score",
    "_rev",
    "_type",
];
/// What the wrapper of items says of itself.
pub(super) const ENVELOPE: &[&str] = &[
    "version",
    "count",
    "total",
    "page",
    "pages",
    "per_page",
    "perpage",
    "pagesize",
    "limit",
    "offset",
    "next",
    "previous",
    "prev",
    "status",
    "success",
    "ok",
    "code",
    "updated",
    "updated_at",
    "created_at",
    "generated",
    "timestamp",
    "type",
    "lang",
    "language",
    "locale",
    "cursor",
    "has_more",
    "schema",
    "took",
    "timed_out",
    "error",
    "message",
    "inlanguage",
];
/// Names of fields that hold items and say nothing of them.
pub(super) const WRAPPERS: &[&str] = &[
    "data",
    "items",
    "results",
    "result",
    "records",
    "rows",
    "entries",
    "list",
    "values",
    "faqs",
    "faq",
    "hits",
    "documents",
    "docs",
    "objects",
    "elements",
    "content",
    "contents",
    "response",
    "payload",
    "mainentity",
    "@graph",
    "questions",
    "edges",
    "nodes",
    "props",
    "pageprops",
    "value",
    "itemlistelement",
    "itemlist",
];
/// Names of fields that hold the item itself.
const SHELLS: &[&str] = &["_source", "attributes", "node", "fields", "item", "record", "document"];
/// Names of fields that hold a text in one of its forms.
const FORMS: &[&str] = &["rendered", "text", "value", "@value", "#text", "html", "plain", "raw"];
/// The longest list of objects that is part of an item and not items of its own, in bytes.
const LONGEST_PART: usize = 600;

pub(super) fn is(name: &str, wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted)
}

pub(super) fn one_of(name: &str, wanted: &[&str]) -> bool {
    wanted.iter().any(|one| is(name, one))
}

/// Whether a value may be a title.
pub(super) fn is_short(value: &Json) -> bool {
    let text = match value {
        Json::Text(text) => text,
        Json::Object(_) => return form(value).is_some_and(is_short),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) => return false,
    };
    !text.trim().is_empty() && text.len() <= 500
}

/// Whether a name tells items apart and says nothing of them.
pub(super) fn is_id(name: &str) -> bool {
    let hex = name.len() >= 16 && name.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    hex || name.chars().all(|c| !c.is_alphabetic())
}

/// The fields of an item, without the shell around it.
pub(super) fn opened(fields: &[(String, Json)]) -> Vec<(&str, &Json)> {
    let mut opened = Vec::new();
    for (name, value) in fields {
        match value {
            Json::Object(inner)
                if one_of(name, SHELLS) && !inner.iter().all(|(_, v)| !v.is_scalar()) =>
            {
                opened.extend(inner.iter().map(|(name, value)| (name.as_str(), value)));
            }
            Json::Null
            | Json::Bool(_)
            | Json::Number(_)
            | Json::Text(_)
            | Json::List(_)
            | Json::Object(_) => opened.push((name.as_str(), value)),
        }
    }
    opened
}

/// Whether an object names its items: questions with their answers, or ids.
///
/// The fields of an item that is one of a list may have names of several words.
pub(super) fn is_map(fields: &[(&str, &Json)], listed: bool) -> bool {
    let kept: Vec<&(&str, &Json)> =
        fields.iter().filter(|(name, _)| !one_of(name, BOOKKEEPING)).collect();
    let texts = kept.iter().filter(|(_, value)| matches!(value, Json::Text(_)));
    let sentences =
        kept.iter().filter(|(name, _)| name.ends_with('?') || (!listed && name.contains(' ')));
    if kept.is_empty() {
        return false;
    }
    let questions = texts.count() == kept.len() && sentences.count() * 2 >= kept.len();
    let objects = kept.iter().all(|(name, value)| {
        matches!(value, Json::Object(_)) && !one_of(name, WRAPPERS) && form(value).is_none()
    });
    questions || objects
}

/// Whether a field of an item holds items of its own.
pub(super) fn holds_items(name: &str, value: &Json, has_text: bool) -> bool {
    let is_item = |item: &Json| match item {
        Json::Object(fields) => {
            let has = |wanted: &[&str]| fields.iter().any(|(name, _)| one_of(name, wanted));
            has(TEXTS) || has(&TITLES[..4]) || fields.len() > 3
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => false,
    };
    match value {
        Json::List(items) => {
            let complex = items.iter().any(|item| !item.is_scalar());
            let steps = one_of(name, &["step", "steps", "howtostep", "suggestedAnswer"]);
            complex
                && !steps
                && !one_of(name, &["acceptedAnswer"])
                && (!has_text
                    || one_of(name, WRAPPERS)
                    || items.iter().any(is_item)
                    || said(value).len() > LONGEST_PART)
        }
        Json::Object(_) if form(value).is_some() => false,
        Json::Object(fields) => {
            !has_text
                || (one_of(name, WRAPPERS) && !one_of(name, TEXTS))
                || fields.iter().any(|(name, value)| holds_items(name, value, has_text))
                || said(value).len() > LONGEST_PART
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => false,
    }
}

/// Whether an object holds nothing but numbers and marks, at least one number.
pub(super) fn counts(value: &Json) -> bool {
    let Json::Object(fields) = value else { return false };
    let number = fields.iter().any(|(_, value)| matches!(value, Json::Number(_)));
    let plain = |value: &Json| match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
        Json::Text(text) => !text.contains(char::is_whitespace),
        Json::List(_) | Json::Object(_) => false,
    };
    number && fields.iter().all(|(_, value)| plain(value))
}

/// Whether one of these fields is a list of items.
pub(super) fn beside_items(fields: &[(&str, &Json)]) -> bool {
    fields.iter().any(|(name, value)| match value {
        Json::List(items) => one_of(name, WRAPPERS) && items.iter().any(|item| !item.is_scalar()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => false,
    })
}

/// The text of an object that is nothing but a text in one of its forms.
pub(super) fn form(value: &Json) -> Option<&Json> {
    let Json::Object(fields) = value else { return None };
    let (_, text) = fields
        .iter()
        .find(|(name, value)| one_of(name, FORMS) && matches!(value, Json::Text(_)))?;
    let other = fields.iter().any(|(name, value)| match value {
        Json::Text(_) => {
            !one_of(name, BOOKKEEPING) && !one_of(name, FORMS) && !one_of(name, ENVELOPE)
        }
        Json::List(_) | Json::Object(_) => !one_of(name, &["author"]),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    });
    (!other).then_some(text)
}
