//! Tables, for a terminal and for a document.

/// A table with a headline. The first column names the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) headings: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Aligned, for a terminal.
    pub(super) fn text(&self) -> String {
        let mut text = format!("\n{}\n", self.title);
        let widths = self.widths();
        for row in self.lines() {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// As Markdown, the title as a headline of the third level.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n", self.title);
        for (at, row) in self.lines().enumerate() {
            text.push_str(&format_row(row));
            if at == 0 {
                text.push_str("|---|");
                text.push_str(&"---:|".repeat(row.len().saturating_sub(1)));
                text.push('\n');
            }
        }
        text.push('\n');
        text
    }

    fn lines(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.headings).chain(&self.rows)
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.headings.len()];
        for row in self.lines() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }
}

fn format_row(row: &[String]) -> String {
    format!("| {} |\n", row.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        Table {
            title: "Plain".to_owned(),
            headings: row(["", "p50 ms"]),
            rows: vec![row(["ours", "1.00"]), row(["upstream", "0.5"])],
        }
    }

    #[test]
    fn a_terminal_gets_aligned_columns() {
        let expected = "\nPlain\n          p50 ms\nours        1.00\nupstream     0.5\n";
        assert_eq!(table().text(), expected);
    }

    #[test]
    fn a_document_gets_markdown() {
        let expected =
            "### Plain\n\n|  | p50 ms |\n|---|---:|\n| ours | 1.00 |\n| upstream | 0.5 |\n\n";
        assert_eq!(table().markdown(), expected);
    }
}
