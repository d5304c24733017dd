//! When a delivery is tried again, and when it is given up. Pure: time and noise come in from outside.

use std::time::Duration;

use super::{Attempt, Disabled, GaveUp};
use crate::time::Timestamp;

/// The status by which a receiver says that it is gone for good.
pub const GONE: u16 = 410;

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// The pauses between the attempts to reach a registered endpoint, about 75 hours in all: the schedule that
/// the Standard Webhooks specification recommends.
pub const LONG_GAPS: [Duration; 9] = [
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    minutes(2 * 60),
    minutes(5 * 60),
    minutes(10 * 60),
    minutes(14 * 60),
    minutes(20 * 60),
    minutes(24 * 60),
];

/// No pause is longer, whatever a receiver asks for.
const LONGEST: Duration = minutes(24 * 60);
/// An endpoint that took nothing for this long is sent nothing more.
const PATIENCE: Duration = minutes(5 * 24 * 60);

/// How often, and after which pauses, a delivery is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// To the address of a request, as the operator decided.
    Callback(CallbackSchedule),
    /// To a registered endpoint: [`LONG_GAPS`], each up to a fifth shorter or longer.
    Endpoint,
}

/// How the address of a request is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallbackSchedule {
    /// The most attempts, the first included; at least 1.
    pub attempts: u16,
    /// The pause after the first.
    pub delay: Duration,
    /// By what a pause is longer than the one before; at least 1, which keeps them equal.
    pub growth: f64,
}

/// What an attempt leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What becomes of the delivery.
    pub verdict: Verdict,
    /// What it means for the endpoint, when it went to one.
    pub effect: Effect,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived.
    Delivered,
    /// It is tried again after this pause.
    Again(Duration),
    /// It is not tried again by itself.
    GivenUp(GaveUp),
}

/// What an attempt means for the endpoint it went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It works.
    Works,
    /// It did not take this one.
    Fails,
    /// It is sent nothing more.
    Disable(Disabled),
}

impl Schedule {
    /// What follows from `attempt`, when `tried` came before it and its endpoint has taken nothing since
    /// `failing_since`. `noise` is from 0 to 1.
    pub fn after(
        &self,
        attempt: &Attempt,
        tried: u16,
        failing_since: Option<Timestamp>,
        noise: f64,
    ) -> Outcome {
        if attempt.is_taken() {
            return Outcome {
                verdict: Verdict::Delivered,
                effect: Effect::Works,
            };
        }
        let answer = attempt.answer.as_ref().ok();
        if answer.is_some_and(|answer| answer.status == GONE) {
            return Outcome {
                verdict: Verdict::GivenUp(GaveUp::Gone),
                effect: Effect::Disable(Disabled::Gone),
            };
        }
        let failing = failing_since.map(|since| attempt.at.since(since));
        if failing.is_some_and(|failing| failing >= PATIENCE) {
            return Outcome {
                verdict: Verdict::GivenUp(GaveUp::EndpointDisabled),
                effect: Effect::Disable(Disabled::Failing),
            };
        }
        let asked = answer.and_then(|answer| answer.retry_after);
        let pause = self.gap(tried, noise).map(|gap| {
            let asked = asked.unwrap_or_default();
            gap.max(asked).min(LONGEST)
        });
        Outcome {
            verdict: pause.map_or(Verdict::GivenUp(GaveUp::Spent), Verdict::Again),
            effect: Effect::Fails,
        }
    }

