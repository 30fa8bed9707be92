//! What the receptionist has done by tools, and what it says from passages.

use std::fmt::Write;
use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, Message};
use voicekit_core::retrieve::Passage;
use voicekit_core::tool::{ToolCall, ToolOutcome, ToolSpec};
use voicekit_local::receptionist::{Knowledge, Receptionist};
use voicekit_testkit::fake::FakeEmbedder;

use crate::receptionist::{Guessed, Recorded};

/// The bakery of the demonstration, with a tool for its orders and somebody to talk to.
async fn receptionist() -> Receptionist {
    let bakery = include_str!("../../src/receptionist/bakery.toml");
    let intent =
        "name = \"order_cake\"\ntool = \"order_cake\"\nfailed = \"I'm sorry, no orders today.\"";
    let bakery = bakery.replacen("name = \"order_cake\"", intent, 1).replacen(
        "name = \"people\"",
        "name = \"people\"\nargument = \"party_size\"",
        1,
    );
    let transfer = "
        [[transfer]]
        to = \"Maria\"
        ask = [\"Can I talk to Maria?\"]
        say = \"I'll get Maria.\"
        otherwise = \"Maria is baking.\"
        ";
    let knowledge = Knowledge::from_toml(&(bakery + transfer)).unwrap();
    Receptionist::new(knowledge, Arc::new(Guessed(Recorded::new()))).await.unwrap()
}

fn tools() -> Vec<ToolSpec> {
    let text = || json!({"type": "string"});
    let order = ToolSpec::new("order_cake", "Orders a cake.").with_parameters(json!({
        "type": "object",
        "properties": {
            "what": text(), "party_size": {"type": ["integer", "null"]}, "when": text(),
            "time": text(), "name": text(),
        },
    }));
    let transfer = ToolSpec::new("transfer", "Connects.").with_parameters(json!({
        "type": "object",
        "properties": {"to": {"type": "string", "enum": ["maria"]}},
    }));
    vec![order, transfer, ToolSpec::new("hang_up", "Ends the call.")]
}

/// What was asked for, and the words before it.
async fn say(receptionist: &Receptionist, request: ChatRequest) -> (String, Option<ToolCall>) {
    let (mut text, mut call) = (String::new(), None);
    let mut events = receptionist.chat(request).await.unwrap();
    while let Some(event) = events.next().await {
        match event.unwrap() {
            ChatEvent::Text(piece) => text.push_str(&piece),
            ChatEvent::ToolCall(asked) => assert!(call.replace(asked).is_none()),
            ChatEvent::Done(_) => return (text, call),
            other @ (ChatEvent::Retracted | _) => panic!("{other:?}"),
        }
    }
    panic!("truncated");
}

/// Plays a call: `<` the caller, `>` what the agent must answer and `!` ask for, `/` what was heard
/// of it, `~` the tool runs, `+` and `-` how it went.
async fn check(tools: Vec<ToolSpec>, call: &str) {
    let receptionist = receptionist().await;
    let mut messages = Vec::new();
    let (mut asked, mut pending, mut running) = (None::<ToolCall>, None::<ToolCall>, None);
    for line in call.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (sign, rest) = line.split_once(' ').unwrap();
        match sign {
            "<" => messages.push(Message::caller(rest)),
            "~" => running = pending.clone(),
            "+" | "-" => {
                let outcome =
                    if sign == "+" { ToolOutcome::ok(rest) } else { ToolOutcome::failed(rest) };
                messages.push(Message::tool(pending.take().unwrap(), outcome));
                running = None;
            }
            "/" => {
                messages.pop();
                messages.push(Message::Agent { text: rest.to_owned(), interrupted: true });
                continue;
            }
            "!" => {
                let call = asked.take().unwrap_or_else(|| panic!("not asked for: {rest}"));
                assert_eq!(format!("{} {}", call.name, call.arguments), rest);
                pending = Some(call);
                continue;
            }
            ">" => {
                assert!(asked.is_none(), "{asked:?}");
                let mut request = ChatRequest::new("", messages.clone());
                let so_far = ToolOutcome::running("It is still running.");
                request.messages.extend(running.clone().map(|call| Message::tool(call, so_far)));
                request.tools = tools.clone();
                let (text, call) = say(&receptionist, request).await;
                assert_eq!(text, rest);
                asked = call;
                messages.push(Message::agent(text));
            }
            _ => panic!("{line}"),
        }
    }
    assert!(asked.is_none(), "{asked:?}");
}

const ORDERED: &str = r#"
    < I want a carrot cake for ten people for tomorrow at 4 pm.
    > I can take your order. What name shall I put it under?
    < Bob
    > That's a carrot cake for 10 people, to be picked up tomorrow at 4 p.m., for Bob. Is that right?
    < Yes.
    "#;
const ASKED_FOR: &str = r#"
    > One moment, please.
    ! order_cake {"name":"Bob","party_size":10,"time":"4 p.m.","what":"carrot cake","when":"tomorrow"}
    "#;

async fn check_ordered(rest: &str) {
    check(tools(), &format!("{ORDERED}{ASKED_FOR}{rest}")).await;
}

#[tokio::test]
async fn what_is_agreed_is_done_by_a_tool_and_its_answer_said() {
    check_ordered(
        "
        + It will be ready at four, order 17.
        > It will be ready at four, order 17. Can I help you with anything else?
        < No, thank you.
        > Thank you for calling Corner Bakery. Goodbye!
        ! hang_up {}
        ",
    )
    .await;
}

