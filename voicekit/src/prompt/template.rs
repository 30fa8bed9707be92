//! A template: read and checked when it is made, rendered within bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, escape_formatter};

use super::PromptError;
use super::scan::{Kind, Word, head, words};
use super::variables::{Known, Variables};

/// The most work of one rendering, in the engine's steps: an instruction, or 64 bytes of text made.
/// Measured: 5 ms of a core for a loop, 13 for the worst of joining, sorting and replacing. A prompt
/// of 30 KB takes 1,900 steps and 40 µs.
const FUEL: u64 = 50_000;

/// The longest text of one rendering, and the largest file. More than any model's context is worth.
const LONGEST: usize = 256 * 1024;

/// The most files of one template.
const FILES: usize = 64;

/// How deep includes, blocks and macros may call each other: deeper than any that is meant, and far
/// from the end of a thread's stack.
const DEEPEST: usize = 32;

/// The most words and signs of one tag, and the most `elif` of one file: the engine reads and compiles
/// each within the one before it, and 2 MiB of stack, which a thread has, are used up by some
/// thousands. A long tag has thirty.
const WORDS: usize = 400;
const BRANCHES: usize = 100;

/// The most characters of a line that an error shows.
const SHOWN: usize = 200;

/// Names that the engine itself gives a meaning.
const OWN: [&str; 6] = ["caller", "kwargs", "loop", "self", "super", "varargs"];

pub(super) struct Template {
    engine: Environment<'static>,
    main: String,
    /// By name. The main one's name is its path, the others' the one by which they are included.
    files: BTreeMap<String, File>,
    /// The variables that any of them mentions, without their fields.
    mentioned: BTreeSet<String>,
}

struct File {
    /// What errors call it.
    path: String,
    source: String,
}

impl Template {
    pub(super) fn new(name: String, source: String) -> Result<Self, PromptError> {
        let file = File { path: name.clone(), source };
        if let Some(link) = links(&file)?.into_iter().next() {
            let what = format!(
                "{:?} is not here: a template that includes others is loaded from a file",
                link.name
            );
            return Err(file.error(Some(link.line), what));
        }
        Self::compile(name.clone(), BTreeMap::from([(name, file)]))
    }

    pub(super) fn load(path: &Path) -> Result<Self, PromptError> {
        let main = path.display().to_string();
        let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let source = read(path).map_err(|what| unread(&main, what))?;
        let mut files = BTreeMap::new();
        let mut found = vec![(main.clone(), File { path: main.clone(), source })];
        while let Some((name, file)) = found.pop() {
            for link in links(&file)? {
                if files.contains_key(&link.name) || link.name == name {
                    continue;
                }
                let problem = |what| file.error(Some(link.line), what);
                let path = inside(&directory, &link.name).map_err(problem)?;
                if link.optional && !path.exists() {
                    continue;
                }
                let source =
                    read(&path).map_err(|what| problem(format!("{:?} {what}", link.name)))?;
                if files.len() + found.len() + 2 > FILES {
                    return Err(problem(format!("more than {FILES} files")));
                }
                found.push((link.name, File { path: path.display().to_string(), source }));
            }
            files.insert(name, file);
        }
        Self::compile(main, files)
    }

    fn compile(main: String, files: BTreeMap<String, File>) -> Result<Self, PromptError> {
        let mut template = Self { engine: engine(), main, files, mentioned: BTreeSet::new() };
        for (name, file) in &template.files {
            file.check_depth()?;
            let added = template.engine.add_template_owned(name.clone(), file.source.clone());
            added.map_err(|error| found(&template.files, &template.main, &error))?;
        }
        template.files.values().try_for_each(|file| template.check_filters(file))?;
        let mentioned = template.files.keys().flat_map(|file| template.undeclared(file, false));
        template.mentioned = mentioned.collect();
        Ok(template)
    }

    pub(super) fn name(&self) -> &str {
        &self.main
    }

    pub(super) fn mentions(&self, name: &str) -> bool {
        self.mentioned.contains(name)
    }

    pub(super) fn check(&self, known: &Known) -> Result<(), PromptError> {
        for (name, file) in &self.files {
            let elsewhere = self.set_elsewhere(name);
            for used in self.undeclared(name, true) {
                let root = used.split('.').next().unwrap_or(&used);
                if OWN.contains(&root) || elsewhere.contains(root) {
                    continue;
                }
                if let Err(what) = known.check(&used) {
                    return Err(file.error(file.line_of(&used), what));
                }
            }
        }
        for (variables, when) in [(known.sample(), ""), (known.blank(), BLANK)] {
            self.render_full(&variables, true).map_err(|mut error| {
                error.what.push_str(when);
                error
            })?;
        }
        Ok(())
    }

