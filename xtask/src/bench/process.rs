//! What a program costs: processor time and memory, as Linux tells them under `/proc`.
//!
//! A program is a process with all its descendants, those that have ended included, so a
//! database with a process for each connection is counted whole.

use std::collections::BTreeSet;
use std::fs;

use crate::error::{ChoreError, Doing as _};

/// Linux counts processor time in hundredths of a second for whoever reads `/proc`.
const MILLISECONDS_PER_TICK: u64 = 10;

/// A process and all that it started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    root: u32,
}

/// One process as `/proc/PID/stat` tells it.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    id: u32,
    parent: u32,
    /// Ticks in user and kernel mode.
    own: u64,
    /// The same of descendants that have ended and were waited for.
    ended: u64,
}

impl Program {
    /// The program whose first process this is.
    pub(crate) fn of(root: u32) -> Self {
        Self { root }
    }

    /// The id of its first process.
    pub(crate) fn id(self) -> u32 {
        self.root
    }

    /// The program that is the only child of this process.
    pub(crate) fn child_of(parent: u32) -> Result<Self, ChoreError> {
        let child = processes()?.into_iter().find(|stat| stat.parent == parent);
        let none = || ChoreError::Refused(format!("process {parent} has no child"));
        child.map(|stat| Self::of(stat.id)).ok_or_else(none)
    }

    /// Milliseconds of processor time since it began.
    pub(crate) fn processor(self) -> Result<u64, ChoreError> {
        let ticks: u64 = self
            .members()?
            .iter()
            .map(|stat| stat.own + stat.ended)
            .sum();
        Ok(ticks * MILLISECONDS_PER_TICK)
    }

    /// Bytes of memory that it holds now.
    pub(crate) fn memory(self) -> Result<u64, ChoreError> {
        let each = self.members()?.into_iter().map(|stat| resident(stat.id));
        each.sum()
    }

    /// How many files and connections it has open.
    pub(crate) fn files(self) -> Result<u64, ChoreError> {
        let count = |stat: &Stat| {
            let folder = format!("/proc/{}/fd", stat.id);
            let open = fs::read_dir(&folder).doing(|| format!("list {folder}"))?;
            Ok(u64::try_from(open.count()).unwrap_or(u64::MAX))
        };
        self.members()?.iter().map(count).sum()
    }

    fn members(self) -> Result<Vec<Stat>, ChoreError> {
        let members = descendants(self.root, processes()?);
        let gone = || ChoreError::Refused(format!("process {} has ended", self.root));
        Some(members)
            .filter(|members| !members.is_empty())
            .ok_or_else(gone)
    }
}

/// A process and those below it, of all processes.
fn descendants(root: u32, mut all: Vec<Stat>) -> Vec<Stat> {
    let mut known = BTreeSet::from([root]);
    // A parent may come after its child: look until nothing is found any more.
    loop {
        let before = known.len();
        let children = all.iter().filter(|stat| known.contains(&stat.parent));
        let children: Vec<u32> = children.map(|stat| stat.id).collect();
        known.extend(children);
        if known.len() == before {
            break;
        }
    }
    all.retain(|stat| known.contains(&stat.id));
    all
}

fn processes() -> Result<Vec<Stat>, ChoreError> {
    let reading = || "read /proc (this chore measures on Linux only)".to_owned();
    let entries = fs::read_dir("/proc").doing(reading)?;
    let numbered = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(name)
    });
    // A process may end between the listing and the look.
    let texts = numbered.filter_map(|name| fs::read_to_string(format!("/proc/{name}/stat")).ok());
    Ok(texts.filter_map(|text| stat(&text)).collect())
}

/// The name of the program stands in parentheses and may hold anything, parentheses too.
fn stat(text: &str) -> Option<Stat> {
    let (id, rest) = text.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Counted from the state, which is field 3 of proc_pid_stat(5).
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        id: id.parse().ok()?,
        parent: u32::try_from(field(4)?).ok()?,
        own: field(14)? + field(15)?,
        ended: field(16)? + field(17)?,
    })
}

fn resident(id: u32) -> Result<u64, ChoreError> {
    let file = format!("/proc/{id}/status");
    let text = fs::read_to_string(&file).doing(|| format!("read {file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    let missing = || ChoreError::Refused(format!("{file} tells no memory"));
    kilobytes
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: u32, parent: u32) -> Stat {
        Stat {
            id,
            parent,
            own: 0,
            ended: 0,
        }
    }

    #[test]
    fn a_line_is_read_whatever_the_program_is_called() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7\n";
        let expected = Stat {
            id: 42,
            parent: 7,
            own: 120,
            ended: 7,
        };
        assert_eq!(stat(text), Some(expected));
        assert_eq!(stat("nonsense"), None);
    }

    #[test]
    fn a_program_is_a_process_and_all_below_it() {
        let all = vec![
            process(30, 20),
            process(20, 10),
            process(10, 1),
            process(11, 1),
        ];
        let ids: Vec<u32> = descendants(10, all).iter().map(|stat| stat.id).collect();
        assert_eq!(ids, [30, 20, 10]);
    }

    #[test]
    fn this_very_process_has_a_size() {
        let here = Program::of(std::process::id());
        assert!(here.memory().expect("alive") > 1024 * 1024);
        assert!(here.processor().is_ok());
        assert!(here.files().expect("alive") > 2);
        assert!(Program::of(u32::MAX).processor().is_err());
    }
}
