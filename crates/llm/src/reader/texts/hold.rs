//! What may be a call, while it is not whole.

use memchr::memmem;

use super::{Found, MOST_BLANKS, MOST_MISSES, Mode, Step, Texts};
use crate::correction::Out;
use crate::reader::arguments::Depth;
use crate::reader::leak::{self, Leak, Promise};
use crate::reader::tags::{self, CALL, FUNCTION, FUNCTION_END, Seen, Tag, Watch};

/// What is held, by how it began. Places count from the beginning of what is held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold {
    /// `<tool_call>`, and it is open what follows.
    Opened,
    /// JSON, behind `<tool_call>` or by itself.
    Json(Json),
    /// `<function=`.
    Marks(Marks),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    /// Where it begins.
    body: usize,
    /// How far its end was searched.
    searched: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Json {
    from: Source,
    /// Where it begins.
    body: usize,
    /// How far it was followed.
    followed: usize,
    depth: Depth,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Marked,
    Bare,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It may be anything.
    Unclear,
    /// It is a call, or nothing that is known.
    Promised,
    /// A value is whole, and another may follow.
    Between,
}

impl Hold {
    pub(super) const fn marked(tag: Tag) -> Self {
        match tag {
            Tag::Function => Self::Marks(Marks {
                body: 0,
                searched: 0,
            }),
            _ => Self::Opened,
        }
    }

    pub(super) fn bare() -> Self {
        Self::Json(Json::new(Source::Bare, 0))
    }
}

impl Json {
    fn new(from: Source, body: usize) -> Self {
        Self {
            from,
            body,
            followed: body,
            depth: Depth::default(),
            state: State::Unclear,
        }
    }
}

impl Texts {
    pub(super) fn held(&mut self, rest: &str, hold: Hold, whole: bool, out: &mut Out<'_>) -> Step {
        match hold {
            Hold::Opened => self.opened(rest, whole, out),
            Hold::Json(json) => self.json(rest, json, whole, out),
            Hold::Marks(marks) => self.marks(rest, marks, whole, out),
        }
    }

    fn opened(&mut self, rest: &str, whole: bool, out: &mut Out<'_>) -> Step {
        let inner = rest.get(CALL.len()..).unwrap_or_default();
        let begun = inner.trim_start();
        let body = rest.len() - begun.len();
        if begun.is_empty() && !whole && inner.len() <= MOST_BLANKS {
            return Step::Wait;
        }
        if begun.starts_with(['{', '[']) {
            self.mode = Mode::Held(Hold::Json(Json::new(Source::Marked, body)));
            return Step::Took(0);
        }
        match tags::at(begun, Watch::Calls, whole) {
            Seen::Tag(Tag::Function, _) => {
                let searched = body;
                self.mode = Mode::Held(Hold::Marks(Marks { body, searched }));
                Step::Took(0)
            }
            Seen::Start => Step::Wait,
            Seen::Tag(..) | Seen::Nothing => self.let_go(rest, CALL.len(), out),
        }
    }

    fn json(&mut self, rest: &str, mut json: Json, whole: bool, out: &mut Out<'_>) -> Step {
        let opener = match json.from {
            Source::Marked => CALL.len(),
            Source::Bare => 1,
        };
        if json.state == State::Unclear {
            let text = rest.get(json.body..).unwrap_or_default();
            match leak::promise(text, &self.tools) {
                Promise::Call => json.state = State::Promised,
                Promise::Unclear if !whole => {
                    self.mode = Mode::Held(Hold::Json(json));
                    return Step::Wait;
                }
                Promise::Unclear | Promise::Other => return self.let_go(rest, opener, out),
            }
        }
        loop {
            if json.state == State::Between {
                let behind = rest.get(json.followed..).unwrap_or_default();
                let next = behind.trim_start_matches([',', ';', ' ', '\n', '\r', '\t']);
                if next.is_empty() {
                    break;
                }
                if !next.starts_with(['{', '[']) {
                    return self.let_go(rest, opener, out);
                }
                json.followed = rest.len() - next.len();
                json.state = State::Promised;
            }
            let followed = json.followed;
            let new = rest.get(followed..).unwrap_or_default();
            let Some(end) = json.depth.feed(new) else {
                json.followed = rest.len();
                if json.from == Source::Marked && closes_early(rest, followed, json.depth) {
                    return self.let_go(rest, opener, out);
                }
                break;
            };
            json.followed = followed + end;
            json.depth = Depth::default();
            json.state = State::Between;
            if json.from == Source::Marked {
                let text = rest.get(json.body..json.followed).unwrap_or_default();
                return match leak::from_json(text, &self.tools) {
                    Some(leaks) => self.take(rest, json.followed, leaks),
                    None => self.let_go(rest, opener, out),
                };
            }
        }
        self.mode = Mode::Held(Hold::Json(json));
        if !whole {
            return Step::Wait;
        }
        match (json.state, leak::from_json(rest, &self.tools)) {
            (State::Between, Some(leaks)) => self.take(rest, rest.len(), leaks),
            _ => self.let_go(rest, opener, out),
        }
    }

    fn marks(
        &mut self,
        rest: &str,
        Marks { body, searched }: Marks,
        whole: bool,
        out: &mut Out<'_>,
    ) -> Step {
        let opener = if body == 0 {
            FUNCTION.len()
        } else {
            CALL.len()
        };
        let text = rest.get(body..).unwrap_or_default();
        if !leak::promises_function(text, &self.tools) {
            return self.let_go(rest, opener, out);
        }
        let new = rest.get(searched..).unwrap_or_default();
        let end = memmem::find(new.as_bytes(), FUNCTION_END.as_bytes())
            .map(|place| searched + place + FUNCTION_END.len());
        let end = match end {
            Some(end) => end,
            None if !whole => {
                let searched = rest.len().saturating_sub(FUNCTION_END.len()).max(body);
                let searched = rest.floor_char_boundary(searched);
                self.mode = Mode::Held(Hold::Marks(Marks { body, searched }));
                return Step::Wait;
            }
            // Without its end it counts only when the last parameter has one.
            None if text.trim_end().ends_with("</parameter>") => rest.len(),
            None => return self.let_go(rest, opener, out),
        };
        let text = rest.get(body..end).unwrap_or_default();
        match leak::from_marks(text, &self.tools) {
            Some(leak) => self.take(rest, end, vec![leak]),
            None => self.let_go(rest, opener, out),
        }
    }

    /// Keeps calls that were found in what is held.
    fn take(&mut self, rest: &str, length: usize, leaks: Vec<Leak>) -> Step {
        let raw = rest.get(..length).unwrap_or_default().to_owned();
        self.found.push(Found { raw, leaks });
        self.mode = Mode::AfterCall;
        Step::Took(length)
    }

    /// It was text: its beginning is passed on, and what follows is looked at afresh.
    fn let_go(&mut self, rest: &str, opener: usize, out: &mut Out<'_>) -> Step {
        self.misses = self.misses.saturating_add(1);
        if self.misses >= MOST_MISSES {
            self.watch = Watch::Reasoning;
        }
        self.mode = Mode::Plain;
        let text = rest.get(..opener).unwrap_or(rest);
        self.say(text, out);
        Step::Took(text.len())
    }
}

/// Whether a call is closed by its mark before its JSON is.
fn closes_early(rest: &str, from: usize, depth: Depth) -> bool {
    const END: &str = "</tool_call>";
    let from = rest.floor_char_boundary(from.saturating_sub(END.len()));
    let new = rest.get(from..).unwrap_or_default();
    !depth.in_string() && new.contains(END)
}
