//! The documents that the search tool searches: a folder of text files, or the sample documents
//! that come with the program.

use std::collections::HashMap;
use std::io;
use std::path::Path;

/// A document's name and text; the first lines may say `Title:`, `Date:` and `Note:`.
macro_rules! samples {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../documents/", $name, ".txt")))),+]
    };
}

/// The sample documents: real texts, about invented events, each saying so.
const SAMPLES: [(&str, &str); 11] = samples![
    "ai-news-energy",
    "ai-news-small-models",
    "ai-news-tool-use",
    "ai-news-translation",
    "honeybees",
    "pour-over-coffee",
    "quantum-computing-trends",
    "release-notes-parcel",
    "sourdough-starter",
    "tides",
    "tramways",
];

/// Words that say nothing about what is searched for.
const COMMON: [&str; 34] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "do", "does", "for", "from", "how", "in",
    "is", "it", "its", "latest", "of", "on", "or", "recent", "that", "the", "there", "they",
    "this", "to", "was", "what", "when", "which", "why", "with",
];

/// How much more a word in the title counts than one in the text.
const TITLE_WEIGHT: u32 = 5;

/// The longest snippet, in characters.
const SNIPPET: usize = 240;

/// One document.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// What stands in its address.
    pub(super) name: String,
    pub(super) title: String,
    /// When it was published, as the document says.
    pub(super) date: Option<String>,
    /// What it says about itself.
    pub(super) note: Option<String>,
    /// Paragraphs, with empty lines between them.
    pub(super) body: String,
    /// How often each word occurs, words of the title counted more.
    counts: HashMap<String, u32>,
}

/// All documents, in the order of their names.
#[derive(Debug)]
pub(super) struct Library(Vec<Document>);

/// A document that matches, and the sentence that matches best.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) document: &'a Document,
    pub(super) snippet: String,
}

impl Library {
    /// The sample documents.
    pub(super) fn samples() -> Self {
        Self(
            SAMPLES
                .iter()
                .map(|(name, text)| Document::read(name, text))
                .collect(),
        )
    }

    /// All `.txt` and `.md` files of a folder.
    pub(super) fn folder(path: &Path) -> io::Result<Self> {
        let mut documents = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let path = entry?.path();
            let is_text = path
                .extension()
                .is_some_and(|end| end == "txt" || end == "md");
            if let (true, Some(name)) = (is_text, path.file_stem().and_then(|name| name.to_str())) {
                let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
                documents.push(Document::read(name, &text));
            }
        }
        documents.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self(documents))
    }

    pub(super) fn documents(&self) -> &[Document] {
        &self.0
    }

    pub(super) fn named(&self, name: &str) -> Option<&Document> {
        self.0.iter().find(|document| document.name == name)
    }

    /// The documents that hold a word of the query, best first. A document is worth the
    /// frequencies of the words in it, each weighted by how rare the word is among all.
    pub(super) fn search(&self, query: &str) -> Vec<Found<'_>> {
        let words: Vec<String> = words(query)
            .filter(|word| !COMMON.contains(&word.as_str()))
            .collect();
        let weights: Vec<f64> = words.iter().map(|word| self.rarity(word)).collect();
        let mut scored: Vec<(f64, &Document)> = self
            .0
            .iter()
            .map(|document| (document.score(&words, &weights), document))
            .filter(|(score, _)| *score > 0.0)
            .collect();
        // The sort is stable: equals stay in the order of their names.
        scored.sort_by(|(left, _), (right, _)| right.total_cmp(left));
        scored
            .into_iter()
            .map(|(_, document)| Found {
                document,
                snippet: document.snippet(&words),
            })
            .collect()
    }

    fn rarity(&self, word: &str) -> f64 {
        let holding = self
            .0
            .iter()
            .filter(|document| document.counts.contains_key(word))
            .count();
        let ratio = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        (1.0 + ratio(self.0.len()) / (1.0 + ratio(holding))).ln()
    }
}

