//! A planned message as JSON.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use response_domain::tool::{self, ToolSpec};
use serde::de::{self, Deserializer, IgnoredAny, MapAccess};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::plan::{Entry, Plan, Side};
use super::words::Words;
use crate::concession::Concession;

/// All messages of a plan.
pub(super) struct Messages<'a>(pub(super) &'a Plan<'a>);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(plan) = self;
        serializer.collect_seq(plan.entries.iter().map(|entry| Message { plan, entry }))
    }
}

struct Message<'a> {
    plan: &'a Plan<'a>,
    entry: &'a Entry,
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let plan = self.plan;
        match self.entry {
            Entry::Instructions(before) => {
                map.serialize_entry("role", "system")?;
                map.serialize_entry("content", &Words::instructions(plan, *before))?;
            }
            Entry::Instruction(at) => {
                let words = Words::said(plan, Side::Instructions, &(*at..at + 1));
                map.serialize_entry("role", "system")?;
                map.serialize_entry("content", &words)?;
            }
            Entry::User(turn) => {
                map.serialize_entry("role", "user")?;
                let words = Words::of_user(plan, turn);
                if words.is_empty() && self.must_say() {
                    map.serialize_entry("content", EMPTY)?;
                } else {
                    map.serialize_entry("content", &words)?;
                }
            }
            Entry::Written(range, calls) => self.written(&mut map, range, calls)?,
            Entry::Output(number, place) => self.output(&mut map, *number, *place)?,
        }
        map.end()
    }
}

/// What stands for nothing where that is refused.
const EMPTY: &str = "(empty)";
/// What an output says whose text is empty, because a picture or a file is all there is.
const BEHIND: &str = "(what it returned follows in a message of the user)";

impl Message<'_> {
    fn must_say(&self) -> bool {
        self.plan.conceded.has(Concession::NoEmptyContent)
    }

    fn written<M: SerializeMap>(
        &self,
        map: &mut M,
        range: &Range<usize>,
        calls: &Range<usize>,
    ) -> Result<(), M::Error> {
        let plan = self.plan;
        let words = Words::said(plan, Side::Assistant, range);
        map.serialize_entry("role", "assistant")?;
        if words.is_empty() && self.must_say() {
            map.serialize_entry("content", &())?;
        } else {
            map.serialize_entry("content", &words)?;
        }
        if plan.carries_reasoning(calls) {
            if plan.reasoning(range).next().is_some() {
                map.serialize_entry("reasoning_content", &Thoughts(plan, range))?;
            } else if !calls.is_empty() && plan.conceded.has(Concession::EveryReasoning) {
                map.serialize_entry("reasoning_content", &MadeUp(plan, calls))?;
            }
        }
        if !calls.is_empty() {
            map.serialize_entry("tool_calls", &Calls(plan, calls))?;
        }
        Ok(())
    }

    fn output<M: SerializeMap>(
        &self,
        map: &mut M,
        number: usize,
        place: usize,
    ) -> Result<(), M::Error> {
        map.serialize_entry("role", "tool")?;
        map.serialize_entry("tool_call_id", &Id(number))?;
        let output = self.plan.output(place);
        let text = output.map_or("", |output| &*output.output);
        let goes_on = self.plan.returned(&(number - 1..number)).next().is_some();
        let text = match text.trim().is_empty() {
            true if goes_on => BEHIND,
            true if self.must_say() => EMPTY,
            _ => text,
        };
        map.serialize_entry("content", text)
    }
}

/// The id of a call on the wire: `call` and five digits.
struct Id(usize);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("call{:05}", self.0))
    }
}

struct Calls<'a>(&'a Plan<'a>, &'a Range<usize>);

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Call<'a> {
            id: Id,
            r#type: &'static str,
            function: Function<'a>,
        }
        #[derive(serde::Serialize)]
        struct Function<'a> {
            name: Cow<'a, str>,
            arguments: &'a str,
        }
        let Self(plan, range) = self;
        serializer.collect_seq(plan.calls(range).map(|(number, call)| Call {
            id: Id(number),
            r#type: "function",
            function: Function {
                name: wire_name(&call.name, plan.tools),
                // One bad call would make a server refuse every turn that still remembers it.
                arguments: if is_object(&call.arguments) {
                    &call.arguments
                } else {
                    "{}"
                },
            },
        }))
    }
}

/// A name as servers take it in a transcript: that of the offered tool that was meant, or what is left of
/// one that a model made up.
pub(super) fn wire_name<'a>(name: &'a str, tools: &'a [Arc<ToolSpec>]) -> Cow<'a, str> {
    const LONGEST: usize = 64;
    if let Some(tool) = tool::find(tools, name) {
        return Cow::Borrowed(&tool.name);
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.len() <= LONGEST && name.chars().all(fits) {
        return Cow::Borrowed(name);
    }
    let mended = name.chars().map(|c| if fits(c) { c } else { '_' });
    let mended: String = mended.take(LONGEST).collect();
    if mended.is_empty() {
        Cow::Borrowed("unknown")
    } else {
        Cow::Owned(mended)
    }
}

/// Whether `text` is one JSON object and nothing else.
fn is_object(text: &str) -> bool {
    struct Object;
    impl<'de> de::Visitor<'de> for Object {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while map.next_entry::<Cow<'_, str>, IgnoredAny>()?.is_some() {}
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer.deserialize_map(Object);
    read.is_ok() && deserializer.end().is_ok()
}

/// The reasoning of a turn.
struct Thoughts<'a>(&'a Plan<'a>, &'a Range<usize>);

impl fmt::Display for Thoughts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(plan, range) = self;
        for (place, text) in plan.reasoning(range).enumerate() {
            if place > 0 {
                f.write_str("\n\n")?;
            }
            f.write_str(text)?;
        }
        Ok(())
    }
}

impl Serialize for Thoughts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What stands for reasoning that a server insists on and nobody has. It names the calls, because models
/// that find the same words in every turn begin to repeat them.
struct MadeUp<'a>(&'a Plan<'a>, &'a Range<usize>);

impl fmt::Display for MadeUp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(plan, range) = self;
        for (number, call) in plan.calls(range) {
            let lead = if number == range.start + 1 {
                "Step"
            } else {
                " Step"
            };
            write!(f, "{lead} {number}: {}.", wire_name(&call.name, plan.tools))?;
        }
        Ok(())
    }
}

impl Serialize for MadeUp<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_whole_object_is_an_object() {
        for (text, expected) in [
            ("{}", true),
            (r#" {"a": [1, {"b": "}"}]} "#, true),
            ("", false),
            ("null", false),
            ("[]", false),
            (r#""{}""#, false),
            (r#"{"a": "#, false),
            (r#"{"a": 1}{"b": 2}"#, false),
            ("{'a': 1}", false),
        ] {
            assert_eq!(is_object(text), expected, "{text}");
        }
    }

    #[test]
    fn a_made_up_name_is_mended_until_servers_take_it() {
        assert!(matches!(
            wire_name("google_search", &[]),
            Cow::Borrowed("google_search")
        ));
        assert_eq!(wire_name("", &[]), "unknown");
        assert_eq!(wire_name("a b/.ü", &[]), "a_b___");
        assert_eq!(wire_name(&"x".repeat(99), &[]).len(), 64);
    }
}
