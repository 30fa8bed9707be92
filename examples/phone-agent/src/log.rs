//! The log: warnings by default, `RUST_LOG` for more.
//!
//! - What other crates log below INFO is left out at every setting: network libraries write whole
//!   requests there, keys and transcripts included.
//! - Control characters in values are escaped, in every crate's lines.

use std::fmt;
use std::io::{IsTerminal, stderr};

use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{FormatFields, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as layer, registry};
use voicekit_core::log::escaped;

/// Logs to standard error from here on.
pub(crate) fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    subscriber(filter, stderr).init();
}

/// A subscriber that writes to `out` what `filter` lets pass.
pub(crate) fn subscriber(
    filter: EnvFilter,
    out: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync + 'static {
    // Colors are for people; a file or a collector would keep the escape sequences.
    let colors = stderr().is_terminal();
    let lines = layer::layer().fmt_fields(Fields).with_ansi(colors).with_writer(out);
    registry().with(lines.with_filter(filter_fn(is_ours_or_harmless)).with_filter(filter))
}

fn is_ours_or_harmless(metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || name.starts_with("voicekit") || name == "phone_agent"
}

/// Writes fields as `name=value`, and the message without its name, all of them escaped.
struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, out: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { out, written: false, outcome: Ok(()) };
        fields.record(&mut visitor);
        visitor.outcome
    }
}

struct Visitor<'writer> {
    out: Writer<'writer>,
    written: bool,
    outcome: fmt::Result,
}

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let space = if self.written { " " } else { "" };
        let (name, sign) = match field.name() {
            "message" => ("", ""),
            name => (name, "="),
        };
        let value = escaped(format!("{value:?}"));
        let written = write!(self.out, "{space}{name}{sign}{value}");
        self.written = true;
        self.outcome = self.outcome.and(written);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let out = lines.clone();
        let subscriber = subscriber(EnvFilter::new(filter), move || out.clone());
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn values_from_outside_forge_no_line_and_move_no_cursor() {
        let evil = "x\n2026-01-01T00:00:00Z ERROR forged\u{1b}[2J\r";
        let text = logged("trace", || {
            let span = tracing::info_span!("call", id = %evil, raw = evil);
            let _entered = span.enter();
            tracing::warn!(error = %evil, debug = ?evil, "a message {evil}");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("ERROR forged"), "{text}");
        assert!(!text.contains("\u{1b}[2J") && !text.contains('\r'), "{text}");
    }

    #[test]
    fn other_crates_say_nothing_below_info_whatever_is_asked_for() {
        let text = logged("trace", || {
            tracing::trace!(target: "tungstenite::protocol", "Received message secret");
            tracing::debug!(target: "hyper::proto", "authorization: secret");
            tracing::warn!(target: "hyper::proto", "a warning");
            tracing::trace!(target: "voicekit_twilio::media", "ours");
        });
        assert!(text.contains("a warning") && text.contains("ours"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
