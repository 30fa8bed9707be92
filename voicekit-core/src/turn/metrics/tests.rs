use super::*;

/// The metrics of a trace that ends with its last line.
fn of(trace: &str) -> Metrics {
    let mut metrics = Metrics::default();
    let mut ended = Timestamp::ZERO;
    for line in trace.lines().filter(|line| !line.trim().is_empty()) {
        let line: Line = line.parse().unwrap();
        metrics.line(&line);
        ended = line.at;
    }
    metrics.finish(ended);
    metrics
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A turn of the caller that is answered at 1500 and audible from 2000.
const ANSWERED: &str = "
       0 started
>      0 state listening
     100 voice 0.9
>    100 hint speech-started
    1200 voice 0.1
>   1200 judge 1
>   1200 hint speech-ended
    1300 final \"Are you open?\"
    1500 timeout
>   1500 remember caller \"Are you open?\"
>   1500 reply #1 turn
>   1500 state processing
    2000 audio #1 5000
>   2000 state speaking
";

fn answered(then: &str) -> Metrics {
    of(&format!("{ANSWERED}{then}"))
}

#[test]
fn an_answer_that_is_heard_is_a_turn_and_a_reply() {
    let metrics = answered(
        "
    2100 played #1 100
>   2100 measured #1 500 0 300 200 100
    7000 played #1 5000
>   7000 remember agent \"Yes.\"
>   7000 state listening
    7500 line-ended caller
>   7500 state ended
",
    );
    assert_eq!((metrics.turns, metrics.replies), (1, 1));
    assert_eq!((metrics.interruptions, metrics.pauses, metrics.cut_offs), (0, 0, 0));
    assert_eq!(metrics.duration, ms(7_500));
    assert_eq!((metrics.dead_air, metrics.talk_over), (ms(0), ms(0)));
    assert_eq!(metrics.median(Latency::total), Some(ms(1_100)));
    assert_eq!(metrics.median(|latency| latency.model), Some(ms(300)));
}

#[test]
fn the_median_and_the_ninth_tenth_are_ones_that_were_measured() {
    let total = |latencies: u64| {
        let lines: String =
            (1..=latencies).map(|n| format!("> 0 measured #{n} {n}00 0 0 0 0\n")).collect();
        let metrics = of(&lines);
        (metrics.median(Latency::total), metrics.p90(Latency::total))
    };
    assert_eq!(total(0), (None, None));
    assert_eq!(total(1), (Some(ms(100)), Some(ms(100))));
    assert_eq!(total(2), (Some(ms(100)), Some(ms(200))));
    assert_eq!(total(10), (Some(ms(500)), Some(ms(900))));
    assert_eq!(total(11), (Some(ms(600)), Some(ms(1_000))));
}

#[test]
fn a_reply_cut_off_by_the_caller_is_an_interruption() {
    let metrics = answered(
        "
    4000 voice 0.9
>   4000 hint speech-started
    4200 voice 0.9
>   4200 hold 2200
>   4200 clear
>   4200 state processing
    4600 interim \"Stop please\"
>   4600 cancel #1
>   4600 remember interrupted \"Yes we\"
>   4600 state listening
",
    );
    assert_eq!((metrics.interruptions, metrics.pauses, metrics.resumed), (1, 1, 0));
    assert_eq!(metrics.cut_offs, 0);
    assert_eq!(metrics.talk_over, ms(200));
}

#[test]
fn a_turn_that_takes_the_place_of_a_held_reply_is_an_interruption() {
    let metrics = answered(
        "
    4000 voice 0.9
>   4000 hint speech-started
    4200 voice 0.9
>   4200 hold 2200
>   4200 state processing
    4600 voice 0.1
>   4600 hint speech-ended
    5200 timeout
>   5200 cancel #1
>   5200 remember interrupted \"Yes we\"
>   5200 remember caller \"Stop\"
>   5200 reply #2 turn
",
    );
    assert_eq!((metrics.interruptions, metrics.turns, metrics.replies), (1, 2, 1));
}

#[test]
fn a_reply_that_ends_for_another_reason_is_no_interruption() {
    let failed =
        ">   9000 cancel #1\n>   9000 remember interrupted \"Yes\"\n>   9000 reply #2 failure";
    for then in [
        format!("    9000 failed #1\n{failed}\n"),
        format!("    9000 timeout\n{failed}\n"),
        "    3000 line-ended caller\n>   3000 cancel #1\n>   3000 state ended\n".to_owned(),
        "    3000 take-turn\n>   3000 cancel #1\n>   3000 state listening\n".to_owned(),
        "    9000 timeout\n>   9000 cancel #1\n>   9000 hang-up\n".to_owned(),
        "    3000 final \"ok\"\n>   3000 cancel #1\n>   3000 remember agent \"Yes.\"\n".to_owned(),
    ] {
        let metrics = answered(&then);
        assert_eq!(metrics.interruptions, 0, "{then}");
        assert_eq!(metrics.failures, u32::from(then.contains("failure")), "{then}");
    }
}

#[test]
fn a_reply_given_up_before_it_was_audible_is_no_interruption() {
    let metrics = of("
       0 started
>      0 reply #1 greeting
>      0 state processing
     100 voice 0.9
>    100 hint speech-started
>    100 hold 0
     900 interim \"hello there\"
>    900 cancel #1
>    900 state listening
");
    assert_eq!((metrics.interruptions, metrics.pauses, metrics.replies), (0, 0, 0));
}

#[test]
fn a_pause_from_which_the_agent_goes_on_is_a_false_interruption() {
    let metrics = answered(
        "
    4000 voice 0.9
>   4000 hint speech-started
    4200 voice 0.9
>   4200 hold 2200
>   4200 state processing
    4400 voice 0.1
>   4400 hint speech-ended
    5200 timeout
>   5200 release
>   5200 state speaking
    9000 played #1 5000
>   9000 state listening
",
    );
    assert_eq!((metrics.pauses, metrics.resumed, metrics.interruptions), (1, 1, 0));
    assert_eq!(metrics.replies, 1);
}

#[test]
fn a_caller_who_goes_on_at_once_was_cut_off() {
    let goes_on = |at: u64, how: &str| {
        let state = if at > 2_000 { "" } else { "processing" };
        let start = ANSWERED.lines().take_while(|line| !line.contains("2000")).collect::<Vec<_>>();
        let start = if state.is_empty() { ANSWERED.to_owned() } else { start.join("\n") };
        of(&format!("{start}\n {at} voice 0.9\n> {at} hint speech-started\n{how}\n"))
    };
    let held = "> 2500 hold 0\n 3000 interim \"and\"\n> 3000 cancel #1\n> 3000 state listening";
    assert_eq!(goes_on(1_900, held).cut_offs, 1);
    assert_eq!(goes_on(2_500, held).cut_offs, 1);
    assert_eq!(goes_on(2_501, held).cut_offs, 0);
    let cancelled = "> 2500 cancel #1\n> 2500 state listening";
    assert_eq!(goes_on(1_900, cancelled).cut_offs, 1);
    assert_eq!(goes_on(1_900, "> 2500 hold 0").cut_offs, 1);
    let noise = "> 2500 hold 0\n 3500 timeout\n> 3500 release\n 9000 voice 0.9\n> 9000 cancel #1";
    assert_eq!(goes_on(1_900, noise).cut_offs, 0);
    assert_eq!(goes_on(1_900, "").cut_offs, 0);
}

#[test]
fn a_turn_that_ends_in_the_middle_of_speech_ends_the_speech() {
    let trace = "
       0 started
     100 voice 0.9
>    100 hint speech-started
     900 sign ended
>    900 reply #1 turn
>    900 state processing
    1200 audio #1 3000
>   1200 state speaking
";
    assert_eq!(of(&format!("{trace}    4200 played #1 3000")).talk_over, ms(0));
    let metrics = of(&format!(
        "{trace}
    1300 voice 0.9
>   1300 hint speech-started
    1500 interim \"and a\"
>   1500 cancel #1
>   1500 state listening
"
    ));
    assert_eq!((metrics.cut_offs, metrics.talk_over), (1, ms(200)));
}

#[test]
fn a_noise_that_the_agent_speaks_through_is_no_speech() {
    let metrics = of("
       0 started
     100 voice 0.9
>    100 hint speech-started
    9000 timeout
>   9000 reply #1 still-there
>   9000 state processing
   12500 audio #1 900
>  12500 state speaking
   13400 played #1 900
>  13400 state listening
");
    assert_eq!((metrics.talk_over, metrics.dead_air), (ms(0), ms(1_500)));
}

#[test]
fn what_is_said_after_the_agent_hung_up_talks_over_nobody() {
    let metrics = answered(
        "
    4000 end
>   4000 hang-up
    4100 voice 0.9
>   4100 hint speech-started
    5000 line-ended agent
",
    );
    assert_eq!(metrics.talk_over, ms(0));
}

#[test]
fn what_is_no_answer_cuts_nobody_off() {
    let metrics = of("
       0 started
>      0 reply #1 greeting
     100 voice 0.9
>    100 hint speech-started
>    100 hold 0
     900 interim \"hello there\"
>    900 cancel #1
");
    assert_eq!(metrics.cut_offs, 0);
}

#[test]
fn a_transcript_that_does_not_come_in_time_is_missed() {
    let finalized = |then: &str| {
        of(&format!(
            "
       0 started
     100 voice 0.9
>    100 hint speech-started
    1200 voice 0.1
>   1200 hint speech-ended
    1900 timeout
>   1900 hint finalize
{then}
"
        ))
        .missed_transcripts
    };
    assert_eq!(finalized("    3400 timeout\n>   3400 reply #1 turn"), 1);
    assert_eq!(finalized("    3400 timeout\n>   3400 reply #1 not-understood"), 1);
    assert_eq!(finalized("    3400 timeout\n>   3400 adopt #1"), 1);
    assert_eq!(finalized("    2000 finalized \"Hi\"\n>   2000 reply #1 turn"), 0);
    assert_eq!(finalized("    2000 finalized \"\"\n    2500 timeout\n>   2500 reply #1 turn"), 0);
    assert_eq!(finalized("    3400 timeout\n>   9400 reply #1 still-there"), 0);
    assert_eq!(finalized("    3400 timeout"), 0);
    assert_eq!(finalized("    2000 yield-turn\n>   2000 reply #1 turn"), 0);
}

#[test]
fn dead_air_is_silence_beyond_two_seconds() {
    let metrics = of("
       0 started
>      0 state listening
    5000 voice 0.9
>   5000 hint speech-started
   10000 voice 0.1
>  10000 hint speech-ended
   11500 timeout
>  11500 reply #1 turn
>  11500 state processing
   12500 audio #1 900
>  12500 state speaking
   13400 played #1 900
>  13400 state listening
   15000 timeout
>  15000 hang-up
   90000 line-ended agent
>  90000 state ended
");
    assert_eq!(metrics.dead_air, ms(3_000 + 500));
    assert_eq!(metrics.duration, ms(90_000));
}

#[test]
fn what_the_agent_prepares_is_counted() {
    let metrics = of("
       0 started
     100 interim \"Are you\"
>    100 prepare #1 \"Are you\"
     200 interim \"Are you open\"
>    200 discard #1
>    200 prepare #2 \"Are you open\"
     900 timeout
>    900 adopt #2
>    900 state processing
    1000 audio #2 900
>   1000 state speaking
    1900 played #2 900
");
    assert_eq!((metrics.prepared, metrics.adopted, metrics.discarded), (2, 1, 1));
    assert_eq!((metrics.turns, metrics.replies), (1, 1));
}

#[test]
fn every_kind_of_prompt_is_counted() {
    let metrics = of("
       0 started
>      0 reply #1 not-understood
>      0 reply #2 still-there
>      0 reply #3 still-there
>      0 reply #4 failure
>      0 say #5 \"One moment.\"
>      0 state speaking
");
    assert_eq!((metrics.reprompts, metrics.idle_prompts, metrics.failures), (1, 2, 1));
    assert_eq!((metrics.turns, metrics.replies), (0, 1));
}

#[test]
fn a_report_reads_in_a_few_lines() {
    let metrics = answered("    2100 played #1 100\n>   2100 measured #1 500 0 300 200 100");
    let expected = "\
call         2.1 s, dead air 0.0 s, talk-over 0.0 s
latency      median 1100 ms, p90 1100 ms, of 1; medians: endpointing 500, transcript 0, model 300, voice 200, line 100
turns        1, replies 1, reprompts 0, idle prompts 0, failures 0, missed transcripts 0
barge-in     interruptions 0, pauses 0, resumed 0, cut-offs suspected 0
speculation  prepared 0, adopted 0, discarded 0";
    assert_eq!(metrics.to_string(), expected);
    assert!(Metrics::default().to_string().contains("\nlatency      not measured\n"));
}

#[test]
fn files_have_milliseconds() {
    let metrics = answered("    2100 played #1 100\n>   2100 measured #1 500 0 300 200 100");
    let json = serde_json::to_value(&metrics).unwrap();
    assert_eq!(json["duration_ms"], 2_100);
    assert_eq!(json["turns"], 1);
    assert_eq!(json["latencies"][0]["model_ms"], 300);
    assert_eq!(json["latencies"][0]["total_ms"], 1_100);
    assert!(json.get("call").is_none());
}

#[test]
fn an_empty_trace_says_nothing() {
    let mut metrics = Metrics::default();
    metrics.finish(Timestamp::from_millis(60_000));
    assert_eq!(metrics.duration, Duration::ZERO);
    assert_eq!(metrics.dead_air, Duration::ZERO);
}
