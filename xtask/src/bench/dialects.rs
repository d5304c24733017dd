//! What OpenAI's dialect costs beyond the service's own: the same programs, asked for the same work in both.

use super::figures::Measure;
use super::report::Report;
use super::subject::Work;
use super::table::Table;

/// What the dialects are compared by: measures of some work, added up. Of each less is better.
const COMPARED: &[(&str, Work, &[Measure])] = &[
    (
        "CPU of the server, ms/plain request",
        Work::Plain(16),
        &[Measure::Program],
    ),
    (
        "CPU of the server, ms/plain request with tools offered",
        Work::Offered(16),
        &[Measure::Program],
    ),
    (
        "CPU of the server, µs/delta (1 stream)",
        Work::Stream(1),
        &[Measure::ProgramDelta],
    ),
    (
        "CPU of the server, µs/delta (64 streams)",
        Work::Stream(64),
        &[Measure::ProgramDelta],
    ),
    (
        "CPU of server and Postgres, µs/delta (64 streams)",
        Work::Stream(64),
        &[Measure::ProgramDelta, Measure::DatabaseDelta],
    ),
    (
        "CPU of the server, ms/run of three rounds",
        Work::Tools(16),
        &[Measure::Program],
    ),
    (
        "CPU of server and Postgres, ms/run of three rounds",
        Work::Tools(16),
        &[Measure::Program, Measure::Database],
    ),
];

/// The comparison of those who speak both, by their names in either dialect. What was not measured of both
/// is left out.
pub(super) fn table(report: &Report, pairs: &[(String, String)]) -> Table {
    let row = |(native, openai): &(String, String), (label, work, measures): &Compared| {
        let native_cost = sum(report, *work, native, measures)?;
        let openai_cost = sum(report, *work, openai, measures)?;
        let ratio = openai_cost / native_cost;
        let row = [
            format!("{native}: {label}"),
            format!("{native_cost:.3}"),
            format!("{openai_cost:.3}"),
            if ratio.is_finite() {
                format!("{ratio:.2}")
            } else {
                String::new()
            },
        ];
        Some(row.to_vec())
    };
    let rows = pairs
        .iter()
        .flat_map(|pair| COMPARED.iter().filter_map(move |one| row(pair, one)));
    Table {
        title: "One program in two dialects".to_owned(),
        headings: ["", "native", "OpenAI", "OpenAI / native"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    }
}

type Compared = (&'static str, Work, &'static [Measure]);

fn sum(report: &Report, work: Work, name: &str, measures: &[Measure]) -> Option<f64> {
    let figures = measures
        .iter()
        .map(|measure| report.figure(work, name, *measure));
    figures.sum()
}
