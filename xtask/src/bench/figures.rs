//! What is measured of some work, and the median of several rounds of it.

use std::collections::BTreeMap;

use super::load::{Tally, quantile};

/// One thing that is measured, in the order of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Measure {
    /// Answers per second.
    Rate,
    /// Milliseconds to the end of the answer, half of them below.
    Half,
    /// The same, 99 of 100 below.
    Most,
    /// Milliseconds to the first delta, half of them below.
    FirstHalf,
    /// The same, 99 of 100 below.
    FirstMost,
    /// Deltas per second.
    DeltaRate,
    /// Milliseconds of processor time of the program for one answer.
    Program,
    /// Milliseconds of processor time of the database for one answer.
    Database,
    /// Microseconds of processor time of the program for one delta.
    ProgramDelta,
    /// Microseconds of processor time of the database for one delta.
    DatabaseDelta,
    /// Transactions that wrote, for one answer.
    Commits,
    /// Requests to the tool server, for one tool call.
    Posts,
}

impl Measure {
    /// How a column of it is headed.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Rate => "answers/s",
            Self::Half => "p50 ms",
            Self::Most => "p99 ms",
            Self::FirstHalf => "first delta p50 ms",
            Self::FirstMost => "first delta p99 ms",
            Self::DeltaRate => "deltas/s",
            Self::Program => "CPU ms/answer",
            Self::Database => "Postgres CPU ms/answer",
            Self::ProgramDelta => "CPU µs/delta",
            Self::DatabaseDelta => "Postgres CPU µs/delta",
            Self::Commits => "commits/answer",
            Self::Posts => "MCP posts/call",
        }
    }

    /// A figure as it is shown.
    pub(super) fn show(self, figure: f64) -> String {
        match self {
            Self::Rate | Self::DeltaRate => format!("{figure:.0}"),
            Self::ProgramDelta | Self::DatabaseDelta => format!("{figure:.1}"),
            Self::Half | Self::Most | Self::FirstHalf | Self::FirstMost | Self::Commits => {
                format!("{figure:.2}")
            }
            Self::Program | Self::Database | Self::Posts => format!("{figure:.3}"),
        }
    }
}

/// The figures of one round, or the medians of several.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures(BTreeMap<Measure, f64>);

/// What was counted while a load ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Milliseconds of processor time of the program, if it is counted.
    pub(super) program: Option<u64>,
    /// Milliseconds of processor time of the database, if it is used.
    pub(super) database: Option<u64>,
    /// Transactions that wrote, if the database is used.
    pub(super) commits: Option<u64>,
    /// Requests to the tool server and the calls that each answer needs, if there are any.
    pub(super) posts: Option<(u64, u64)>,
}

impl Figures {
    /// The figures of a load. There are none of a load without an answer.
    pub(super) fn of(tally: &Tally, counts: &Counts) -> Self {
        let mut figures = Self::default();
        let answers = tally.whole.len() as u64;
        if answers == 0 {
            return figures;
        }
        let span = tally.span.as_secs_f64();
        let milliseconds = |sorted: &[u64], percent| Some(ratio(quantile(sorted, percent)?, 1000));
        figures.put(Measure::Rate, Some(ratio(answers, 1) / span));
        figures.put(Measure::Half, milliseconds(&tally.whole, 50));
        figures.put(Measure::Most, milliseconds(&tally.whole, 99));
        figures.put(Measure::FirstHalf, milliseconds(&tally.first, 50));
        figures.put(Measure::FirstMost, milliseconds(&tally.first, 99));
        let each = |count: Option<u64>| Some(ratio(count?, answers));
        figures.put(Measure::Program, each(counts.program));
        figures.put(Measure::Database, each(counts.database));
        figures.put(Measure::Commits, each(counts.commits));
        if let Some((posts, calls)) = counts.posts {
            figures.put(Measure::Posts, Some(ratio(posts, answers * calls)));
        }
        if tally.deltas > 0 {
            let delta = |count: Option<u64>| Some(ratio(count? * 1000, tally.deltas));
            figures.put(Measure::DeltaRate, Some(ratio(tally.deltas, 1) / span));
            figures.put(Measure::ProgramDelta, delta(counts.program));
            figures.put(Measure::DatabaseDelta, delta(counts.database));
        }
        figures
    }

    /// The median of each measure over rounds.
    pub(super) fn median(rounds: &[Self]) -> Self {
        let mut all: BTreeMap<Measure, Vec<f64>> = BTreeMap::new();
        for (measure, figure) in rounds.iter().flat_map(|round| &round.0) {
            all.entry(*measure).or_default().push(*figure);
        }
        let middle = |(measure, figures): (Measure, Vec<f64>)| {
            median(figures).map(|middle| (measure, middle))
        };
        Self(all.into_iter().filter_map(middle).collect())
    }

    /// One figure, if it was measured.
    pub(super) fn get(&self, measure: Measure) -> Option<f64> {
        self.0.get(&measure).copied()
    }

    /// What was measured, in the order of the tables.
    pub(super) fn measures(&self) -> impl Iterator<Item = Measure> {
        self.0.keys().copied()
    }

    fn put(&mut self, measure: Measure, figure: Option<f64>) {
        if let Some(figure) = figure {
            self.0.insert(measure, figure);
        }
    }
}

/// The middle of some figures; none of no figures.
pub(super) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let (low, high) = (figures.len().checked_sub(1)? / 2, figures.len() / 2);
    Some(f64::midpoint(*figures.get(low)?, *figures.get(high)?))
}

/// One count per another, as a figure for people.
#[expect(
    clippy::cast_precision_loss,
    reason = "no count of a benchmark comes near 2^53"
)]
pub(super) fn ratio(count: u64, per: u64) -> f64 {
    count as f64 / per.max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_are_per_answer_and_per_delta() {
        let tally = Tally {
            whole: vec![1000, 2000, 3000, 4000],
            first: vec![500, 500, 500, 900],
            deltas: 256,
            span: Duration::from_secs(2),
        };
        let counts = Counts {
            program: Some(8),
            database: None,
            commits: Some(4),
            posts: Some((12, 3)),
        };
        let figures = Figures::of(&tally, &counts);
        let expected = [
            (Measure::Rate, 2.0),
            (Measure::Half, 2.0),
            (Measure::Most, 4.0),
            (Measure::FirstHalf, 0.5),
            (Measure::FirstMost, 0.9),
            (Measure::DeltaRate, 128.0),
            (Measure::Program, 2.0),
            (Measure::ProgramDelta, 31.25),
            (Measure::Commits, 1.0),
            (Measure::Posts, 1.0),
        ];
        assert_eq!(figures, Figures(expected.into()));
    }

    #[test]
    fn the_median_is_of_each_measure_by_itself() {
        let round = |rate, half| Figures([(Measure::Rate, rate), (Measure::Half, half)].into());
        let rounds = [round(1.0, 9.0), round(3.0, 7.0), round(2.0, 8.0)];
        assert_eq!(Figures::median(&rounds), round(2.0, 8.0));
        assert_eq!(Figures::median(&rounds[..2]), round(2.0, 8.0));
        assert_eq!(Figures::median(&[]), Figures::default());
    }
}
