//! How far this process has walked along the ids. What lies behind it and was not past its time then, because
//! it runs or waited long, is remembered one by one. A new process begins at the beginning; what it finds there
//! is only what stays longer than what is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use super::look::Kind;

/// How many are remembered. With more the walk stands still, and looks at the same again each time.
const REMEMBERED: usize = 10_000;

/// A walk for each kind of thing that is looked for.
#[derive(Debug, Default)]
pub(super) struct Walks(BTreeMap<Kind, Walk>);

impl Walks {
    /// The walk of this kind. Unless it is put back the next one begins anew.
    pub(super) fn take(&mut self, kind: &Kind) -> Walk {
        self.0.remove(kind).unwrap_or_default()
    }

    pub(super) fn put_back(&mut self, kind: Kind, walk: Walk) {
        self.0.insert(kind, walk);
    }

    /// Something changed with these conversations.
    pub(super) fn look_again(&mut self, conversations: Vec<String>) {
        let walk = self.0.entry(Kind::Conversations).or_default();
        walk.waiting.extend(conversations);
    }
}

/// One walk.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    /// Up to here, inclusive, everything is done or waits.
    mark: String,
    /// What is to be looked at again.
    waiting: BTreeSet<String>,
}

impl Walk {
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    pub(super) fn waiting(&self) -> Vec<String> {
        self.waiting.iter().cloned().collect()
    }

    /// These were looked at again, and those are still not done.
    pub(super) fn note_again(&mut self, looked: &[String], still: &[String]) {
        for id in looked {
            if !still.contains(id) {
                self.waiting.remove(id);
            }
        }
    }

    /// All was looked at from the mark to `to`, and these, in any order, are not done. The mark goes there,
    /// but not beyond `at_most`, behind which something may still appear. Answers whether it could: otherwise
    /// it must stay for the rest of this round.
    pub(super) fn advance(&mut self, to: &str, at_most: &str, undone: &[String]) -> bool {
        let to = to.min(at_most);
        if to <= self.mark.as_str() {
            return to.is_empty() || to == self.mark;
        }
        let behind = undone.iter().filter(|id| id.as_str() <= to);
        if self.waiting.len() + behind.clone().count() > REMEMBERED {
            return false;
        }
        self.waiting.extend(behind.cloned());
        to.clone_into(&mut self.mark);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<const N: usize>(ids: [&str; N]) -> Vec<String> {
        ids.map(str::to_owned).to_vec()
    }

    #[test]
    fn what_is_not_done_behind_the_mark_waits() {
        let mut walk = Walk::default();
        assert!(walk.advance("c", "z", &ids(["b", "c"])));
        assert_eq!((walk.mark(), walk.waiting()), ("c", ids(["b", "c"])));
        walk.note_again(&ids(["b", "c"]), &ids(["c"]));
        assert_eq!(walk.waiting(), ids(["c"]));
    }

    #[test]
    fn the_mark_stays_before_what_may_still_appear() {
        let mut walk = Walk::default();
        assert!(walk.advance("e", "c", &ids(["b", "d"])));
        assert_eq!((walk.mark(), walk.waiting()), ("c", ids(["b"])));
        // Not a step back when less is asked for the next time.
        walk.advance("e", "a", &ids(["d"]));
        assert_eq!((walk.mark(), walk.waiting()), ("c", ids(["b"])));
    }

    #[test]
    fn the_mark_stays_when_too_much_would_have_to_be_remembered() {
        let mut walk = Walk::default();
        let many: Vec<String> = (0..=REMEMBERED).map(|id| format!("{id:09}")).collect();
        assert!(!walk.advance("9", "9", &many));
        assert_eq!(walk, Walk::default());
        assert!(walk.advance("9", "9", &many[1..]));
        assert!(!walk.advance("99", "99", &ids(["98"])));
        assert_eq!(walk.mark(), "9");
    }

    #[test]
    fn a_walk_that_is_not_put_back_begins_anew() {
        let mut walks = Walks::default();
        let mut walk = walks.take(&Kind::Put);
        walk.advance("c", "z", &[]);
        walks.put_back(Kind::Put, walk.clone());
        assert_eq!(walks.take(&Kind::Put), walk);
        assert_eq!(walks.take(&Kind::Put), Walk::default());
    }
}
