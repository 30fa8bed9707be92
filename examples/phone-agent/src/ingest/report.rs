//! The summary of an ingestion for people: what was read, and what was not.

use voicekit_rag::ingest::Report;

/// Kinds of ignored files that are named.
const NAMED: usize = 8;

/// One line with all counts.
pub(super) fn summary(report: &Report, chunks: &str) -> String {
    let mut summary = format!(
        "{} new, {} changed, {} unchanged, {} removed; passages in all: {chunks}",
        report.added, report.changed, report.unchanged, report.removed
    );
    let ignored: usize = report.ignored.values().sum();
    for (count, what) in [
        (report.failed.len(), "not read"),
        (report.partial.len(), "read in part"),
        (report.skipped.len(), "skipped"),
        (ignored, "of other kinds"),
        (report.empty.len(), "without text"),
    ] {
        if count > 0 {
            summary.push_str(&format!("; {count} {what}"));
        }
    }
    summary
}

/// A line for each document that is not or not wholly read, and for what was left out.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    for (document, error) in &report.failed {
        notes.push(format!("  not read: {}: {}", clean(document), clean(error.message())));
    }
    for (document, losses) in &report.partial {
        for loss in losses {
            let loss = loss.to_string();
            notes.push(format!("  read in part: {}: {}", clean(document), clean(&loss)));
        }
    }
    for (path, why) in &report.skipped {
        notes.push(format!("  skipped: {}: {}", clean(path), clean(why)));
    }
    for document in &report.empty {
        notes.push(format!("  without text: {}", clean(document)));
    }
    if !report.ignored.is_empty() {
        let mut kinds: Vec<(&String, &usize)> = report.ignored.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let named = kinds.iter().take(NAMED).map(|(kind, count)| match kind.as_str() {
            "" => format!("{count} without an extension"),
            kind => format!("{count} {}", clean(kind)),
        });
        let more = kinds.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more kinds") } else { String::new() };
        let named: Vec<String> = named.collect();
        notes.push(format!("  of other kinds: {}{more}", named.join(", ")));
    }
    for (class, count) in &report.quiet {
        notes.push(format!("  left out: {count} {class}"));
    }
    notes
}

/// A text without characters that steer a terminal.
fn clean(text: &str) -> String {
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escaped).collect()
}
