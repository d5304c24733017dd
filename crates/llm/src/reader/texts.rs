//! Text as it comes, parted into what is text, what is reasoning between marks and what is a call that
//! leaked. Text is held back only as long as it can still become something else.

use std::sync::Arc;

use response_domain::ports::llm::Delta;
use response_domain::spec::ToolChoice;
use response_domain::tool::ToolSpec;

use super::Opening;
use super::calls::Calls;
use super::leak::Leak;
use super::tags::{self, Seen, Tag, Watch};
use crate::correction::{Correction, Out};

mod hold;
mod said;
mod twice;

use hold::Hold;
use said::{Said, closes};
use twice::Twice;

/// The text of one turn.
#[derive(Debug)]
pub(super) struct Texts {
    tools: Arc<[Arc<ToolSpec>]>,
    mode: Mode,
    /// What came and is not yet judged.
    buffer: String,
    watch: Watch,
    said: Said,
    /// Looks for an echo, where a call is due.
    twice: Option<Twice>,
    /// What looked like a call and was none.
    misses: u8,
    /// How the reasoning began, when it showed.
    opening: Option<Opening>,
    /// Reasoning was seen, or its opening mark was passed on as text: a closing one says nothing then.
    opened: bool,
    found: Vec<Found>,
}

/// Calls found in the text, and the text they were found in.
#[derive(Debug)]
struct Found {
    raw: String,
    leaks: Vec<Leak>,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Nothing but blanks so far.
    Start,
    Plain,
    /// Between the marks; whether anything of the reasoning was told.
    Thinking(bool),
    /// Behind them, before the next word.
    AfterThinking,
    /// Behind a call that was found, before the next word.
    AfterCall,
    /// Before a closing mark that may come without an opening one; how much was searched.
    Unmarked(usize),
    /// In what may be a call.
    Held(Hold),
}

/// What became of the text at hand.
enum Step {
    /// So much of it is dealt with.
    Took(usize),
    /// More is needed.
    Wait,
}

/// More that looks like a call and is none, and calls are not looked for any more.
const MOST_MISSES: u8 = 64;
/// More blanks than this are passed on.
const MOST_BLANKS: usize = 1_024;
/// More text than this is not held back for a mark that may come.
const MOST_UNMARKED: usize = 1 << 20;

impl Texts {
    pub(super) fn new(tools: Arc<[Arc<ToolSpec>]>, choice: &ToolChoice, opening: Opening) -> Self {
        let watch = if tools.is_empty() {
            Watch::Reasoning
        } else {
            Watch::Calls
        };
        let mut texts = Self {
            tools,
            mode: Mode::Start,
            buffer: String::new(),
            watch,
            said: Said::default(),
            twice: match choice {
                ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Server { .. } => {
                    Some(Twice::default())
                }
                ToolChoice::Auto | ToolChoice::None => None,
            },
            misses: 0,
            opening: None,
            opened: false,
            found: Vec::new(),
        };
        texts.expect(opening);
        texts
    }

    /// Says, before any text, how reasoning will begin.
    pub(super) fn expect(&mut self, opening: Opening) {
        self.mode = match opening {
            Opening::Marked => Mode::Start,
            Opening::Unmarked => Mode::Unmarked(0),
        };
    }

    pub(super) fn opening(&self) -> Option<Opening> {
        self.opening
    }

    /// Takes more text.
    pub(super) fn push(&mut self, text: &str, out: &mut Out<'_>) {
        let is_plain = matches!(self.mode, Mode::Plain) && self.buffer.is_empty();
        if is_plain && memchr::memchr(b'<', text.as_bytes()).is_none() {
            return self.say(text, out);
        }
        self.buffer.push_str(text);
        self.run(false, out);
    }

    /// Reasoning came by itself, so a closing mark in the text closes nothing.
    pub(super) fn reasoned(&mut self) {
        self.opened = true;
        if matches!(self.mode, Mode::Unmarked(_)) {
            self.mode = Mode::Start;
        }
    }

    /// A call came by itself: what is in the text is not one, but may repeat it.
    pub(super) fn called(&mut self, out: &mut Out<'_>) {
        if !matches!(self.mode, Mode::Held(_)) {
            self.run(true, out);
        }
        self.watch = Watch::Reasoning;
        self.end_of_text(out);
    }

