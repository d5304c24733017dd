//! Figures of several rounds as rows of a table: the median of each, and who compares how with whom.

use super::figures::median;
use super::table::Table;

/// What a column is headed, and how many decimals its figures have.
pub(super) type Heading = (&'static str, usize);

/// A table that is filled round by round.
#[derive(Debug)]
pub(super) struct Sheet {
    title: &'static str,
    headings: &'static [Heading],
    rows: Vec<(String, Vec<Vec<Option<f64>>>)>,
}

impl Sheet {
    /// A table without rows.
    pub(super) fn new(title: &'static str, headings: &'static [Heading]) -> Self {
        Self {
            title,
            headings,
            rows: Vec::new(),
        }
    }

    /// Adds one round to a row, a figure for each column.
    pub(super) fn note(&mut self, name: &str, figures: Vec<Option<f64>>) {
        match self.rows.iter_mut().find(|(own, _)| own == name) {
            Some((_, rounds)) => rounds.push(figures),
            None => self.rows.push((name.to_owned(), vec![figures])),
        }
    }

    /// The table, with a row below for each pair of rows that is set against each other.
    pub(super) fn table(&self, against: &[(&str, &str)]) -> Table {
        let mut headings = vec![String::new()];
        headings.extend(
            self.headings
                .iter()
                .map(|(heading, _)| (*heading).to_owned()),
        );
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (name, _) in &self.rows {
            let show = |(at, (_, decimals)): (usize, &Heading)| {
                let figure = self.figure(name, at);
                figure.map_or_else(String::new, |figure| format!("{figure:.decimals$}"))
            };
            let cells = self.headings.iter().enumerate().map(show);
            rows.push(std::iter::once(name.clone()).chain(cells).collect());
        }
        for (one, other) in against {
            let cells = (0..self.headings.len()).map(|at| self.ratio(one, other, at));
            let cells: Vec<Option<f64>> = cells.collect();
            if cells.iter().any(Option::is_some) {
                let shown = cells
                    .iter()
                    .map(|ratio| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
                rows.push(
                    std::iter::once(format!("{one} / {other}"))
                        .chain(shown)
                        .collect(),
                );
            }
        }
        Table {
            title: self.title.to_owned(),
            headings,
            rows,
        }
    }

    fn ratio(&self, one: &str, other: &str, at: usize) -> Option<f64> {
        let (one, other) = (self.figure(one, at)?, self.figure(other, at)?);
        (other > 0.0).then(|| one / other)
    }

    fn figure(&self, name: &str, at: usize) -> Option<f64> {
        let (_, rounds) = self.rows.iter().find(|(own, _)| own == name)?;
        median(rounds.iter().filter_map(|round| *round.get(at)?).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_the_median_of_its_rounds_and_set_against_another() {
        let mut sheet = Sheet::new("Runs", &[("runs/s", 0), ("ms", 2)]);
        for rate in [10.0, 90.0, 20.0] {
            sheet.note("ours", vec![Some(rate), Some(1.0)]);
            sheet.note("theirs", vec![Some(40.0), None]);
        }
        let table = sheet.table(&[("ours", "theirs"), ("ours", "nobody")]);
        assert_eq!(table.headings, ["", "runs/s", "ms"]);
        let expected = [
            ["ours", "20", "1.00"],
            ["theirs", "40", ""],
            ["ours / theirs", "0.50", ""],
        ];
        assert_eq!(table.rows, expected);
    }
}
