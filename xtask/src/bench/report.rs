//! The figures as tables, and as the document that keeps them.

use super::dialects;
use super::document::{self, Section};
use super::figures::{Figures, Measure, ratio};
use super::memory::{STREAMS, Weight};
use super::subject::Work;
use super::table::Table;

const OPENING: &str = "# Performance

What the service costs beside the model it calls, measured by `cargo xtask bench` and written here
by `cargo xtask bench --peers --markdown` and `cargo xtask bench queue --markdown`. Ratios carry over
to other machines better than the figures themselves.
";

/// What came of measuring one subject at some work.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// The medians of the rounds.
    Measured(Figures),
    /// It cannot do this, or failed at it; why, in a few words.
    Cannot(String),
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) facts: Vec<(&'static str, String)>,
    /// For each work: each subject's name and outcome.
    pub(super) works: Vec<(Work, Vec<(String, Outcome)>)>,
    pub(super) weights: Vec<(String, Weight)>,
    /// Which subjects are one program in two dialects, by their names: in its own, and in OpenAI's.
    pub(super) pairs: Vec<(String, String)>,
    /// Which subjects are set against each other, if any are.
    pub(super) contests: Vec<Contest>,
    /// How it was measured: seconds of a round, and rounds.
    pub(super) rounds: (u64, usize),
}

/// Ours against the peers, by the names of the tables.
#[derive(Debug)]
pub(super) struct Contest {
    pub(super) title: String,
    pub(super) ours: String,
    pub(super) our_upstream: String,
    pub(super) peers: Vec<String>,
    pub(super) peers_upstream: String,
}

impl Report {
    /// All tables in order.
    pub(super) fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<Table> = self
            .works
            .iter()
            .map(|(work, outcomes)| of_work(*work, outcomes))
            .collect();
        tables.push(self.of_memory());
        tables.push(dialects::table(self, &self.pairs));
        tables.extend(self.contests.iter().map(|contest| self.of_contest(contest)));
        tables.retain(|table| !table.rows.is_empty());
        tables
    }

    /// The sections of the document that are written over.
    pub(super) fn sections(&self) -> Vec<Section> {
        let mut measured = self.method();
        for (name, value) in &self.facts {
            measured.extend(["| ", name, " | ", value, " |\n"]);
        }
        let mut figures = "## Figures\n\n".to_owned();
        for table in self.tables() {
            figures.push_str(&table.markdown());
        }
        vec![
            (document::OPENING, OPENING.to_owned()),
            ("How it is measured", measured),
            ("Figures", figures),
        ]
    }

    fn method(&self) -> String {
        let (seconds, rounds) = self.rounds;
        format!(
            "## How it is measured

Everything runs on one machine over loopback: the load, the upstream without any delay, the service
as it is shipped, and a PostgreSQL of its own that syncs every commit. Each figure is the median of
{rounds} rounds of {seconds} s; the rounds of all who are compared take turns. Each connection asks
again as soon as it was answered. Every answer is checked, and a wrong one from the service voids
the run. Processor time is that of the service, and of all processes of PostgreSQL, divided by what
was answered; that of the load and the upstream is not in it. Commits are transactions that wrote.

What is called `ours, Postgres, OpenAI` is the program called `ours, Postgres`, asked for the same work at
`/openai/v1/responses` instead of `/v1/responses`; without a database likewise.

The peers (`cargo xtask bench peers-install`) are asked at `/v1/responses`, in OpenAI's words. They pass on what an upstream already says in the shape of
the Responses API, so they have an upstream that does; the service converts chat completions. They
store every answer in the same PostgreSQL and call the same MCP server, each in the way that costs
it least.

| | |
|---|---|
"
        )
    }

    fn of_memory(&self) -> Table {
        let row = |(name, weight): &(String, Weight)| {
            vec![name.clone(), megabytes(weight.idle), megabytes(weight.busy)]
        };
        Table {
            title: "Memory (resident)".to_owned(),
            headings: vec![
                String::new(),
                "idle MB".to_owned(),
                format!("{STREAMS} slow streams MB"),
            ],
            rows: self.weights.iter().map(row).collect(),
        }
    }

    fn of_contest(&self, contest: &Contest) -> Table {
        let mut headings = vec![String::new(), contest.ours.clone()];
        headings.extend(contest.peers.iter().cloned());
        headings.push("ours / best".to_owned());
        let rows = CONTESTS.iter().filter_map(|(label, figure)| {
            let ours = figure(self, &contest.ours, &contest.our_upstream)?;
            let peers: Vec<Option<f64>> = contest
                .peers
                .iter()
                .map(|peer| figure(self, peer, &contest.peers_upstream))
                .collect();
            Some(row_of_contest(label, ours, &peers))
        });
        Table {
            title: contest.title.clone(),
            headings,
            rows: rows.collect(),
        }
    }

    /// One figure of one subject, if it could do that work.
    pub(super) fn figure(&self, work: Work, name: &str, measure: Measure) -> Option<f64> {
        let (_, outcomes) = self.works.iter().find(|(own, _)| *own == work)?;
        match outcomes.iter().find(|(own, _)| own == name)? {
            (_, Outcome::Measured(figures)) => figures.get(measure),
            (_, Outcome::Cannot(_)) => None,
        }
    }

    fn both(&self, work: Work, name: &str, measures: [Measure; 2]) -> Option<f64> {
        let [program, database] = measures;
        Some(self.figure(work, name, program)? + self.figure(work, name, database)?)
    }

    fn weight(&self, name: &str) -> Option<Weight> {
        let found = self.weights.iter().find(|(own, _)| own == name);
        found.map(|(_, weight)| *weight)
    }
}

