//! What this process costs, as Linux says it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The processor time of all threads that live.
pub(super) fn time() -> Result<Duration> {
    let threads = fs::read_dir("/proc/self/task").context("only Linux says what threads cost")?;
    let mut sum = Duration::ZERO;
    for thread in threads.flatten() {
        let stat = fs::read_to_string(thread.path().join("schedstat"))?;
        let nanos = stat.split(' ').next().context("schedstat is empty")?.parse()?;
        sum += Duration::from_nanos(nanos);
    }
    Ok(sum)
}

/// The memory that is in use, in bytes.
pub(super) fn memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("only Linux says it")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib << 10)
}
