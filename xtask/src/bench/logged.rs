//! The statements that the server was asked, read off its log: what is counted is what was really sent.

use std::collections::BTreeMap;

/// One statement, with all that was logged of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logged {
    /// Its text, on one line.
    pub(super) text: String,
    /// How often it was executed.
    pub(super) times: u64,
    /// How long parsing and binding it took in all, in milliseconds: the server plans it then.
    pub(super) planning: f64,
    /// How long executing it took in all, in milliseconds. What the end of its transaction took is not in
    /// it.
    pub(super) executing: f64,
    /// What it was given last, one value each as the log quotes it.
    pub(super) parameters: Vec<String>,
}

/// Every statement of a piece of the log, those that took longest first. Statements that hold one of
/// `without` are left out.
pub(super) fn statements(log: &str, without: &[&str]) -> Vec<Logged> {
    let mut found: BTreeMap<String, Logged> = BTreeMap::new();
    let mut last = None;
    for entry in entries(log) {
        if let Some((_, parameters)) = entry.split_once("DETAIL:  parameters: ") {
            if let Some(logged) = last.as_ref().and_then(|text| found.get_mut(text)) {
                let logged: &mut Logged = logged;
                logged.parameters = values(parameters);
            }
            continue;
        }
        let Some((milliseconds, kind, text)) = told(&entry) else {
            continue;
        };
        if without.iter().any(|part| text.contains(part)) {
            last = None;
            continue;
        }
        let logged = found.entry(text.clone()).or_insert_with(|| Logged {
            text: text.clone(),
            times: 0,
            planning: 0.0,
            executing: 0.0,
            parameters: Vec::new(),
        });
        if matches!(kind, "parse" | "bind") {
            logged.planning += milliseconds;
        } else {
            logged.times += 1;
            logged.executing += milliseconds;
        }
        last = Some(text);
    }
    let mut found: Vec<Logged> = found.into_values().collect();
    let took = |logged: &Logged| logged.planning + logged.executing;
    found.sort_by(|one, other| took(other).total_cmp(&took(one)));
    found
}

/// What a statement writes, in a few words; what it reads when it writes nothing.
pub(super) fn gist(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| *c != '"')
        .map(|c| if "(),;".contains(c) { ' ' } else { c })
        .collect();
    let words: Vec<&str> = clean.split_whitespace().collect();
    let word_at = |at: usize| words.get(at).copied().unwrap_or_default();
    let is = |at: usize, word: &str| word_at(at).eq_ignore_ascii_case(word);
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for (at, word) in words.iter().enumerate() {
        let before = |word: &str| at > 0 && is(at - 1, word);
        match word.to_ascii_lowercase().as_str() {
            "insert" => writes.push(format!("insert {}", word_at(at + 2))),
            "delete" if is(at + 1, "from") => writes.push(format!("delete {}", word_at(at + 2))),
            "update" if !before("for") && !before("do") => {
                writes.push(format!("update {}", word_at(at + 1)));
            }
            "from" | "join" if !before("delete") && !before("distinct") && !before("epoch") => {
                reads.push(format!("read {}", word_at(at + 1)));
            }
            "begin" | "commit" | "rollback" | "listen" if at == 0 => {
                writes.push(word.to_ascii_lowercase());
            }
            "pg_notify" => writes.push("notify".to_owned()),
            _ => {}
        }
    }
    let mut gist = if writes.is_empty() { reads } else { writes };
    gist.dedup();
    if gist.is_empty() {
        return text.chars().take(60).collect();
    }
    gist.join(", ")
}

/// The entries of a log: a line that begins with a tab goes on with the one before.
fn entries(log: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), entries.last_mut()) {
            (Some(more), Some(entry)) => {
                entry.push(' ');
                entry.push_str(more);
            }
            _ => entries.push(line.to_owned()),
        }
    }
    entries
}

