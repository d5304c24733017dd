//! Where arguments are checked: at once while that is cheap, else aside, where no other request waits for the
//! thread. At most a few are made aside at one time; whoever finds no room goes unchecked.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::check::{Budget, Check, Finding};
use crate::server::Background;

/// What a check may cost where others wait for the thread: a fraction of a millisecond as a rule, two at the
/// most.
const AT_ONCE: Budget = Budget(20_000);
/// What it may cost aside.
const ASIDE: Budget = Budget(400_000);
/// How many are made aside at one time.
const PLACES: usize = 2;

/// Makes checks.
#[derive(Debug, Clone)]
pub(crate) struct Checker {
    background: Background,
    places: Arc<Semaphore>,
}

impl Checker {
    pub(crate) fn new(background: Background) -> Self {
        Self {
            background,
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }

    /// What comes of holding `arguments` to the schema of `check`.
    pub(crate) async fn find(&self, check: &Arc<Check>, arguments: Value) -> Finding {
        match check.find(&arguments, AT_ONCE) {
            Finding::Spent => {}
            found => return found,
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Finding::Spent;
        };
        let check = Arc::clone(check);
        let found = self.background.spawn_blocking(move || {
            let found = check.find(&arguments, ASIDE);
            drop(place);
            found
        });
        found.await.unwrap_or(Finding::Spent)
    }
}