    /// The pause behind an attempt that `tried` came before; none behind the last.
    fn gap(&self, tried: u16, noise: f64) -> Option<Duration> {
        match self {
            Self::Callback(callback) if tried.saturating_add(1) >= callback.attempts => None,
            Self::Callback(callback) => {
                let grown = callback.growth.max(1.0).powi(i32::from(tried));
                let seconds = callback.delay.as_secs_f64() * grown;
                Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST))
            }
            Self::Endpoint => {
                let gap = LONG_GAPS.get(usize::from(tried))?;
                Some(gap.mul_f64(0.8 + 0.4 * noise.clamp(0.0, 1.0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Answer, SendFault};
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn attempt(answer: Result<(u16, Option<u64>), SendFault>) -> Attempt {
        Attempt {
            at: NOW,
            url: "http://receiver/".into(),
            duration: Duration::from_millis(3),
            answer: answer.map(|(status, retry_after)| Answer {
                status,
                retry_after: retry_after.map(Duration::from_secs),
                excerpt: Arc::from(""),
            }),
        }
    }

    fn callback(attempts: u16, growth: f64) -> Schedule {
        Schedule::Callback(CallbackSchedule {
            attempts,
            delay: Duration::from_secs(2),
            growth,
        })
    }

    fn pauses(schedule: Schedule, noise: f64) -> Vec<f64> {
        let failed = attempt(Err(SendFault::ConnectFailed));
        let mut pauses = Vec::new();
        for tried in 0.. {
            match schedule.after(&failed, tried, None, noise).verdict {
                Verdict::Again(pause) => pauses.push(pause.as_secs_f64()),
                Verdict::GivenUp(GaveUp::Spent) => return pauses,
                other => panic!("{other:?}"),
            }
        }
        pauses
    }

    #[test]
    fn a_callback_is_tried_as_often_as_settings_say_and_after_the_same_pause() {
        assert_eq!(pauses(callback(3, 1.0), 0.9), [2.0, 2.0]);
        assert_eq!(pauses(callback(1, 1.0), 0.5), [0.0; 0]);
        assert_eq!(pauses(callback(5, 3.0), 0.5), [2.0, 6.0, 18.0, 54.0]);
        let grown = pauses(callback(200, 10.0), 0.5);
        assert!(grown.iter().all(|pause| *pause <= LONGEST.as_secs_f64()));
        assert_eq!(grown.len(), 199);
    }

    #[test]
    fn an_endpoint_is_tried_ten_times_over_three_days() {
        let middle = pauses(Schedule::Endpoint, 0.5);
        let exact: Vec<f64> = LONG_GAPS.iter().map(Duration::as_secs_f64).collect();
        assert!(
            middle
                .iter()
                .zip(&exact)
                .all(|(is, gap)| (is - gap).abs() < 1e-3)
        );
        let in_all: f64 = middle.iter().sum();
        assert!((75.0..76.0).contains(&(in_all / 3600.0)), "{in_all}");
        let (short, long) = (
            pauses(Schedule::Endpoint, 0.0),
            pauses(Schedule::Endpoint, 1.0),
        );
        for (gap, (short, long)) in exact.iter().zip(short.iter().zip(&long)) {
            assert!((short / gap - 0.8).abs() < 1e-6 && *long <= gap * 1.2 + 1e-6);
        }
    }

    #[test]
    fn each_answer_has_its_consequence() {
        let schedule = callback(3, 1.0);
        let again = |seconds| Verdict::Again(Duration::from_secs(seconds));
        let gone = Effect::Disable(Disabled::Gone);
        for (answer, verdict, effect) in [
            (Ok((200, None)), Verdict::Delivered, Effect::Works),
            (Ok((204, Some(9))), Verdict::Delivered, Effect::Works),
            (Ok((299, None)), Verdict::Delivered, Effect::Works),
            (Ok((301, None)), again(2), Effect::Fails),
            (Ok((400, None)), again(2), Effect::Fails),
            (Ok((429, Some(7))), again(7), Effect::Fails),
            (Ok((503, Some(1))), again(2), Effect::Fails),
            (Ok((503, Some(9_999_999))), again(86_400), Effect::Fails),
            (Ok((410, Some(7))), Verdict::GivenUp(GaveUp::Gone), gone),
            (Err(SendFault::NotAllowed), again(2), Effect::Fails),
            (Err(SendFault::TimedOut), again(2), Effect::Fails),
        ] {
            let outcome = schedule.after(&attempt(answer), 0, None, 0.5);
            assert_eq!(outcome, Outcome { verdict, effect }, "{answer:?}");
        }
        let last = schedule.after(&attempt(Ok((500, Some(7)))), 2, None, 0.5);
        assert_eq!(last.verdict, Verdict::GivenUp(GaveUp::Spent));
    }

    #[test]
    fn an_endpoint_that_took_nothing_for_five_days_is_sent_nothing_more() {
        let failed = attempt(Ok((500, None)));
        let since = |hours: u64| Some(NOW.before(minutes(hours * 60)));
        let after = |failing| Schedule::Endpoint.after(&failed, 0, failing, 0.5).effect;
        assert_eq!(after(None), Effect::Fails);
        assert_eq!(after(since(119)), Effect::Fails);
        assert_eq!(after(since(120)), Effect::Disable(Disabled::Failing));
        let taken = Schedule::Endpoint.after(&attempt(Ok((200, None))), 9, since(500), 0.5);
        assert_eq!(taken.effect, Effect::Works);
    }
}
