//! What the fuzz targets need of this crate; in no other build.

use voicekit_core::asr::{AsrEvent, AsrInput};
use voicekit_core::audio::AudioFormat;
use voicekit_core::tts::Spoken;
use voicekit_net::WireCodec;

use crate::aura::codec::AuraCodec;
use crate::flux::codec::FluxCodec;
use crate::nova::codec::NovaCodec;
use crate::{AuraConfig, FluxConfig, NovaConfig};

/// `/v1/listen`.
pub fn nova(
    config: &NovaConfig,
    format: AudioFormat,
) -> impl WireCodec<In = AsrInput, Out = AsrEvent> + use<> {
    NovaCodec::new(config, format)
}

/// `/v2/listen`.
pub fn flux(
    config: &FluxConfig,
    format: AudioFormat,
) -> impl WireCodec<In = AsrInput, Out = AsrEvent> + use<> {
    FluxCodec::new(config, format)
}

/// `/v1/speak`.
pub fn aura(
    config: &AuraConfig,
    format: AudioFormat,
) -> impl WireCodec<In = String, Out = Spoken> + use<> {
    AuraCodec::new(config, format)
}