/// How long it took, what was done with the statement, and the statement on one line.
fn told(entry: &str) -> Option<(f64, &str, String)> {
    let (_, rest) = entry.split_once("LOG:  duration: ")?;
    let (milliseconds, rest) = rest.split_once(" ms  ")?;
    let (head, text) = rest.split_once(": ")?;
    let kind = head.split(' ').next().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some((milliseconds.parse().ok()?, kind, text))
}

/// The values of `$1 = 'a', $2 = NULL`, quotes kept.
fn values(parameters: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = parameters.trim();
    for number in 1.. {
        let Some(after) = rest.strip_prefix(&format!("${number} = ")) else {
            break;
        };
        let next = format!(", ${} = ", number + 1);
        let (value, left) = match after.find(&next) {
            Some(end) => (after.get(..end), after.get(end + 2..)),
            None => (Some(after), None),
        };
        values.extend(value.map(str::to_owned));
        rest = left.unwrap_or_default();
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-01-01 00:00:00.000 UTC [7] LOG:  duration: 0.100 ms  parse s1: WITH next AS (
\t    SELECT id FROM jobs FOR UPDATE SKIP LOCKED
\t) UPDATE jobs j SET worker = $1 FROM next
2026-01-01 00:00:00.000 UTC [7] LOG:  duration: 0.025 ms  bind s1: WITH next AS (
\t    SELECT id FROM jobs FOR UPDATE SKIP LOCKED
\t) UPDATE jobs j SET worker = $1 FROM next
2026-01-01 00:00:00.000 UTC [7] DETAIL:  parameters: $1 = 'a, b', $2 = NULL
2026-01-01 00:00:00.000 UTC [7] LOG:  duration: 0.200 ms  execute s1: WITH next AS (
\t    SELECT id FROM jobs FOR UPDATE SKIP LOCKED
\t) UPDATE jobs j SET worker = $1 FROM next
2026-01-01 00:00:00.000 UTC [7] DETAIL:  parameters: $1 = 'c', $2 = '2', $3 = '{1}'
2026-01-01 00:00:00.000 UTC [8] LOG:  duration: 1.000 ms  statement: select count(*) from jobs
2026-01-01 00:00:00.000 UTC [8] LOG:  checkpoint starting: time
";

    #[test]
    fn a_statement_is_counted_when_it_is_executed_and_told_on_one_line() {
        let found = statements(LOG, &["count(*)"]);
        let text = "WITH next AS ( SELECT id FROM jobs FOR UPDATE SKIP LOCKED ) UPDATE jobs j SET \
                    worker = $1 FROM next";
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].text.as_str(), found[0].times), (text, 1));
        assert!((found[0].planning - 0.125).abs() < 1e-9);
        assert!((found[0].executing - 0.2).abs() < 1e-9);
        assert_eq!(found[0].parameters, ["'c'", "'2'", "'{1}'"]);
        assert_eq!(statements(LOG, &[])[0].text, "select count(*) from jobs");
    }

    #[test]
    fn a_gist_names_what_is_read_and_written() {
        for (text, expected) in [
            (
                "WITH n AS (SELECT id FROM jobs FOR UPDATE SKIP LOCKED) UPDATE jobs j SET a = 1 FROM n",
                "update jobs",
            ),
            (
                "INSERT INTO \"s\".\"events\" (a) VALUES ($1) ON CONFLICT DO UPDATE SET a = 1",
                "insert s.events",
            ),
            (
                "SELECT EXTRACT(EPOCH FROM a) FROM jobs j LEFT JOIN secrets s ON true",
                "read jobs, read secrets",
            ),
            ("DELETE FROM jobs WHERE id = $1", "delete jobs"),
            ("COMMIT", "commit"),
            ("SELECT pg_notify($1, $2)", "notify"),
            ("SHOW work_mem", "SHOW work_mem"),
        ] {
            assert_eq!(gist(text), expected);
        }
    }
}
