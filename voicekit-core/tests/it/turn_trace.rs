//! Traces read back as they were written.

use voicekit_core::turn::Config;
use voicekit_core::turn::replay::replay;
use voicekit_core::turn::trace::Line;

#[test]
fn every_entry_reads_back_as_it_was_written() {
    let trace = r##"
       0 started
      20 voice 0.125
 1000.25 interim "he said \"hi\"\n"
    1001 final ""
    1001 finalized "Grüße"
    1002 hearing-lost
    1002 judged 3 0.95
    1003 dtmf #
    1004 clause #7 " and "
    1005 word #7 "and" 0 120.5
    1006 audio #7 20
    1007 done #7
    1008 failed #7
    1009 played #7 1480
    1010 cleared #7 2000
    1011 end
    1011 finalized "late" 900.5
    1011 sign eager-end
    1011 tool #7 cancel {"id":"c1","name":"book","arguments":"{\"n\":2}","provider":{"s":[1]}}
    1011 tool-done 1 {"text":"Full.","failed":true}
    1011 take-turn
    1011 yield-turn
    1011 say "Good news."
    1011 insist "This call is recorded."
    1011 expect "digits" 10
    1011 expect "dictation"
    1012 line-ended caller
    1013 timeout
>   1014 hint finalize
>   1014 judge 3
>   1014 restart-hearing
>   1014 remember caller "x"
>   1014 remember agent "x"
>   1014 remember interrupted "x"
>   1014 reply #8 not-understood
>   1014 say #8 "Good news."
>   1014 prepare #9 "two rolls"
>   1014 adopt #9
>   1014 discard #9
>   1014 run 1 {"id":"c1","name":"book","arguments":""}
>   1014 cancel-run 1
>   1014 remember tool {"id":"c1","name":"book","arguments":""} {"text":"Done."}
>   1014 turn-exceeded
>   1014 picked-up machine
>   1014 cancel #8
>   1014 clear
>   1014 hold 1480
>   1014 release
>   1014 transfer
>   1014 reply #10 dead-end
>   1014 hang-up
>   1014 state ended
>   1014 measured #8 600 0 20 30.5 40
"##;
    for text in trace.lines().filter(|line| !line.is_empty()) {
        let line: Line = text.parse().unwrap();
        assert_eq!(line.to_string(), text);
    }
}

#[test]
fn what_is_no_trace_is_refused_with_the_line_and_the_reason() {
    for (text, reason) in [
        ("", "a time and an entry"),
        ("x started", "not a number of milliseconds"),
        ("0 stopped", "unknown event"),
        ("0 interim hello", "a text in quotes"),
        ("0 interim \"hello", "not JSON"),
        ("0 dtmf x", "not a key"),
        ("0 started again", "more words"),
        ("> 0 reply 1 turn", "a reply such as #1"),
        ("> 0 state happy", "unknown word"),
    ] {
        let error = text.parse::<Line>().unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn a_replay_shows_what_another_configuration_would_have_done() {
    let mut config = Config::default();
    config.greet = false;
    config.speculation.most = 0;
    let text = r#"
       0 started
>      0 state listening
    1000 final "Sure."
    1700 timeout
>   1700 remember caller "Sure."
>   1700 reply #1 turn
>   1700 state processing
"#;
    let trace: Vec<Line> = text.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(trace.len(), 7);
    assert!(replay(config.clone(), &trace).unwrap().is_same());

    config.endpoint.unjudged = std::time::Duration::from_millis(900);
    let other = replay(config, &trace).unwrap();
    let [difference] = &other.differences[..] else { panic!("{other:?}") };
    assert_eq!(
        difference.to_string(),
        "      1700 timeout\n- >   1700 remember caller \"Sure.\"\n- >   1700 reply #1 turn\n\
         - >   1700 state processing\n"
    );
}
