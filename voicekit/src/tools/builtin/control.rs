//! What is done to the call itself.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use voicekit_core::control::{Keys, Transfer};
use voicekit_core::tool::{Effect, OnBargeIn, ToolContext};
use voicekit_core::turn::Expected;

use crate::tools::{FnTool, NoArguments, ToolError, tool};

/// How long a caller is held before the agent speaks up: within what the engine lets a tool take
/// ([`tool_timeout`](voicekit_core::turn::Config::tool_timeout), 60 s).
const HOLD: Duration = Duration::from_secs(45);

/// `hang_up`: ends the call once the model's goodbye has been heard, or the agent's own if the
/// model said none. A caller who interrupts the goodbye stays on the line.
pub fn hang_up() -> FnTool {
    let text = "Ends the call. Say goodbye in the same answer, and nothing after it.";
    let run = |_: NoArguments, context: ToolContext| async move {
        context.hang_up();
        Ok("The call is ending.")
    };
    tool("hang_up", text, run)
        .with_effect(Effect::Irreversible)
        .with_on_barge_in(OnBargeIn::Forgo)
        .quietly()
}

/// `transfer`: connects the caller to one of `destinations`, by name. The model never sees a
/// number, and cannot call one that is not among them.
///
/// It happens once what the agent says with it has been heard; a caller who interrupts is not
/// transferred. It needs a transport with the carrier's
/// [call control](voicekit_core::control::CallControl).
pub fn transfer<N: Into<String>>(destinations: impl IntoIterator<Item = (N, Transfer)>) -> FnTool {
    let destinations = destinations.into_iter().map(|(name, to)| (name.into(), to));
    let destinations: BTreeMap<String, Transfer> = destinations.collect();
    let names: Vec<String> = destinations.keys().cloned().collect();
    let schema = json!({
        "type": "object",
        "properties": {"to": {"type": "string", "enum": names}},
        "required": ["to"],
        "additionalProperties": false,
    });
    let text = "Connects the caller to somebody else. Say in the same answer to whom. The caller \
                has left you after that.";
    let run = move |asked: Destination, context: ToolContext| {
        let to = destinations.get(&asked.to).cloned();
        let unknown = format!("{:?} is not one of {}.", asked.to, names.join(", "));
        async move {
            let to = to.ok_or_else(|| ToolError::new(unknown))?;
            context.transfer(&to).await?;
            Ok("The caller is being connected.")
        }
    };
    tool("transfer", text, run).with_parameters(schema).with_on_barge_in(OnBargeIn::Forgo).quietly()
}

#[derive(Deserialize, JsonSchema)]
struct Destination {
    to: String,
}

/// `send_keys`: presses keys towards the other party, for machines that want some. It needs a
/// transport with the carrier's [call control](voicekit_core::control::CallControl).
pub fn send_keys() -> FnTool {
    let text = "Presses keys of the telephone, to get through a menu for instance.";
    let run = |asked: Pressed, context: ToolContext| async move {
        context.press(&Keys::new(&asked.keys)?).await?;
        Ok("They have been pressed.")
    };
    tool("send_keys", text, run).with_on_barge_in(OnBargeIn::Forgo)
}

#[derive(Deserialize, JsonSchema)]
struct Pressed {
    /// 0 to 9, * and #; w is a pause of half a second.
    keys: String,
}

/// `collect_digits`: has the caller's next answer waited for as digits are, spoken or pressed,
/// with longer pauses between them.
pub fn collect_digits() -> FnTool {
    let text = "Call this in the same answer in which you ask the caller for a number, so that \
                they are given the time to say or press its digits.";
    let run = |asked: Digits, context: ToolContext| async move {
        let expected = Expected::new("digits");
        context.expect(match asked.count {
            Some(count) => expected.with_digits(count),
            None => expected,
        })?;
        Ok("The caller's next words are the answer.")
    };
    tool("collect_digits", text, run).with_effect(Effect::Read).quietly()
}

#[derive(Deserialize, JsonSchema)]
struct Digits {
    /// How many digits there are, if that is known.
    count: Option<u32>,
}

/// `hold`: waits in silence for a caller who asked for a moment. It ends when they speak, or after
/// 45 s.
pub fn hold() -> FnTool {
    let text = "Waits in silence, because the caller asked for a moment. Say in the same answer \
                that you wait. If it is interrupted, the caller is back.";
    let run = |_: NoArguments, _: ToolContext| async move {
        tokio::time::sleep(HOLD).await;
        Ok("The caller has not spoken yet. Ask whether they need more time, or wait again.")
    };
    tool("hold", text, run)
        .with_effect(Effect::Read)
        .with_on_barge_in(OnBargeIn::Cancel)
        .with_timeout(HOLD * 2)
        .with_filler("")
}