    pub(super) fn render(&self, variables: &Variables) -> Result<String, PromptError> {
        self.render_full(variables, false)
    }

    /// What an error says about values is for whoever writes the template, not for a call's log.
    fn render_full(&self, variables: &Variables, detail: bool) -> Result<String, PromptError> {
        let rendered = self
            .engine
            .get_template(&self.main)
            .and_then(|template| template.render(variables.value()));
        let text = rendered.map_err(|error| {
            let error = found(&self.files, &self.main, &error);
            if detail { error } else { error.without_detail() }
        })?;
        if text.len() > LONGEST {
            let what = format!("it gives more than {} KiB of text", LONGEST / 1024);
            return Err(PromptError {
                file: self.main.clone(),
                line: None,
                what,
                text: String::new(),
            });
        }
        Ok(text.trim().to_owned())
    }

    /// The variables of a file, with the fields they are asked for where `nested`.
    fn undeclared(&self, name: &str, nested: bool) -> BTreeSet<String> {
        let globals: BTreeSet<&str> = self.engine.globals().map(|(name, _)| name).collect();
        let template = self.engine.get_template(name);
        let used = template.map(|template| template.undeclared_variables(nested));
        let used = used.unwrap_or_default().into_iter().collect::<BTreeSet<String>>();
        used.into_iter().filter(|name| !globals.contains(&**name)).collect()
    }

    /// What the other files set: one that is included sees it.
    fn set_elsewhere(&self, name: &str) -> BTreeSet<&str> {
        let others = self.files.iter().filter(|(other, _)| *other != name);
        others.flat_map(|(_, file)| set(&file.source)).collect()
    }

    fn check_filters(&self, file: &File) -> Result<(), PromptError> {
        let all = words(&file.source);
        let mut state = self.engine.empty_state();
        for (at, word) in all.iter().enumerate() {
            let next = |skip: usize| all.get(at + skip).filter(|word| word.kind == Kind::Name);
            let attribute = at > 0 && all[at - 1].text == ".";
            let starts = word.kind == Kind::Name && word.text == "filter" && opens(&all, at);
            let test = word.kind == Kind::Name && word.text == "is" && !attribute;
            let unknown = if word.kind == Kind::Sign && word.text == "|" || starts {
                let unknown = |name: &&Word<'_>| {
                    let called = state.apply_filter(name.text, &[]);
                    called.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter)
                };
                next(1).filter(unknown).map(|name| ("filter", name))
            } else if test {
                let negated = next(1).is_some_and(|word| word.text == "not");
                let unknown = |name: &&Word<'_>| {
                    let called = state.perform_test(name.text, &[]);
                    called.is_err_and(|error| error.kind() == ErrorKind::UnknownTest)
                };
                next(1 + usize::from(negated)).filter(unknown).map(|name| ("test", name))
            } else {
                None
            };
            if let Some((what, name)) = unknown {
                return Err(file.error(Some(name.line), format!("unknown {what} `{}`", name.text)));
            }
        }
        Ok(())
    }
}

/// Added to what a trial with nothing known says.
const BLANK: &str = " (when nothing is known of the call and nothing noted)";

impl File {
    /// Finds what would use up a thread's stack.
    fn check_depth(&self) -> Result<(), PromptError> {
        let words = words(&self.source);
        let mut branches = 0;
        for tag in words.chunk_by(|_, next| next.kind != Kind::Open) {
            let line = tag.first().map(|word| word.line);
            if tag.len() > WORDS {
                let what = format!("a tag of more than {WORDS} words and signs: make it several");
                return Err(self.error(line, what));
            }
            branches += usize::from(head(tag).is_some_and(|word| word.text == "elif"));
            if branches > BRANCHES {
                return Err(self.error(line, format!("more than {BRANCHES} elif")));
            }
        }
        Ok(())
    }

    fn error(&self, line: Option<usize>, what: impl Into<String>) -> PromptError {
        let text = line.and_then(|line| self.source.lines().nth(line.checked_sub(1)?));
        let mut text = text.unwrap_or_default().trim().to_owned();
        if let Some((end, _)) = text.char_indices().nth(SHOWN) {
            text.truncate(end);
            text.push('…');
        }
        PromptError { file: self.path.clone(), line, what: what.into(), text }
    }

    /// Where a variable, `call.from`, stands first.
    fn line_of(&self, used: &str) -> Option<usize> {
        let all = words(&self.source);
        let parts: Vec<&str> = used.split('.').collect();
        let stands = |at: usize| {
            let attribute = at > 0 && all[at - 1].text == ".";
            !attribute
                && parts.iter().enumerate().all(|(part, name)| {
                    let word = all.get(at + 2 * part);
                    word.is_some_and(|word| word.kind == Kind::Name && word.text == *name)
                })
        };
        (0..all.len()).find(|at| stands(*at)).map(|at| all[at].line)
    }
}

