//! Tools as an agent offers them to the model.

use std::sync::{Arc, Mutex};

use serde_json::json;
use voicekit::Agent;
use voicekit::tools::{FnTool, NoArguments, ToolCall, ToolContext, tool};
use voicekit_core::error::ErrorKind;
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad, scripted_line};

use crate::typed_tools::once;

#[tokio::test(start_paused = true)]
async fn schemas_of_an_applications_own_tools_are_offered_in_a_good_form_and_arguments_mapped_back()
{
    let given = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&given);
    let tool = tool("buy", "", move |arguments: Bought, _: ToolContext| {
        kept.lock().unwrap().push(arguments.size);
        async { Ok("bought") }
    });
    let schema = json!({"oneOf": [{"properties": {"größe": {"type": "integer"}, "tags": {"type": "array"}}, "required": ["größe"]}]});
    let tool = tool.with_parameters(schema);
    let asks = ToolCall::new("c1", "buy", r#"{"gr__e": 3}"#);
    let llm = FakeLlm::new(["One moment. ", "Bought."]).with_tool_call(0, asks);
    let (line, _phone) = scripted_line(once());
    crate::typed_tools::agent([tool], &llm).call(Box::new(line)).await;
    assert_eq!(*given.lock().unwrap(), [3]);
    let offered = llm.journal().calls()[0].request.tools[0].parameters.clone();
    assert_eq!(offered["type"], "object");
    assert_eq!(offered["required"], json!(["gr__e"]));
    assert!(offered["properties"]["tags"]["items"].is_object(), "{offered}");
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Bought {
    #[serde(rename = "größe")]
    size: u8,
}

fn done(name: String) -> FnTool {
    tool(name, "", |_: NoArguments, _: ToolContext| async { Ok("done") })
}

#[tokio::test(start_paused = true)]
async fn an_applications_own_tools_with_the_same_name_are_an_error() {
    let llm = FakeLlm::new(["Yes."]);
    let agent = Agent::builder()
        .tools(["find", "find"].map(|name| done(name.to_owned())))
        .asr(FakeAsr::new(["Hello."]))
        .llm(llm)
        .tts(FakeTts::new())
        .vad(|| Ok(FakeVad::new()));
    let error = agent.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("two tools"), "{error}");
}
