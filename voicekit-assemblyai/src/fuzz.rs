//! What the fuzz targets need of this crate; in no other build.

use std::time::Duration;

use voicekit_core::asr::{AsrEvent, AsrInput};
use voicekit_core::audio::AudioFormat;
use voicekit_net::WireCodec;

use crate::AssemblyAiConfig;
use crate::codec::Codec;
use crate::lifetime::Lifetime;

/// `/v3/ws`, for a stream that was opened at `opened` in Unix time.
pub fn codec(
    config: &AssemblyAiConfig,
    format: AudioFormat,
    opened: Option<Duration>,
) -> impl WireCodec<In = AsrInput, Out = AsrEvent> + use<> {
    Codec::new(config, format, opened.map(Lifetime::new))
}
