//! Files and directories that only their owner can read: recordings, sessions, traces and bookings
//! hold what callers said.
//!
//! On Unix, files are created with mode 0600 and directories with 0700, whatever the umask is. On
//! other systems, permissions are inherited from the directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Creates `path` and the directories above it that are missing. Directories that exist keep their
/// permissions.
///
/// # Errors
///
/// Those of [`DirBuilder::create`].
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_dir_all(parent)?;
    }
    match dir_builder().create(path) {
        Ok(()) => restrict(path, DIRECTORY),
        // Another was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a new file for reading and writing. One that exists, also as a symbolic link, is refused.
///
/// # Errors
///
/// Those of [`OpenOptions::open`], such as `AlreadyExists`.
pub fn create_new(path: &Path) -> io::Result<File> {
    let file = options().read(true).write(true).create_new(true).open(path)?;
    restrict(path, FILE)?;
    Ok(file)
}

/// Opens a file for reading and writing, and creates it if it does not exist. A file that others on
/// the machine can use is taken from them; its group keeps its permissions.
///
/// # Errors
///
/// Those of [`OpenOptions::open`].
pub fn open(path: &Path) -> io::Result<File> {
    loop {
        match create_new(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created,
        }
        match OpenOptions::new().read(true).write(true).open(path) {
            // It was removed in between. A link that leads nowhere stays refused.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {}
            opened => {
                let file = opened?;
                exclude_others(&file)?;
                return Ok(file);
            }
        }
    }
}

/// Replaces the content of the file at `path` in one step: a reader, or a crash, finds the old or
/// the new content, never a part.
///
/// # Errors
///
/// Those of the file system; then the old content is still there.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // What an earlier crash left behind, or a link that somebody put there.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let written = create_new(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&new, path));
    if replaced.is_err() {
        fs::remove_file(&new).ok();
    }
    replaced
}

/// Takes a file from everybody but its owner.
///
/// # Errors
///
/// Those of [`fs::set_permissions`].
pub fn restrict_file(path: &Path) -> io::Result<()> {
    restrict(path, FILE)
}

const FILE: u32 = 0o600;
const DIRECTORY: u32 = 0o700;

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(FILE);
    options
}

#[cfg(unix)]
fn dir_builder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = DirBuilder::new();
    builder.mode(DIRECTORY);
    builder
}

/// The umask may have taken more than it should.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
fn exclude_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata()?;
    let mode = metadata.permissions().mode();
    if !metadata.is_file() || mode & 0o007 == 0 {
        return Ok(());
    }
    match file.set_permissions(fs::Permissions::from_mode(mode & 0o7770)) {
        // It belongs to somebody else, who has shared it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(not(unix))]
fn dir_builder() -> DirBuilder {
    DirBuilder::new()
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn exclude_others(_: &File) -> io::Result<()> {
    Ok(())
}
