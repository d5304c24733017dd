//! How a run ends: what is still under way is closed, and the answer is read off what was written.

use std::sync::Arc;

use super::{Advance, Closing, Moment, Next, Outcome, Phase, Run};
use crate::failure::{Failure, FailureCode};
use crate::item::{Item, Message};
use crate::status::IncompleteReason;

impl Run {
    /// Ends the run: what is still under way is recorded as cancelled, what came back is kept.
    pub(super) fn end(&mut self, outcome: Outcome, mut now: Moment) -> Advance {
        self.close_calls(&mut now);
        self.drop_calls(&mut now);
        self.progress.output = self
            .answer_turn(&outcome)
            .and_then(|turn| text_of(&self.own, turn));
        self.phase = Phase::Ended(outcome.clone());
        now.then(Next::Stop(outcome))
    }

    /// The turn whose text is the answer.
    fn answer_turn(&self, outcome: &Outcome) -> Option<u16> {
        match outcome {
            Outcome::Failed(_) => None,
            // What a model says before it asks for tools is no answer, unless it was told to answer.
            Outcome::Incomplete(IncompleteReason::ToolDepth | IncompleteReason::ToolCalls)
                if self.closing == Closing::No =>
            {
                None
            }
            Outcome::Completed | Outcome::Incomplete(_) => Some(self.turn),
            // Whatever was said last is all there is.
            Outcome::Cancelled => last_turn_with_words(&self.own),
        }
    }
}

/// What was said last, by whichever turn said anything: all that is left of an answer that was stopped.
pub fn said_last(own: &[Arc<Item>]) -> Option<Arc<str>> {
    last_turn_with_words(own).and_then(|turn| text_of(own, turn))
}

fn last_turn_with_words(own: &[Arc<Item>]) -> Option<u16> {
    own.iter()
        .rfind(|item| item.turn > 0 && item.as_message().is_some())
        .map(|item| item.turn)
}

fn text_of(own: &[Arc<Item>], turn: u16) -> Option<Arc<str>> {
    let mut texts = own
        .iter()
        .filter(|item| item.turn == turn && turn > 0)
        .filter_map(|item| item.as_message())
        .map(Message::joined_text);
    let first = texts.next()?;
    Some(texts.fold(first, |all, next| [&*all, &*next].concat().into()))
}

/// The failure of a run whose process ended before it did.
pub(crate) fn interrupted() -> Failure {
    Failure::new(
        FailureCode::Interrupted,
        "the process that worked on the response ended before it was done",
    )
}

/// The failure of a run whose processes died one after another.
pub(crate) fn lost() -> Failure {
    Failure::new(
        FailureCode::WorkerLost,
        "the processes that worked on the response were lost again and again",
    )
}

pub(super) fn past_deadline() -> Failure {
    Failure::new(
        FailureCode::TaskTimeout,
        "the response did not end within the time it is given",
    )
}