    /// Takes the end. What was found in the text becomes calls, unless there are calls already.
    pub(super) fn end(&mut self, calls: &mut Calls, out: &mut Out<'_>) {
        self.run(true, out);
        self.end_of_text(out);
        let found = std::mem::take(&mut self.found);
        if found.is_empty() {
            return;
        }
        let mut leaks = found.iter().flat_map(|found| &found.leaks);
        if calls.is_empty() {
            out.correct(Correction::CallInText);
            for leak in leaks {
                calls.add(Arc::clone(&leak.name), &leak.arguments, out);
            }
        } else if leaks.all(|leak| calls.names(&leak.name)) {
            out.correct(Correction::CallRepeatedInText);
        } else {
            for found in &found {
                out.push(Delta::Text(found.raw.as_str().into()));
            }
        }
    }

    fn run(&mut self, whole: bool, out: &mut Out<'_>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        loop {
            let rest = buffer.get(at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let step = match self.mode {
                Mode::Start | Mode::AfterThinking | Mode::AfterCall => self.begin(rest, whole, out),
                Mode::Plain => self.plain(rest, whole, out),
                Mode::Thinking(told) => self.thinking(rest, told, whole, out),
                Mode::Unmarked(searched) => self.unmarked(rest, searched, whole, out),
                Mode::Held(hold) => self.held(rest, hold, whole, out),
            };
            match step {
                Step::Took(length) => at += length,
                Step::Wait => break,
            }
        }
        buffer.drain(..at);
        self.buffer = buffer;
    }

    /// Before the first word.
    fn begin(&mut self, rest: &str, whole: bool, out: &mut Out<'_>) -> Step {
        let begun = rest.trim_start();
        let blanks = rest.len() - begun.len();
        let at_start = matches!(self.mode, Mode::Start);
        let after_call = matches!(self.mode, Mode::AfterCall);
        if begun.is_empty() {
            let may_be_text = at_start || after_call;
            if whole || !may_be_text {
                return Step::Took(blanks);
            }
            if blanks <= MOST_BLANKS {
                return Step::Wait;
            }
            self.mode = Mode::Plain;
            return Step::Took(0);
        }
        match tags::at(begun, self.watch, whole) {
            Seen::Tag(Tag::Opens, length) if !after_call => {
                out.correct(Correction::ReasoningInText);
                self.opened = true;
                self.opening = Some(Opening::Marked);
                self.mode = Mode::Thinking(false);
                return Step::Took(blanks + length);
            }
            Seen::Tag(Tag::CallEnds, length) if after_call => {
                let mark = rest.get(..blanks + length).unwrap_or_default();
                if let Some(found) = self.found.last_mut() {
                    found.raw.push_str(mark);
                }
                return Step::Took(mark.len());
            }
            Seen::Tag(tag @ (Tag::Call | Tag::Function), _) => {
                self.mode = Mode::Held(Hold::marked(tag));
                return Step::Took(blanks);
            }
            Seen::Start => return Step::Wait,
            Seen::Tag(..) | Seen::Nothing => {}
        }
        let bare = begun.starts_with(['{', '[']) && self.watch == Watch::Calls && !after_call;
        if bare {
            self.mode = Mode::Held(Hold::bare());
            return Step::Took(blanks);
        }
        let keep_blanks = at_start || after_call;
        self.mode = Mode::Plain;
        Step::Took(if keep_blanks { 0 } else { blanks })
    }

    /// In the text, up to the next mark.
    fn plain(&mut self, rest: &str, whole: bool, out: &mut Out<'_>) -> Step {
        let mut from = 0;
        while let Some(place) = rest
            .get(from..)
            .and_then(|rest| memchr::memchr(b'<', rest.as_bytes()))
        {
            let at = from + place;
            let (before, marked) = rest.split_at_checked(at).unwrap_or((rest, ""));
            match tags::at(marked, self.watch, whole) {
                Seen::Nothing | Seen::Tag(Tag::CallEnds, _) => from = at + 1,
                Seen::Start | Seen::Tag(..) if at > 0 => {
                    self.say(before, out);
                    return Step::Took(at);
                }
                Seen::Start => return Step::Wait,
                Seen::Tag(tag, length) => return self.mark(marked, (tag, length), whole, out),
            }
        }
        self.say(rest, out);
        Step::Took(rest.len())
    }

