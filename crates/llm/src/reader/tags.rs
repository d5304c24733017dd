//! The marks by which reasoning and calls show in a text.

/// A mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// Reasoning begins.
    Opens,
    /// Reasoning ends.
    Closes,
    /// A call begins; JSON or a function follows.
    Call,
    /// A call ends.
    CallEnds,
    /// A call begins with the name of its function.
    Function,
}

/// What stands at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A mark, and its length.
    Tag(Tag, usize),
    /// What may become a mark.
    Start,
    /// No mark.
    Nothing,
}

pub(super) const CALL: &str = "<tool_call>";
pub(super) const FUNCTION: &str = "<function=";
pub(super) const FUNCTION_END: &str = "</function>";

const TAGS: &[(&str, Tag)] = &[
    ("<think>", Tag::Opens),
    ("<mm:think>", Tag::Opens),
    ("</think>", Tag::Closes),
    ("</mm:think>", Tag::Closes),
    (CALL, Tag::Call),
    ("</tool_call>", Tag::CallEnds),
    (FUNCTION, Tag::Function),
];

/// Which marks are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    /// Those of reasoning.
    Reasoning,
    /// Those of calls too.
    Calls,
}

/// The mark at the beginning of `text`. With `whole`, nothing more of the text comes.
pub(super) fn at(text: &str, watch: Watch, whole: bool) -> Seen {
    if !text.starts_with('<') {
        return Seen::Nothing;
    }
    let mut seen = Seen::Nothing;
    let watched = |tag: Tag| watch == Watch::Calls || matches!(tag, Tag::Opens | Tag::Closes);
    for (mark, tag) in TAGS.iter().filter(|(_, tag)| watched(*tag)) {
        if text.starts_with(mark) {
            return Seen::Tag(*tag, mark.len());
        }
        if !whole && mark.starts_with(text) {
            seen = Seen::Start;
        }
    }
    seen
}

/// The first closing mark of reasoning in `text` from `from` on: where it begins and ends. Or where the
/// beginning of one stands at the end of the text.
pub(super) fn closing(text: &str, from: usize, whole: bool) -> Result<(usize, usize), usize> {
    let mut from = from;
    loop {
        let rest = text.get(from..).unwrap_or_default();
        let Some(place) = memchr::memchr(b'<', rest.as_bytes()) else {
            return Err(text.len());
        };
        let start = from + place;
        match at(
            text.get(start..).unwrap_or_default(),
            Watch::Reasoning,
            whole,
        ) {
            Seen::Tag(Tag::Closes, length) => return Ok((start, start + length)),
            Seen::Start => return Err(start),
            Seen::Tag(..) | Seen::Nothing => from = start + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_known_as_soon_as_it_cannot_be_anything_else() {
        let seen = |text| at(text, Watch::Calls, false);
        assert_eq!(seen("<think>x"), Seen::Tag(Tag::Opens, 7));
        assert_eq!(seen("<function=f"), Seen::Tag(Tag::Function, 10));
        for start in ["<", "</", "<t", "<too", "</mm:thin"] {
            assert_eq!(seen(start), Seen::Start, "{start}");
            assert_eq!(at(start, Watch::Calls, true), Seen::Nothing, "{start}");
        }
        for text in ["", "a<think>", "<table>", "<Think>", "< think>"] {
            assert_eq!(seen(text), Seen::Nothing, "{text}");
        }
        for text in ["<tool_call>", "<f", "<function=f"] {
            assert_eq!(at(text, Watch::Reasoning, false), Seen::Nothing, "{text}");
        }
    }

    #[test]
    fn a_closing_mark_is_found_behind_other_marks() {
        assert_eq!(closing("a < b </think> c", 0, false), Ok((6, 14)));
        assert_eq!(closing("a </think", 0, false), Err(2));
        assert_eq!(closing("a </think", 0, true), Err(9));
        assert_eq!(closing("no mark", 0, false), Err(7));
    }
}