impl PromptError {
    fn without_detail(mut self) -> Self {
        if let Some((kind, _)) = self.what.split_once(": ") {
            self.what.truncate(kind.len());
        }
        self
    }
}

fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    if let Ok(syntax) = syntax.build() {
        engine.set_syntax(syntax);
    }
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_formatter(|out, state, value| {
        let nothing = Value::from("");
        escape_formatter(out, state, if value.is_none() { &nothing } else { value })
    });
    for name in ["default", "d"] {
        engine.add_filter(name, default);
    }
    // Its output is for debugging a program, and holds all that is known of a call.
    engine.remove_global("debug");
    engine.set_debug(false);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(DEEPEST);
    engine
}

fn default(value: &Value, other: Option<Value>, falsy: Option<bool>) -> Value {
    let missing = value.is_undefined() || value.is_none();
    if missing || falsy == Some(true) && !value.is_true() {
        return other.unwrap_or_else(|| Value::from(""));
    }
    value.clone()
}

/// The engine's error as ours: where it comes from, if it was in an included file.
fn found(files: &BTreeMap<String, File>, main: &str, error: &minijinja::Error) -> PromptError {
    let mut deepest = error;
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<minijinja::Error>()
            && cause.line().is_some()
        {
            deepest = cause;
        }
        source = cause.source();
    }
    let what = match (deepest.kind(), deepest.detail()) {
        (ErrorKind::OutOfFuel, _) => {
            format!("it takes more than {FUEL} steps: is there a loop without end?")
        }
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    let file = deepest.name().and_then(|name| files.get(name)).or_else(|| files.get(main));
    match file {
        Some(file) => file.error(deepest.line(), what),
        None => PromptError { file: main.to_owned(), line: None, what, text: String::new() },
    }
}

/// Another template that one names.
struct Link {
    line: usize,
    name: String,
    /// Whether it may be missing.
    optional: bool,
}

fn links(file: &File) -> Result<Vec<Link>, PromptError> {
    let all = words(&file.source);
    let mut links = Vec::new();
    for tag in tags(&all) {
        let Some(head) = head(tag) else { continue };
        if !["include", "extends", "import", "from"].contains(&head.text) {
            continue;
        }
        let after = tag.iter().skip_while(|word| **word != head).nth(1);
        let Some(name) = after.filter(|word| word.kind == Kind::Text) else {
            let what = format!("`{}` must name one file: {{% {} \"…\" %}}", head.text, head.text);
            return Err(file.error(Some(head.line), what));
        };
        let optional = tag.iter().any(|word| word.kind == Kind::Name && word.text == "ignore");
        links.push(Link { line: name.line, name: name.text.to_owned(), optional });
    }
    Ok(links)
}

/// The names that the tags of `source` may set.
fn set(source: &str) -> Vec<&str> {
    let all = words(source);
    let sets = tags(&all).filter(|tag| {
        let setting = ["set", "with", "for", "macro", "import", "from"];
        head(tag).is_some_and(|head| setting.contains(&head.text))
    });
    let names = sets.flatten().filter(|word| word.kind == Kind::Name);
    names.map(|word| word.text).collect()
}

fn tags<'a, 'b>(all: &'b [Word<'a>]) -> impl Iterator<Item = &'b [Word<'a>]> {
    all.chunk_by(|_, next| next.kind != Kind::Open)
}

/// Whether the word at `at` is what its tag does.
fn opens(all: &[Word<'_>], at: usize) -> bool {
    let start = all[..at].iter().rposition(|word| word.kind == Kind::Open);
    start.is_some_and(|start| head(&all[start..=at]) == Some(all[at]))
}

fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > LONGEST as u64 {
        return Err(format!("has more than {} KiB", LONGEST / 1024));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))
}

fn unread(path: &str, what: String) -> PromptError {
    PromptError { file: path.to_owned(), line: None, what, text: String::new() }
}

/// The path of the template `name` of `directory`, which links may not lead out of.
fn inside(directory: &Path, name: &str) -> Result<PathBuf, String> {
    let plain = |part| matches!(part, Component::Normal(_));
    if name.is_empty() || !Path::new(name).components().all(plain) {
        return Err(format!("{name:?} is not the path of a file in the same directory or below"));
    }
    let path = directory.join(name);
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    match (fs::canonicalize(here), fs::canonicalize(&path)) {
        (Ok(here), Ok(real)) if !real.starts_with(&here) => {
            Err(format!("{name:?} leads out of the directory"))
        }
        _ => Ok(path),
    }
}
