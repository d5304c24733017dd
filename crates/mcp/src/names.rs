//! What a tool is called: its server's name for it, made fit for every model server, and the
//! same name for the same list on every machine.

use std::collections::HashSet;
use std::sync::Arc;

/// The longest name that every model server takes.
const MAX_LENGTH: usize = 64;

/// Gives each tool a name that no other has. Tools come as the label of their server, absent for
/// the one whose tools keep their names, and the name they have there; names come back in the
/// same order.
///
/// A name that can stay as it is goes before one that has to be changed, and so does an earlier
/// one before a later.
pub(crate) fn assign<'a>(tools: impl Iterator<Item = (Option<&'a str>, &'a str)>) -> Vec<Arc<str>> {
    let wanted: Vec<Wanted> = tools
        .map(|(label, name)| Wanted::new(label, name))
        .collect();
    let mut taken = HashSet::new();
    let mut given: Vec<Option<Arc<str>>> = vec![None; wanted.len()];
    for pass in [Fit::AsItIs, Fit::Changed] {
        let fitting = wanted.iter().zip(&mut given);
        for (wanted, slot) in fitting.filter(|(wanted, _)| wanted.fit == pass) {
            let name = free(wanted, &taken);
            taken.insert(Arc::clone(&name));
            *slot = Some(name);
        }
    }
    given.into_iter().flatten().collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    AsItIs,
    Changed,
}

struct Wanted {
    /// As the server and the label make it.
    full: String,
    /// The same with every character that is not allowed replaced.
    clean: String,
    fit: Fit,
}

impl Wanted {
    fn new(label: Option<&str>, name: &str) -> Self {
        let full = match label {
            Some(label) => format!("{label}_{name}"),
            None => name.to_owned(),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let clean: String = full
            .chars()
            .map(|c| if allowed(c) { c } else { '_' })
            .collect();
        let stays = clean == full && !full.is_empty() && full.len() <= MAX_LENGTH;
        Self {
            fit: if stays { Fit::AsItIs } else { Fit::Changed },
            full,
            clean,
        }
    }
}

/// The clean name if it is short enough and nobody has it, else its beginning and a hash of the
/// whole name.
fn free(wanted: &Wanted, taken: &HashSet<Arc<str>>) -> Arc<str> {
    let fits = !wanted.clean.is_empty() && wanted.clean.len() <= MAX_LENGTH;
    if fits && !taken.contains(wanted.clean.as_str()) {
        return Arc::from(wanted.clean.as_str());
    }
    let mut salt = 0_u32;
    loop {
        let suffix = format!("_{:08x}", hash(&wanted.full, salt));
        let room = MAX_LENGTH - suffix.len();
        let head: String = wanted.clean.chars().take(room).collect();
        let name = format!("{head}{suffix}");
        if !taken.contains(name.as_str()) {
            return Arc::from(name);
        }
        salt = salt.wrapping_add(1);
    }
}

/// FNV-1a, folded to 32 bits: the same on every machine and in every version.
fn hash(text: &str, salt: u32) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325 ^ u64::from(salt);
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let folded = (hash >> 32) ^ (hash & 0xffff_ffff);
    u32::try_from(folded).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(tools: &[(Option<&'static str>, &'static str)]) -> Vec<String> {
        assign(tools.iter().copied())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn names_that_fit_stay_and_others_are_made_to_fit() {
        let long = "a_very_long_name_that_goes_on_and_on_for_more_than_sixty_four_characters";
        let names = named(&[
            (None, "google_search"),
            (None, "files/read.all now"),
            (None, long),
            (None, ""),
            (None, "größe"),
            (Some("brave"), "search"),
        ]);
        assert_eq!(names[0], "google_search");
        assert_eq!(names[1], "files_read_all_now");
        assert_eq!(names[2].len(), 64);
        assert_eq!(names[2][..55], long[..55]);
        assert_eq!(names[3].len(), 9);
        assert_eq!(names[4], "gr__e");
        assert_eq!(names[5], "brave_search");
    }

    #[test]
    fn a_name_that_stays_wins_over_one_that_is_changed() {
        let names = named(&[
            (None, "a.b"),
            (None, "a_b"),
            (Some("x"), "y"),
            (None, "x_y"),
        ]);
        assert!(names[0].starts_with("a_b_"), "{names:?}");
        assert_eq!(names[1], "a_b");
        assert_eq!(names[2], "x_y");
        assert!(names[3].starts_with("x_y_"), "{names:?}");
    }

    #[test]
    fn names_are_the_same_for_ever() {
        let names = named(&[(None, "a.b"), (None, "a_b"), (None, "a/b")]);
        assert_eq!(names, ["a_b_e27bcb35", "a_b", "a_b_e2480c78"]);
    }

    proptest! {
        #[test]
        fn names_always_fit_and_never_clash(
            tools in proptest::collection::vec((proptest::option::of("[a-z]{1,3}"), ".{0,80}"), 0..40)
        ) {
            let names = assign(tools.iter().map(|(label, name)| (label.as_deref(), name.as_str())));
            prop_assert_eq!(names.len(), tools.len());
            let distinct: HashSet<_> = names.iter().collect();
            prop_assert_eq!(distinct.len(), names.len());
            for name in names {
                prop_assert!((1..=64).contains(&name.len()));
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
            }
        }
    }
}
