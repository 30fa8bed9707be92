//! Why an answer ended.

use crate::error::ErrorKind;

/// What a service's reason for the end of an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finish {
    /// The model has said what it had to say, or calls tools.
    Complete,
    /// A limit of tokens was reached.
    Length,
    /// Something kept the model from finishing; the kind of the error that this is.
    Failed(ErrorKind),
    /// The reason is not known: the answer stands if it holds anything.
    Unknown,
}

/// Reasons that are no fault, without case and separators.
const COMPLETE: &[&str] = &[
    "stop",
    "stopped",
    "end",
    "ended",
    "endturn",
    "eos",
    "eostoken",
    "endofsequence",
    "endoftext",
    "stopsequence",
    "stoptoken",
    "stopword",
    "toolcall",
    "toolcalls",
    "tooluse",
    "functioncall",
    "functioncalls",
    "complete",
    "completed",
    "completion",
    "done",
    "finish",
    "finished",
    "normal",
    "success",
    "succeeded",
    "pauseturn",
    "none",
];

/// Parts of reasons that say that a limit was reached.
const LENGTH: &[&str] = &["length", "maxtoken", "maxoutput", "contextwindow", "tokenlimit"];

/// Parts of reasons that are failures, and what they are.
const FAILURES: &[(ErrorKind, &[&str])] = &[
    (
        ErrorKind::Rejected,
        &[
            "filter",
            "safety",
            "refus",
            "block",
            "moderat",
            "sensitive",
            "prohibited",
            "recitation",
            "spii",
            "policy",
            "guardrail",
            "harm",
            "censor",
            "flagged",
            "intervened",
            "malformed",
        ],
    ),
    (ErrorKind::Timeout, &["timeout", "timedout", "deadline"]),
    (
        ErrorKind::RateLimited,
        &["resource", "overload", "capacity", "ratelimit", "toomany", "exhausted", "busy", "quota"],
    ),
    (
        ErrorKind::Connection,
        &[
            "error",
            "fail",
            "abort",
            "cancel",
            "exception",
            "crash",
            "unavailable",
            "interrupt",
            "disconnect",
            "network",
            "preempt",
            "killed",
            "evict",
            "terminated",
            "invalid",
        ],
    ),
];

impl Finish {
    /// Returns what `reason` means. Case, spaces, `_` and `-` do not count.
    ///
    /// ```
    /// use voicekit_core::answer::Finish;
    /// use voicekit_core::error::ErrorKind;
    ///
    /// assert_eq!(Finish::of("end_turn"), Finish::Complete);
    /// assert_eq!(Finish::of("MAX_TOKENS"), Finish::Length);
    /// assert_eq!(Finish::of("content_filter"), Finish::Failed(ErrorKind::Rejected));
    /// ```
    pub fn of(reason: &str) -> Self {
        let letters = reason.chars().filter(char::is_ascii_alphanumeric);
        let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
        // Some services give the number of a token here.
        if plain.is_empty() || plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::Unknown;
        }
        if COMPLETE.contains(&&*plain) {
            return Self::Complete;
        }
        let mut failures = FAILURES.iter();
        let failure = failures.find(|(_, parts)| parts.iter().any(|part| plain.contains(part)));
        if let Some((kind, _)) = failure {
            return Self::Failed(*kind);
        }
        let is_length = LENGTH.iter().any(|part| plain.contains(part));
        if is_length { Self::Length } else { Self::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_every_service_are_understood() {
        use ErrorKind::{Connection, RateLimited, Rejected, Timeout};
        for (reasons, expected) in [
            (
                &["stop", "STOP", "eos", "end-turn", "tool_calls", "pause_turn"][..],
                Finish::Complete,
            ),
            (&["length", "max_tokens", "model_length", "MAX_OUTPUT_TOKENS"][..], Finish::Length),
            (&["model_context_window_exceeded"][..], Finish::Length),
            (&["content_filter", "SAFETY", "refusal", "RECITATION"][..], Finish::Failed(Rejected)),
            (
                &["PROHIBITED_CONTENT", "BLOCKLIST", "MALFORMED_FUNCTION_CALL"][..],
                Finish::Failed(Rejected),
            ),
            (&["insufficient_system_resource", "overloaded"][..], Finish::Failed(RateLimited)),
            (&["timeout", "TIMED_OUT"][..], Finish::Failed(Timeout)),
            (&["error", "abort", "cancelled", "network_error"][..], Finish::Failed(Connection)),
            (&["", "7", "surprise", "OTHER"][..], Finish::Unknown),
        ] {
            for reason in reasons {
                assert_eq!(Finish::of(reason), expected, "{reason}");
            }
        }
    }
}
