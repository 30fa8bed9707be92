//! What the recogniser and the detector of the end of turns say.

use futures::FutureExt;
use futures::future::BoxFuture;
use voicekit_core::asr::{AsrEvent, AsrInput};
use voicekit_core::error::Result;
use voicekit_core::turn::{Event, Hint};

use super::Call;
use super::hearing::Hearing;
use super::watch::Watch;
use crate::observer::Part;

impl Call {
    pub(super) async fn heard(&mut self, heard: Option<Result<AsrEvent>>, watch: &mut Watch) {
        self.awaited.heard();
        match heard {
            Some(Ok(AsrEvent::Interim(transcript))) => {
                self.interim.clone_from(&transcript.text);
                if let Some(inquiry) = &mut self.inquiry {
                    inquiry.interim(&transcript.text);
                }
                self.handle(Event::Interim(transcript.text), watch).await;
            }
            Some(Ok(AsrEvent::Final(transcript))) => {
                self.interim.clear();
                let hearing = self.hearing.as_ref();
                let until = hearing.and_then(|hearing| hearing.said_at(&transcript));
                let (text, finalized) = (transcript.text, transcript.finalized);
                if let Some(inquiry) = &mut self.inquiry {
                    inquiry.is_final(&text);
                }
                self.handle(Event::Final { text, finalized, until }, watch).await;
            }
            Some(Ok(AsrEvent::Turn(sign))) => self.handle(Event::Sign(sign), watch).await,
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                self.hearing = None;
                watch.failed(Part::Asr, &error);
                self.handle(Event::HearingLost, watch).await;
            }
            None => {
                self.hearing = None;
                self.handle(Event::HearingLost, watch).await;
            }
        }
    }

    pub(super) fn hint(&mut self, hint: Hint) {
        if let (Hint::SpeechEnded, Some(inquiry)) = (hint, &mut self.inquiry) {
            inquiry.anticipate();
        }
        let Some(hearing) = &mut self.hearing else { return };
        if hint == Hint::Finalize {
            self.awaited.transcript();
        }
        hearing.send(match hint {
            Hint::SpeechStarted => AsrInput::SpeechStarted,
            Hint::SpeechEnded => AsrInput::SpeechEnded,
            Hint::Finalize => AsrInput::Finalize,
        });
    }

    pub(super) fn judge(&mut self, pause: u64) {
        let Some(detector) = self.parts.detector.clone() else { return };
        let heard = self.activity.heard(&self.interim);
        let verdict = async move { detector.end_of_turn(&heard).await };
        self.verdict = Some((pause, verdict.boxed()));
    }

    pub(super) async fn judged(&mut self, pause: u64, verdict: Result<f32>, watch: &mut Watch) {
        match verdict {
            Ok(finished) => self.handle(Event::Judged { pause, finished }, watch).await,
            Err(error) => watch.failed(Part::TurnDetector, &error),
        }
    }

    pub(super) fn restart_hearing(&mut self, watch: &mut Watch) {
        match Hearing::open(&self.parts, &self.scene.language, self.format) {
            Ok(hearing) => {
                self.awaited.reopened();
                self.hearing = Some(hearing);
            }
            Err(error) => watch.failed(Part::Asr, &error),
        }
    }
}

/// The verdict on the latest pause; without a question, never.
pub(super) async fn next_verdict(
    verdict: &mut Option<(u64, BoxFuture<'static, Result<f32>>)>,
) -> (u64, Result<f32>) {
    let Some((pause, question)) = verdict else { return std::future::pending().await };
    let answer = (*pause, question.await);
    *verdict = None;
    answer
}
