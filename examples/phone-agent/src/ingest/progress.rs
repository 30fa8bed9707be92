//! The progress of an ingestion: a bar on a terminal, and a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use voicekit_rag::ingest::Progress;

use crate::console;

/// The time between two lines where there is no terminal.
const LINES: Duration = Duration::from_secs(10);

/// Shows files, passages and the time left.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    start: Instant,
    said: Duration,
}

impl Bar {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(bar);
        Self { bar, start: now(), said: Duration::ZERO }
    }

    pub(super) fn show(&mut self, progress: Progress<'_>) {
        let spent = self.start.elapsed();
        let message = line(progress, spent);
        if let Some(bar) = &self.bar {
            bar.set_length(u64::try_from(progress.of).unwrap_or(u64::MAX));
            bar.set_position(u64::try_from(progress.files).unwrap_or(u64::MAX));
            bar.set_message(message);
        } else if spent >= self.said + LINES {
            self.said = spent;
            console::note(message);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the time left is for a person")]
fn now() -> Instant {
    Instant::now()
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:30} {msg}");
    let bar =
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Files, passages, the time left and the file at work.
fn line(progress: Progress<'_>, spent: Duration) -> String {
    let Progress { document, files, of, chunks, .. } = progress;
    let left = left(progress, spent).map_or_else(String::new, |left| format!(", {left} left"));
    let mut name: String = document.chars().filter(|c| !c.is_control()).collect();
    if let Some((at, _)) = name.char_indices().nth(40) {
        name.truncate(at);
    }
    format!("{files} of {of} files, {chunks} passages{left}  {name}")
}

/// The time left, by the share of bytes or else of files that are done; not in the first second.
fn left(progress: Progress<'_>, spent: Duration) -> Option<String> {
    let Progress { files, of, bytes, of_bytes, .. } = progress;
    let share = match of_bytes {
        0 => files as f64 / of.max(1) as f64,
        of_bytes => bytes as f64 / of_bytes as f64,
    };
    if share <= 0.0 || spent < Duration::from_secs(1) {
        return None;
    }
    let seconds = spent.mul_f64((1.0 - share).max(0.0) / share).as_secs();
    Some(match (seconds / 3600, seconds / 60, seconds) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}:{:02} min", seconds % 60),
        (hours, minutes, _) => format!("{hours}:{:02} h", minutes % 60),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_files_passages_and_time_left() {
        let mut heard = Vec::new();
        for (bytes, spent) in [(0, 5), (250, 10), (999, 0), (100, 600)] {
            let mut progress = Progress::default();
            (progress.document, progress.files, progress.of) = ("menu.pdf", 1, 4);
            (progress.chunks, progress.bytes, progress.of_bytes) = (32, bytes, 1000);
            heard.push(line(progress, Duration::from_secs(spent)));
        }
        assert_eq!(heard[0], "1 of 4 files, 32 passages  menu.pdf");
        assert_eq!(heard[1], "1 of 4 files, 32 passages, 30 s left  menu.pdf");
        assert_eq!(heard[2], "1 of 4 files, 32 passages  menu.pdf");
        assert_eq!(heard[3], "1 of 4 files, 32 passages, 1:30 h left  menu.pdf");
    }
}