    /// At a mark in the text.
    fn mark(
        &mut self,
        rest: &str,
        (tag, length): (Tag, usize),
        whole: bool,
        out: &mut Out<'_>,
    ) -> Step {
        let (mark, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        match tag {
            Tag::Call | Tag::Function if !self.said.is_code() => {
                self.mode = Mode::Held(Hold::marked(tag));
                return Step::Took(0);
            }
            Tag::Closes if !self.opened => match closes(self.said.last, behind, whole) {
                None => return Step::Wait,
                Some(true) => {
                    // What it closes was told as text already; the next turn will know better.
                    out.correct(Correction::ReasoningUnopened);
                    self.opened = true;
                    self.opening = Some(Opening::Unmarked);
                    return Step::Took(length);
                }
                Some(false) => {}
            },
            Tag::Opens => self.opened = true,
            Tag::Closes | Tag::Call | Tag::CallEnds | Tag::Function => {}
        }
        self.say(mark, out);
        Step::Took(length)
    }

    fn thinking(&mut self, rest: &str, told: bool, whole: bool, out: &mut Out<'_>) -> Step {
        let (thought, length) = match tags::closing(rest, 0, whole) {
            Ok((start, end)) => (start, end),
            Err(start) => (start, start),
        };
        let text = rest.get(..thought).unwrap_or_default();
        let text = if told { text } else { text.trim_start() };
        if !text.is_empty() {
            out.push(Delta::Reasoning(text.into()));
        }
        if length > thought {
            self.mode = Mode::AfterThinking;
        } else if length == 0 {
            return Step::Wait;
        } else {
            self.mode = Mode::Thinking(told || !text.is_empty());
        }
        Step::Took(length)
    }

    /// Before a closing mark that may come: everything is held back.
    fn unmarked(&mut self, rest: &str, searched: usize, whole: bool, out: &mut Out<'_>) -> Step {
        let mut from = match tags::at(rest.trim_start(), Watch::Reasoning, whole) {
            Seen::Tag(Tag::Opens, _) => None,
            Seen::Start => return Step::Wait,
            Seen::Tag(..) | Seen::Nothing => Some(searched),
        };
        while let Some(place) = from {
            let (start, end) = match tags::closing(rest, place, whole) {
                Ok(found) => found,
                Err(place) if !whole && rest.len() <= MOST_UNMARKED => {
                    self.mode = Mode::Unmarked(place);
                    return Step::Wait;
                }
                Err(_) => break,
            };
            let before = rest.get(..start).unwrap_or_default();
            let behind = rest.get(end..).unwrap_or_default();
            match closes(before.chars().last(), behind, whole) {
                None => {
                    self.mode = Mode::Unmarked(start);
                    return Step::Wait;
                }
                Some(false) => from = Some(end),
                Some(true) => return self.unopened(before, end, out),
            }
        }
        self.opening = Some(Opening::Marked);
        self.mode = Mode::Start;
        Step::Took(0)
    }

    /// What was held back proves to be reasoning.
    fn unopened(&mut self, thought: &str, length: usize, out: &mut Out<'_>) -> Step {
        out.correct(Correction::ReasoningUnopened);
        if !thought.trim().is_empty() {
            out.push(Delta::Reasoning(thought.trim_start().into()));
        }
        self.opened = true;
        self.opening = Some(Opening::Unmarked);
        self.mode = Mode::AfterThinking;
        Step::Took(length)
    }

    fn say(&mut self, text: &str, out: &mut Out<'_>) {
        if text.is_empty() {
            return;
        }
        self.said.add(text, self.watch);
        match &mut self.twice {
            Some(twice) => twice.say(text, out),
            None => out.push(Delta::Text(text.into())),
        }
    }

    fn end_of_text(&mut self, out: &mut Out<'_>) {
        if let Some(twice) = &mut self.twice {
            twice.end(out);
        }
    }
}