#[tokio::test]
async fn an_answer_for_models_is_not_read_out() {
    check_ordered(
        "
        + {\"id\": 17}
        > Thank you, Bob. Your carrot cake is ordered. Can I help you with anything else?
        ",
    )
    .await;
}

#[tokio::test]
async fn a_value_that_is_refused_is_asked_for_again_and_agreed_again() {
    for refusal in ["For 10 our oven is too small.", "Our oven is not made for so many people."] {
        let mut rest = String::new();
        write!(rest, "- {refusal}\n> {refusal} For how many people?").unwrap();
        rest += r#"
        < Eight.
        > That's a carrot cake for 8 people, to be picked up tomorrow at 4 p.m., for Bob. Is that right?
        < Yes.
        > One moment, please.
        ! order_cake {"name":"Bob","party_size":8,"time":"4 p.m.","what":"carrot cake","when":"tomorrow"}
        "#;
        check_ordered(&rest).await;
    }
}

#[tokio::test]
async fn words_for_models_are_not_read_out_when_a_value_is_refused() {
    check_ordered(
        "
        - Nothing was done: `party_size` must be less than 10, got 10. Correct it.
        > We make cakes for four to sixty people. For how many people?
        ",
    )
    .await;
}

#[tokio::test]
async fn a_tool_that_cannot_says_why() {
    check_ordered(
        "
        - The oven is broken.
        > I'm sorry, no orders today. The oven is broken. Can I help you with anything else?
        < Where can we park?
        > There is free parking behind the shop. You get there from Oak Street.
        ",
    )
    .await;
}

#[tokio::test]
async fn a_tool_is_asked_for_once_whatever_is_said_while_it_runs() {
    check_ordered(
        "
        / One
        ~ runs
        < Where can we park?
        > There is free parking behind the shop. You get there from Oak Street.
        < Yes.
        > I'm just doing that for you. One moment, please.
        < Never mind.
        > I'm just doing that for you. One moment, please.
        + It will be ready at four.
        > It will be ready at four. Can I help you with anything else?
        / It will
        < Where can we park?
        > It will be ready at four. There is free parking behind the shop. You get there from Oak Street.
        < Thank you.
        > You're welcome. Is there anything else?
        ",
    )
    .await;
}

#[tokio::test]
async fn what_was_interrupted_before_it_began_is_agreed_again() {
    check_ordered(
        "
        / One
        < Yes.
        > That's a carrot cake for 10 people, to be picked up tomorrow at 4 p.m., for Bob. Is that right?
        ",
    )
    .await;
}

#[tokio::test]
async fn without_the_tool_nothing_is_claimed_to_be_done() {
    let rest = "> I'm sorry, no orders today. Can I help you with anything else?";
    check(Vec::new(), &format!("{ORDERED}{rest}")).await;
}

#[tokio::test]
async fn who_wants_a_person_is_connected_where_that_is_possible() {
    let asked = "< Can I talk to a person, please?\n";
    check(tools(), &format!("{asked} > I'll get Maria.\n ! transfer {{\"to\":\"maria\"}}")).await;
    check(Vec::new(), &format!("{asked} > Maria is baking.")).await;
    check(
        tools(),
        "
        < I'd like to order a cake.
        > I can take your order. Would you like a chocolate cake, a carrot cake or a cheesecake?
        < Can I talk to a person, please?
        > I'll get Maria.
        ! transfer {\"to\":\"maria\"}
        - The carrier refused.
        > I'm sorry, I could not connect you. Can I help you with anything else?
        < Chocolate, please.
        > For how many people?
        ",
    )
    .await;
}

#[tokio::test]
async fn an_intent_without_a_tool_has_no_arguments() {
    let bakery = include_str!("../../src/receptionist/bakery.toml");
    let bakery = bakery.replacen("name = \"people\"", "name = \"people\"\nargument = \"size\"", 1);
    let error = Knowledge::from_toml(&bakery).unwrap_err();
    assert_eq!(
        (error.key.as_str(), error.problem.as_str()),
        ("intent.slot.argument", "the intent has no tool")
    );
}

/// A question with what was looked up for it, answered by somebody who knows nothing else.
async fn answer(question: &str, passages: &[&str]) -> String {
    let knowledge = Knowledge::from_toml(
        "[business]\nname = 'Shop'\ngreeting = 'Hello.'\ngoodbye = 'Bye.'\n\
         unknown = [\"I don't know.\"]\noffer = 'Ask.'",
    );
    let embedder = Arc::new(FakeEmbedder::new());
    let receptionist = Receptionist::new(knowledge.unwrap(), embedder).await.unwrap();
    assert!(receptionist.info().reads_passages);
    let mut request = ChatRequest::new("", [Message::caller(question)]);
    request.passages = passages.iter().map(|text| Passage::new(*text, *text, 1.0)).collect();
    say(&receptionist, request).await.0
}

#[tokio::test]
async fn a_passage_answers_in_its_own_words_what_the_file_does_not_know() {
    let passages = ["The tower was built long ago. The boat to the island leaves at noon."];
    let said = answer("When leaves the boat to the island?", &passages).await;
    assert!(said.contains("The boat to the island leaves at noon."), "{said}");
    assert!(passages[0].contains(&said), "{said} is not what the passage says");
    assert_eq!(answer("Who painted the Mona Lisa?", &passages).await, "I don't know. Ask.");
    assert_eq!(answer("When leaves the boat to the island?", &[]).await, "I don't know. Ask.");
}
