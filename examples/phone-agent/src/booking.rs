//! Tables: the tool that books one, and where bookings are kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use voicekit::store::lines::Lines;
use voicekit::tools::{FnTool, ToolContext, ToolError, tool};
use voicekit_core::log::escaped;

/// The tool's name.
pub(crate) const NAME: &str = "book_table";
/// The most people at one table.
const SEATS: u32 = 8;
/// When dinner and lunch are served, in minutes after midnight; the last order is half an hour
/// before the kitchen closes.
const SERVED: [(u32, u32); 2] = [(12 * 60, 14 * 60 + 30), (17 * 60, 22 * 60)];

/// A table for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Booking {
    /// The name that it is under.
    pub(crate) name: String,
    /// How many people come: 1 to 8.
    pub(crate) party_size: u32,
    /// The day, as the caller says it: "Friday", "tomorrow".
    pub(crate) day: String,
    /// The time of day: "7 p.m." or "19:00".
    pub(crate) time: String,
}

/// Where bookings are kept.
pub(crate) trait Bookings: std::fmt::Debug + Send + Sync + 'static {
    /// Writes a booking down, once for each `key`.
    fn write(&self, key: String, booking: Booking) -> BoxFuture<'_, anyhow::Result<()>>;
}

/// `book_table`: says what is wrong with a booking, or has it written down.
pub(crate) fn book_table(bookings: Arc<dyn Bookings>) -> FnTool {
    let text = "Books a table. Read the booking back and have the caller confirm it first.";
    tool(NAME, text, move |booking: Booking, context: ToolContext| {
        let bookings = Arc::clone(&bookings);
        async move {
            booking.check().map_err(ToolError::new)?;
            let confirmed = booking.confirmation();
            let written = bookings.write(context.key().to_owned(), booking).await;
            written.map_err(|error| {
                let error = format!("{error:#}");
                tracing::error!(error = %escaped(error), "a booking could not be written");
                ToolError::new("Our book of reservations cannot be opened.")
            })?;
            Ok(confirmed)
        }
    })
}

impl Booking {
    /// What is wrong with it, for the caller.
    fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("A booking needs a name.".to_owned());
        }
        match self.party_size {
            0 => return Err("A table is for one person at least.".to_owned()),
            1..=SEATS => {}
            many => {
                return Err(format!(
                    "A party of {many} is too large for one table, where we seat at most {SEATS}."
                ));
            }
        }
        let day = self.day.to_lowercase();
        if day.trim().is_empty() {
            return Err("A booking needs a day.".to_owned());
        }
        if day.contains("monday") {
            return Err("On Monday we are closed.".to_owned());
        }
        let Some(minutes) = minutes(&self.time) else {
            return Err(format!("{} is not a time of day.", self.time));
        };
        if !SERVED.iter().any(|(from, to)| (*from..=*to).contains(&minutes)) {
            return Err(format!(
                "At {} the kitchen is closed. We serve from noon to half past two and from five to \
                 ten.",
                self.time
            ));
        }
        Ok(())
    }

    fn confirmation(&self) -> String {
        let Self { name, party_size, day, time } = self;
        let people = if *party_size == 1 { "one".to_owned() } else { party_size.to_string() };
        format!("Your table for {people} is booked, {day} at {time}, under {name}.")
    }
}

/// "7 p.m.", "7:30 pm", "19:30" or "noon" in minutes after midnight.
fn minutes(time: &str) -> Option<u32> {
    let time = time.to_lowercase().replace(['.', ' '], "");
    if time == "noon" {
        return Some(12 * 60);
    }
    let (clock, half) = match (time.strip_suffix("am"), time.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (None, Some(clock)) => (clock, Some(12)),
        (None, None) => (&*time, None),
    };
    let (hour, minute) = clock.split_once(':').unwrap_or((clock, "0"));
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// Bookings in the order in which they came, in memory and, if wanted, in a file.
#[derive(Debug)]
pub(crate) struct Ledger(Arc<Mutex<Pages>>);

#[derive(Debug)]
struct Pages {
    written: BTreeMap<String, Booking>,
    file: Option<Lines>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Entry {
    key: String,
    #[serde(flatten)]
    booking: Booking,
}

impl Ledger {
    pub(crate) fn in_memory() -> Self {
        Self(Arc::new(Mutex::new(Pages { written: BTreeMap::new(), file: None })))
    }

    /// Writes to the file at `path`, after what is there. The file is created readable by its owner
    /// only. A last line that a crash or a full disk cut short is reported and removed.
    pub(crate) fn in_file(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let open = || -> anyhow::Result<Pages> {
            let is_entry = |line: &str| serde_json::from_str::<Entry>(line).is_ok();
            let (file, found) = Lines::open(path, is_entry)?;
            let mut written = BTreeMap::new();
            for (number, line) in (1..).zip(&found.lines) {
                if line.trim().is_empty() {
                    continue;
                }
                let entry: Entry =
                    serde_json::from_str(line).with_context(|| format!("line {number}"))?;
                written.insert(entry.key, entry.booking);
            }
            if found.torn > 0 {
                let (path, bytes) = (escaped(path.display()), found.torn);
                tracing::warn!(%path, bytes, "the last booking was not written whole: it is removed");
            }
            Ok(Pages { written, file: Some(file) })
        };
        let pages = open().with_context(|| format!("cannot keep bookings in {name}"))?;
        Ok(Self(Arc::new(Mutex::new(pages))))
    }
}

impl Bookings for Ledger {
    fn write(&self, key: String, booking: Booking) -> BoxFuture<'_, anyhow::Result<()>> {
        let pages = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || {
                pages.lock().unwrap_or_else(PoisonError::into_inner).write(key, booking)
            })
            .await?
        })
    }
}

