use voicekit::anthropic::AnthropicConfig;
use voicekit::assemblyai::AssemblyAiConfig;
use voicekit::deepgram::{AuraConfig, NovaConfig};
use voicekit::elevenlabs::ElevenLabsConfig;
use voicekit::openai::OpenAiConfig;
use voicekit::piper::PiperConfig;

use super::*;
use crate::parts::Plan;

/// Every key and address that is read from the environment.
const ALL: &[(&str, &str)] = &[
    ("DEEPGRAM_API_KEY", "dg"),
    ("DEEPGRAM_URL", "ws://127.0.0.1:1"),
    ("ASSEMBLYAI_API_KEY", "aa"),
    ("ASSEMBLYAI_URL", "ws://127.0.0.1:2"),
    ("ELEVENLABS_API_KEY", "el"),
    ("ELEVENLABS_URL", "ws://127.0.0.1:3"),
    ("OPENAI_API_KEY", "oa"),
    ("OPENAI_BASE_URL", "http://127.0.0.1:4/v1"),
    ("GROQ_API_KEY", "gq"),
    ("GROQ_BASE_URL", "http://127.0.0.1:5/v1"),
    ("ANTHROPIC_API_KEY", "an"),
    ("ANTHROPIC_BASE_URL", "http://127.0.0.1:6"),
    ("PIPER_URL", "tcp://127.0.0.1:7"),
];

fn settings(text: &str, vars: &[(&str, &str)]) -> Result<Settings> {
    Settings::parse(text, &|name| {
        let var = vars.iter().find(|(other, _)| *other == name);
        var.map(|(_, value)| (*value).to_owned())
    })
}

fn plan(text: &str, vars: &[(&str, &str)]) -> String {
    settings(text, vars).and_then(|settings| Plan::new(&settings)).unwrap().to_string()
}

fn problem(text: &str, vars: &[(&str, &str)]) -> String {
    let plan = settings(text, vars).and_then(|settings| Plan::new(&settings));
    format!("{:#}", plan.unwrap_err())
}

#[test]
fn without_keys_everything_is_done_here() {
    assert_eq!(plan("", &[]), "Hearing: local. Answering: local. Speaking: local.");
    let empty = [("DEEPGRAM_API_KEY", " "), ("OPENAI_API_KEY", "")];
    assert_eq!(plan("", &empty), "Hearing: local. Answering: local. Speaking: local.");
}

#[test]
fn a_key_moves_its_stage_to_the_cloud_and_the_rest_stays() {
    let cases = [
        ("DEEPGRAM_API_KEY", "nova, then local. Answering: local. Speaking: aura, then local."),
        ("ASSEMBLYAI_API_KEY", "assemblyai, then local. Answering: local. Speaking: local."),
        ("ELEVENLABS_API_KEY", "local. Answering: local. Speaking: elevenlabs, then local."),
        ("OPENAI_API_KEY", "local. Answering: openai. Speaking: local."),
        ("GROQ_API_KEY", "local. Answering: groq. Speaking: local."),
        ("ANTHROPIC_API_KEY", "local. Answering: anthropic. Speaking: local."),
    ];
    for (key, expected) in cases {
        assert_eq!(plan("", &[(key, "secret")]), format!("Hearing: {expected}"));
    }
    let server = [("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1")];
    assert_eq!(plan("", &server), "Hearing: local. Answering: openai. Speaking: local.");
}

#[test]
fn with_all_keys_each_stage_has_its_second() {
    assert_eq!(
        plan("", ALL),
        "Hearing: nova, then assemblyai, then local. Answering: openai, then groq, then anthropic. \
         Speaking: elevenlabs, then aura, then piper, then local."
    );
}

#[test]
fn a_file_says_who_does_what() {
    let text = r#"
        asr = ["flux"]
        llm = ["anthropic", "local"]
        tts = ["openai"]
        "#;
    let expected = "Hearing: flux. Answering: anthropic, then local. Speaking: openai.";
    assert_eq!(plan(text, ALL), expected);
}

#[test]
fn keys_and_addresses_reach_the_services() {
    let settings = settings("", ALL).unwrap();
    let nova: NovaConfig = settings.section(&NOVA).unwrap();
    let aura: AuraConfig = settings.section(&AURA).unwrap();
    assert_eq!((nova.account.url.as_str(), aura.account.url.as_str()), (ALL[1].1, ALL[1].1));
    let assemblyai: AssemblyAiConfig = settings.section(&ASSEMBLYAI).unwrap();
    assert_eq!(assemblyai.account.url, ALL[3].1);
    let elevenlabs: ElevenLabsConfig = settings.section(&ELEVENLABS).unwrap();
    assert_eq!((elevenlabs.api_key.expose(), elevenlabs.url.as_str()), ("el", ALL[5].1));
    let openai: OpenAiConfig = settings.section(&OPENAI).unwrap();
    assert_eq!(openai.base_url, ALL[7].1);
    assert_eq!(openai.api_key.unwrap().expose(), "oa");
    let groq = crate::parts::groq(settings.section(&GROQ).unwrap());
    assert_eq!(groq.base_url, ALL[9].1);
    let anthropic: AnthropicConfig = settings.section(&ANTHROPIC).unwrap();
    assert_eq!((anthropic.api_key.expose(), anthropic.base_url.as_str()), ("an", ALL[11].1));
    let piper: PiperConfig = settings.section(&PIPER).unwrap();
    assert_eq!(piper.url, ALL[12].1);
}

