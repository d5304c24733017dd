//! What tests order: how the deliveries to a path are answered, and which of them wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::reaction::Reaction;
use crate::gate::Gate;

/// The orders, by path; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Scripts(Arc<Mutex<HashMap<String, Script>>>);

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<Reaction>,
    then: Option<Reaction>,
    gate: Gate,
}

impl Scripts {
    pub(super) fn next(&self, path: &str, reactions: impl IntoIterator<Item = Reaction>) {
        self.of(path, |script| script.next.extend(reactions));
    }

    pub(super) fn then(&self, path: &str, reaction: Option<Reaction>) {
        self.of(path, |script| script.then = reaction);
    }

    pub(super) fn hold(&self, path: &str) {
        self.of(path, |script| script.gate.close());
    }

    pub(super) fn release(&self, path: &str) {
        self.of(path, |script| script.gate.open());
    }

    /// The reaction that was ordered for a delivery to this path, if one was.
    pub(super) fn take(&self, path: &str) -> Option<Reaction> {
        let mut scripts = self.lock();
        let script = scripts.get_mut(path)?;
        script.next.pop_front().or_else(|| script.then.clone())
    }

    /// Where deliveries to this path wait, if anything was ordered for it.
    pub(super) fn gate(&self, path: &str) -> Option<Gate> {
        Some(self.lock().get(path)?.gate.clone())
    }

    fn of(&self, path: &str, change: impl FnOnce(&mut Script)) {
        let path = format!("/{}", path.trim_start_matches('/'));
        change(self.lock().entry(path).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Script>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
