//! Which bare rows of a conversation nothing leads to any more. A bare row may be a link between a response
//! that continues it and what that one saw before it; and the last place of a conversation stays taken as long
//! as anything of it stands, so that no later one gets a place which somebody has seen taken already.

use std::collections::{HashMap, HashSet};

/// A row of a conversation, as far as that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) id: String,
    pub(super) previous: Option<String>,
    pub(super) place: Option<i32>,
    /// How many places of the conversation it has seen.
    pub(super) seen: i32,
    /// Whether it stays in any case: it holds something, or is not past its time.
    pub(super) stands: bool,
}

/// What else there is of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    /// Its owner said something of it, so it is there without responses.
    Something,
}

/// The rows of one conversation that may go.
pub(super) fn idle(links: &[Link], said: Said) -> Vec<&str> {
    let stands = links.iter().any(|link| link.stands);
    let last = links.iter().filter(|link| link.place.is_some());
    let last = last.max_by_key(|link| link.place);
    let last = last.filter(|_| stands || said == Said::Something);
    let needed = needed(links);
    links
        .iter()
        .filter(|link| !link.stands && !needed.contains(link.id.as_str()))
        .map(|link| link.id.as_str())
        .filter(|id| last.is_none_or(|last| last.id != *id))
        .collect()
}

/// The bare rows by which something that stands comes to what it saw.
fn needed(links: &[Link]) -> HashSet<&str> {
    let by_id: HashMap<&str, &Link> = links.iter().map(|link| (link.id.as_str(), link)).collect();
    let standing = links.iter().filter(|link| link.stands);
    let first_place = standing.clone().filter_map(|link| link.place).min();
    // Whether a row is needed, of those that a way up came by.
    let mut known: HashMap<&str, bool> = HashMap::new();
    for link in standing {
        let mut way: Vec<&str> = Vec::new();
        let mut at = link;
        let leads_somewhere = loop {
            let previous = at.previous.as_deref();
            let Some(next) = previous.and_then(|id| by_id.get(id)) else {
                // The conversation, if it attached to one when that held something which is still there.
                break previous.is_none() && first_place.is_some_and(|place| place <= at.seen);
            };
            if next.stands {
                break true;
            }
            if let Some(&is_needed) = known.get(next.id.as_str()) {
                break is_needed;
            }
            // A ring, which nobody can make.
            if way.len() > links.len() {
                break false;
            }
            way.push(&next.id);
            at = next;
        };
        known.extend(way.into_iter().map(|id| (id, leads_somewhere)));
    }
    let needed = known.into_iter().filter(|(_, is_needed)| *is_needed);
    needed.map(|(id, _)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name<previous@place:seen`, each part but the name optional; in upper case it stands.
    fn link(text: &str) -> Link {
        let cut = |text: &str, mark| {
            let (head, tail) = text.split_once(mark).unwrap_or((text, ""));
            (head.to_owned(), tail.to_owned())
        };
        let (text, seen) = cut(text, ':');
        let (text, place) = cut(&text, '@');
        let (name, previous) = cut(&text, '<');
        Link {
            stands: name.chars().all(char::is_uppercase),
            id: name.to_lowercase(),
            previous: (!previous.is_empty()).then_some(previous),
            place: place.parse().ok(),
            seen: seen.parse().unwrap_or(0),
        }
    }

    fn check(links: &str, said: Said, expected: &str) {
        let links: Vec<Link> = links.split_whitespace().map(link).collect();
        assert_eq!(idle(&links, said).join(" "), expected, "{links:?}");
    }

    #[test]
    fn all_of_a_conversation_in_which_nothing_stands_goes() {
        check("a@1 b<a@2 c<b@3", Said::Nothing, "a b c");
        check("a b<a", Said::Nothing, "a b");
        check("", Said::Nothing, "");
    }

    #[test]
    fn the_last_place_stays_taken() {
        check("a@1 b@2 c@3", Said::Something, "a b");
        check("a@1 B@2", Said::Nothing, "a");
        check("A@1 b@2 c@3", Said::Nothing, "b");
        check("a@1 b@2 C", Said::Nothing, "a");
        check("a@1 b C@2 d@4 e@3", Said::Nothing, "a b e");
    }

    #[test]
    fn a_link_to_something_that_stands_stays() {
        check("A@1 b<a@2 C<b@3", Said::Nothing, "");
        check("A@1 b<a@2 c<b@3 d<c@4 E<d@5", Said::Nothing, "");
        // From one that runs, or failed.
        check("A@1 b<a@2 C<b d@3", Said::Nothing, "");
    }

    #[test]
    fn a_link_to_nothing_goes() {
        check("a@1 b<a@2 C<b@3", Said::Nothing, "a b");
        // Not even its beginning is there.
        check("b<a@2 C<b@3", Said::Nothing, "b");
        // Only one of two branches leads on.
        check("A@1 b<a@2 c<b@3 D<b@4 e<a@5 F@6", Said::Nothing, "c e");
        check("a@1 B<a@2 c<b@3 D<c@4", Said::Nothing, "a");
    }

    #[test]
    fn a_beginning_that_saw_what_still_stands_is_a_link() {
        check("A@1 b@2:1 C<b@3", Said::Nothing, "");
        check("a@1 B@2 c@3:1 D<c@4", Said::Nothing, "a c");
        check("a@1 B@2 c@3:2 d<c@4 E<d@5", Said::Nothing, "a");
        // Those that attached themselves need no link.
        check("A@1 b@2:1 C@3:2", Said::Nothing, "b");
    }

    #[test]
    fn a_ring_that_nobody_could_have_made_has_an_end() {
        check("a<b b<a C<a@1", Said::Nothing, "a b");
    }
}
