//! What a prompt wants, read from its words. Plain rules: the same prompt always wants the same.

/// What the last user message asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wishes {
    /// What to search for.
    pub(super) query: Option<String>,
    /// How many results are asked for.
    pub(super) count: Option<usize>,
    /// Addresses that stand in the prompt.
    pub(super) urls: Vec<String>,
    /// Whether the results are to be read, not only their excerpts.
    pub(super) read: bool,
    /// What to calculate.
    pub(super) expressions: Vec<String>,
    /// Whether the time is asked for.
    pub(super) time: bool,
    /// Whether to think first.
    pub(super) think: bool,
}

const SEARCH_WORDS: [&str; 10] = [
    "search",
    "find",
    "latest",
    "news",
    "headlines",
    "lookup",
    "google",
    "research",
    "sources",
    "recent",
];
const READ_WORDS: [&str; 8] = [
    "read", "open", "fetch", "visit", "scrape", "pages", "page", "full",
];
const TIME_PHRASES: [&str; 7] = [
    "what time",
    "current time",
    "time is it",
    "time now",
    "what day",
    "today's date",
    "current date",
];
/// A search begins after one of these; the longer ones first.
const SEARCH_OPENERS: [&str; 14] = [
    "search the web for",
    "search online for",
    "search for",
    "search",
    "find out about",
    "find out",
    "find",
    "look up",
    "lookup",
    "google",
    "research",
    "tell me about",
    "what are",
    "what is",
];
/// A clause that begins so is another task and not part of the search.
const NEXT_TASKS: [&str; 16] = [
    "summarize",
    "summarise",
    "read",
    "tell",
    "calculate",
    "compute",
    "open",
    "fetch",
    "give",
    "list",
    "explain",
    "write",
    "compare",
    "then",
    "what",
    "visit",
];
const FILLERS: [&str; 8] = [
    "the",
    "me",
    "some",
    "about",
    "for",
    "information",
    "on",
    "a",
];
const CALCULATE: [&str; 7] = [
    "calculate",
    "compute",
    "evaluate",
    "work out",
    "how much is",
    "what is",
    "what's",
];
const NUMBERS: [&str; 10] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
];

/// Reads a prompt, without its directives.
pub(super) fn wishes(prompt: &str) -> Wishes {
    // Byte offsets are shared between the prompt and its lower-case form.
    let lower = prompt.to_ascii_lowercase();
    let words: Vec<&str> = tokens(&lower).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let urls: Vec<String> = urls(prompt);
    let expressions = expressions(prompt, &lower);
    let searches = has(&SEARCH_WORDS) || lower.contains("look up");
    Wishes {
        query: searches
            .then(|| query(prompt, &lower))
            .filter(|query| !query.is_empty()),
        count: count(&words),
        read: urls.is_empty() && has(&READ_WORDS),
        urls,
        expressions,
        time: TIME_PHRASES.iter().any(|phrase| lower.contains(phrase)),
        think: words.iter().any(|word| word.starts_with("think")),
    }
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
}

fn urls(prompt: &str) -> Vec<String> {
    prompt
        .split_whitespace()
        .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
        .map(|word| {
            word.trim_end_matches(['.', ',', ';', ')', '?', '!'])
                .to_owned()
        })
        .collect()
}

/// The number in "top 3", "3 results", "three articles".
fn count(words: &[&str]) -> Option<usize> {
    let number = |word: &str| {
        let spelled = NUMBERS
            .iter()
            .position(|name| *name == word)
            .map(|at| at + 1);
        spelled
            .or_else(|| word.parse().ok())
            .filter(|count| (1..=20).contains(count))
    };
    let nouns = [
        "results", "result", "articles", "pages", "links", "items", "sources",
    ];
    words
        .iter()
        .zip(words.iter().skip(1))
        .find_map(|(first, second)| {
            if matches!(*first, "top" | "first") {
                number(second)
            } else if nouns.contains(second) {
                number(first)
            } else {
                None
            }
        })
}

/// The words after the opener of a search, up to the next task; without an opener, the whole
/// first clause.
fn query(prompt: &str, lower: &str) -> String {
    let after = SEARCH_OPENERS
        .iter()
        .find_map(|opener| find_word(lower, opener).map(|at| at + opener.len()))
        .unwrap_or(0);
    let rest = prompt
        .get(after..)
        .unwrap_or(prompt)
        .trim_start_matches([':', ' ']);
    let mut clause = String::new();
    for (index, word) in rest.split_whitespace().enumerate() {
        let plain = word.to_ascii_lowercase();
        let plain = plain.trim_end_matches([',', '.', ';', ':', '?', '!']);
        if index > 0 && NEXT_TASKS.contains(&plain) {
            break;
        }
        if !(clause.is_empty() && FILLERS.contains(&plain)) {
            clause.push_str(word);
            clause.push(' ');
        }
        if word.ends_with([',', '.', ';', ':', '?', '!']) && !clause.is_empty() {
            break;
        }
    }
    let clause = clause
        .trim_end()
        .trim_end_matches([',', '.', ';', ':', '?', '!']);
    let clause = clause.strip_suffix(" and").unwrap_or(clause);
    clause.trim_matches(['"', '\'']).to_owned()
}

