//! What the fuzz targets need of this crate; in no other build.

use voicekit_core::error::Error;
use voicekit_core::llm::ChatEvent;
use voicekit_core::tool::ToolSpec;
use voicekit_net::{Endpoint, EventCodec, Refusal};

use crate::refusal;
use crate::wire::Answer;

/// An answer by `endpoint` to a request with or without tools.
pub fn answer(endpoint: Endpoint, has_tools: bool) -> impl EventCodec<Out = ChatEvent> {
    let tools = has_tools.then(|| ToolSpec::new("get_weather", "Looks up the weather."));
    Answer::new(endpoint, tools.into_iter().collect())
}

/// What a refusal means.
pub fn refused(refusal: &Refusal) -> Option<Error> {
    refusal::classify(refusal)
}
