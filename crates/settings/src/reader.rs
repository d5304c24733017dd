//! Reads the settings of one section out of the layered values, and keeps what it finds: a row for
//! each setting, a fault for each that cannot be used.

use config::{Map, Value, ValueKind};

use crate::closest::closest;
use crate::fault::{Fault, Problem};
use crate::kind::{Given, Kind, Refusal};
use crate::origin::{Origin, Row};
use crate::setting::Setting;

/// What a value is shown as that cannot be used.
const NOT_USABLE: &str = "(cannot be used)";

/// Values by section and field.
#[derive(Default)]
pub(crate) struct Values(pub(crate) Map<String, Value>);

impl Values {
    pub(crate) fn section(&self, key: &str) -> Option<&Map<String, Value>> {
        match &self.0.get(key)?.kind {
            ValueKind::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Lets a section be as it is in others.
    pub(crate) fn copy_section(&mut self, others: &Self, key: &str) {
        match others.0.get(key) {
            Some(section) => self.0.insert(key.to_owned(), section.clone()),
            None => self.0.remove(key),
        };
    }
}

/// Rows and faults, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<Fault>,
    pub(crate) rows: Vec<Row>,
}

impl Findings {
    pub(crate) fn take(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.rows.extend(other.rows);
    }
}

/// Reads one table: a section, or one entry of a list.
pub(crate) struct Reader<'a> {
    table: Option<&'a Map<String, Value>>,
    place: String,
    findings: Findings,
}

impl<'a> Reader<'a> {
    /// `place` is what keys begin with in rows and faults.
    pub(crate) fn over(table: Option<&'a Map<String, Value>>, place: &str) -> Self {
        Self {
            table,
            place: place.to_owned(),
            findings: Findings::default(),
        }
    }

    pub(crate) fn findings(self) -> Findings {
        self.findings
    }

    /// The setting's value, or `None` after a fault.
    pub(crate) fn read<T: Kind>(&mut self, setting: &Setting, limits: &T::Limits) -> Option<T> {
        let value = self
            .table
            .and_then(|table| table.get(setting.field))
            .filter(|value| !is_absent::<T>(value));
        let (read, origin) = match value {
            Some(value) => (Some(T::read(&Given::of(value), limits)), Origin::of(value)),
            None => match setting.fallback {
                Some(text) => (Some(T::read(&Given::text(text), limits)), Origin::Default),
                None => (T::absent().map(Ok), Origin::Nowhere),
            },
        };
        let (shown, read) = match read {
            Some(Ok(read)) => (read.show(), Some(read)),
            Some(Err(refusal)) => {
                self.refuse(setting, value, origin.clone(), refusal);
                (NOT_USABLE.to_owned(), None)
            }
            None => {
                self.miss(setting);
                (String::new(), None)
            }
        };
        let key = self.key(setting.field);
        self.findings.rows.push(Row {
            key,
            value: shown,
            origin,
        });
        read
    }

    /// Makes a fault of each field that none of these settings knows.
    pub(crate) fn refuse_unknown(&mut self, settings: &[Setting]) {
        let unknown = self.table.into_iter().flatten().filter(|(field, _)| {
            settings
                .iter()
                .all(|setting| setting.field != field.as_str())
        });
        let faults: Vec<_> = unknown
            .map(|(field, value)| {
                let known = settings.iter().map(|setting| setting.field.to_owned());
                let problem = Problem::Unknown {
                    closest: closest(field, known),
                };
                Fault::of_value(self.key(field), value, problem)
            })
            .collect();
        self.findings.faults.extend(faults);
    }

    fn key(&self, field: &str) -> String {
        format!("{}.{field}", self.place)
    }

    fn refuse(&mut self, setting: &Setting, value: Option<&Value>, origin: Origin, why: Refusal) {
        let key = self.key(setting.field);
        let problem = match why {
            Refusal::NotAllowed => Problem::NotAllowed {
                given: value.and_then(|value| setting.secrecy.shown(&Given::of(value))),
                allowed: setting.allowed(),
            },
            Refusal::Unreadable { path, source } => Problem::Unreadable { path, source },
            Refusal::Parts(parts) => {
                let faults = parts.into_iter().map(|part| {
                    let allowed = setting.allowed();
                    let problem = Problem::PartNotAllowed { part, allowed };
                    Fault::new(key.clone(), origin.clone(), problem)
                });
                self.findings.faults.extend(faults);
                return;
            }
            Refusal::Inside(faults) => {
                self.findings
                    .faults
                    .extend(faults.into_iter().map(|mut fault| {
                        fault.key.insert_str(0, &key);
                        fault
                    }));
                return;
            }
        };
        self.findings.faults.push(Fault::new(key, origin, problem));
    }

    fn miss(&mut self, setting: &Setting) {
        let how = match setting.variables {
            [] => format!("`{}` must be", setting.field),
            [variable] => format!("set {variable} to"),
            [variable, aliases @ ..] => format!("set {variable} (or {}) to", aliases.join(", ")),
        };
        let problem = Problem::Missing {
            how,
            allowed: setting.allowed(),
            meaning: setting.meaning(),
        };
        let fault = Fault::new(self.key(setting.field), Origin::Nowhere, problem);
        self.findings.faults.push(fault);
    }
}

/// An empty text takes away what a lower layer says, for a setting that may be absent.
fn is_absent<T: Kind>(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Nil => true,
        ValueKind::String(text) => text.trim().is_empty() && T::absent().is_some(),
        _ => false,
    }
}
