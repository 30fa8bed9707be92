//! The names of recordings.

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, Datelike, Utc};
use object_store::path::Path;

/// How much of a call's id is kept: file names may be 255 bytes long.
const LONGEST: usize = 150;

/// What all recordings end with.
const SUFFIX: &str = ".wav";

/// The system's clock.
#[expect(clippy::disallowed_methods, reason = "the day in a recording's name is wall time")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// A day and a call: the name of a recording. As a file: `2026-01-31.{call}.wav`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    day: String,
    call: String,
}

impl Name {
    pub(super) fn new(at: SystemTime, id: &str) -> Self {
        let at = DateTime::<Utc>::from(at);
        let day = format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day());
        Self { day, call: safe(id) }
    }

    /// The name that a file in the spool has, if it is one of ours.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let (day, call) = file.strip_suffix(SUFFIX)?.split_once('.')?;
        let digits = |part: &str| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_digit());
        let is_day = day.split('-').count() == 3 && day.split('-').all(digits);
        let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'=' | b'.');
        let is_call = !call.is_empty() && call.bytes().all(fits) && !call.starts_with('.');
        (is_day && is_call).then(|| Self { day: day.to_owned(), call: call.to_owned() })
    }

    /// The `number`th name, from 1, where those before it are taken.
    pub(super) fn another(&self, number: u32) -> Self {
        let mut other = self.clone();
        if number > 1 {
            other.call = format!("{}.{number}", self.call);
        }
        other
    }

    /// Where it belongs, below `prefix`.
    pub(super) fn key(&self, prefix: &Path) -> Path {
        let parts = self.day.split('-').fold(prefix.clone(), |path, part| path.join(part));
        parts.join(format!("{}{SUFFIX}", self.call))
    }
}

/// The name of the file.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}{SUFFIX}", self.day, self.call)
    }
}

/// `id` as a part of a path, in which neither `.` nor `/` occurs. Different ids stay different.
pub(super) fn safe(id: &str) -> String {
    let mut name: String = id.bytes().map(escape).collect();
    if name.len() > LONGEST {
        name.truncate(LONGEST);
        name += &format!("={:016x}", checksum(id.as_bytes()));
    }
    if name.is_empty() { "=".to_owned() } else { name }
}

fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
        return char::from(byte).to_string();
    }
    format!("={byte:02X}")
}

/// FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn name(id: &str) -> Name {
        Name::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_860_799), id)
    }

    #[test]
    fn a_recording_is_named_by_day_and_call() {
        let key = name("CA123").key(&Path::from("calls/bakery"));
        assert_eq!(key.as_ref(), "calls/bakery/2026/01/31/CA123.wav");
        assert_eq!(
            name("CA123").another(2).key(&Path::default()).as_ref(),
            "2026/01/31/CA123.2.wav"
        );
    }

    #[test]
    fn no_id_leads_out_of_the_directory_or_into_another_recording() {
        let ids =
            ["../../etc/passwd", "/etc", "..", ".", "", "a/b", "a=2Fb", "a\\b", "a\0b", "é", "a.2"];
        let mut keys: Vec<String> =
            ids.iter().map(|id| name(id).key(&Path::default()).into()).collect();
        for key in &keys {
            assert_eq!(key.split('/').count(), 4, "{key}");
            assert!(key.rsplit('/').next().unwrap().matches('.').count() == 1, "{key}");
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), ids.len());
    }

    #[test]
    fn long_ids_are_cut_and_still_differ() {
        let (one, two) = ("x".repeat(5_000) + "1", "x".repeat(5_000) + "2");
        let (one, two) = (name(&one).to_string(), name(&two).to_string());
        assert!(one.len() < 255 && one != two);
        assert!(name(&"é".repeat(500)).to_string().len() < 255);
    }

    #[test]
    fn a_file_is_known_by_its_name() {
        for id in ["CA123", "../x", "", "a.b"] {
            assert_eq!(Name::parse(&name(id).to_string()), Some(name(id)));
            let second = name(id).another(2);
            assert_eq!(Name::parse(&second.to_string()), Some(second));
        }
        for other in [
            "",
            "x.wav",
            "2026-01.a.wav",
            "2026-01-31.wav",
            "2026-01-31..wav",
            "2026-01-31.a/b.wav",
            "2026-01-31.a.mp3",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
