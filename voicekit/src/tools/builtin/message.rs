//! Messages for somebody who is not there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use voicekit_core::tool::ToolContext;

use crate::tools::{FnTool, ToolError, tool};

/// A message that a caller leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CallerMessage {
    /// The message, in the caller's words.
    pub text: String,
    /// Whom it is for, if the caller said so.
    pub recipient: Option<String>,
    /// The caller's name, if they gave it.
    pub name: Option<String>,
    /// The number at which they want to be called back, if it is another than they call from.
    pub callback: Option<String>,
}

/// `take_message`: hands what the caller leaves to `deliver`, with the context, whose
/// [`call`](ToolContext::call) knows the caller's number and whose [`key`](ToolContext::key) keeps
/// a message from being delivered twice.
pub fn take_message<F, Fut>(deliver: F) -> FnTool
where
    F: Fn(CallerMessage, ToolContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ToolError>> + Send + 'static,
{
    let text = "Takes a message for somebody who cannot be reached. Repeat it to the caller and \
                have it confirmed first.";
    let run = move |message: CallerMessage, context: ToolContext| {
        let empty = message.text.trim().is_empty();
        let delivered = (!empty).then(|| deliver(message, context));
        async move {
            let Some(delivered) = delivered else {
                return Err(ToolError::new("The message is empty: ask the caller for it."));
            };
            delivered.await?;
            Ok("The message will be passed on.")
        }
    };
    tool("take_message", text, run)
}
