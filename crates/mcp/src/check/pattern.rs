//! Patterns in schemas. The engine never goes back, so that a text costs at most its length times the size of
//! the pattern, and both are paid for. A pattern that such an engine cannot have, with its looks around, is
//! not held against anybody.

use std::rc::Rc;

use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{Config, WhichCaptures};
use regex_automata::util::syntax;

use crate::check::ecma::{has_short_words, translated};
use crate::check::walk::Walk;
use crate::check::{Fit, Spent};

/// How long a pattern may be.
const MAX_LENGTH: usize = 512;
/// How much room one may take when it is ready.
const MAX_SIZE: usize = 64 * 1024;
/// How deep its brackets may stand in each other.
const MAX_NEST: u32 = 50;
/// What making one ready costs, whatever it is.
const READYING: usize = 2_000;
/// What each of its bytes costs besides: some stand for hundreds of characters.
const READYING_BYTE: usize = 20;

/// A pattern that texts can be held to.
#[derive(Debug)]
pub(super) struct Pattern {
    engine: PikeVM,
    states: usize,
    /// Whether it has short words such as `\w`, of which nobody agrees what they mean beyond ASCII.
    is_of_ascii: bool,
}

impl Pattern {
    fn new(pattern: &str) -> Option<Self> {
        let size = Config::new()
            .nfa_size_limit(Some(MAX_SIZE))
            .which_captures(WhichCaptures::None);
        let engine = PikeVM::builder()
            .syntax(syntax::Config::new().nest_limit(MAX_NEST))
            .thompson(size)
            .build(&translated(pattern))
            .ok()?;
        let states = engine.get_nfa().states().len();
        Some(Self {
            engine,
            states,
            is_of_ascii: has_short_words(pattern),
        })
    }
}

impl<'s> Walk<'s> {
    /// Whether a text has a place that fits the pattern.
    pub(super) fn matches(&mut self, pattern: &'s str, text: &str) -> Result<Fit, Spent> {
        let Some(pattern) = self.ready(pattern)? else {
            return Ok(Fit::Unknown);
        };
        if pattern.is_of_ascii && !text.is_ascii() {
            return Ok(Fit::Unknown);
        }
        self.pay(1 + pattern.states.saturating_mul(text.len().saturating_add(8)) / 4)?;
        let mut cache = pattern.engine.create_cache();
        Ok(Fit::of(pattern.engine.is_match(&mut cache, text)))
    }

    fn ready(&mut self, pattern: &'s str) -> Result<Option<Rc<Pattern>>, Spent> {
        self.pay(1 + pattern.len() / 32)?;
        if let Some(known) = self.patterns.get(pattern) {
            return Ok(known.clone());
        }
        let mut made = None;
        if pattern.len() <= MAX_LENGTH {
            self.pay(READYING + READYING_BYTE * pattern.len())?;
            made = Pattern::new(pattern).map(Rc::new);
        }
        self.patterns.insert(pattern, made.clone());
        Ok(made)
    }
}
