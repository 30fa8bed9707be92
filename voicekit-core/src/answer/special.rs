//! The marks of model families: reasoning, tool calls, tokens of chat templates.
//!
//! Names are without case, bars and angle brackets; `▁` of special tokens is `_`.

use super::ends::{BARE_CALL_ENDS, CALL_ENDS, HARMONY_ENDS, RESULT_ENDS, THOUGHT_ENDS};
use super::marks::Region;

/// Names of tags around reasoning.
const THOUGHT_TAGS: &[&str] = &[
    "think",
    "thinking",
    "thought",
    "thoughts",
    "thought_process",
    "reasoning",
    "reason",
    "rationale",
    "reflection",
    "scratchpad",
    "inner_monologue",
    "monologue",
    "inner_thoughts",
    "internal",
    "internal_thoughts",
    "internal_monologue",
    "chain_of_thought",
    "cot",
    "analysis",
    "planning",
    "deliberation",
    "seed:think",
    "seed:cot_budget_reflect",
    "antml:thinking",
    "antthinking",
    "mm:think",
    "ds:think",
    "channel|",
];

/// Special tokens that open reasoning: `<|begin_of_thought|>`, `<|START_THINKING|>` and the like.
const THOUGHT_OPENERS: &[&str] = &[
    "begin_of_thought",
    "begin_of_thinking",
    "begin_of_reasoning",
    "begin_thinking",
    "begin_thought",
    "start_of_thought",
    "start_of_thinking",
    "start_thinking",
    "start_thought",
    "thought_start",
    "thought_begin",
    "think_start",
    "think_begin",
    "thinking_start",
    "thinking_begin",
    "reasoning_start",
    "reasoning_begin",
    "inner_prefix",
    "think",
    "thinking",
    "thought",
    "reasoning",
];

/// Special tokens that close it.
const THOUGHT_CLOSERS: &[&str] = &[
    "end_of_thought",
    "end_of_thinking",
    "end_of_reasoning",
    "end_thinking",
    "end_thought",
    "thought_end",
    "think_end",
    "thinking_end",
    "reasoning_end",
    "inner_suffix",
    "/think",
    "/thinking",
    "/thought",
    "/reasoning",
];

/// Names of tags around tool calls.
const CALL_TAGS: &[&str] = &[
    "tool_call",
    "tool_calls",
    "toolcall",
    "toolcalls",
    "tool_use",
    "tool_code",
    "tool_request",
    "use_tool",
    "function_call",
    "function_calls",
    "functioncall",
    "functions",
    "function",
    "invoke",
    "call",
    "minimax:tool_call",
    "antml:function_calls",
    "antml:invoke",
    "seed:tool_call",
    "start_function_call",
    "tool_call|",
];

/// Special tokens that open tool calls.
const CALL_OPENERS: &[&str] = &[
    "tool_call",
    "tool_calls",
    "tool_call_start",
    "tool_call_begin",
    "tool_calls_begin",
    "tool_calls_start",
    "tool_calls_section_begin",
    "python_tag",
    "start_action",
    "action_start",
    "tools_prefix",
    "function_call",
    "function_calls",
    "dsml|function_calls",
    "dsml|invoke",
];

/// Names of tags around what a tool is said to have returned, which only the driver may say.
const RESULT_TAGS: &[&str] = &[
    "tool_response",
    "tool_responses",
    "tool_result",
    "tool_results",
    "tool_output",
    "tool_outputs",
    "function_result",
    "function_results",
    "function_response",
    "observation",
    "start_function_response",
];

/// Special tokens of the same meaning.
const RESULT_OPENERS: &[&str] = &[
    "tool_response",
    "tool_outputs_begin",
    "tool_output_begin",
    "tool_result_begin",
    "start_tool_result",
    "tool_results",
];

/// Tags that mark the answer itself, the ends of what is listed above, and tokens of chat
/// templates that look like tags.
const SILENT_TAGS: &[&str] = &[
    "answer",
    "response",
    "final",
    "final_answer",
    "final_response",
    "output",
    "solution",
    "speech",
    "spoken",
    "speak",
    "reply",
    "message",
    "assistant",
    "parameter",
    "parameters",
    "arguments",
    "arg_key",
    "arg_value",
    "end_function_call",
    "end_function_response",
    "s",
    "bos",
    "eos",
    "eot",
    "eop",
    "sop",
    "eod",
    "pad",
    "unk",
    "sep",
    "cls",
    "mask",
    "gmask",
    "end_of_turn",
    "endofturn",
    "end_of_utterance",
    "end_of_text",
    "endoftext",
    "turn|",
    "|im_end|",
    "image_soft_token",
];

/// Special tokens behind which a role is named, and what ends the name.
const HEADERS: &[(&str, &[&str])] = &[
    ("start_header_id", &["<|end_header_id|>"]),
    ("im_start", &["\n"]),
    ("turn", &["\n"]),
    ("role_start", &["<|role_end|>"]),
    ("start_of_role", &["<|end_of_role|>"]),
    ("channel", &["<|message|>"]),
    ("start", &["<|message|>"]),
];

