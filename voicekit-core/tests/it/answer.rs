//! What is taken out of an answer's text: a corpus of marks, whole and letter by letter.

use proptest::prelude::*;
use serde_json::{Value, json};
use voicekit_core::answer::{AnswerFilter, TextFilter};
use voicekit_core::tool::{ToolCall, ToolSpec};

const REASONING: &str = include_str!("../data/answer/reasoning.txt");
const MACHINE: &str = include_str!("../data/answer/machine.txt");
const DIRECTIONS: &str = include_str!("../data/answer/directions.txt");
const CITATIONS: &str = include_str!("../data/answer/citations.txt");
const PLAIN: &str = include_str!("../data/answer/plain.txt");

fn tools() -> [ToolSpec; 2] {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let weather = ToolSpec::new("get_weather", "Looks up the weather.").with_parameters(schema);
    [weather, ToolSpec::new("hang_up", "Ends the call.")]
}

fn cases(corpus: &str) -> Vec<(String, String)> {
    let lines = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let read = |text: &str| text.replace("\\n", "\n");
    let case = |line: &str| {
        let (text, expected) = line.split_once(" => ").unwrap_or((line, line));
        (read(text), read(expected))
    };
    lines.map(case).collect()
}

/// The text that is spoken and the calls that are made, of text in pieces of `size` characters.
fn filtered(mut filter: AnswerFilter, text: &str, size: usize) -> (String, Vec<ToolCall>) {
    let characters: Vec<char> = text.chars().collect();
    let mut spoken = String::new();
    let pieces = characters.chunks(size.max(1)).map(|piece| piece.iter().collect::<String>());
    let mut outputs: Vec<_> = pieces.map(|piece| filter.push(&piece)).collect();
    outputs.push(filter.finish());
    for output in outputs {
        if output.retracted {
            spoken.clear();
        }
        spoken += &output.text;
    }
    (spoken, filter.take_calls())
}

fn filter() -> AnswerFilter {
    AnswerFilter::new(TextFilter::default(), tools())
}

