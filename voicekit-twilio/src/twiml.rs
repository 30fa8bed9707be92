//! The documents that tell the carrier what to do with a call.

use std::collections::BTreeMap;
use std::fmt::Write;

use voicekit_core::control::{Keys, Transfer};

use crate::wire;

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#;

/// Connects the call to the stream at `url` and sends `token` and `parameters` along.
///
/// Nothing follows the stream: when it ends, the carrier hangs up.
pub(crate) fn connect(url: &str, token: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut xml = String::from(HEAD);
    xml.push_str("<Connect><Stream url=\"");
    escape(&mut xml, url);
    xml.push_str("\">");
    parameter(&mut xml, wire::TOKEN_PARAMETER, token);
    for (name, value) in parameters {
        parameter(&mut xml, name, value);
    }
    xml.push_str("</Stream></Connect></Response>");
    xml
}

/// Connects the caller to somebody else.
pub(crate) fn dial(to: &Transfer) -> String {
    let mut xml = String::from(HEAD);
    xml.push_str("<Dial");
    attribute(&mut xml, "timeout", &to.ring.as_secs().to_string());
    if let Some(number) = &to.caller_id {
        attribute(&mut xml, "callerId", number);
    }
    xml.push('>');
    let verb = if is_sip(&to.to) { "Sip" } else { "Number" };
    // Writing to a String does not fail.
    write!(xml, "<{verb}").ok();
    if let Some(keys) = &to.keys {
        attribute(&mut xml, "sendDigits", keys.as_str());
    }
    xml.push('>');
    escape(&mut xml, &to.to);
    write!(xml, "</{verb}></Dial></Response>").ok();
    xml
}

/// The caller waits in the conference `room` for whoever comes.
pub(crate) fn wait_in(room: &str) -> String {
    let mut xml = String::from(HEAD);
    join(&mut xml, room, "false");
    xml.push_str("</Response>");
    xml
}

/// Whoever picks up is told `text` and joins the caller in the conference `room`.
pub(crate) fn tell_and_join(text: &str, room: &str) -> String {
    let mut xml = String::from(HEAD);
    xml.push_str("<Say>");
    escape(&mut xml, text);
    xml.push_str("</Say>");
    join(&mut xml, room, "true");
    xml.push_str("</Response>");
    xml
}

/// Presses `keys`, and then comes back to us as a new media stream.
pub(crate) fn press(keys: &Keys, answer_url: &str) -> String {
    let mut xml = String::from(HEAD);
    xml.push_str("<Play");
    attribute(&mut xml, "digits", keys.as_str());
    xml.push_str("/><Redirect method=\"POST\">");
    escape(&mut xml, answer_url);
    xml.push_str("</Redirect></Response>");
    xml
}

pub(crate) fn is_sip(address: &str) -> bool {
    address.starts_with("sip:") || address.starts_with("sips:")
}

/// The conference ends when either side leaves it.
fn join(xml: &mut String, room: &str, starts: &str) {
    xml.push_str("<Dial><Conference");
    attribute(xml, "startConferenceOnEnter", starts);
    attribute(xml, "endConferenceOnExit", "true");
    attribute(xml, "beep", "false");
    xml.push('>');
    escape(xml, room);
    xml.push_str("</Conference></Dial>");
}

fn attribute(xml: &mut String, name: &str, value: &str) {
    write!(xml, " {name}=\"").ok();
    escape(xml, value);
    xml.push('"');
}

fn parameter(xml: &mut String, name: &str, value: &str) {
    xml.push_str("<Parameter name=\"");
    escape(xml, name);
    xml.push_str("\" value=\"");
    escape(xml, value);
    xml.push_str("\"/>");
}

fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            c => xml.push(c),
        }
    }
}
