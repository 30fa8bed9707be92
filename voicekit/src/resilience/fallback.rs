//! Another part where one fails.

mod probe;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo};
use voicekit_core::log::escaped;
use voicekit_core::tts::{Spoken, Tts, TtsInfo, TtsRequest};

use super::attempts::{Attempt, Attempts, Failure, warm};
use super::health::{BreakerConfig, Health, is_of_the_service};
use super::{answer, recognition, speech};
use probe::Probe;

/// How long a measurement of a service's latency counts.
const MEASURED_FOR: Duration = Duration::from_secs(60);

/// A later part is only preferred to an earlier one if it takes less than this much of its time.
const WORTH_IT: f64 = 0.8;

/// Several parts, of which another does what one fails to do.
///
/// `Fallback::asr(first).or(second)`, and likewise `llm` and `tts`. A part that has failed is
/// passed over until it has recovered: after the cool-down of [`BreakerConfig`], and longer each
/// time, it is asked something small in the background. If all have failed, they are tried all the
/// same, soonest recovery first; each part is tried once.
///
/// Audio is converted, so that the parts need not have formats in common: the formats of the whole
/// are those of the first part.
pub struct Fallback<P: ?Sized> {
    members: Vec<Arc<Member<P>>>,
    probe: Probe<P>,
    order: Order,
    config: BreakerConfig,
}

/// Which of the parts that work is tried first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The one that was named first.
    #[default]
    Named,
    /// The one that has begun to answer soonest of late: a model's first word, a voice's first
    /// audio, a recogniser's transcript after it was asked. One that was named earlier is preferred
    /// unless another takes less than 80 % of its time. Those not in use are measured in the
    /// background, once a minute.
    Fastest,
}

struct Member<P: ?Sized> {
    name: &'static str,
    health: Health,
    /// What asks it whether it has recovered, or how soon it answers.
    background: Mutex<Option<AbortHandle>>,
    part: Arc<P>,
}

impl Fallback<dyn Asr> {
    /// Begins with this recogniser.
    pub fn asr(first: impl Asr) -> Self {
        Self::new(probe::asr).or(first)
    }

    /// And if all before it fail, this one.
    #[must_use]
    pub fn or(self, next: impl Asr) -> Self {
        self.with(next.info().name, Arc::new(next))
    }
}

impl Fallback<dyn Llm> {
    /// Begins with this model.
    pub fn llm(first: impl Llm) -> Self {
        Self::new(probe::llm).or(first)
    }

    /// And if all before it fail, this one.
    #[must_use]
    pub fn or(self, next: impl Llm) -> Self {
        self.with(next.info().name, Arc::new(next))
    }
}

impl Fallback<dyn Tts> {
    /// Begins with this voice.
    pub fn tts(first: impl Tts) -> Self {
        Self::new(probe::tts).or(first)
    }

    /// And if all before it fail, this one.
    #[must_use]
    pub fn or(self, next: impl Tts) -> Self {
        self.with(next.info().name, Arc::new(next))
    }
}

impl<P: ?Sized> Fallback<P> {
    fn new(probe: Probe<P>) -> Self {
        let (order, config) = (Order::default(), BreakerConfig::default());
        Self { members: Vec::new(), probe, order, config }
    }

    fn with(mut self, name: &'static str, part: Arc<P>) -> Self {
        let (health, background) = (Health::default(), Mutex::default());
        self.members.push(Arc::new(Member { name, health, background, part }));
        self
    }

    /// Sets which of the parts that work is tried first.
    #[must_use]
    pub fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Sets when a part counts as broken and how soon it is asked whether it has recovered.
    #[must_use]
    pub fn with_breaker(mut self, config: BreakerConfig) -> Self {
        self.config = config;
        self
    }
}

