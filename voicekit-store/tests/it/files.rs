//! Files that only their owner can read, and lines that survive crashes.

use std::fs;
use std::path::Path;

use voicekit_store::files;
use voicekit_store::lines::Lines;

fn opened(path: &Path) -> (Lines, Vec<String>, usize) {
    let (lines, found) = Lines::open(path, |line| line.ends_with('}')).unwrap();
    (lines, found.lines, found.torn)
}

#[test]
fn a_line_that_was_cut_short_is_removed_and_merges_with_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lines");
    for (before, lines, torn) in [
        ("", &[][..], 0),
        ("{1}\n", &["{1}"], 0),
        ("{1}\n{2", &["{1}"], 2),
        ("{1", &[], 2),
        ("{1}\n{2}", &["{1}", "{2}"], 0),
        ("{1}\n\u{e9}", &["{1}"], 2),
    ] {
        fs::write(&path, before).unwrap();
        let (mut file, found, cut) = opened(&path);
        assert!(found.iter().eq(lines), "{before:?}: {found:?}");
        assert_eq!(cut, torn, "{before:?}");
        file.append("{3}").unwrap();
        let (_, found, cut) = opened(&path);
        assert_eq!(found.last().unwrap(), "{3}", "{before:?}");
        assert_eq!((found.len(), cut), (lines.len() + 1, 0), "{before:?}");
    }
    // Half of a character, as a torn write leaves it.
    fs::write(&path, b"{1}\n\xc3").unwrap();
    assert_eq!(opened(&path).2, 1);
}

#[test]
fn what_another_has_torn_meanwhile_is_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lines");
    let (mut file, _, _) = opened(&path);
    file.append("{1}").unwrap();
    // As a full disk leaves it: part of a line, and no chance to cut it off.
    let torn = fs::read(&path).unwrap();
    fs::write(&path, [&torn[..], b"{half"].concat()).unwrap();
    file.append("{2}").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{1}\n{2}\n");
}

#[test]
fn a_file_that_is_replaced_is_never_seen_in_part() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page");
    files::write(&path, b"one").unwrap();
    files::write(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let below = directory.path().join("no/such/page");
    assert!(files::write(&below, b"x").is_err());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Duration;

    use voicekit_core::store::{SessionRecord, SessionStore};
    use voicekit_core::transport::CallInfo;
    use voicekit_store::recordings::Recordings;
    use voicekit_store::sessions::file::File;

    use super::*;
    use crate::directory::{Directory, seconds};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// The modes of all below `path`.
    fn modes(path: &Path) -> Vec<(String, u32)> {
        let mut all = Vec::new();
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            all.push((path.display().to_string(), mode(&path)));
            if path.is_dir() {
                all.extend(modes(&path));
            }
        }
        all
    }

    #[test]
    fn new_files_and_directories_are_their_owners_only() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("a/b/c");
        files::create_dir_all(&deep).unwrap();
        files::create_dir_all(&deep).unwrap();
        files::create_new(&deep.join("new")).unwrap();
        files::open(&deep.join("opened")).unwrap();
        files::write(&deep.join("written"), b"x").unwrap();
        Lines::open(&deep.join("lines"), |_| true).unwrap();
        let modes = modes(directory.path());
        assert_eq!(modes.len(), 7);
        for (path, mode) in modes {
            let expected = if Path::new(&path).is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, expected, "{path}");
        }
    }

    #[test]
    fn a_file_that_exists_is_taken_from_others_and_not_from_its_group() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bookings");
        for (before, after) in [(0o644, 0o640), (0o600, 0o600), (0o640, 0o640), (0o666, 0o660)] {
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
            files::open(&path).unwrap();
            assert_eq!(mode(&path), after, "{before:o}");
        }
    }

    #[test]
    fn links_lead_nothing_new_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let (victim, link) = (directory.path().join("victim"), directory.path().join("link"));
        symlink(&victim, &link).unwrap();
        assert!(files::create_new(&link).is_err());
        assert!(files::open(&link).is_err());
        assert!(!victim.exists());
        // What replaces a file is not written through a link that waits at its side.
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, directory.path().join("page.new")).unwrap();
        files::write(&directory.path().join("page"), b"x").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[tokio::test]
    async fn recordings_and_sessions_are_their_owners_only() {
        let directory = Directory::new();
        let recordings = Recordings::open(&directory.url()).unwrap();
        recordings.record(&CallInfo::new("CA1"), seconds(2)).await.unwrap();
        let sessions = directory.path().join("sessions");
        let store = File::open(&sessions).unwrap();
        let hour = Duration::from_secs(3_600);
        store.save("a", &SessionRecord::default(), hour).await.unwrap();
        for (path, mode) in modes(directory.path()) {
            let expected = if Path::new(&path).is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, expected, "{path}");
        }
    }
}