/// Tokens in square brackets.
const BRACKETED: &[&str] = &[
    "think",
    "/think",
    "/thinking",
    "/reasoning",
    "tool_calls",
    "/tool_calls",
    "tool_call",
    "/tool_call",
    "tool_request",
    "end_tool_request",
    "tool_results",
    "/tool_results",
    "inst",
    "/inst",
    "system_prompt",
    "/system_prompt",
    "args",
    "call_id",
    "bos",
    "eos",
    "pad",
    "unk",
    "sep",
    "cls",
    "mask",
    "gmask",
];

/// Roles whose turn is not the model's.
const OTHERS: &[&str] = &["user", "system", "developer", "human", "tool", "ipython", "observation"];

/// What a mark that is complete means.
pub(super) enum Meaning {
    Open(Region),
    /// Reasoning ends.
    EndOfThoughts,
    /// It is removed.
    Silent,
    /// It is a tag like any other.
    Other,
}

/// What the tag `name` means; its closing form, if `is_closing`.
pub(super) fn tag(name: &str, is_closing: bool) -> Meaning {
    let has = |names: &[&str]| names.contains(&name);
    if has(THOUGHT_TAGS) {
        let is_end = is_closing || name == "channel|";
        return if is_end { Meaning::EndOfThoughts } else { thoughts() };
    }
    if has(CALL_TAGS) || has(RESULT_TAGS) {
        if is_closing || name.ends_with('|') {
            return Meaning::Silent;
        }
        return Meaning::Open(match name {
            _ if has(RESULT_TAGS) => Region::Dropped(RESULT_ENDS),
            "function" | "invoke" | "antml:invoke" => Region::Calls(BARE_CALL_ENDS),
            _ => Region::Calls(CALL_ENDS),
        });
    }
    match name {
        "start_of_turn" if !is_closing => Meaning::Open(Region::Header(&["\n"])),
        "unused94" => thoughts(),
        "unused95" => Meaning::EndOfThoughts,
        _ if has(SILENT_TAGS) || is_reserved(name) => Meaning::Silent,
        _ => Meaning::Other,
    }
}

/// What the special token `<|name|>` means.
pub(super) fn token(name: &str) -> Meaning {
    let has = |names: &[&str]| names.contains(&name);
    if has(THOUGHT_OPENERS) {
        return thoughts();
    }
    if has(THOUGHT_CLOSERS) {
        return Meaning::EndOfThoughts;
    }
    if has(CALL_OPENERS) {
        let is_bare = name == "dsml|invoke";
        return Meaning::Open(Region::Calls(if is_bare { BARE_CALL_ENDS } else { CALL_ENDS }));
    }
    if has(RESULT_OPENERS) {
        return Meaning::Open(Region::Dropped(RESULT_ENDS));
    }
    if let Some((_, ends)) = HEADERS.iter().find(|(header, _)| *header == name) {
        return Meaning::Open(Region::Header(ends));
    }
    if has(OTHERS) {
        return Meaning::Open(Region::Rest);
    }
    Meaning::Silent
}

/// What the half-open token `<|name>` means.
pub(super) fn half_open(name: &str) -> Meaning {
    match name {
        "channel" => thoughts(),
        name => token(name),
    }
}

/// Whether `inner`, which is not closed yet, may become the name of a token in square brackets.
pub(super) fn could_be_bracketed(inner: &str) -> bool {
    let lower = inner.to_ascii_lowercase();
    BRACKETED.iter().any(|name| name.starts_with(&lower))
}

/// What the token `[name]` means.
pub(super) fn bracketed(name: &str) -> Meaning {
    match name {
        "think" => thoughts(),
        "/think" | "/thinking" | "/reasoning" => Meaning::EndOfThoughts,
        "tool_calls" | "tool_call" | "tool_request" => Meaning::Open(Region::Calls(CALL_ENDS)),
        "tool_results" => Meaning::Open(Region::Dropped(RESULT_ENDS)),
        "inst" => Meaning::Open(Region::Rest),
        name if BRACKETED.contains(&name) => Meaning::Silent,
        _ => Meaning::Other,
    }
}

/// What the name of a role, or the header of a harmony message, opens.
pub(super) fn header(text: &str) -> Option<Region> {
    let text = text.trim().to_ascii_lowercase();
    let role = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if text.contains("to=") {
        return Some(Region::Calls(HARMONY_ENDS));
    }
    if OTHERS.contains(&role) {
        return Some(Region::Rest);
    }
    text.contains("analysis").then_some(Region::Thoughts(HARMONY_ENDS))
}

pub(super) fn thoughts() -> Meaning {
    Meaning::Open(Region::Thoughts(THOUGHT_ENDS))
}

/// Tokens that a vocabulary keeps in reserve.
fn is_reserved(name: &str) -> bool {
    let number = name.strip_prefix("unused").or_else(|| name.strip_prefix("extra_id_"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
