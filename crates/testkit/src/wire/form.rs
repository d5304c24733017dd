//! Forms of JSON values, as tables, and the words in which it is told that a value has another.

use serde_json::{Map, Value};

use super::{Fault, Verdict};

/// What a value must be.
pub(super) enum Form {
    Text,
    /// Text that is not empty.
    Name,
    Integer,
    Number,
    Truth,
    Any,
    /// One of these texts.
    Words(&'static [&'static str]),
    /// `null` or this.
    Nullable(&'static Form),
    List(&'static Form),
    Object(&'static [Field]),
    /// Text, or the other.
    TextOr(&'static Form),
    /// An object without a form of its own.
    Members,
}

/// A member of an object.
pub(super) struct Field {
    name: &'static str,
    form: Form,
    presence: Presence,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

/// A member that must be there.
pub(super) const fn field(name: &'static str, form: Form) -> Field {
    Field {
        name,
        form,
        presence: Presence::Required,
    }
}

/// A member that may be absent.
pub(super) const fn optional(name: &'static str, form: Form) -> Field {
    Field {
        name,
        form,
        presence: Presence::Optional,
    }
}

/// Checks that `value`, which stands at `path`, has this form.
pub(super) fn check(path: &str, value: &Value, form: &Form) -> Verdict {
    let holds = match form {
        Form::Text => value.is_string(),
        Form::Name => value.as_str().is_some_and(|text| !text.is_empty()),
        Form::Integer => value.is_i64() || value.is_u64(),
        Form::Number => value.is_number(),
        Form::Truth => value.is_boolean(),
        Form::Any => true,
        Form::Words(words) => value.as_str().is_some_and(|text| words.contains(&text)),
        Form::Nullable(_) if value.is_null() => true,
        Form::TextOr(_) if value.is_string() => true,
        // What is wrong inside of it is told, not that it might have been something else.
        Form::Nullable(form) | Form::TextOr(form) if value.is_object() || value.is_array() => {
            return check(path, value, form);
        }
        Form::Nullable(form) | Form::TextOr(form) => check(path, value, form).is_ok(),
        Form::List(form) => {
            if let Value::Array(values) = value {
                return elements(path, values, form);
            }
            false
        }
        Form::Object(fields) => {
            if let Value::Object(members) = value {
                return object(path, members, fields);
            }
            false
        }
        Form::Members => value.is_object(),
    };
    if holds {
        return Ok(());
    }
    let wanted = wanted(form);
    Err(Fault::new(format!(
        "`{path}` must be {wanted}, not {}",
        shortened(value)
    )))
}

fn elements(path: &str, values: &[Value], form: &Form) -> Verdict {
    let mut places = values.iter().enumerate();
    places.try_for_each(|(place, value)| check(&format!("{path}[{place}]"), value, form))
}

/// Checks the members of an object that are known.
pub(super) fn object(path: &str, members: &Map<String, Value>, fields: &[Field]) -> Verdict {
    for Field {
        name,
        form,
        presence,
    } in fields
    {
        let at = if path.is_empty() {
            (*name).to_owned()
        } else {
            format!("{path}.{name}")
        };
        match members.get(*name) {
            Some(value) => check(&at, value, form)?,
            None if *presence == Presence::Required => {
                return Err(Fault::new(format!("`{at}` is missing")));
            }
            None => {}
        }
    }
    Ok(())
}

fn wanted(form: &Form) -> String {
    match form {
        Form::Text => "a text".to_owned(),
        Form::Name => "a text that is not empty".to_owned(),
        Form::Integer => "a whole number".to_owned(),
        Form::Number => "a number".to_owned(),
        Form::Truth => "true or false".to_owned(),
        Form::Any => "there".to_owned(),
        Form::Words(words) => words.join(" or "),
        Form::Nullable(form) => format!("null or {}", wanted(form)),
        Form::TextOr(form) => format!("a text or {}", wanted(form)),
        Form::List(_) => "an array".to_owned(),
        Form::Object(_) | Form::Members => "an object".to_owned(),
    }
}

/// A value for a message, which is to stay readable.
pub(super) fn shortened(value: &Value) -> String {
    const MOST: usize = 160;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
