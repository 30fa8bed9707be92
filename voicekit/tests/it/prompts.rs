//! Templates, languages and what is wrong with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use voicekit::slots::Kind;
use voicekit::{Budget, CallEvent, Part, Phrases, Prompt, Slot};
use voicekit_core::error::ErrorKind;
use voicekit_core::llm::Message;
use voicekit_core::time::Timestamp;
use voicekit_core::tool::ToolCall;
use voicekit_testkit::fake::{FakeTool, scripted_line};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script;

use crate::parts::{HELLO, HOURS, Parts, ms};

fn asks(times: usize) -> Script {
    let ask = |script: Script, _| script.say("question", tone(ms(1_200)));
    (0..times).fold(Script::new(), ask)
}

fn bakery() -> Parts {
    Parts::new(["When are you open?"], [HOURS])
}

fn template(source: &str) -> Prompt {
    Prompt::template("prompt", source).unwrap()
}

fn shop() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("name", "Corner Bakery")])
}

/// What building an agent with these instructions says.
fn refused(source: &str) -> String {
    let builder = bakery().builder().slot(Slot::new("guests", Kind::Integer { min: 1, max: 9 }));
    let error = builder.instructions(template(source)).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

/// A directory of its own, removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("voicekit-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("below")).unwrap();
        for (file, text) in files {
            fs::write(path.join(file), text).unwrap();
        }
        Self(path)
    }

    fn load(&self, file: &str) -> Result<Prompt, String> {
        let shown = format!("{}{}", self.0.display(), std::path::MAIN_SEPARATOR);
        Prompt::load(self.0.join(file)).map_err(|error| error.to_string().replace(&shown, ""))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_knows_the_call_and_is_the_same_in_every_turn() {
    let mut parts = Parts::new(["When are you open?", "And on Sunday?"], [HOURS, "Closed."]);
    parts.tools = vec![FakeTool::new("book", "Done.")];
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/prompts/bakery.jinja");
    let agent = parts
        .builder()
        .instructions(Prompt::load(file).unwrap())
        .variable("shop", shop())
        .build()
        .unwrap();
    let (line, _) = scripted_line(asks(2));
    let customer = BTreeMap::from([("customer".to_owned(), "Ann {{ 7 * 7 }}".to_owned())]);
    agent.call(Box::new(line.with_parameters(customer))).await;
    let asked = parts.llm.journal().calls();
    assert_eq!(
        asked[0].request.instructions,
        "You answer the telephone of Corner Bakery.\n\
         Everything you write is spoken: answer in one or two short sentences, without lists or \
         links.\nSpeak the language of the tag en.\n\
         The caller is Ann {{ 7 * 7 }}, who has ordered before.\n\
         You can do more than talk: book."
    );
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].request.instructions, asked[1].request.instructions);
}

#[tokio::test(start_paused = true)]
async fn text_is_not_interpreted_whatever_is_in_it() {
    let parts = bakery();
    let agent = parts.builder().instructions("Say {{ this }} {% and %} that.").build().unwrap();
    agent.call(Box::new(scripted_line(asks(1)).0)).await;
    let asked = parts.llm.journal().calls();
    assert_eq!(asked[0].request.instructions, "Say {{ this }} {% and %} that.");
}

#[tokio::test(start_paused = true)]
async fn history_and_what_is_known_of_one_call_can_be_mentioned() {
    let parts = bakery();
    let source = "Turn {{ turn }} of {{ call.id }} with {{ name }}, \
                  {{ call.from | default('withheld') }}.\
                  {% for said in history %} {{ said.role }}: {{ said.text }}{% endfor %}";
    let agent = parts
        .builder()
        .instructions(template(source))
        .variables(|call| BTreeMap::from([("name", call.parameters.get("name").cloned())]))
        .build()
        .unwrap();
    let (line, _) = scripted_line(asks(1));
    let name = BTreeMap::from([("name".to_owned(), "Ann".to_owned())]);
    agent.call(Box::new(line.with_parameters(name))).await;
    let asked = parts.llm.journal().calls();
    let told = &asked[0].request.instructions;
    assert!(told.starts_with("Turn 1 of ") && told.contains("with Ann, +15551230001."), "{told}");
    assert!(told.ends_with(&format!("agent: {HELLO} caller: When are you open?")), "{told}");
}

