//! The document that tells the carrier to connect a call to the media stream.

use std::collections::BTreeMap;

use crate::wire;

/// Connects the call to the stream at `url` and sends `token` and `parameters` along.
///
/// Nothing follows the stream: when it ends, the carrier hangs up.
pub(crate) fn connect(url: &str, token: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    xml.push_str("<Response><Connect><Stream url=\"");
    escape(&mut xml, url);
    xml.push_str("\">");
    parameter(&mut xml, wire::TOKEN_PARAMETER, token);
    for (name, value) in parameters {
        parameter(&mut xml, name, value);
    }
    xml.push_str("</Stream></Connect></Response>");
    xml
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