impl Document {
    fn read(name: &str, text: &str) -> Self {
        let (mut title, mut date, mut note) = (None, None, None);
        let mut body = text;
        while let Some((line, rest)) = body.split_once('\n') {
            match line.split_once(": ") {
                Some(("Title", value)) => title = Some(value.trim().to_owned()),
                Some(("Date", value)) => date = Some(value.trim().to_owned()),
                Some(("Note", value)) => note = Some(value.trim().to_owned()),
                _ => break,
            }
            body = rest;
        }
        let body = body.trim().replace("\r\n", "\n");
        let title = title.unwrap_or_else(|| {
            let first = body.lines().next().unwrap_or(name);
            first.trim_start_matches('#').trim().to_owned()
        });
        let mut counts = HashMap::new();
        for (text, weight) in [(title.as_str(), TITLE_WEIGHT), (body.as_str(), 1)] {
            for word in words(text) {
                *counts.entry(word).or_default() += weight;
            }
        }
        Self {
            name: name.to_owned(),
            title,
            date,
            note,
            body,
            counts,
        }
    }

    fn score(&self, words: &[String], weights: &[f64]) -> f64 {
        let frequency = |word: &String| f64::from(self.counts.get(word).copied().unwrap_or(0));
        words
            .iter()
            .zip(weights)
            .map(|(word, weight)| (1.0 + frequency(word)).ln() * weight)
            .sum()
    }

    /// The sentence that holds the most words of the query; the first of equals.
    fn snippet(&self, query: &[String]) -> String {
        let held = |sentence: &str| words(sentence).filter(|word| query.contains(word)).count();
        let sentences = self
            .body
            .split("\n\n")
            .flat_map(|part| part.split_inclusive(". "));
        let best = sentences.fold(("", 0), |(best, most), sentence| match held(sentence) {
            count if best.is_empty() || count > most => (sentence, count),
            _ => (best, most),
        });
        let best = best.0.split_whitespace().collect::<Vec<_>>().join(" ");
        match best.char_indices().nth(SNIPPET) {
            Some((end, _)) => format!("{}…", best.get(..end).unwrap_or(&best)),
            None => best,
        }
    }
}

/// The words of a text in lower case, without the plural's ending.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let word = word.to_lowercase();
            let singular = word
                .strip_suffix('s')
                .filter(|rest| rest.len() > 2 && !rest.ends_with('s'));
            singular.map(str::to_owned).unwrap_or(word)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str) -> Vec<String> {
        Library::samples()
            .search(query)
            .into_iter()
            .map(|f| f.document.name.clone())
            .collect()
    }

    #[test]
    fn the_documents_about_a_subject_come_first() {
        let news = found("latest AI news");
        assert!(
            news.iter().take(4).all(|name| name.starts_with("ai-news-")),
            "{news:?}"
        );
        assert_eq!(
            found("quantum computing trends")[0],
            "quantum-computing-trends"
        );
        assert_eq!(found("honeybee winter")[0], "honeybees");
        assert_eq!(found("tide")[0], "tides");
        assert_eq!(found("zebra crossing the"), Vec::<String>::new());
    }

    #[test]
    fn the_snippet_is_the_sentence_that_matches() {
        let library = Library::samples();
        let found = library.search("inference or training");
        assert_eq!(found[0].document.name, "ai-news-energy");
        assert!(
            found[0].snippet.contains("inference"),
            "{}",
            found[0].snippet
        );
    }

    #[test]
    fn every_sample_says_that_it_is_one() {
        for document in Library::samples().documents() {
            let note = document.note.as_deref().unwrap();
            assert!(note.contains("Sample document"), "{}", document.name);
            assert!(
                document.date.is_some() && document.body.len() > 500,
                "{}",
                document.name
            );
        }
    }

    #[test]
    fn a_document_without_a_head_is_called_by_its_first_line() {
        let document = Document::read("x", "# The name\n\nText: with a colon.\n");
        assert_eq!(document.title, "The name");
        assert_eq!(Document::read("nameless", "").title, "nameless");
    }
}
