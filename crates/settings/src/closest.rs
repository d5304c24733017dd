//! Which known name was probably meant.

/// Names less alike than this are not worth suggesting.
const ALIKE: f64 = 0.5;

/// What all our variables begin with, and what therefore says nothing about likeness.
const PREFIX: &str = "RESPONSE_";

/// The known name most like `given`, when one is like it at all.
pub(crate) fn closest(given: &str, known: impl IntoIterator<Item = String>) -> Option<String> {
    known
        .into_iter()
        .map(|name| (likeness(given, &name), name))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// A key in the wrong section is as near as one with a slip of the pen, so the last part counts too.
fn likeness(given: &str, known: &str) -> f64 {
    let whole = strsim::normalized_damerau_levenshtein(bare(given), bare(known));
    match (given.rsplit_once('.'), known.rsplit_once('.')) {
        (Some((_, given)), Some((_, known))) => {
            let last = strsim::normalized_damerau_levenshtein(given, known);
            f64::midpoint(whole, last)
        }
        _ => whole,
    }
}

fn bare(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}
