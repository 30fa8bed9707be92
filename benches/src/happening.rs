//! What a call's engine does about its caller's turns and its agent's, and when.

use serde::{Deserialize, Serialize};

/// Something that the engine did, for whoever judges its timing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a line of a file that others read")]
pub struct Happening {
    /// When, in seconds from the start of the recording, to the millisecond.
    pub t: f64,
    /// What.
    pub ev: What,
}

/// What the engine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the words of a file that others read")]
pub enum What {
    /// The caller's turn has begun.
    Start,
    /// The caller's turn is over.
    End,
    /// The agent has fallen silent for the moment.
    Pause,
    /// The caller has taken the turn from the agent.
    Interrupt,
    /// The agent, which had paused, goes on.
    Resume,
}

/// The happenings as JSON, a line each.
///
/// # Errors
///
/// If a time is not a number; those of a call are.
pub fn json_lines(happenings: &[Happening]) -> serde_json::Result<String> {
    let mut lines = String::new();
    for happening in happenings {
        lines.push_str(&serde_json::to_string(happening)?);
        lines.push('\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_happening_is_a_line_of_json() {
        let happenings =
            [Happening { t: 1.25, ev: What::Pause }, Happening { t: 2.0, ev: What::Interrupt }];
        let lines = json_lines(&happenings).unwrap();
        assert_eq!(lines, "{\"t\":1.25,\"ev\":\"pause\"}\n{\"t\":2.0,\"ev\":\"interrupt\"}\n");
    }
}
