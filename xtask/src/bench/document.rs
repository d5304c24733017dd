//! The document that keeps the figures: each measurement writes its own sections over, and what people
//! wrote between them stays.

/// The text before the first headline of the second level, as a section of its own.
pub(super) const OPENING: &str = "";

/// One section: its headline, and the whole of its text, headline included.
pub(super) type Section = (&'static str, String);

/// A document with some sections written over. One that is not there yet comes last.
pub(super) fn renewed(document: &str, sections: &[Section]) -> String {
    let mut parts: Vec<(String, String)> = parts(document);
    for (headline, text) in sections {
        let text = format!("{}\n", text.trim_end());
        match parts.iter_mut().find(|(own, _)| own == headline) {
            Some((_, own)) => *own = text,
            None => parts.push(((*headline).to_owned(), text)),
        }
    }
    let texts: Vec<&str> = parts.iter().map(|(_, text)| text.trim_end()).collect();
    let filled = texts.into_iter().filter(|text| !text.is_empty());
    format!("{}\n", filled.collect::<Vec<_>>().join("\n\n"))
}

/// The sections of a document with their headlines, in order.
fn parts(document: &str) -> Vec<(String, String)> {
    let mut parts = vec![(OPENING.to_owned(), String::new())];
    for line in document.lines() {
        if let Some(headline) = line.strip_prefix("## ") {
            parts.push((headline.trim().to_owned(), String::new()));
        }
        if let Some((_, text)) = parts.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "# Performance\n\nOld.\n\n## Figures\n\n### A\n\n1\n\n## By hand\n\nKept.\n";

    #[test]
    fn what_people_wrote_stays_where_it_stands() {
        let sections = [
            (OPENING, "# Performance\n\nFresh.\n".to_owned()),
            ("Figures", "## Figures\n\n2\n".to_owned()),
        ];
        let expected = "# Performance\n\nFresh.\n\n## Figures\n\n2\n\n## By hand\n\nKept.\n";
        assert_eq!(renewed(DOCUMENT, &sections), expected);
    }

    #[test]
    fn a_section_that_is_not_there_yet_comes_last() {
        let sections = [("The queue", "## The queue\n\n3\n".to_owned())];
        let expected = format!("{DOCUMENT}\n## The queue\n\n3\n");
        assert_eq!(renewed(DOCUMENT, &sections), expected);
        assert_eq!(renewed("", &sections), "## The queue\n\n3\n");
    }
}