#[test]
fn what_is_wrong_with_a_template_is_said_with_file_and_line() {
    for (source, told) in [
        ("Be brief.\n{% if %}", "prompt:2: syntax error: unexpected end of block, in `{% if %}`"),
        (
            "Be\n\n  {{ language | uper }}",
            "prompt:3: unknown filter `uper`, in `{{ language | uper }}`",
        ),
        (
            "{% if false %}\n{{ 1 is odder }}{% endif %}",
            "prompt:2: unknown test `odder`, in `{{ 1 is odder }}{% endif %}`",
        ),
        (
            "{% include 'other' %}",
            "prompt:1: \"other\" is not here: a template that includes others is loaded from a file, in `{% include 'other' %}`",
        ),
        ("{{ 'open", "prompt:1: syntax error: unexpected end of string, in `{{ 'open`"),
    ] {
        let error = Prompt::template("prompt", source).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
    // A comment, a raw block and a text are no template.
    template("{# x | no #}{% raw %}{{ x | no }}{% endraw %}{{ '{{ x | no }} is nothing' }}");
}

#[test]
fn a_variable_that_there_never_is_is_found_when_the_agent_is_built() {
    let told = refused("Hello.\n{% if language == 'xx' %}\n{{ call.frm }}\n{% endif %}");
    let there_are = "there are from, id, parameters, to, in `{{ call.frm }}`";
    assert_eq!(told, format!("prompt: prompt:3: unknown variable `call.frm`; {there_are}"));
    let told = refused("{{ slots.guest }}");
    assert!(told.contains("prompt:1: unknown variable `slots.guest`; there are guests"), "{told}");
    let told = refused("{{ now }}");
    assert!(told.contains("unknown variable `now`; there are call, history, language"), "{told}");
    let builder = bakery().builder().variable("shop", shop());
    let told = builder.instructions(template("\n{{ shop.nme }}")).build().unwrap_err().to_string();
    assert!(told.starts_with("prompt: prompt:2: undefined value"), "{told}");
}

#[test]
fn a_template_that_fails_when_little_is_known_is_found_when_the_agent_is_built() {
    let told = refused("One.\nFor {{ slots.guests + 1 }} guests.");
    assert!(told.starts_with("prompt: prompt:2: invalid operation"), "{told}");
    assert!(told.contains("(when nothing is known of the call and nothing noted)"), "{told}");
    let source = "{{ slots.guests | default(2) + 1 }}{{ call.parameters.vip | default('no') }}";
    let builder = bakery().builder().slot(Slot::new("guests", Kind::Integer { min: 1, max: 9 }));
    assert!(builder.instructions(template(source)).build().is_ok());
}

#[test]
fn a_template_that_loops_is_an_error_and_not_a_wait() {
    let loops = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}";
    assert!(refused(loops).contains("takes more than 50000 steps"), "{}", refused(loops));
    let doubles = "{% set n = namespace(x='x') %}{% for i in range(99) %}\
                   {% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}";
    assert!(refused(doubles).contains("takes more than 50000 steps"), "{}", refused(doubles));
    let calls = "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}";
    assert!(refused(calls).contains("recursion limit"), "{}", refused(calls));
    let long = "{% for a in range(9000) %}{{ 'thirty characters of this text' }}{% endfor %}";
    assert!(refused(long).contains("more than 256 KiB of text"), "{}", refused(long));
    let ring = Directory::new("ring", &[("a", "{% include 'b' %}"), ("b", "{% include 'a' %}")]);
    let agent = bakery().builder().instructions(ring.load("a").unwrap()).build();
    assert!(agent.unwrap_err().to_string().contains("recursion limit"));
}