/// A figure of one subject, given its name and that of its upstream.
type Contested = fn(&Report, &str, &str) -> Option<f64>;

const PLAIN: Work = Work::Plain(16);
const STREAM: Work = Work::Stream(64);
const TOOLS: Work = Work::Tools(16);
const CPU: [Measure; 2] = [Measure::Program, Measure::Database];
const DELTA_CPU: [Measure; 2] = [Measure::ProgramDelta, Measure::DatabaseDelta];

/// What the peers are compared by; of everything less is better.
const CONTESTS: &[(&str, Contested)] = &[
    ("CPU of the server, ms/plain request", |report, name, _| {
        report.figure(PLAIN, name, Measure::Program)
    }),
    ("CPU of Postgres, ms/plain request", |report, name, _| {
        report.figure(PLAIN, name, Measure::Database)
    }),
    ("CPU of both, ms/plain request", |report, name, _| {
        report.both(PLAIN, name, CPU)
    }),
    ("commits/plain request", |report, name, _| {
        report.figure(PLAIN, name, Measure::Commits)
    }),
    ("CPU of the server, µs/delta", |report, name, _| {
        report.figure(STREAM, name, Measure::ProgramDelta)
    }),
    ("CPU of both, µs/delta", |report, name, _| {
        report.both(STREAM, name, DELTA_CPU)
    }),
    (
        "CPU of the server, ms/run of three rounds",
        |report, name, _| report.figure(TOOLS, name, Measure::Program),
    ),
    ("CPU of both, ms/run of three rounds", |report, name, _| {
        report.both(TOOLS, name, CPU)
    }),
    ("MCP posts/tool call", |report, name, _| {
        report.figure(TOOLS, name, Measure::Posts)
    }),
    (
        "first delta beyond the upstream, ms (1 stream)",
        |report, name, upstream| {
            let work = Work::Stream(1);
            let own = report.figure(work, name, Measure::FirstHalf)?;
            Some(own - report.figure(work, upstream, Measure::FirstHalf)?)
        },
    ),
    ("first delta, ms (64 streams)", |report, name, _| {
        report.figure(STREAM, name, Measure::FirstHalf)
    }),
    ("memory idle, MB", |report, name, _| {
        report
            .weight(name)
            .map(|weight| ratio(weight.idle, MEGABYTE))
    }),
    ("memory under slow streams, MB", |report, name, _| {
        report
            .weight(name)
            .map(|weight| ratio(weight.busy, MEGABYTE))
    }),
];

const MEGABYTE: u64 = 1_000_000;

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", ratio(bytes, MEGABYTE))
}

