//! Directives: `[[name:value …]]` in the prompt or in the model's name, for a test or a person
//! who wants something particular from the model. They are taken out of the text before the
//! model reads it. The module documentation of `model` lists them.

use std::time::Duration;

use super::quirk::Quirk;
use crate::play::duration;

/// A way to answer wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Half of the answer, then an orderly end of the body.
    Truncate,
    /// Half of the answer, then the connection is cut.
    Broken,
    /// No answer at all.
    Hang,
    /// Half of the answer, then nothing.
    HangStream,
    /// Half of the answer, then something that is not JSON.
    InvalidJson,
    /// A page instead of JSON.
    Html,
    /// A tool is asked for in every round, for ever.
    Loop,
    /// A tool that nobody offered is asked for.
    UnknownTool,
    /// A tool is asked for with arguments that its schema forbids.
    BadArguments,
    /// A delta now and then, for ever.
    Slow,
}

const FAILURES: [(&str, Failure); 10] = [
    ("truncate", Failure::Truncate),
    ("broken", Failure::Broken),
    ("hang", Failure::Hang),
    ("hang-stream", Failure::HangStream),
    ("invalid-json", Failure::InvalidJson),
    ("html", Failure::Html),
    ("loop", Failure::Loop),
    ("unknown-tool", Failure::UnknownTool),
    ("bad-arguments", Failure::BadArguments),
    ("slow", Failure::Slow),
];

/// What one directive asks for.
#[derive(Clone, Debug, PartialEq)]
enum Order {
    Quirk(Quirk),
    Fail(Failure),
    Delay(Duration),
    DeltaDelay(Duration),
    Deltas(usize),
    Status(u16),
    RetryAfter(String),
    Preamble,
    Think,
    Refuse,
    Finish(String),
    Cached(usize),
    Echo(String),
    Call { name: String, arguments: String },
}

/// The orders of one pair of brackets, and when they hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    orders: Vec<Order>,
    /// Only in this round of the answer, counted from 1.
    round: Option<usize>,
    /// Only for the first so many requests with the same prompt.
    pub(super) times: Option<u32>,
}

/// All that is asked for in one turn.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) quirks: Vec<Quirk>,
    pub(super) failure: Option<Failure>,
    pub(super) delay: Option<Duration>,
    pub(super) delta_delay: Option<Duration>,
    pub(super) deltas: Option<usize>,
    pub(super) status: Option<u16>,
    pub(super) retry_after: Option<String>,
    pub(super) preamble: bool,
    pub(super) think: bool,
    pub(super) refuse: bool,
    /// The finish reason to give, whatever was said.
    pub(super) finish: Option<String>,
    /// How many tokens of the prompt were cached.
    pub(super) cached: usize,
    /// The member of the request that is the answer; all of it when empty.
    pub(super) echo: Option<String>,
    /// Tool calls to make, by name and arguments.
    pub(super) calls: Vec<(String, String)>,
}

impl Orders {
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Adds the orders of a group that holds now.
    fn add(&mut self, group: &Group) {
        for order in &group.orders {
            match order {
                Order::Quirk(quirk) => self.quirks.push(*quirk),
                Order::Fail(failure) => self.failure = Some(*failure),
                Order::Delay(time) => self.delay = Some(*time),
                Order::DeltaDelay(time) => self.delta_delay = Some(*time),
                Order::Deltas(count) => self.deltas = Some(*count),
                Order::Status(status) => self.status = Some(*status),
                Order::RetryAfter(value) => self.retry_after = Some(value.clone()),
                Order::Preamble => self.preamble = true,
                Order::Think => self.think = true,
                Order::Refuse => self.refuse = true,
                Order::Finish(reason) => self.finish = Some(reason.clone()),
                Order::Cached(tokens) => self.cached = *tokens,
                Order::Echo(member) => self.echo = Some(member.clone()),
                Order::Call { name, arguments } => {
                    self.calls.push((name.clone(), arguments.clone()));
                }
            }
        }
    }
}

