//! Loading: layers, sections, checks; all faults at once.

use crate::callers::{Auth, Limits};
use crate::checks::{contradictions, faults_about_requests, remarks, replica_without_primary};
use crate::fault::{Fault, SettingsFaults};
use crate::layered::{Layered, defaults_alone};
use crate::note::Note;
use crate::origin::Origins;
use crate::reader::{Findings, Values};
use crate::section::Section;
use crate::sections::{Database, Http, Log, Settings, read_section};
use crate::sources::Sources;

/// Settings, where each came from, and what the operator should know.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Where each came from.
    pub origins: Origins,
    /// To be logged once, as warnings.
    pub notes: Vec<Note>,
}

impl Loaded {
    /// Every setting, its value with secrets hidden, and where it came from.
    pub fn table(&self) -> String {
        self.origins.table()
    }
}

/// What a process is there for, as far as it concerns its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    TakesRequests,
    TakesNone,
}

impl Settings {
    /// Reads and checks everything, for a process that takes requests.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingsFaults> {
        Self::load_for(sources, Purpose::TakesRequests)
    }

    /// Reads and checks everything, for a process that takes none: what concerns callers alone is neither
    /// a fault nor a note, and who may call is not among the rows.
    pub fn load_for_worker(sources: &Sources) -> Result<Loaded, SettingsFaults> {
        Self::load_for(sources, Purpose::TakesNone)
    }

    fn load_for(sources: &Sources, purpose: Purpose) -> Result<Loaded, SettingsFaults> {
        let Layered {
            mut values,
            mut faults,
            mut notes,
        } = Layered::from(sources);
        if purpose == Purpose::TakesNone {
            forget_bad_auth(&mut values);
            faults.retain(|fault| !is_of_auth(&fault.key));
        }
        let mut findings = Findings::default();
        let settings = Self::read(&values, &mut findings);
        let origins = Origins(findings.rows);
        faults.extend(findings.faults);
        if let Some(settings) = &settings {
            faults.extend(contradictions(settings, &origins));
            notes.extend(remarks(settings));
        }
        let origins = match purpose {
            Purpose::TakesRequests => {
                faults.extend(open_or_closed(&values, &origins));
                origins
            }
            Purpose::TakesNone => {
                notes.retain(|note| !note.is_about_requests());
                origins.without(is_of_auth)
            }
        };
        match settings {
            Some(settings) if faults.is_empty() => Ok(Loaded {
                settings,
                origins,
                notes,
            }),
            _ => Err(SettingsFaults::new(faults, origins)),
        }
    }
}

/// What is wrong with who may call, though other sections cannot be read: whoever forgot the LLM API need not
/// come back for this.
fn open_or_closed(values: &Values, origins: &Origins) -> Vec<Fault> {
    let mut unheard = Findings::default();
    let http = read_section::<Http>(values, &mut unheard);
    let auth = read_section::<Auth>(values, &mut unheard);
    let limits = read_section::<Limits>(values, &mut unheard);
    match (http, auth, limits) {
        (Some(http), Some(auth), Some(limits)) => {
            faults_about_requests(&http, &auth, &limits, origins)
        }
        _ => Vec::new(),
    }
}

fn is_of_auth(key: &str) -> bool {
    key.strip_prefix(Auth::KEY)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// Lets the defaults hold when who may call cannot be read. The section has addresses in it that no caller
/// may name, so it is read when it can be.
fn forget_bad_auth(values: &mut Values) {
    let mut unheard = Findings::default();
    if read_section::<Auth>(values, &mut unheard).is_none() {
        values.copy_section(&defaults_alone(), Auth::KEY);
    }
}

impl Database {
    /// Reads and checks the database's section alone, for chores that need nothing else: a schema can
    /// be brought up to date where no LLM API is known.
    pub fn load(sources: &Sources) -> Result<Self, SettingsFaults> {
        load_alone(sources, |database, origins| {
            replica_without_primary(database, origins)
        })
    }
}

impl Log {
    /// Reads and checks the log's section alone, for chores that do not read all.
    pub fn load(sources: &Sources) -> Result<Self, SettingsFaults> {
        load_alone(sources, |_, _| None)
    }
}

fn load_alone<S: Section>(
    sources: &Sources,
    contradiction: impl FnOnce(&S, &Origins) -> Option<Fault>,
) -> Result<S, SettingsFaults> {
    let Layered {
        values,
        mut faults,
        notes: _,
    } = Layered::from(sources);
    let mut findings = Findings::default();
    let section = read_section::<S>(&values, &mut findings);
    let origins = Origins(findings.rows);
    faults.extend(findings.faults);
    if let Some(section) = &section {
        faults.extend(contradiction(section, &origins));
    }
    match section {
        Some(section) if faults.is_empty() => Ok(section),
        _ => Err(SettingsFaults::new(faults, origins)),
    }
}