impl Pages {
    fn write(&mut self, key: String, booking: Booking) -> anyhow::Result<()> {
        if self.written.contains_key(&key) {
            return Ok(());
        }
        if let Some(file) = &mut self.file {
            let entry = Entry { key: key.clone(), booking: booking.clone() };
            // It is on the disk before anybody is told that it is.
            file.append(&serde_json::to_string(&entry)?)?;
        }
        self.written.insert(key, booking);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booking(party_size: u32, day: &str, time: &str) -> Booking {
        let (name, day, time) = ("Anna".to_owned(), day.to_owned(), time.to_owned());
        Booking { name, party_size, day, time }
    }

    #[test]
    fn what_is_wrong_with_a_booking_is_said_in_words() {
        for (people, day, time, expected) in [
            (14, "Friday", "7 p.m.", "A party of 14 is too large"),
            (0, "Friday", "7 p.m.", "one person at least"),
            (4, "next Monday", "7 p.m.", "On Monday we are closed"),
            (4, "Friday", "4 p.m.", "At 4 p.m. the kitchen is closed"),
            (4, "Friday", "10:30 pm", "the kitchen is closed"),
            (4, "Friday", "late", "is not a time of day"),
            (4, "", "7 p.m.", "needs a day"),
        ] {
            let problem = booking(people, day, time).check().unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
        for time in ["7 p.m.", "19:00", "noon", "12:30 pm", "10 p.m."] {
            assert_eq!(booking(8, "tomorrow", time).check(), Ok(()), "{time}");
        }
    }

    #[tokio::test]
    async fn a_booking_is_written_once_for_each_key_also_by_another_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bookings");
        for _ in 0..2 {
            let ledger = Ledger::in_file(&path).unwrap();
            for key in ["one", "two", "one"] {
                ledger.write(key.to_owned(), booking(4, "Friday", "7 p.m.")).await.unwrap();
            }
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[tokio::test]
    async fn a_booking_that_was_cut_short_is_reported_and_merges_with_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bookings");
        let whole = r#"{"key":"one","name":"Anna","party_size":4,"day":"Friday","time":"7 p.m."}"#;
        for (torn, is_kept) in [(r#"{"key":"two","na"#, false), ("", false), (whole, true)] {
            std::fs::write(
                &path,
                format!(
                    "{}

{torn}",
                    whole.replace("one", "zero")
                ),
            )
            .unwrap();
            let logs = voicekit_testkit::logs::Logs::catch();
            let ledger = Ledger::in_file(&path).unwrap();
            ledger.write("three".to_owned(), booking(2, "Friday", "8 p.m.")).await.unwrap();
            let again = Ledger::in_file(&path).unwrap();
            let pages = again.0.lock().unwrap();
            let keys: Vec<&String> = pages.written.keys().collect();
            let expected =
                if is_kept { vec!["one", "three", "zero"] } else { vec!["three", "zero"] };
            assert_eq!(keys, expected, "{torn}");
            let is_reported = logs.text().contains("not written whole");
            assert_eq!(is_reported, !torn.is_empty() && !is_kept, "{}", logs.text());
        }
        // A line in the middle that is none is for a person to look at.
        std::fs::write(
            &path,
            format!(
                "{whole}
nonsense
{whole}
"
            ),
        )
        .unwrap();
        let error = format!("{:#}", Ledger::in_file(&path).unwrap_err());
        assert!(error.contains("line 2"), "{error}");
    }
}
