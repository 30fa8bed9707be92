//! The crate as its users meet it: audio, text, recording and turn taking.
#![allow(clippy::unwrap_used)]

mod echo;
mod errors;
mod g711;
mod jitter;
mod keep_words;
mod level;
mod playout;
mod recording;
mod resample;
mod spoken_clauses;
mod text;
mod timeline;
mod tool_arguments;
mod tool_schema;
mod tool_schema_rules;
mod turn;
mod turn_checker;
mod turn_dead_ends;
mod turn_dictation;
mod turn_invariants;
mod turn_keys;
mod turn_limits;
mod turn_random;
mod turn_scenarios_calls;
mod turn_scenarios_interruptions;
mod turn_scenarios_replies;
mod turn_scenarios_tools;
mod turn_scenarios_turns;
mod turn_script;
mod turn_strategies;
mod turn_trace;
mod turn_words;
mod vad;
mod wav;
