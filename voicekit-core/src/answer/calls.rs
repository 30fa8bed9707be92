//! Tool calls that a model wrote into its text.
//!
//! Families write them differently; what they have in common is the name of a tool and, beside it,
//! an object. [`parse`] looks for these instead of for each family's syntax: JSON that says what it
//! calls, a known name in front of a JSON object, elements named `invoke` and `parameter`, or a call
//! in Python.

use serde_json::{Deserializer, Map, Value};

use super::arguments::join_arguments;
use super::python;
use crate::tool::ToolSpec;

/// A call that was written as text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) name: String,
    /// A JSON object.
    pub(super) arguments: String,
}

const NAMES: &[&str] =
    &["name", "tool_name", "tool", "function", "function_name", "action", "recipient_name"];

const ARGUMENTS: &[&str] = &[
    "arguments",
    "parameters",
    "args",
    "input",
    "tool_input",
    "action_input",
    "params",
    "kwargs",
    "tool_arguments",
];

/// Objects around one call or several.
const WRAPPERS: &[&str] =
    &["tool_calls", "function_call", "tool_call", "function", "calls", "tool_uses"];

/// Returns the tool that a model means by `name`: with or without a namespace, quotes, leaked tokens
/// or another case.
///
/// ```
/// use voicekit_core::answer::find_tool;
/// use voicekit_core::tool::ToolSpec;
///
/// let tools = [ToolSpec::new("get_weather", "Looks up the weather.")];
/// let tool = find_tool("functions.get_weather<|channel|>commentary", &tools);
/// assert_eq!(tool.map(|tool| tool.name.as_str()), Some("get_weather"));
/// assert!(find_tool("get_time", &tools).is_none());
/// ```
pub fn find_tool<'a>(name: &str, tools: &'a [ToolSpec]) -> Option<&'a ToolSpec> {
    let name = name.split("<|").next().unwrap_or_default();
    let name = name.trim().trim_matches(['"', '\'', '`']).trim();
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    let last = last.split(':').find(|part| !matches!(*part, "functions" | "call" | "tool"));
    let candidates = [Some(name), last].into_iter().flatten();
    let exact = candidates.clone().find_map(|name| tools.iter().find(|tool| tool.name == name));
    exact.or_else(|| {
        let mut close = candidates
            .flat_map(|name| tools.iter().filter(move |tool| tool.name.eq_ignore_ascii_case(name)));
        close.next()
    })
}

/// The calls of known tools in `body`, in order.
pub(super) fn parse(body: &str, tools: &[ToolSpec]) -> Vec<Written> {
    let body = body.replace("｜DSML｜", "").replace("antml:", "");
    for read in [elements, json, in_python, braced] {
        let calls = read(&body, tools);
        if !calls.is_empty() {
            return calls;
        }
    }
    Vec::new()
}

/// The calls in a `body` between marks of tool calls, where a name alone is a call as well.
pub(super) fn parse_region(body: &str, tools: &[ToolSpec]) -> Vec<Written> {
    let calls = parse(body, tools);
    let name = body.trim();
    let is_word = !name.is_empty() && !name.contains(char::is_whitespace);
    match find_tool(name, tools) {
        Some(tool) if calls.is_empty() && is_word => vec![written(tool, &Value::Null)],
        Some(_) | None => calls,
    }
}

/// Whether complete JSON is meant as a call, of whatever tool.
pub(super) fn looks_like_call(json: &str, tools: &[ToolSpec]) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(json) else {
        return begins_call(json, tools);
    };
    let mut calls = Vec::new();
    from_value(&value, tools, &mut calls);
    !calls.is_empty() || is_shaped(&value)
}

/// Whether JSON that is not complete, or not valid, was meant as a call.
pub(super) fn begins_call(json: &str, tools: &[ToolSpec]) -> bool {
    let has = |field: &&str| json.contains(&format!("\"{field}\""));
    let names_tool = tools.iter().any(|tool| json.contains(&format!("\"{}\"", tool.name)));
    NAMES.iter().any(has) && (names_tool || ARGUMENTS.iter().any(has))
}

