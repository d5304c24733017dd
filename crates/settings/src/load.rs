//! Loading: layers, sections, checks; all faults at once.

use crate::checks::{contradictions, remarks, replica_without_primary};
use crate::fault::SettingsFaults;
use crate::layered::Layered;
use crate::note::Note;
use crate::origin::Origins;
use crate::reader::Findings;
use crate::sections::{Database, Settings, read_section};
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

impl Settings {
    /// Reads and checks everything.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingsFaults> {
        let Layered {
            values,
            faults,
            mut notes,
        } = Layered::from(sources);
        let mut findings = Findings::default();
        let settings = Self::read(&values, &mut findings);
        let Findings {
            faults: of_values,
            rows,
        } = findings;
        let origins = Origins(rows);
        let mut faults: Vec<_> = faults.into_iter().chain(of_values).collect();
        if let Some(settings) = &settings {
            faults.extend(contradictions(settings, &origins));
            notes.extend(remarks(settings));
        }
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

impl Database {
    /// Reads and checks the database's section alone, for chores that need nothing else: a schema can
    /// be brought up to date where no LLM API is known.
    pub fn load(sources: &Sources) -> Result<Self, SettingsFaults> {
        let Layered {
            values,
            mut faults,
            notes: _,
        } = Layered::from(sources);
        let mut findings = Findings::default();
        let database = read_section::<Self>(&values, &mut findings);
        let origins = Origins(findings.rows);
        faults.extend(findings.faults);
        if let Some(database) = &database {
            faults.extend(replica_without_primary(database, &origins));
        }
        match database {
            Some(database) if faults.is_empty() => Ok(database),
            _ => Err(SettingsFaults::new(faults, origins)),
        }
    }
}