#[test]
fn included_files_are_of_the_same_directory_and_checked_like_the_first() {
    let files = [
        ("good", "{% include 'below/part' %}{% include 'none' ignore missing %}"),
        ("below/part", "Part."),
        ("missing", "One.\n{% include 'none' %}"),
        ("outside", "{% extends '../other' %}"),
        ("absolute", "{% import '/etc/passwd' as x %}"),
        ("computed", "{% include language %}"),
        ("wrong", "{% include 'filter' %}"),
        ("filter", "\n{{ language | uper }}"),
        ("unknown", "{% set title = 1 %}{% include 'names' %}"),
        ("names", "{{ title }}\n{{ subtitle }}"),
    ];
    let directory = Directory::new("includes", &files);
    let error = |file: &str| directory.load(file).unwrap_err();
    assert!(directory.load("good").is_ok());
    assert!(error("missing").starts_with("missing:2: \"none\" cannot be read"));
    assert!(error("none").starts_with("none: cannot be read"));
    let outside = "is not the path of a file in the same directory or below";
    assert!(error("outside").contains(outside) && error("absolute").contains(outside));
    assert!(error("computed").contains("computed:1: `include` must name one file"));
    assert_eq!(error("wrong"), "filter:2: unknown filter `uper`, in `{{ language | uper }}`");
    let unknown = directory.load("unknown").unwrap();
    let error = bakery().builder().instructions(unknown).build().unwrap_err().to_string();
    assert!(error.contains("names:2: unknown variable `subtitle`"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_a_template_s_directory() {
    let directory = Directory::new("links", &[("main", "{% include 'link' %}")]);
    std::os::unix::fs::symlink("/etc/hostname", directory.0.join("link")).unwrap();
    assert!(directory.load("main").unwrap_err().contains("leads out of the directory"));
}

#[test]
fn names_that_are_taken_or_none_and_instructions_too_long_are_refused() {
    let error =
        |name: &str| bakery().builder().variable(name, 1).build().unwrap_err().message().to_owned();
    assert_eq!(error("call"), "variable \"call\" is taken");
    assert!(error("opening hours").contains("is no name"));
    let long = bakery().builder().instructions("word ".repeat(2_000)).budget(Budget::new(1_000));
    let long = long.build().unwrap_err();
    assert!(long.message().contains("more than the budget of 1000"), "{long}");
}

#[tokio::test(start_paused = true)]
async fn a_template_that_fails_in_a_call_costs_a_reply_and_not_the_call() {
    let mut parts = Parts::new(["Hello?", "Hello?"], [HOURS]);
    parts.greeting = false;
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&told);
    let agent = parts
        .builder()
        .observe(move |_| {
            let seen = Arc::clone(&seen);
            move |_: Timestamp, event: CallEvent<'_>| {
                if let CallEvent::Failed { part: Part::Reply, error } = event {
                    seen.lock().unwrap().push(error.to_string());
                }
            }
        })
        .instructions(template("{{ age + 1 }}"))
        .variables(|call| {
            let age = if call.id == "sample" { 1.into() } else { serde_json::json!("secret") };
            BTreeMap::from([("age", age)])
        })
        .build()
        .unwrap();
    let report = agent.call(Box::new(scripted_line(asks(1)).0)).await;
    let said: Vec<&str> = report.messages.iter().map(Message::text).collect();
    assert_eq!(said, ["Hello?", &*Phrases::default().failure]);
    // Where it failed, and nothing of what is known of the caller.
    assert_eq!(told.lock().unwrap()[0], "prompt: prompt:1: invalid operation, in `{{ age + 1 }}`");
    assert!(parts.llm.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_is_held_in_its_language_or_the_closest_there_is() {
    let instructions = Prompt::text("Be brief.")
        .in_language("de", template("Fasse dich kurz, {{ language }}."))
        .in_language("de-CH", "Merci vielmal.");
    let greeting = template("Hello, {{ call.parameters.name }}.")
        .in_language("de", template("Hallo, {{ call.parameters.name }}."));
    for (language, told, said) in [
        ("en", "Be brief.", "Hello, Ann."),
        ("de-AT", "Fasse dich kurz, de-AT.", "Hallo, Ann."),
        ("de_ch", "Merci vielmal.", "Hallo, Ann."),
        ("pt", "Be brief.", "Hello, Ann."),
    ] {
        let parts = bakery();
        let agent = parts
            .builder()
            .instructions(instructions.clone())
            .greeting(greeting.clone())
            .language_of(|call| call.parameters["language"].clone())
            .build()
            .unwrap();
        let (line, _) = scripted_line(asks(1));
        let given = [("language", language), ("name", "Ann")];
        let given = given.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let report = agent.call(Box::new(line.with_parameters(given.into()))).await;
        assert_eq!(parts.llm.journal().calls()[0].request.instructions, told);
        assert_eq!(report.messages[0].text(), said);
        assert_eq!(parts.asr.journal().calls()[0].request.language, language);
        assert_eq!(parts.tts.journal().calls()[0].request.language, language);
    }
}

#[tokio::test(start_paused = true)]
async fn phrases_are_those_of_the_language_and_may_be_templates() {
    let mut english = Phrases::default();
    english.greeting = Some("Hello, {{ call.parameters.name or 'stranger' }}.".to_owned());
    let mut german = Phrases::of("de");
    german.greeting = Some("Hallo {{ not }} interpretiert.".to_owned());
    let silent = Phrases::of("fr");
    let phrases = english.as_templates().in_language("de", german).in_language("fr", silent);
    for (language, greeting, goodbye) in [
        ("en", "Hello, stranger.", Phrases::default().goodbye),
        ("de", "Hallo {{ not }} interpretiert.", "Danke für Ihren Anruf. Auf Wiederhören.".into()),
        ("fr", "Merci de votre appel. Au revoir.", String::new()),
    ] {
        let parts = bakery();
        let agent = parts.builder().phrases(phrases.clone()).language_of(|_| language.to_owned());
        let session = agent.build().unwrap().session(Box::new(scripted_line(asks(0)).0));
        let mut handle = session.handle();
        let (report, ()) = tokio::join!(session.run(), async {
            tokio::time::sleep(ms(300)).await;
            handle.end();
        });
        let said: Vec<&str> = report.messages.iter().map(Message::text).collect();
        assert_eq!(said[0], greeting);
        assert!(said.len() == 1 || said[1] == goodbye, "{said:?}");
    }
    let mut wrong = Phrases::default().as_templates();
    wrong.filler = "One\nmoment, {{ nme }}.".to_owned();
    let error = bakery().builder().phrases(wrong).build().unwrap_err().to_string();
    assert!(error.contains("phrases.filler:2: unknown variable `nme`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_may_speak_first_in_one_language_alone() {
    let mut german = Phrases::of("de");
    german.greeting = Some("Guten Tag.".to_owned());
    let phrases = Phrases::default().in_language("de", german);
    for (language, first) in [("de", "Guten Tag."), ("en", "When are you open?")] {
        let builder =
            bakery().builder().phrases(phrases.clone()).language_of(move |_| language.into());
        let report = builder.build().unwrap().call(Box::new(scripted_line(asks(1)).0)).await;
        assert_eq!(report.messages[0].text(), first);
    }
}

#[test]
fn the_phrases_that_come_with_it_are_all_there_in_each_language() {
    let english = Phrases::default();
    assert_eq!(Phrases::of("en-GB"), english);
    assert_eq!(Phrases::of("tlh"), english);
    for language in ["de", "fr-CA", "es_MX", "it", "zh-Hans"] {
        let phrases = Phrases::of(language);
        for (own, other) in [
            (&phrases.not_understood, &english.not_understood),
            (&phrases.still_there, &english.still_there),
            (&phrases.failure, &english.failure),
            (&phrases.filler, &english.filler),
            (&phrases.warning, &english.warning),
            (&phrases.goodbye, &english.goodbye),
        ] {
            assert!(!own.is_empty() && own != other, "{language}: {own}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_s_long_output_is_cut_rather_than_the_budget_passed() {
    let tool = FakeTool::new("book", "word ".repeat(1_500));
    let mut parts = bakery();
    parts.llm = parts.llm.with_tool_call(0, ToolCall::new("c1", "book", "{}"));
    parts.tools = vec![tool];
    let agent = parts.builder().budget(Budget::new(700)).build().unwrap();
    agent.call(Box::new(scripted_line(asks(1)).0)).await;
    let asked = parts.llm.journal().calls();
    let outcome = asked[1].request.messages.last().unwrap();
    let Message::Tool { outcome, .. } = outcome else { panic!("{outcome:?}") };
    assert!(outcome.text.ends_with("… (cut)") && outcome.text.len() < 2_800, "{outcome:?}");
}

#[test]
fn no_template_is_too_deep_for_the_stack() {
    let repeated = |before: &str, again: &str, after: &str| {
        let some = |bytes: usize| format!("{before}{}{after}", again.repeat(bytes / again.len()));
        // What is just allowed may be right or wrong, but is read.
        let _ = Prompt::template("deep", some(380));
        some(100_000)
    };
    for source in [
        repeated("{{ ", "-", "1 }}"),
        repeated("{{ ", "not ", "1 }}"),
        repeated("{{ 1", "+1", " }}"),
        repeated("{{ 1", "~1", " }}"),
        repeated("{{ 1", "**1", " }}"),
        repeated("{{ 1", " and 1", " }}"),
        repeated("{{ 1", " if 1 else 1", " }}"),
        repeated("{{ call", ".id", " }}"),
        repeated("{{ call", "[0]", " }}"),
        repeated("{{ 1", "|string", " }}"),
        repeated("{{ 1", " is defined", " }}"),
        repeated("{{ ", "[", "1 }}"),
        repeated("{{ ", "(", "1 }}"),
        repeated("{{ ", "{1:", "1 }}"),
        repeated("{% if 1 %}", "{% elif 1 %}", "{% endif %}"),
        repeated("", "{% if 1 %}", ""),
        repeated("", "{% for a in [1] %}", ""),
        repeated("{% set ", "a,", "b = 1 %}"),
    ] {
        let start = source[..20].to_owned();
        let error = Prompt::template("deep", source).unwrap_err();
        assert!(!error.what.is_empty() && error.text.len() < 1_000, "{start}: {error}");
    }
}