fn is_shaped(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty() && items.iter().all(is_shaped),
        Value::Object(fields) => {
            let names = NAMES.iter().any(|name| fields.get(*name).is_some_and(Value::is_string));
            let takes = ARGUMENTS.iter().any(|name| fields.contains_key(*name));
            names && takes || WRAPPERS.iter().any(|name| fields.get(*name).is_some_and(is_shaped))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Calls in JSON, and JSON objects behind the name of a tool.
fn json(body: &str, tools: &[ToolSpec]) -> Vec<Written> {
    let (mut calls, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(begin) = body[at..].find(['{', '[']).map(|found| at + found) {
        let mut values = Deserializer::from_str(&body[begin..]).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else {
            at = begin + 1;
            continue;
        };
        let end = begin + values.byte_offset();
        let known = calls.len();
        from_value(&value, tools, &mut calls);
        if calls.len() == known
            && value.is_object()
            && let Some(tool) = last_name(&body[from..begin], tools)
        {
            calls.push(written(tool, &value));
        }
        (from, at) = (end, end);
    }
    calls
}

/// The calls that a JSON value says.
fn from_value(value: &Value, tools: &[ToolSpec], calls: &mut Vec<Written>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| from_value(item, tools, calls)),
        Value::Object(fields) => from_fields(fields, tools, calls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn from_fields(fields: &Map<String, Value>, tools: &[ToolSpec], calls: &mut Vec<Written>) {
    let name = NAMES.iter().find_map(|name| fields.get(*name)?.as_str());
    let arguments = ARGUMENTS.iter().find_map(|name| fields.get(*name));
    if let Some(name) = name {
        let is_call = arguments.is_some() || fields.len() == 1 || fields.contains_key("type");
        if let (true, Some(tool)) = (is_call, find_tool(name, tools)) {
            calls.push(written(tool, arguments.unwrap_or(&Value::Null)));
        }
        return;
    }
    let inner = WRAPPERS.iter().find_map(|wrapper| fields.get(*wrapper));
    if let Some(inner) = inner {
        return from_value(inner, tools, calls);
    }
    // `{"get_weather": {"city": "Paris"}}`
    if let (1, Some((name, value @ Value::Object(_)))) = (fields.len(), fields.iter().next())
        && let Some(tool) = find_tool(name, tools)
    {
        calls.push(written(tool, value));
    }
}

fn written(tool: &ToolSpec, arguments: &Value) -> Written {
    let text = match arguments {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            arguments.to_string()
        }
    };
    Written { name: tool.name.clone(), arguments: join_arguments(&[text]) }
}

/// The last name of a tool in `text`.
fn last_name<'a>(text: &str, tools: &'a [ToolSpec]) -> Option<&'a ToolSpec> {
    let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.rsplit(|c| !is_inside(c)).find_map(|word| find_tool(word, tools))
}

/// Calls as elements: `<invoke name="f"><parameter name="p">v</parameter></invoke>`,
/// `<function=f><parameter=p>v</parameter></function>`, and a name before `<arg_key>` and
/// `<arg_value>`.
fn elements(body: &str, tools: &[ToolSpec]) -> Vec<Written> {
    let mut calls: Vec<(&ToolSpec, Map<String, Value>)> = Vec::new();
    let (mut rest, mut text, mut key) = (body, String::new(), None::<String>);
    let mut has_element = false;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let Some(close) = rest[open..].find('>').map(|at| open + at) else { break };
        let element = &rest[open + 1..close];
        rest = &rest[close + 1..];
        let name = element.split([' ', '=', '\n']).next().unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "invoke" | "function" | "tool" => {
                let tool = attribute(element).and_then(|name| find_tool(&name, tools));
                has_element = true;
                calls.extend(tool.map(|tool| (tool, Map::new())));
                key = None;
            }
            "parameter" | "param" | "arg" => key = attribute(element),
            "arg_key" => {
                if key.is_none() && !has_element {
                    let tool = last_name(&text, tools);
                    calls.extend(tool.map(|tool| (tool, Map::new())));
                    has_element = true;
                }
                key = None;
            }
            "/arg_key" => key = Some(text.trim().to_owned()),
            "arg_value" => {}
            "/parameter" | "/param" | "/arg" | "/arg_value" => {
                if let (Some(key), Some((tool, fields))) = (key.take(), calls.last_mut()) {
                    let value = typed(tool, &key, text.trim_matches('\n'));
                    fields.insert(key, value);
                }
            }
            "tool_call" | "/tool_call" => has_element = false,
            _ => {}
        }
        text.clear();
    }
    let has_objects = body.contains('{');
    let is_empty = calls.iter().all(|(_, fields)| fields.is_empty());
    if is_empty && has_objects {
        // `<function=f>{…}</function>` is JSON behind a name.
        return Vec::new();
    }
    let call =
        |(tool, fields): (&ToolSpec, Map<String, Value>)| written(tool, &Value::Object(fields));
    calls.into_iter().map(call).collect()
}

/// The value of `name="…"`, or of what follows `=` at once.
fn attribute(element: &str) -> Option<String> {
    let (_, value) = element.split_once('=')?;
    let value = value.trim();
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
        Some(_) | None => value.split([' ', '/']).next().unwrap_or_default(),
    };
    (!value.is_empty()).then(|| value.to_owned())
}

