//! What a fuzzer wrote about its run, as one line, and a few more when an input broke something.

use std::fmt;

/// A run of one target.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    target: String,
    /// How many inputs were tried.
    tried: u64,
    /// The edges that the seeds and the corpus reached, and those that all reached in the end.
    edges: (u64, u64),
    broken: Option<Broken>,
}

/// An input that broke something.
#[derive(Debug, PartialEq, Eq)]
struct Broken {
    /// Where it was written, if the fuzzer got that far.
    input: Option<String>,
    /// What the code or the fuzzer said.
    why: String,
}

impl Report {
    /// Reads the fuzzer's log.
    pub(super) fn read(target: &str, succeeded: bool, log: &str) -> Self {
        let tried = log.lines().rev().find_map(|line| {
            let count = line.strip_prefix("stat::number_of_executed_units:")?;
            count.trim().parse().ok()
        });
        let mut edges = log.lines().filter_map(covered);
        let first = edges.next().unwrap_or(0);
        Self {
            target: target.to_owned(),
            tried: tried.unwrap_or(0),
            edges: (first, edges.next_back().unwrap_or(first)),
            broken: (!succeeded).then(|| Broken::read(log)),
        }
    }

    /// Whether an input broke something.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }
}

/// The edges that a line of news tells: `#7  NEW  cov: 454 ft: 925 …`.
fn covered(line: &str) -> Option<u64> {
    let (_, rest) = line.strip_prefix('#')?.split_once(" cov: ")?;
    rest.split(' ').next()?.parse().ok()
}

impl Broken {
    fn read(log: &str) -> Self {
        let after = |mark: &str| log.lines().find_map(|line| Some(line.split_once(mark)?.1));
        let mut from_panic = log
            .lines()
            .skip_while(|line| !line.contains("panicked at "));
        let panic = from_panic.next().map(|place| {
            let said = from_panic.next().unwrap_or_default();
            format!("{} {said}", place.trim())
        });
        let told = || log.lines().find(|line| line.contains("ERROR: libFuzzer: "));
        let why = panic.or_else(|| told().map(str::to_owned));
        Self {
            input: after("Test unit written to ").map(|path| path.trim().to_owned()),
            why: why.unwrap_or_else(|| "it ended without a word".to_owned()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, tried, .. } = self;
        let (before, after) = self.edges;
        write!(
            f,
            "{target:<14} {tried:>12} inputs, edges {before} -> {after}"
        )?;
        let Some(Broken { input, why }) = &self.broken else {
            return Ok(());
        };
        write!(f, "\n  broken: {why}")?;
        match input {
            Some(input) => write!(f, "\n  again: cargo xtask fuzz {target} --input {input}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWS: &str = "INFO: Loaded 1 modules\n\
        #6\tINITED cov: 454 ft: 896 corp: 5/1773b exec/s: 0 rss: 27Mb\n\
        #7\tNEW    cov: 460 ft: 925 corp: 6/1849b lim: 1169 exec/s: 0 rss: 27Mb\n";

    #[test]
    fn a_run_that_ends_is_told_in_one_line() {
        let log = format!(
            "{NEWS}#36824\tDONE   cov: 537 ft: 2754 corp: 531/268Kb\nstat::number_of_executed_units: 36824\n"
        );
        let report = Report::read("sse", true, &log);
        assert!(!report.is_broken());
        let line = report.to_string();
        assert_eq!(line, "sse                   36824 inputs, edges 454 -> 537");
    }

    #[test]
    fn a_run_that_breaks_is_told_with_why_and_how_to_see_it_again() {
        let log = format!(
            "{NEWS}\nthread '<unnamed>' (7) panicked at crates/egress/src/fuzz.rs:24:9:\nassertion failed: a\n\
             ==7== ERROR: libFuzzer: deadly signal\nartifact_prefix='f/'; Test unit written to f/crash-1\n\
             stat::number_of_executed_units: 9\n"
        );
        let report = Report::read("sse", false, &log).to_string();
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!(
            lines[0],
            "sse                       9 inputs, edges 454 -> 460"
        );
        assert!(
            lines[1].ends_with("fuzz.rs:24:9: assertion failed: a"),
            "{report}"
        );
        assert_eq!(lines[2], "  again: cargo xtask fuzz sse --input f/crash-1");
        let slow = Report::read(
            "sse",
            false,
            "==7== ERROR: libFuzzer: timeout after 20 seconds\n",
        );
        assert!(
            slow.to_string().contains("timeout after 20 seconds"),
            "{slow}"
        );
        assert!(Report::read("sse", false, "").is_broken());
    }
}
