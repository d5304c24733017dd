//! What was learned of how a model's server wants to be asked and how it answers. Kept in memory, for a
//! bounded number of models and for an hour: a server may be replaced by a better one.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use response_domain::ports::llm::TurnMode;
use tokio::time::Instant;

use crate::concession::Concessions;
use crate::reader::Opening;

/// What is known of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Manner {
    /// What its requests have to concede.
    pub(crate) concessions: Concessions,
    /// How its reasoning begins when it stands in the text.
    pub(crate) opening: Opening,
    /// Whether its streams can be trusted with calls.
    pub(crate) streams: Streams,
}

/// Whether a server's streams bring the arguments of calls. Some parsers of models lose them in a stream
/// and have them in a whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Streams {
    /// Nothing was seen that speaks against it.
    #[default]
    Unsuspected,
    /// A call came without the arguments it must have: turns with tools are asked for whole.
    Lossy,
    /// A whole answer had none either, so it is the model that leaves them out.
    Cleared,
}

/// What is known of all models. Most models need nothing special and are not in it.
#[derive(Debug, Default)]
pub(crate) struct Manners {
    known: RwLock<HashMap<Arc<str>, Learned>>,
}

#[derive(Debug, Clone, Copy)]
struct Learned {
    manner: Manner,
    until: Instant,
}

impl Learned {
    fn still(self) -> Option<Manner> {
        (Instant::now() < self.until).then_some(self.manner)
    }
}

/// A caller may name any model, and what is kept of it must not grow with that.
const MOST: usize = 512;
/// How long it is kept.
const KEPT: Duration = Duration::from_hours(1);

impl Manners {
    pub(crate) fn of(&self, model: &str) -> Manner {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let learned = known.get(model).copied();
        learned.and_then(Learned::still).unwrap_or_default()
    }

    /// Remembers that requests for `model` need `concessions`, besides those already known.
    pub(crate) fn concede(&self, model: &Arc<str>, concessions: Concessions) {
        self.change(model, |manner| {
            manner.concessions = manner.concessions.and(concessions);
        });
    }

    /// Remembers how the reasoning of `model` begins.
    pub(crate) fn opens(&self, model: &Arc<str>, opening: Opening) {
        if self.of(model).opening != opening {
            self.change(model, |manner| manner.opening = opening);
        }
    }

    /// Remembers that a call came without the arguments it must have, in an answer asked for like this.
    pub(crate) fn lost_arguments(&self, model: &Arc<str>, mode: TurnMode) {
        let streams = match (mode, self.of(model).streams) {
            (TurnMode::Streamed, Streams::Unsuspected) => Streams::Lossy,
            (TurnMode::Whole, Streams::Lossy) => Streams::Cleared,
            _ => return,
        };
        self.change(model, |manner| manner.streams = streams);
    }

    fn change(&self, model: &Arc<str>, change: impl FnOnce(&mut Manner)) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(model) {
            // Whatever goes is learned again at the price of one refusal.
            let any = known.keys().next().cloned();
            any.map(|model| known.remove(&model));
        }
        let learned = known.get(model).copied().and_then(Learned::still);
        let mut manner = learned.unwrap_or_default();
        change(&mut manner);
        let until = Instant::now() + KEPT;
        known.insert(Arc::clone(model), Learned { manner, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concession::Concession;

    #[tokio::test(start_paused = true)]
    async fn what_was_learned_is_forgotten_after_an_hour() {
        let manners = Manners::default();
        let model: Arc<str> = Arc::from("model");
        let one = Concessions::NONE.with(Concession::NoStreamOptions);
        manners.concede(&model, one);
        tokio::time::advance(KEPT / 2).await;
        assert_eq!(manners.of(&model).concessions, one);
        tokio::time::advance(KEPT / 2).await;
        assert_eq!(manners.of(&model), Manner::default());
        let other = Concessions::NONE.with(Concession::StrictTurns);
        manners.concede(&model, other);
        assert_eq!(manners.of(&model).concessions, other);
    }

    #[test]
    fn what_is_kept_does_not_grow_with_the_names_of_models() {
        let manners = Manners::default();
        let one = Concessions::NONE.with(Concession::NoStreamOptions);
        for number in 0..2_000 {
            manners.concede(&Arc::from(format!("model-{number}")), one);
        }
        let last: Arc<str> = Arc::from("model-1999");
        assert_eq!(manners.of(&last).concessions, one);
        assert_eq!(manners.known.read().unwrap().len(), MOST);
        manners.opens(&last, Opening::Unmarked);
        assert_eq!(manners.of(&last).concessions, one);
        assert_eq!(manners.of(&last).opening, Opening::Unmarked);
    }
}
