//! Where in the arguments a check is, and what stands there.

use serde_json::Value;

/// A value and the way to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) value: &'p Value,
    from: Option<(&'p Self, Step<'p>)>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Name(&'p str),
    Number(usize),
}

impl<'p> Place<'p> {
    pub(super) fn root(value: &'p Value) -> Self {
        Self { value, from: None }
    }

    pub(super) fn of_name(&'p self, name: &'p str, value: &'p Value) -> Self {
        let from = Some((self, Step::Name(name)));
        Self { value, from }
    }

    pub(super) fn of_number(&'p self, number: usize, value: &'p Value) -> Self {
        let from = Some((self, Step::Number(number)));
        Self { value, from }
    }

    /// The same place with another value, as for the name of a property.
    pub(super) fn with(&'p self, value: &'p Value) -> Self {
        Self {
            value,
            from: self.from,
        }
    }

    /// As a JSON pointer, or in words where all of it is meant.
    pub(super) fn name(&self) -> String {
        let mut steps = Vec::new();
        let mut at = self;
        while let Some((before, step)) = at.from {
            steps.push(step);
            at = before;
        }
        if steps.is_empty() {
            return "the whole".to_owned();
        }
        let mut text = String::new();
        for step in steps.into_iter().rev() {
            text.push('/');
            match step {
                Step::Name(name) => text.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Number(number) => text.push_str(&number.to_string()),
            }
        }
        text
    }
}
