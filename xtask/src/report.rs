//! Benchmarks as a table: `docs/performance.md`.
//!
//! A benchmark called `NAME, RIVAL` is what `NAME` of the same group is compared with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

use crate::{Outcome, cargo};

const PAGE: &str = "docs/performance.md";
/// What is before it on the page is written by hand.
const MARK: &str = "<!-- `cargo xtask bench-report` writes the rest. -->\n";

/// A measured benchmark.
#[derive(Debug)]
struct Measured {
    group: String,
    name: String,
    /// The median, in nanoseconds.
    median: f64,
}

/// A benchmark and those it is compared with.
#[derive(Default)]
struct Row<'a> {
    ours: Option<f64>,
    rivals: Vec<(&'a str, f64)>,
}

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Runs all benchmarks and writes their table; with `--last`, writes that of the runs before.
pub(crate) fn write(mut arguments: impl Iterator<Item = String>) -> Outcome {
    match arguments.next().as_deref() {
        None => run()?,
        Some("--last") => {}
        Some(other) => return Err(format!("unknown: {other}; `--last` is all there is")),
    }
    let mut all = Vec::new();
    collect(&results(), &mut all)?;
    if all.is_empty() {
        return Err("no benchmark has left results".to_owned());
    }
    let page = fs::read_to_string(PAGE).map_err(|error| format!("{PAGE}: {error}"))?;
    let (head, _) = page.split_once(MARK).ok_or_else(|| format!("{PAGE} lacks the line {MARK}"))?;
    let table = table(&all, &processor());
    fs::write(PAGE, format!("{head}{MARK}\n{table}")).map_err(|error| format!("{PAGE}: {error}"))
}

fn run() -> Outcome {
    let results = results();
    if results.exists() {
        fs::remove_dir_all(&results).map_err(|error| format!("{}: {error}", results.display()))?;
    }
    cargo(&["bench", "--package", "voicekit-benches", "--benches", "--", "--noplot"])
}

fn results() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    target.join("criterion")
}

/// Finds the results of the latest run below `directory`.
fn collect(directory: &Path, all: &mut Vec<Measured>) -> Outcome {
    let entries = fs::read_dir(directory).map_err(|error| error.to_string())?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        if path.ends_with("new") {
            let benchmark: Benchmark = read(&path.join("benchmark.json"))?;
            let estimates: Estimates = read(&path.join("estimates.json"))?;
            let (group, name) = match benchmark.function_id {
                Some(name) => (benchmark.group_id, name),
                None => ("engine".to_owned(), benchmark.group_id),
            };
            all.push(Measured { group, name, median: estimates.median.point_estimate });
        } else {
            collect(&path, all)?;
        }
    }
    Ok(())
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn processor() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    model
        .map_or("an unknown processor", |model| model.trim_start_matches([' ', '\t', ':']))
        .to_owned()
}

fn table(all: &[Measured], processor: &str) -> String {
    let mut rows: BTreeMap<(&str, &str), Row<'_>> = BTreeMap::new();
    for Measured { group, name, median } in all {
        match name
            .split_once(", ")
            .filter(|(ours, _)| all.iter().any(|other| other.is(group, ours)))
        {
            Some((ours, rival)) => {
                rows.entry((group, ours)).or_default().rivals.push((rival, *median));
            }
            None => rows.entry((group, name)).or_default().ours = Some(*median),
        }
    }
    let mut table = format!(
        "On {processor}:\n\n| what | voicekit | beside | it takes | times |\n|---|---:|---|---:|---:|\n"
    );
    for ((group, name), Row { ours, mut rivals }) in rows {
        let Some(ours) = ours else { continue };
        rivals.sort_by_key(|(rival, _)| *rival);
        let (what, time) = (format!("{group}: {name}"), time(ours));
        if rivals.is_empty() {
            writeln!(table, "| {what} | {time} | | | |").ok();
        }
        for (rival, theirs) in rivals {
            let (times, theirs) = (theirs / ours, self::time(theirs));
            writeln!(table, "| {what} | {time} | {rival} | {theirs} | {times:.1} |").ok();
        }
    }
    table
}

impl Measured {
    fn is(&self, group: &str, name: &str) -> bool {
        self.group == group && self.name == name
    }
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rival_stands_beside_what_it_is_compared_with() {
        let measured = |name: &str, median| Measured {
            group: "wire".to_owned(),
            name: name.to_owned(),
            median,
        };
        let all = [
            measured("decode, serde", 3_000.0),
            measured("decode", 1_000.0),
            measured("call, whole", 2e6),
        ];
        let table = table(&all, "a machine");
        let rows: Vec<&str> = table.lines().skip(4).collect();
        assert_eq!(
            rows,
            [
                "| wire: call, whole | 2.00 ms | | | |",
                "| wire: decode | 1.00 µs | serde | 3.00 µs | 3.0 |",
            ]
        );
    }
}