impl<P: ?Sized + Send + Sync + 'static> Fallback<P> {
    fn attempts(&self) -> Each<P> {
        let mut members = self.members.clone();
        if self.order == Order::Fastest {
            for member in members.iter().filter(|member| member.works()) {
                if member.health.is_stale(MEASURED_FOR) {
                    member.measure(self.probe);
                }
            }
            if let Some(best) = fastest(&members) {
                members[..=best].rotate_right(1);
            }
        }
        Each { members, probe: self.probe, config: self.config, tried: Vec::new() }
    }
}

/// The one to begin with, of those that work and were measured.
fn fastest<P: ?Sized>(members: &[Arc<Member<P>>]) -> Option<usize> {
    let mut best: Option<(usize, Duration)> = None;
    for (index, member) in members.iter().enumerate().filter(|(_, member)| member.works()) {
        let Some(latency) = member.health.latency() else { continue };
        if best.is_none_or(|(_, before)| latency < before.mul_f64(WORTH_IT)) {
            best = Some((index, latency));
        }
    }
    best.map(|(index, _)| index)
}

impl<P: ?Sized> Member<P> {
    fn works(&self) -> bool {
        self.health.broken_until().is_none()
    }

    fn background(&self) -> MutexGuard<'_, Option<AbortHandle>> {
        self.background.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: ?Sized + Send + Sync + 'static> Member<P> {
    /// Asks in the background until it has recovered.
    fn probe(self: &Arc<Self>, probe: Probe<P>, config: BreakerConfig, mut at: Instant) {
        let member = Arc::downgrade(self);
        let recovery = tokio::spawn(async move {
            loop {
                sleep_until(at).await;
                let Some(part) = part(&member) else { return };
                let asked = Instant::now();
                let answer = probe(part).await;
                let Some(member) = member.upgrade() else { return };
                match answer {
                    Ok(()) => {
                        tracing::info!(service = member.name, "the service has recovered");
                        member.health.answered(asked.elapsed());
                        return member.health.succeeded();
                    }
                    Err(error) => match member.health.failed(&error, &config) {
                        Some(until) => at = until,
                        None => return,
                    },
                }
            }
        });
        // One that was being measured is asked anew.
        let before = self.background().replace(recovery.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
    }

    /// Measures in the background how soon it answers.
    fn measure(self: &Arc<Self>, probe: Probe<P>) {
        let mut background = self.background();
        if background.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let member = Arc::downgrade(self);
        let measurement = tokio::spawn(async move {
            let Some(part) = part(&member) else { return };
            let asked = Instant::now();
            let answer = probe(part).await;
            if let (Ok(()), Some(member)) = (answer, member.upgrade()) {
                member.health.answered(asked.elapsed());
            }
        });
        *background = Some(measurement.abort_handle());
    }
}

fn part<P: ?Sized>(member: &Weak<Member<P>>) -> Option<Arc<P>> {
    member.upgrade().map(|member| Arc::clone(&member.part))
}

impl<P: ?Sized> Drop for Member<P> {
    fn drop(&mut self) {
        if let Some(task) = &*self.background() {
            task.abort();
        }
    }
}

/// Each part once, best first.
struct Each<P: ?Sized> {
    members: Vec<Arc<Member<P>>>,
    probe: Probe<P>,
    config: BreakerConfig,
    /// What was tried, the part that is being tried last.
    tried: Vec<usize>,
}

impl<P: ?Sized + Send + Sync + 'static> Each<P> {
    fn current(&self) -> Option<&Arc<Member<P>>> {
        self.members.get(*self.tried.last()?)
    }

    /// The best part that was not tried: the first that works, else the one to recover soonest.
    fn choose(&mut self) -> Option<Attempt<P>> {
        let untried = (0..self.members.len()).filter(|index| !self.tried.contains(index));
        let best = untried.min_by_key(|&index| self.members[index].health.broken_until())?;
        self.tried.push(best);
        Some(Attempt { part: Arc::clone(&self.members[best].part), wait: Duration::ZERO })
    }
}