/// Where a word or phrase stands as such and not within another word.
fn find_word(lower: &str, phrase: &str) -> Option<usize> {
    lower.match_indices(phrase).map(|(at, _)| at).find(|at| {
        let before = lower.get(..*at).and_then(|text| text.chars().next_back());
        let after = lower
            .get(at + phrase.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// The calculations that follow a word such as "calculate", also several joined by "and".
fn expressions(prompt: &str, lower: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for keyword in CALCULATE {
        for (at, _) in lower.match_indices(keyword) {
            let mut rest = prompt.get(at + keyword.len()..).unwrap_or_default();
            while let Some((expression, left)) = expression(rest) {
                if !found.contains(&expression) {
                    found.push(expression);
                }
                let left = left.trim_start_matches([',', ' ']);
                rest = left.strip_prefix("and ").unwrap_or(left);
            }
        }
    }
    found
}

/// An expression at the beginning of the text, and what follows it. A number alone is none.
fn expression(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !" .+-*/^()×÷".contains(c))
        .unwrap_or(text.len());
    let run = text
        .get(..end)?
        .trim_end_matches([' ', '.', '-', '+', '*', '/', '^', '(']);
    let left = text.get(run.len()..)?;
    let operators = ['+', '-', '*', '/', '^', '×', '÷'];
    let is_expression = run.trim_start_matches(['-', '(']).contains(operators)
        && run.starts_with(|c: char| c.is_ascii_digit() || c == '(' || c == '-')
        && run.contains(|c: char| c.is_ascii_digit());
    is_expression.then(|| (run.replace('×', "*").replace('÷', "/"), left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_cut_out_of_its_prompt() {
        let table = [
            (
                "Search for the latest AI news and summarize the top 3 results",
                "latest AI news",
            ),
            ("What is the latest AI news?", "latest AI news"),
            ("Find cats and dogs, then calculate 1+1", "cats and dogs"),
            (
                "Please look up \"sourdough starters\".",
                "sourdough starters",
            ),
            ("Give me recent headlines", "Give me recent headlines"),
            ("research: tides", "tides"),
        ];
        for (prompt, query) in table {
            assert_eq!(wishes(prompt).query.as_deref(), Some(query), "{prompt}");
        }
        for prompt in [
            "Write a haiku about coding",
            "Say hello",
            "Researchers disagree",
            "",
        ] {
            assert_eq!(wishes(prompt).query, None, "{prompt}");
        }
    }

    #[test]
    fn the_number_of_results_is_a_figure_or_a_word() {
        let table = [
            ("summarize the top 3 results", Some(3)),
            ("the first two", Some(2)),
            ("five articles", Some(5)),
            ("top 50 results", None),
            ("in 2026", None),
        ];
        for (prompt, expected) in table {
            assert_eq!(wishes(prompt).count, expected, "{prompt}");
        }
    }

    #[test]
    fn a_calculation_follows_a_word_that_asks_for_it() {
        let table: [(&str, &[&str]); 9] = [
            ("calculate 12*7", &["12*7"]),
            (
                "Calculate 12 * (7 - 2)^2, and 2^10 please",
                &["12 * (7 - 2)^2", "2^10"],
            ),
            ("what is 3 + 4?", &["3 + 4"]),
            ("How much is -2.5 × 4.", &["-2.5 * 4"]),
            ("calculate 1/0", &["1/0"]),
            ("what is 42", &[]),
            ("what is the 24/7 service", &[]),
            ("call 555-1234", &[]),
            ("compute 2+2 then calculate 2+2", &["2+2"]),
        ];
        for (prompt, expected) in table {
            assert_eq!(wishes(prompt).expressions, expected, "{prompt}");
        }
    }

    #[test]
    fn addresses_are_read_and_results_are_not_when_there_are_any() {
        let wishes = wishes("Read http://example.com/a, and https://b.test/?q=1.");
        assert_eq!(wishes.urls, ["http://example.com/a", "https://b.test/?q=1"]);
        assert!(!wishes.read);
    }
}
