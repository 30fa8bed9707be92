//! The responses that `response` measures.
#![allow(clippy::unwrap_used, missing_docs)]

use voicekit_benches::response::{Config, Delays, Outcome, Scenario, run};

fn outcome(scenario: Scenario, verdicts: &[f32]) -> Outcome {
    let (verdicts, delays) = (verdicts.to_vec(), Delays::default());
    run(&Config { calls: 1, scenario, verdicts, delays }).unwrap()
}

#[test]
fn every_turn_is_answered_with_few_requests_and_the_sooner_the_surer_its_end() {
    let answers = |verdicts: &[f32]| outcome(Scenario::Answer, verdicts);
    let (sure, unknown, doubted) = (answers(&[0.95]), answers(&[]), answers(&[0.1]));
    for outcome in [&sure, &unknown, &doubted] {
        assert!(outcome.requests_per_turn() <= 1.6, "{outcome}");
        assert!(outcome.to_string().ends_with("not answered: 0"), "{outcome}");
    }
    assert!(sure.quantile(50) < unknown.quantile(50), "{sure}\n{unknown}");
    assert!(unknown.quantile(50) < doubted.quantile(50), "{unknown}\n{doubted}");
    let tool = outcome(Scenario::Tool, &[]);
    assert!(tool.requests_per_turn() <= 2.6, "{tool}");
    assert!(unknown.quantile(50) < tool.quantile(50), "{unknown}\n{tool}");
}