impl<P: ?Sized + Send + Sync + 'static> Attempts<P> for Each<P> {
    fn first(&mut self) -> Result<Attempt<P>> {
        let none = || Error::new(ErrorKind::Config, "fallback", "there is no part to use");
        self.choose().ok_or_else(none)
    }

    fn next(&mut self, failure: Failure<'_>) -> Option<Attempt<P>> {
        let failed = self.current()?;
        if is_of_the_service(failure.error)
            && let Some(until) = failed.health.failed(failure.error, &self.config)
        {
            failed.probe(self.probe, self.config, until);
        }
        let from = failed.name;
        let next = self.choose();
        let to = self.current().filter(|_| next.is_some()).map(|member| member.name);
        let Failure { error, begun } = failure;
        if let Some(detail) = error.detail() {
            tracing::debug!(from, ?detail, "what the provider says about it");
        }
        let error = escaped(error);
        match to {
            Some(to) => tracing::warn!(from, to, begun, %error, "a service has failed"),
            // The call itself reports what it ends with.
            None => tracing::debug!(from, begun, %error, "the last service has failed"),
        }
        next
    }

    fn answered(&mut self, after: Duration) {
        if let Some(member) = self.current() {
            member.health.answered(after);
        }
    }

    fn completed(&mut self) {
        if let Some(member) = self.current() {
            member.health.succeeded();
        }
        // What failed long ago in this call may do again.
        let current = self.tried.pop();
        self.tried.clear();
        self.tried.extend(current);
    }

    fn pace(&self) -> Option<f64> {
        self.current()?.health.pace()
    }

    fn spoke(&mut self, characters: usize, within: Duration) {
        if let Some(member) = self.current() {
            member.health.spoke(characters, within);
        }
    }
}

#[async_trait]
impl Asr for Fallback<dyn Asr> {
    fn info(&self) -> AsrInfo {
        let infos = self.members.iter().map(|member| member.part.info());
        let turns = infos.clone().all(|info| info.turns);
        // The first, in vain, and then another.
        let mut latencies = infos.clone().map(|info| info.final_latency);
        let first = latencies.next().unwrap_or_default();
        let latency = first + latencies.max().unwrap_or_default();
        let formats = infos.clone().next().map(|info| info.formats).unwrap_or_default();
        let info = AsrInfo::new("fallback", formats).with_final_latency(latency);
        if turns { info.with_turns() } else { info }
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        recognition::relay(self.attempts(), &self.info(), request, input)
    }
}

#[async_trait]
impl Llm for Fallback<dyn Llm> {
    fn info(&self) -> LlmInfo {
        // Those that do not are given the text.
        LlmInfo::new("fallback").with_passages()
    }

    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        Ok(answer::relay(self.attempts(), request))
    }

    async fn warm(&self) -> Result<()> {
        self.attempts().first()?.part.warm().await
    }
}

#[async_trait]
impl Tts for Fallback<dyn Tts> {
    fn info(&self) -> TtsInfo {
        let infos = self.members.iter().map(|member| member.part.info());
        let words = infos.clone().next().is_some_and(|info| info.words);
        let formats = infos.clone().next().map(|info| info.formats).unwrap_or_default();
        let info = TtsInfo::new("fallback", formats);
        if words { info.with_words() } else { info }
    }

    async fn speak(
        &self,
        request: TtsRequest,
        text: BoxStream<'static, String>,
    ) -> Result<BoxStream<'static, Result<Spoken>>> {
        speech::relay(self.attempts(), &self.info(), request, text)
    }

    async fn warm(&self, request: &TtsRequest) -> Result<()> {
        warm(self.attempts(), request).await
    }
}

impl<P: ?Sized> fmt::Debug for Fallback<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.members.iter().map(|member| member.name);
        f.debug_struct("Fallback")
            .field("members", &names.collect::<Vec<_>>())
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}
