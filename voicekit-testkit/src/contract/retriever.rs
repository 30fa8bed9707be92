//! The contract of `Retriever`.

use std::collections::BTreeSet;

use futures::{FutureExt, StreamExt};
use tokio::time::timeout;
use voicekit_core::retrieve::{Passage, Query, Retriever};

use super::cancel::outlives;
use super::knowledge::HOUSE;
use super::{ContractReport, PATIENCE, Subject, Verdict, name_of, unless};

/// The clauses of [`Retriever`].
pub(super) const CLAUSES: u32 = 4;

/// A question to which every fact is some answer.
const WIDE: &str = "parking, breakfast, dinner and dogs in a room of the house";

/// Checks the contract of [`Retriever`] on one that knows what [`knowledge`](super::knowledge())
/// gives, and nothing else.
pub async fn retriever<R: Retriever>(subject: &Subject<R>) -> ContractReport {
    let mut report = ContractReport::new(name_of::<R>());
    for number in 1..=CLAUSES {
        report.add(number, clause(subject, number).await);
    }
    report
}

pub(super) async fn clause<R: Retriever>(subject: &Subject<R>, number: u32) -> Verdict {
    let checked = match number {
        1 => is_best_first(&subject.adapter).await,
        2 => nothing_is_no_error(&subject.adapter).await,
        3 => return cancels(subject).await,
        _ => filters(&subject.adapter).await,
    };
    checked.unwrap_or_else(Verdict::Broken)
}

async fn is_best_first(retriever: &dyn Retriever) -> Result<Verdict, String> {
    for limit in [1, 2, 4, 100] {
        let passages = ask(retriever, &Query::new(WIDE).with_limit(limit)).await?;
        if passages.is_empty() || passages.len() > limit {
            return Ok(Verdict::Broken(format!("{} of at most {limit}", passages.len())));
        }
        if !passages.is_sorted_by(|one, next| one.score >= next.score) {
            let scores: Vec<f32> = passages.iter().map(|passage| passage.score).collect();
            return Ok(Verdict::Broken(format!("scores are not best first: {scores:?}")));
        }
        let ids: BTreeSet<&str> = passages.iter().map(|passage| passage.id.as_str()).collect();
        if ids.len() < passages.len() {
            return Ok(Verdict::Broken("a passage came twice".to_owned()));
        }
    }
    let best = ask(retriever, &Query::new("Are dogs welcome in every room?")).await?;
    let first = best.first().map_or("nothing", |passage| &passage.text);
    Ok(unless(first.contains("Dogs"), || format!("asked for dogs, the best is {first:?}")))
}

async fn nothing_is_no_error(retriever: &dyn Retriever) -> Result<Verdict, String> {
    let nowhere = Query::new(WIDE).with_filter(HOUSE, "nowhere");
    for (query, why) in
        [(nowhere, "fits the filter"), (Query::new(WIDE).with_limit(0), "is wanted")]
    {
        let found = ask(retriever, &query).await?;
        if !found.is_empty() {
            return Ok(Verdict::Broken(format!("{} passages where none {why}", found.len())));
        }
    }
    Ok(Verdict::Kept)
}

async fn cancels<R: Retriever>(subject: &Subject<R>) -> Verdict {
    let Some(work) = &subject.work else {
        return Verdict::Skipped("nothing shows whether the work goes on");
    };
    let query = Query::new(WIDE);
    // An output that gives nothing before the search is over.
    let (send, receive) = futures::channel::oneshot::channel::<()>();
    let search = async {
        let _never = send;
        subject.adapter.retrieve(&query).await.map_err(|error| format!("it fails: {error}"))?;
        Ok(receive.into_stream().map(|_| Ok(())).boxed())
    };
    match outlives(work, search, 0).await {
        Some(seen) => Verdict::Broken(seen),
        None => Verdict::Kept,
    }
}

async fn filters(retriever: &dyn Retriever) -> Result<Verdict, String> {
    for house in ["north", "south"] {
        let query = Query::new(WIDE).with_filter(HOUSE, house).with_limit(100);
        let passages = ask(retriever, &query).await?;
        if passages.is_empty() {
            return Ok(Verdict::Skipped("it keeps no metadata"));
        }
        let strange =
            passages.iter().find(|one| one.metadata.get(HOUSE).is_none_or(|own| own != house));
        if let Some(passage) = strange {
            let text = format!("{:?} came where {HOUSE} is to be {house}", passage.text);
            return Ok(Verdict::Broken(text));
        }
        let both = ask(retriever, &query.with_filter("source", "nowhere")).await?;
        if !both.is_empty() {
            return Ok(Verdict::Broken("one of two filters was not kept".to_owned()));
        }
    }
    Ok(Verdict::Kept)
}

/// What `retriever` answers in time.
pub(super) async fn ask(retriever: &dyn Retriever, query: &Query) -> Result<Vec<Passage>, String> {
    match timeout(PATIENCE, retriever.retrieve(query)).await {
        Ok(Ok(passages)) => Ok(passages),
        Ok(Err(error)) => Err(format!("the search fails: {error}")),
        Err(_) => Err("the search does not end".to_owned()),
    }
}
