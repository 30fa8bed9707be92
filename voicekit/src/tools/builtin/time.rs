//! The time.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::tool::{Effect, OnBargeIn, ToolContext};

use crate::tools::{FnTool, NoArguments, ToolError, tool};

/// `current_time`: the day and the time in `zone`, a name of the IANA database such as
/// `Europe/Berlin`, by `clock`, which is `SystemTime::now` outside tests. The database is built
/// in.
///
/// # Errors
///
/// `Config` if there is no such time zone.
pub fn current_time(
    zone: &str,
    clock: impl Fn() -> SystemTime + Send + Sync + 'static,
) -> Result<FnTool> {
    let place = TimeZone::get(zone).map_err(|error| {
        let text = format!("{zone:?} is not a time zone such as Europe/Berlin");
        Error::new(ErrorKind::Config, "current_time", text).with_source(error)
    })?;
    let zone = zone.to_owned();
    let run = move |_: NoArguments, _: ToolContext| {
        let now = told(clock(), &place, &zone);
        async move { now }
    };
    let text = "The day of the week, the date and the time, here and at this moment.";
    let tool = tool("current_time", text, run);
    Ok(tool.with_effect(Effect::Read).with_on_barge_in(OnBargeIn::Cancel))
}

fn told(now: SystemTime, place: &TimeZone, zone: &str) -> Result<String, ToolError> {
    let now = Timestamp::try_from(now)?.to_zoned(place.clone());
    Ok(format!("{} in {zone}", now.strftime("%A, %-d %B %Y, %H:%M")))
}
