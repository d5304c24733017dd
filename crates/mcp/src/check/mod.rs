//! Whether arguments fit a tool's schema, found out within a budget. A schema may be anybody's, so the check
//! is walked step by step, every step is paid for, and one that costs more than it was given is given up;
//! nothing is worked out ahead and nothing outside the schema is ever fetched. What cannot be told for
//! certain is not held against the arguments: the server checks them itself.

mod ecma;
mod number;
mod objects;
mod pattern;
mod place;
mod scalars;
mod schema;
mod sequences;
mod told;
mod walk;

#[cfg(test)]
mod agrees;
#[cfg(test)]
mod bounded;
#[cfg(test)]
mod keywords;

use response_domain::json::Json;
use serde_json::Value;

use crate::check::place::Place;
pub(crate) use crate::check::schema::Gap;
use crate::check::schema::Schema;
use crate::check::told::Told;
use crate::check::walk::Walk;

/// A schema that arguments can be held to.
#[derive(Debug)]
pub(crate) struct Check {
    schema: Schema,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// They fit, as far as can be told.
    Fits,
    /// They certainly do not; why, in words for the model.
    Unfit(String),
    /// It would have cost more than it was given.
    Spent,
}

/// How much a check may cost. A step is some ten nanoseconds, and never much more than a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget(pub(crate) usize);

impl Check {
    /// Costs no more than reading the schema does.
    pub(crate) fn new(schema: &Json) -> Self {
        Self {
            schema: Schema::new(schema.to_value()),
        }
    }

    /// What of the schema cannot be used for a check.
    pub(crate) fn gaps(&self) -> &[Gap] {
        self.schema.gaps()
    }

    /// Holds `arguments` to the schema.
    pub(crate) fn find(&self, arguments: &Value, budget: Budget) -> Finding {
        let mut walk = Walk::new(&self.schema, budget.0);
        let mut told = Told::listed();
        match walk.schema(self.schema.root(), &Place::root(arguments), &mut told) {
            Err(_spent) => Finding::Spent,
            Ok(Fit::No) => Finding::Unfit(told.into_text()),
            Ok(Fit::Yes | Fit::Unknown) => Finding::Fits,
        }
    }

    /// What was found and how many steps it took.
    #[cfg(test)]
    fn measured(&self, arguments: &Value, budget: Budget) -> (Result<Fit, Spent>, usize) {
        let mut walk = Walk::new(&self.schema, budget.0);
        let mut told = Told::listed();
        let fit = walk.schema(self.schema.root(), &Place::root(arguments), &mut told);
        (fit, budget.0 - walk.left())
    }
}

/// Whether a value fits a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    /// It cannot be told.
    Unknown,
}

impl Fit {
    fn of(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }

    /// Both.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// The other way round.
    fn opposite(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// The budget is used up, or the walk goes too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spent;