#[test]
fn a_service_is_set_up_in_its_section_and_the_environment_goes_first() {
    let text = r#"
        [nova]
        model = "nova-2-phonecall"
        [openai]
        base_url = "http://elsewhere/v1"
        [openai.chat]
        model = "gpt-4o"
        [groq]
        api_key = "in the file"
        "#;
    let settings = settings(text, &[ALL[0], ALL[6], ALL[7]]).unwrap();
    let nova: NovaConfig = settings.section(&NOVA).unwrap();
    assert_eq!(nova.model, "nova-2-phonecall");
    let openai: OpenAiConfig = settings.section(&OPENAI).unwrap();
    assert_eq!((openai.chat.model.as_str(), openai.base_url.as_str()), ("gpt-4o", ALL[7].1));
    let groq = crate::parts::groq(settings.section(&GROQ).unwrap());
    let usual = OpenAiConfig::groq("in the file");
    assert_eq!((groq.base_url, groq.chat.model), (usual.base_url, usual.chat.model));
    assert!(Plan::new(&settings).unwrap().to_string().contains("openai, then groq"));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    assert_eq!(problem("asr = []", &[]), "asr: name at least one of nova, flux, assemblyai, local");
    assert_eq!(
        problem("llm = [\"gpt\"]", &[]),
        "llm: \"gpt\" is not one of openai, groq, anthropic, local"
    );
    assert_eq!(
        problem("tts = [\"elevenlabs\"]", &[]),
        "tts: \"elevenlabs\" needs ELEVENLABS_API_KEY in the environment"
    );
    assert_eq!(problem("nova = 3", &[]), "nova is to be a section: [nova]");
    assert!(problem("gretting = \"Hi\"", &[]).contains("unknown field `gretting`"));
    assert!(problem("llm = ", &[]).contains("line 1"));
    let typo = settings("[nova]\nmodle = \"nova-3\"", &[ALL[0]]).unwrap();
    let error = typo.section::<NovaConfig>(&NOVA).unwrap_err();
    assert!(format!("{error:#}").starts_with("[nova]: unknown field `modle`"), "{error:#}");
}

#[test]
fn whom_callers_are_connected_to_is_named_in_the_file() {
    let text = "[transfer]\n\"front desk\" = \"+15551230009\"";
    let transfers = settings(text, &[]).unwrap().transfers();
    assert_eq!(transfers["front desk"].to, "+15551230009");
    assert!(settings("", &[]).unwrap().transfers().is_empty());
}

#[test]
fn an_mcp_server_is_a_program_or_a_url() {
    let problem = |text: &str| {
        let settings = settings(text, &[]).unwrap();
        settings.mcp_servers().map(|servers| servers.len()).map_err(|error| format!("{error:#}"))
    };
    assert_eq!(problem(""), Ok(0));
    assert_eq!(problem("[mcp.a]\nprogram = 'server'\n[mcp.b]\nurl = 'https://b.example'"), Ok(2));
    let both = problem("[mcp.a]\nprogram = 'server'\nurl = 'https://a.example'");
    assert_eq!(both.unwrap_err(), "[mcp.a]: give a program or a url, not both");
    let lacking = problem("[mcp.a]\nurl = 'https://a.example'\ntoken_env = 'NOT_SET_ANYWHERE'");
    assert!(lacking.unwrap_err().starts_with("[mcp.a]: NOT_SET_ANYWHERE holds no token"));
    assert!(settings("[mcp.a]\nprogramme = 'server'", &[]).is_err());
}

#[test]
fn an_mcp_server_has_settings_of_its_own() {
    let problem = |text: &str| {
        let settings = settings(text, &[]).unwrap();
        settings.mcp_servers().map(|servers| servers.len()).map_err(|error| format!("{error:#}"))
    };
    let all = r#"
        [mcp.calendar]
        program = "calendar-server"
        arguments = ["--stdio"]
        env = { TZ = "UTC", RETRIES = 3, VERBOSE = true, KEY = { from = "PATH" } }
        cwd = "/tmp"
        required = true
        include = ["book", "find_*"]
        exclude = ["find_all"]
        prefix = "cal_"
        timeout = 2.5
        "#;
    assert_eq!(problem(all), Ok(1));
    let wrong = [
        (
            "program = 's'\nenv = { A = { from = 'NOT_SET_ANYWHERE' } }",
            "NOT_SET_ANYWHERE is not set",
        ),
        ("program = 's'\nenv = { 'A=B' = 'x' }", "is not a name of a variable"),
        ("program = 's'\ntimeout = 0", "timeout: 0 is not a number of seconds above 0"),
        ("program = 's'\ntimeout = -1", "timeout: -1 is not a number of seconds above 0"),
        ("program = 's'\ntimeout = nan", "timeout: NaN is not a number"),
        ("program = 's'\ntimeout = 1e300", "is not a number of seconds"),
        ("program = 's'\ntoken_env = 'PATH'", "token_env is for a url"),
        ("url = 'https://a.example'\ncwd = '/tmp'", "cwd is for a program"),
        ("url = 'https://a.example'\nenv = { A = 'b' }", "env is for a program"),
    ];
    for (text, expected) in wrong {
        let error = problem(&format!("[mcp.a]\n{text}")).unwrap_err();
        assert!(error.starts_with("[mcp.a]: ") && error.contains(expected), "{error}");
    }
    assert!(settings("[mcp.a]\nprogram = 's'\ntimeout = 'soon'", &[]).is_err());
}