/// The orders of all groups that hold in a round. `may` says of a group with a limited number
/// of uses whether one is left, and takes it.
pub(super) fn in_round(
    groups: &[Group],
    round: usize,
    mut may: impl FnMut(usize, u32) -> bool,
) -> Orders {
    let mut orders = Orders::default();
    for (index, group) in groups.iter().enumerate() {
        let now = group.round.is_none_or(|only| only == round)
            && group.times.is_none_or(|times| may(index, times));
        if now {
            orders.add(group);
        }
    }
    orders
}

/// Parts a text into what the model reads and what it is ordered to do.
pub(super) fn part(text: &str) -> Result<(String, Vec<Group>), String> {
    let mut plain = String::with_capacity(text.len());
    let mut groups = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[[") {
        plain.push_str(before);
        let (group, left) = if let Some(after) = after.strip_prefix("call:") {
            call(after)?
        } else {
            let unclosed = || format!("the directive \"[[{after}\" has no end \"]]\"");
            let (inside, left) = after.split_once("]]").ok_or_else(unclosed)?;
            (words(inside)?, left)
        };
        groups.push(group);
        rest = left;
    }
    plain.push_str(rest);
    Ok((plain.trim().to_owned(), groups))
}

/// `NAME [round:N] [times:N] {…}]]`: the arguments are JSON and may hold brackets themselves.
/// Without a round the call is made in the first: otherwise it would be made for ever.
fn call(text: &str) -> Result<(Group, &str), String> {
    let wrong = || format!("the directive \"[[call:{text}\" is not \"[[call:NAME {{…}}]]\"");
    let (head, json) = text.split_at(text.find('{').ok_or_else(wrong)?);
    let mut parsed = serde_json::Deserializer::from_str(json).into_iter::<serde_json::Value>();
    parsed.next().and_then(Result::ok).ok_or_else(wrong)?;
    let (arguments, left) = json.split_at(parsed.byte_offset());
    let left = left.trim_start().strip_prefix("]]").ok_or_else(wrong)?;
    let (name, conditions) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
    let mut group = words(conditions)?;
    group.round.get_or_insert(1);
    group.orders.push(Order::Call {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    });
    Ok((group, left))
}

fn words(inside: &str) -> Result<Group, String> {
    let mut group = Group::default();
    for word in inside.split_whitespace() {
        let (name, value) = word.split_once(':').unwrap_or((word, ""));
        let wrong = || format!("the directive {word:?} is not known or its value is not");
        match name {
            "round" => group.round = Some(value.parse().map_err(|_| wrong())?),
            "times" => group.times = Some(value.parse().map_err(|_| wrong())?),
            _ => group.orders.push(order(name, value).ok_or_else(wrong)?),
        }
    }
    Ok(group)
}

fn order(name: &str, value: &str) -> Option<Order> {
    Some(match name {
        "quirk" => Order::Quirk(Quirk::named(value)?),
        "fail" => Order::Fail(FAILURES.iter().find(|(own, _)| *own == value)?.1),
        "delay" => Order::Delay(duration(value)?),
        "delta-delay" => Order::DeltaDelay(duration(value)?),
        "deltas" => Order::Deltas(
            value
                .parse()
                .ok()
                .filter(|count| (1..=10_000).contains(count))?,
        ),
        "status" => Order::Status(
            value
                .parse()
                .ok()
                .filter(|status| (400..600).contains(status))?,
        ),
        "retry-after" => Order::RetryAfter(value.to_owned()),
        "preamble" => Order::Preamble,
        "think" => Order::Think,
        "refuse" => Order::Refuse,
        "finish" => Order::Finish(value.to_owned()),
        "cached" => Order::Cached(value.parse().ok()?),
        "echo" => Order::Echo(value.to_owned()),
        _ => return None,
    })
}