fn row_of_contest(label: &str, ours: f64, peers: &[Option<f64>]) -> Vec<String> {
    let show = |figure: f64| format!("{figure:.3}");
    let best = peers.iter().flatten().copied().min_by(f64::total_cmp);
    let best = best.filter(|best| *best > 0.0);
    let mut row = vec![label.to_owned(), show(ours)];
    row.extend(
        peers
            .iter()
            .map(|figure| figure.map_or_else(|| "cannot".to_owned(), show)),
    );
    row.push(best.map_or_else(String::new, |best| format!("{:.2}", ours / best)));
    row
}

fn of_work(work: Work, outcomes: &[(String, Outcome)]) -> Table {
    let mut measures: Vec<Measure> = outcomes
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Measured(figures) => Some(figures.measures()),
            Outcome::Cannot(_) => None,
        })
        .flatten()
        .collect();
    measures.sort_unstable();
    measures.dedup();
    let mut headings = vec![String::new()];
    headings.extend(measures.iter().map(|measure| measure.heading().to_owned()));
    // Where nobody could do it there is still a column that says so.
    headings.resize(headings.len().max(2), String::new());
    let row = |(name, outcome): &(String, Outcome)| {
        let mut row = vec![name.clone()];
        match outcome {
            Outcome::Measured(figures) => {
                let cell =
                    |measure: &Measure| figures.get(*measure).map(|figure| measure.show(figure));
                row.extend(
                    measures
                        .iter()
                        .map(|measure| cell(measure).unwrap_or_default()),
                );
            }
            Outcome::Cannot(why) => {
                row.push(why.clone());
            }
        }
        row.resize(headings.len(), String::new());
        row
    };
    Table {
        title: work.to_string(),
        rows: outcomes.iter().map(row).collect(),
        headings,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::figures::Counts;
    use super::super::load::Tally;
    use super::*;

    #[test]
    fn ours_is_set_against_the_best_of_those_who_can() {
        let row = row_of_contest("CPU", 0.2, &[None, Some(0.5), Some(0.4)]);
        assert_eq!(row, ["CPU", "0.200", "cannot", "0.500", "0.400", "0.50"]);
        let alone = row_of_contest("CPU", 0.2, &[None]);
        assert_eq!(alone, ["CPU", "0.200", "cannot", ""]);
    }

    #[test]
    fn one_program_is_set_against_itself_in_the_other_dialect() {
        let measured = |milliseconds| {
            let tally = Tally {
                whole: vec![1000; 2],
                deltas: 128,
                span: Duration::from_secs(1),
                ..Tally::default()
            };
            let counts = Counts {
                program: Some(milliseconds),
                ..Counts::default()
            };
            Outcome::Measured(Figures::of(&tally, &counts))
        };
        let outcomes = [("ours", 64), ("ours, OpenAI", 80), ("a peer", 1)];
        let outcomes = outcomes.map(|(name, cost)| (name.to_owned(), measured(cost)));
        let report = Report {
            works: vec![(STREAM, outcomes.to_vec())],
            pairs: vec![("ours".to_owned(), "ours, OpenAI".to_owned())],
            ..Report::default()
        };
        let tables = report.tables();
        // Nothing was measured of a database, and no other work.
        let label = "ours: CPU of the server, µs/delta (64 streams)";
        assert_eq!(tables[1].rows, [[label, "500.000", "625.000", "1.25"]]);
    }

    #[test]
    fn who_cannot_do_some_work_is_in_its_table_and_out_of_the_comparison() {
        let report = Report {
            works: vec![(
                PLAIN,
                vec![("a peer".to_owned(), Outcome::Cannot("failed".to_owned()))],
            )],
            weights: vec![(
                "a peer".to_owned(),
                Weight {
                    idle: 2_500_000,
                    busy: 0,
                },
            )],
            ..Report::default()
        };
        let tables = report.tables();
        assert_eq!(tables[0].rows, [["a peer", "failed"]]);
        assert_eq!(tables[1].rows, [["a peer", "2.5", "0.0"]]);
        assert_eq!(report.figure(PLAIN, "a peer", Measure::Program), None);
        let sections = report.sections();
        assert!(sections[2].1.contains("| a peer | 2.5 | 0.0 |"));
    }
}