/// Checks a corpus, each case whole and cut everywhere.
fn check(corpus: &str, least: usize) {
    let (cases, mut failures) = (cases(corpus), Vec::new());
    for (text, expected) in &cases {
        for size in [usize::MAX, 1, 2, 3, 7] {
            let (spoken, _) = filtered(filter(), text, size.min(10_000));
            if spoken != *expected {
                failures.push(format!("{text:?} by {size}\nwant {expected:?}\n got {spoken:?}"));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases.len() >= least, "only {} cases", cases.len());
}

#[test]
fn reasoning_of_every_family_is_not_spoken() {
    check(REASONING, 50);
}

#[test]
fn tokens_and_tool_calls_in_the_text_are_not_spoken() {
    check(MACHINE, 50);
}

#[test]
fn stage_directions_are_not_spoken_and_emphasis_is() {
    check(DIRECTIONS, 60);
}

#[test]
fn citation_marks_are_not_spoken() {
    check(CITATIONS, 30);
}

#[test]
fn what_people_say_is_passed_on_unchanged() {
    check(PLAIN, 50);
}

#[test]
fn text_without_marks_is_never_held_back() {
    let mut filter = filter();
    for piece in ["We", " are", " open", " from", " 9", " to", " 5.", " Shall I", " go on?", " 3 <"]
    {
        assert_eq!(filter.push(piece).text, piece.trim_end_matches('<'), "{piece}");
    }
}

#[test]
fn emphasis_is_held_back_for_no_longer_than_its_first_letters() {
    let mut filter = filter();
    assert_eq!(filter.push("That is *ve").text, "That is *ve");
    assert_eq!(filter.push("ry* good (or").text, "ry* good (or");
    assert_eq!(filter.push(" [pri").text, " [pri");
}

#[test]
fn a_filter_that_is_turned_off_leaves_the_marks() {
    let off = TextFilter::default().with_stage_directions(false).with_citations(false);
    for text in ["*sighs* Yes [laughs].", "Nine [1]【4†source】 (source: hours.md)."] {
        let (spoken, _) = filtered(AnswerFilter::new(off, tools()), text, 1);
        assert_eq!(spoken, text);
    }
    let (spoken, _) = filtered(AnswerFilter::new(off, tools()), "<think>no</think>Yes.", 1);
    assert_eq!(spoken, "Yes.", "reasoning is never spoken");
}

#[test]
fn thoughts_that_were_never_opened_are_taken_back() {
    let mut filter = filter();
    assert_eq!(filter.push("They ask when we open.").text, "They ask when we open.");
    let output = filter.push(" So.</think>\n\nAt nine.");
    assert!(output.retracted);
    assert_eq!(output.text, "At nine.");
    assert!(!filter.push(" Or ten.").retracted);
}

#[test]
fn thoughts_and_their_end_in_one_piece_are_never_given_out() {
    let mut filter = filter();
    let output = filter.push("They ask when we open.</think>At nine.");
    assert_eq!((output.retracted, output.text.as_str()), (false, "At nine."));
}

#[test]
fn a_model_that_begins_inside_its_thoughts_is_silent_until_they_end() {
    for (text, expected) in [
        ("They ask. So.</think>\n\nAt nine.", "At nine."),
        ("They ask. So.</THINK>At nine.", "At nine."),
        ("They ask.[/THINK]At nine.", "At nine."),
        ("They ask.◁/think▷At nine.", "At nine."),
        ("<think>They ask.</think>At nine.", "At nine."),
        ("They ask and ask", ""),
    ] {
        for size in 1..=text.len() {
            let (spoken, _) = filtered(filter().starting_in_thoughts(), text, size);
            assert_eq!(spoken, expected, "{text:?} by {size}");
        }
    }
}

#[test]
fn calls_that_were_written_as_text_are_made() {
    let call = r#"{"name":"get_weather","arguments":{"city":"Paris"}}"#;
    let invoke = r#"<invoke name="get_weather"><parameter name="city">Paris</parameter></invoke>"#;
    for text in [
        format!("<tool_call>{call}</tool_call>"),
        format!("<tool_call>\n{call}\n</tool_call>"),
        format!("<tool_call>{call}"),
        format!("<TOOLCALL>[{call}]</TOOLCALL>"),
        format!("<tool_calls>[{call}]</tool_calls>"),
        format!("<function_call>{call}</function_call>"),
        format!("<|tool_call|>{call}<|/tool_call|>"),
        format!("<|tool_call|>[{call}]"),
        format!("<|tool_call_start|>[{call}]<|tool_call_end|>"),
        "<|tool_call_start|>[get_weather(city=\"Paris\")]<|tool_call_end|>".to_owned(),
        "<|tool_call>call:get_weather{city:<|\"|>Paris<|\"|>}<tool_call|>".to_owned(),
        "<start_function_call>call:get_weather{city:<escape>Paris<escape>}<end_function_call>"
            .to_owned(),
        format!("<|python_tag|>{call}<|eom_id|>"),
        "<|python_tag|>get_weather.call(city=\"Paris\")".to_owned(),
        format!("[TOOL_CALLS][{call}]</s>"),
        "[TOOL_CALLS]get_weather[ARGS]{\"city\":\"Paris\"}".to_owned(),
        format!("[TOOL_REQUEST]{call}[END_TOOL_REQUEST]"),
        format!("```tool_call\n{call}\n```"),
        "```tool_code\nprint(get_weather(city='Paris'))\n```".to_owned(),
        format!("```json\n{call}\n```"),
        format!("```json\n{call}"),
        call.to_owned(),
        format!("[{call}]"),
        "[get_weather(city=\"Paris\")]".to_owned(),
        "<function=get_weather>{\"city\":\"Paris\"}</function>".to_owned(),
        "<tool_call><function=get_weather><parameter=city>Paris</parameter></function></tool_call>"
            .to_owned(),
        format!("<function_calls>{invoke}</function_calls>"),
        format!("<antml:function_calls>{invoke}</antml:function_calls>"),
        invoke.replace("invoke", "antml:invoke").replace("parameter", "antml:parameter"),
        format!("<minimax:tool_call>{invoke}</minimax:tool_call>"),
        invoke.to_owned(),
        "<｜DSML｜function_calls><｜DSML｜invoke name=\"get_weather\"><｜DSML｜parameter name=\"city\" \
         string=\"true\">Paris</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>"
            .to_owned(),
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value></tool_call>"
            .to_owned(),
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0\
         <|tool_call_argument_begin|>{\"city\":\"Paris\"}<|tool_call_end|><|tool_calls_section_end|>"
            .to_owned(),
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n\
         {\"city\":\"Paris\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
            .to_owned(),
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\":\"Paris\"}\
         <｜tool▁call▁end｜><｜tool▁calls▁end｜>"
            .to_owned(),
        "<|START_ACTION|>[{\"tool_call_id\":\"0\",\"tool_name\":\"get_weather\",\
         \"parameters\":{\"city\":\"Paris\"}}]<|END_ACTION|>"
            .to_owned(),
        "<|tools_prefix|>[{\"get_weather\": {\"city\":\"Paris\"}}]<|tools_suffix|>".to_owned(),
        "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>\
         {\"city\":\"Paris\"}<|call|>"
            .to_owned(),
        "<|start|>assistant<|channel|>commentary to=functions.get_weather<|message|>\
         {\"city\":\"Paris\"}"
            .to_owned(),
    ] {
        for size in [10_000, 1, 2, 5] {
            let (spoken, calls) = filtered(filter(), &format!("One moment. {text}"), size);
            let calls: Vec<_> = calls.iter().map(|call| (&*call.name, &*call.arguments)).collect();
            let expected = [("get_weather", r#"{"city":"Paris"}"#)];
            assert_eq!((spoken.trim_end(), &calls[..]), ("One moment.", &expected[..]), "{text}");
        }
    }
}

#[test]
fn calls_of_unknown_tools_and_calls_that_cannot_be_read_are_dropped() {
    for text in [
        "<tool_call>{\"name\":\"rob_bank\",\"arguments\":{}}</tool_call>",
        "<tool_call>{\"name\":\"get_weather\",\"argum</tool_call>",
        "<tool_call>oops",
        "{\"name\":\"rob_bank\",\"parameters\":{}}",
        "{\"name\":\"get_weather\",\"arguments\":{\"ci",
        "```tool_code\nrob_bank()\n```",
        "[TOOL_CALLS]oops",
        "<invoke name=\"rob_bank\"></invoke>",
    ] {
        for size in [10_000, 1] {
            let (spoken, calls) = filtered(filter(), &format!("Yes. {text}"), size);
            assert_eq!((spoken.trim_end(), calls.len()), ("Yes.", 0), "{text}");
        }
    }
}

#[test]
fn calls_without_tools_are_dropped_as_well() {
    let bare = || AnswerFilter::new(TextFilter::default(), []);
    for text in [
        "<tool_call>{\"name\":\"get_weather\",\"arguments\":{}}</tool_call>",
        "{\"name\":\"get_weather\",\"arguments\":{}}",
    ] {
        assert_eq!(filtered(bare(), text, 1), (String::new(), Vec::new()), "{text}");
    }
}

#[test]
fn several_calls_have_ids_of_their_own_and_are_returned_once() {
    let call = |city: &str| {
        format!(
            "<tool_call>{}</tool_call>",
            json!({"name": "get_weather", "arguments": {"city": city}})
        )
    };
    let mut filter = filter();
    filter.push(&(call("Paris") + &call("Rome")));
    let calls = filter.take_calls();
    let cities: Vec<Value> =
        calls.iter().map(|call| serde_json::from_str(&call.arguments).unwrap()).collect();
    assert_eq!(cities, [json!({"city": "Paris"}), json!({"city": "Rome"})]);
    assert_ne!(calls[0].id, calls[1].id);
    assert!(filter.take_calls().is_empty());
}

#[test]
fn a_region_that_never_ends_is_not_kept() {
    let mut filter = filter();
    for opening in ["<think>", "<tool_call>"] {
        filter.push(opening);
        for _ in 0..10_000 {
            assert_eq!(filter.push("words and words without any end ").text, "");
        }
        assert_eq!(filter.finish().text, "");
    }
}

/// Text made of what the filter looks for, and anything else.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "We",
        " open ",
        "at",
        " nine.",
        "\n",
        " ",
        "<think>",
        "</think>",
        "<",
        ">",
        "</",
        "<tool_call>",
        "</tool_call>",
        "{\"name\":\"get_weather\",",
        "\"arguments\":{}}",
        "{",
        "}",
        "[",
        "]",
        "[1]",
        "(",
        ")",
        "(source: ",
        "*",
        "**",
        "_",
        "sighs",
        "laughs",
        "clears throat",
        "【",
        "4†source",
        "】",
        "```",
        "json\n",
        "tool_call\n",
        "<|im_end|>",
        "<|",
        "|>",
        "<|channel|>",
        "analysis",
        "<|message|>",
        "<|end|>",
        "<function=get_weather>",
        "</function>",
        "[THINK]",
        "[/THINK]",
        "[TOOL_CALLS]",
        "get_weather(",
        "◁think▷",
        "◁/think▷",
        "<｜tool▁calls▁begin｜>",
        "<invoke name=\"",
        "hang_up",
        "\">",
        "好",
        "é",
        "\"",
        "\\",
        "https://a.example",
        "<cite>",
        "</cite>",
        "turn0search1",
        ":",
        "=",
        "/",
    ]);
    prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_spoken_does_not_depend_on_how_the_text_was_cut(text in texts(), size in 1_usize..9) {
        let whole = filtered(filter(), &text, 100_000);
        prop_assert_eq!(&filtered(filter(), &text, size), &whole);
        prop_assert_eq!(&filtered(filter(), &text, 1), &whole);
    }

    #[test]
    fn words_are_passed_on_unchanged(text in "[a-zA-Z0-9 .,!?éß好'\n-]{0,80}") {
        let text = format!("W{text}");
        prop_assert_eq!(filtered(filter(), &text, 3).0, text);
    }
}