/// A value that was written as text, as its schema wants it.
fn typed(tool: &ToolSpec, name: &str, text: &str) -> Value {
    let text = text.trim();
    let schema = tool.parameters.pointer(&format!("/properties/{name}/type"));
    if schema.and_then(Value::as_str) == Some("string") {
        return Value::String(text.to_owned());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// `get_weather(city="Paris")`.
fn in_python(body: &str, tools: &[ToolSpec]) -> Vec<Written> {
    let (mut calls, mut at) = (Vec::new(), 0);
    while let Some(open) = body[at..].find('(').map(|found| at + found) {
        at = open + 1;
        let before = body[..open].strip_suffix(".call").unwrap_or(&body[..open]);
        let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let word = before.rsplit(|c| !is_inside(c)).next().unwrap_or_default();
        let Some(tool) = find_tool(word, tools) else { continue };
        if let Some((arguments, length)) = python::arguments(&body[open..]) {
            calls.push(written(tool, &Value::Object(arguments)));
            at = open + length;
        }
    }
    calls
}

/// `call:get_weather{city:<escape>Paris<escape>}`: an object whose names have no quotes.
fn braced(body: &str, tools: &[ToolSpec]) -> Vec<Written> {
    let body = body.replace("<escape>", "\"").replace("<|\"|>", "\"");
    let (mut calls, mut at) = (Vec::new(), 0);
    while let Some(open) = body[at..].find('{').map(|found| at + found) {
        let tool = last_name(&body[at..open], tools);
        at = open + 1;
        let object = python::object(&body[open..]);
        if let (Some(tool), Some((fields, length))) = (tool, object) {
            calls.push(written(tool, &Value::Object(fields)));
            at = open + length;
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tools() -> Vec<ToolSpec> {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"},
        }});
        vec![
            ToolSpec::new("get_weather", "The weather.").with_parameters(schema),
            ToolSpec::new("hang_up", "Ends the call."),
        ]
    }

    fn read(body: &str) -> Vec<(String, Value)> {
        let calls = parse(body, &tools()).into_iter();
        calls.map(|call| (call.name, serde_json::from_str(&call.arguments).unwrap())).collect()
    }

    #[test]
    fn a_call_is_read_in_the_syntax_of_every_family() {
        for body in [
            r#"{"name": "get_weather", "arguments": {"city": "Paris"}}"#,
            r#"{"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}"#,
            r#"{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}"#,
            r#"{"type":"function","function":{"name":"get_weather","arguments":{"city":"Paris"}}}"#,
            r#"{"tool_calls":[{"function":{"name":"get_weather","arguments":{"city":"Paris"}}}]}"#,
            r#"[{"tool_call_id":"0","tool_name":"get_weather","parameters":{"city":"Paris"}}]"#,
            r#"[{"get_weather": {"city": "Paris"}}]"#,
            r#"{"action": "get_weather", "action_input": {"city": "Paris"}}"#,
            r#"{"name": "functions.get_weather", "arguments": {"city": "Paris"}}"#,
            r#"get_weather{"city": "Paris"}"#,
            r#"get_weather[CALL_ID]abc[ARGS]{"city": "Paris"}"#,
            r#"<|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city":"Paris"}"#,
            "<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\":\"Paris\"}\n```",
            r#"commentary to=functions.get_weather <|constrain|>json<|message|>{"city":"Paris"}"#,
            "Action: get_weather\nAction Input: {\"city\": \"Paris\"}",
            r#"<function=get_weather>{"city": "Paris"}</function>"#,
            "<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>",
            r#"<invoke name="get_weather"><parameter name="city">Paris</parameter></invoke>"#,
            r#"<｜DSML｜invoke name="get_weather"><｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter></｜DSML｜invoke>"#,
            "get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n",
            r#"[get_weather(city="Paris")]"#,
            "print(default_api.get_weather(city='Paris'))",
            r#"get_weather.call(city="Paris")"#,
            "call:get_weather{city:<escape>Paris<escape>}",
            "call:get_weather{city:<|\"|>Paris<|\"|>}",
        ] {
            let expected = [("get_weather".to_owned(), json!({"city": "Paris"}))];
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn several_calls_are_read_in_order() {
        let weather = |city: &str| ("get_weather".to_owned(), json!({"city": city}));
        let hang_up = ("hang_up".to_owned(), json!({}));
        for (body, expected) in [
            (
                r#"{"name":"get_weather","arguments":{"city":"Rome"}}
                {"name":"hang_up","arguments":{}}"#,
                [weather("Rome"), hang_up.clone()],
            ),
            (
                r#"<invoke name="get_weather"><parameter name="city">Rome</parameter></invoke>
                <invoke name="hang_up"></invoke>"#,
                [weather("Rome"), hang_up.clone()],
            ),
            (r#"[get_weather(city="Rome"), hang_up()]"#, [weather("Rome"), hang_up]),
            (
                "get_weather\n<arg_key>city</arg_key><arg_value>Rome</arg_value></tool_call>\
                 <tool_call>get_weather\n<arg_key>city</arg_key><arg_value>Oslo</arg_value>",
                [weather("Rome"), weather("Oslo")],
            ),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn values_that_were_written_as_text_have_the_type_of_their_schema() {
        let body = "<function=get_weather><parameter=city>10115</parameter>\
                    <parameter=days>3</parameter></function>";
        let expected = json!({"city": "10115", "days": 3});
        assert_eq!(read(body), [("get_weather".to_owned(), expected)]);
    }

    #[test]
    fn what_names_no_tool_is_no_call() {
        for body in [
            r#"{"name":"rob_bank","arguments":{}}"#,
            r#"{"city":"Paris"}"#,
            "rob_bank(city='Paris')",
            r#"{"name":"get_weather","arguments":"#,
            "<invoke name=\"rob_bank\"></invoke>",
            "",
        ] {
            assert!(read(body).is_empty(), "{body}");
        }
    }
}
