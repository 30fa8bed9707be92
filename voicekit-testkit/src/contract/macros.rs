//! One test a clause.

use std::future::Future;

use tokio::runtime::Builder;
use voicekit_core::asr::Asr;
use voicekit_core::llm::Llm;
use voicekit_core::retrieve::{Embedder, Retriever};
use voicekit_core::tts::Tts;

use super::{Subject, Verdict, asr, embedder, index, llm, retriever, tts};

/// Makes a module with one test for each clause of a trait's contract.
///
/// ```text
/// contract_tests! {
///     name: Asr | Embedder | Index | Llm | Retriever | Tts = <an expression that makes a Subject and may await>,
///     skip: { 7 => "why", ... },     // default: none
///     time: paused | real,           // default: paused
/// }
/// ```
///
/// The subject is made anew for every test, within a runtime of one thread whose clock is paused
/// or goes (for sockets, and for work on other threads). The expression may name whatever the
/// module can in which the macro stands. See [`contract`](crate::contract) for an example.
#[macro_export]
macro_rules! contract_tests {
    ($name:ident: Asr = $($rest:tt)*) => {
        $crate::__contract_tests! {
            @parse $name Asr check_asr {
                1 clause_1_it_opens_without_waiting_for_audio,
                2 clause_2_the_end_of_the_input_flushes,
                3 clause_3_dropping_the_output_cancels,
                4 clause_4_an_error_is_the_last_item,
                5 clause_5_interims_are_followed_by_a_final,
                6 clause_6_finalize_is_answered_once,
                7 clause_7_input_is_taken_while_there_is_no_output,
                8 clause_8_words_that_were_shown_are_kept,
            } $($rest)*
        }
    };
    ($name:ident: Llm = $($rest:tt)*) => {
        $crate::__contract_tests! {
            @parse $name Llm check_llm {
                1 clause_1_an_answer_ends_exactly_once,
                2 clause_2_text_comes_in_pieces,
                3 clause_3_dropping_the_output_cancels,
                4 clause_4_the_request_is_all_there_is,
                5 clause_5_tool_calls_are_complete,
                6 clause_6_an_answer_holds_a_word_or_a_tool_call,
            } $($rest)*
        }
    };
    ($name:ident: Tts = $($rest:tt)*) => {
        $crate::__contract_tests! {
            @parse $name Tts check_tts {
                1 clause_1_the_end_of_the_text_flushes,
                2 clause_2_audio_starts_with_the_first_clause,
                3 clause_3_audio_comes_in_one_format,
                4 clause_4_dropping_the_output_cancels,
                5 clause_5_an_error_is_the_last_item,
                6 clause_6_text_without_words_is_silent,
                7 clause_7_words_come_in_order_with_their_audio,
            } $($rest)*
        }
    };
    ($name:ident: Embedder = $($rest:tt)*) => {
        $crate::__contract_tests! {
            @parse $name Embedder check_embedder {
                1 clause_1_there_is_one_embedding_a_text,
                2 clause_2_embeddings_have_one_size_and_length_one,
                3 clause_3_the_same_text_gives_the_same_embedding,
            } $($rest)*
        }
    };
    ($name:ident: Index = $($rest:tt)*) => {
        $crate::__contract_tests! {
            @parse $name Index check_index {
                1 clause_1_a_chunk_takes_the_place_of_its_id,
                2 clause_2_a_batch_that_makes_no_sense_changes_nothing,
                3 clause_3_what_was_written_is_found,
                4 clause_4_settling_removes_what_is_not_named,
                5 clause_5_what_is_not_there_can_be_deleted,
            } $($rest)*
        }
    };
    ($name:ident: Retriever = $($rest:tt)*) => {
        $crate::__contract_tests! {
            @parse $name Retriever check_retriever {
                1 clause_1_passages_come_best_first_and_none_twice,
                2 clause_2_nothing_found_is_no_error,
                3 clause_3_dropping_the_search_cancels,
                4 clause_4_every_passage_fits_the_filter,
            } $($rest)*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __contract_tests {
    (
        @parse $name:ident $role:ident $check:ident { $($number:literal $clause:ident,)* }
        $subject:expr
        $(, skip: { $($skip:literal => $why:literal),* $(,)? })?
        $(, time: $time:ident)? $(,)?
    ) => {
        mod $name {
            #[allow(unused_imports, reason = "the subject may need nothing")]
            use super::*;

            #[allow(dead_code, clippy::unused_async, reason = "only tests call it, it may await")]
            async fn subject()
            -> $crate::contract::Subject<impl $crate::contract::roles::$role> {
                $subject
            }

            #[allow(dead_code, reason = "only tests read it")]
            const TIME: $crate::contract::Time = $crate::__contract_tests!(@time $($time)?);

            #[allow(dead_code, reason = "only tests read it")]
            const SKIPS: &[(u32, &str)] = &[$($(($skip, $why)),*)?];

            $(
                #[test]
                fn $clause() {
                    $crate::contract::$check(TIME, subject(), $number, SKIPS);
                }
            )*
        }
    };
    (@time) => { $crate::contract::Time::Paused };
    (@time paused) => { $crate::contract::Time::Paused };
    (@time real) => { $crate::contract::Time::Real };
}

/// The clock of a contract's tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "only the macro names it")]
pub enum Time {
    Paused,
    Real,
}

#[doc(hidden)]
pub fn check_asr<A: Asr>(
    time: Time,
    subject: impl Future<Output = Subject<A>>,
    number: u32,
    skips: &[(u32, &str)],
) {
    let verdict = run(time, async { asr::clause(&subject.await, number).await });
    judge(&verdict, number, asr::CLAUSES, skips);
}

#[doc(hidden)]
pub fn check_llm<A: Llm>(
    time: Time,
    subject: impl Future<Output = Subject<A>>,
    number: u32,
    skips: &[(u32, &str)],
) {
    let verdict = run(time, async { llm::clause(&subject.await, number).await });
    judge(&verdict, number, llm::CLAUSES, skips);
}

#[doc(hidden)]
pub fn check_tts<A: Tts>(
    time: Time,
    subject: impl Future<Output = Subject<A>>,
    number: u32,
    skips: &[(u32, &str)],
) {
    let verdict = run(time, async { tts::clause(&subject.await, number).await });
    judge(&verdict, number, tts::CLAUSES, skips);
}

#[doc(hidden)]
pub fn check_embedder<A: Embedder>(
    time: Time,
    subject: impl Future<Output = Subject<A>>,
    number: u32,
    skips: &[(u32, &str)],
) {
    let verdict = run(time, async { embedder::clause(&subject.await, number).await });
    judge(&verdict, number, embedder::CLAUSES, skips);
}

#[doc(hidden)]
pub fn check_index<A: super::roles::Index>(
    time: Time,
    subject: impl Future<Output = Subject<A>>,
    number: u32,
    skips: &[(u32, &str)],
) {
    let verdict = run(time, async { index::clause(&subject.await, number).await });
    judge(&verdict, number, index::CLAUSES, skips);
}

#[doc(hidden)]
pub fn check_retriever<A: Retriever>(
    time: Time,
    subject: impl Future<Output = Subject<A>>,
    number: u32,
    skips: &[(u32, &str)],
) {
    let verdict = run(time, async { retriever::clause(&subject.await, number).await });
    judge(&verdict, number, retriever::CLAUSES, skips);
}

#[expect(clippy::expect_used, reason = "without a runtime there is no test")]
fn run<T>(time: Time, check: impl Future<Output = T>) -> T {
    let is_paused = matches!(time, Time::Paused);
    let runtime = Builder::new_current_thread().enable_all().start_paused(is_paused).build();
    runtime.expect("a runtime can be made").block_on(check)
}

/// Fails if the clause is broken or not skipped as declared.
#[expect(clippy::print_stderr, reason = "a skip is to be seen in the test's output")]
fn judge(verdict: &Verdict, number: u32, clauses: u32, skips: &[(u32, &str)]) {
    if let Some((unknown, _)) = skips.iter().find(|(skip, _)| !(1..=clauses).contains(skip)) {
        panic!("there is no clause {unknown} to skip");
    }
    let declared = skips.iter().find(|(skip, _)| *skip == number);
    match (verdict, declared) {
        (Verdict::Kept, None) => {}
        (Verdict::Skipped(seen), Some((_, why))) => {
            eprintln!("clause {number} is skipped: {why} ({seen})");
        }
        (Verdict::Broken(seen), _) => panic!("clause {number} is broken: {seen}"),
        (Verdict::Skipped(seen), None) => {
            panic!("clause {number} was not checked, and no skip declares it: {seen}")
        }
        (Verdict::Kept, Some((_, why))) => {
            panic!("clause {number} is declared as skipped ({why}), but was checked and is kept")
        }
    }
}
