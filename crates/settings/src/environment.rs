//! The environment: the one place of the house that reads it, and what is found there.

use std::collections::{BTreeMap, BTreeSet};

use crate::closest::closest;
use crate::fault::{Fault, Problem};
use crate::layer::Layer;
use crate::note::Note;
use crate::origin::Origin;
use crate::sections::SECTIONS;
use crate::setting::Setting;

/// The variable that names the settings file.
pub(crate) const FILE_VARIABLE: &str = "RESPONSE_CONFIG_FILE";

/// Variables that begin so are meant for this service: one that no setting knows is probably a slip.
const OWN_PREFIXES: [&str; 8] = [
    "RESPONSE_",
    "DB_POSTGRESQL_",
    "TOOL_EXECUTION_",
    "BACKGROUND_",
    "WEBHOOK_",
    "EGRESS_ALLOW",
    "AUTH_",
    "LIMIT_",
];

/// Variables by name. A value that is not Unicode is `None`.
#[derive(Clone)]
pub(crate) struct Environment(BTreeMap<String, Option<String>>);

impl Environment {
    /// This process's own. Names that are not Unicode are nobody's settings and are left out.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door to the environment"
    )]
    pub(crate) fn of_process() -> Self {
        // Not `vars`: that panics when any variable of the process, ours or not, is not Unicode.
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .map(|(name, value)| (name, value.into_string().ok()))
                .collect(),
        )
    }

    pub(crate) fn from_variables<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), Some(value.into())))
                .collect(),
        )
    }

    /// A variable's value. An empty one counts as not set: that is how compose files write "no value".
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)?
            .as_deref()
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// What the environment says about settings.
    pub(crate) fn layer(&self, faults: &mut Vec<Fault>, notes: &mut Vec<Note>) -> Layer {
        let mut layer = Layer::default();
        for setting in SECTIONS.iter().flat_map(|page| page.settings) {
            self.refuse_what_is_not_unicode(setting, faults);
            if let Some((variable, value)) = self.inline(setting, notes) {
                layer.set(setting, value, &Origin::environment(variable), faults);
            }
            if let Some(variable) = setting.file_variable()
                && let Some(path) = self.get(&variable)
            {
                layer.set_file(setting, path, &Origin::environment(&variable), faults);
            }
        }
        self.note_unknown(notes);
        layer
    }

    /// The setting's own name comes before its aliases, and these in their order.
    fn inline(&self, setting: &Setting, notes: &mut Vec<Note>) -> Option<(&'static str, &str)> {
        let mut given = setting.variables.iter().filter_map(|name| {
            let value = self.get(name)?;
            if self.is_service_link(name) && is_link_target(value) {
                notes.push(Note::ServiceLink {
                    variable: (*name).to_owned(),
                });
                return None;
            }
            Some((*name, value))
        });
        let winner = given.next()?;
        let losers: Vec<_> = given.filter(|(_, value)| *value != winner.1).collect();
        notes.extend(losers.into_iter().map(|(loser, _)| Note::Overruled {
            winner: winner.0.to_owned(),
            loser: loser.to_owned(),
        }));
        Some(winner)
    }

    fn refuse_what_is_not_unicode(&self, setting: &Setting, faults: &mut Vec<Fault>) {
        let companion = setting.file_variable();
        let names = setting
            .variables
            .iter()
            .copied()
            .chain(companion.as_deref());
        for name in names.filter(|name| matches!(self.0.get(*name), Some(None))) {
            faults.push(Fault::new(
                setting.key(),
                Origin::environment(name),
                Problem::NotUnicode,
            ));
        }
    }

    fn note_unknown(&self, notes: &mut Vec<Note>) {
        let known = known_variables();
        for name in self.0.keys() {
            let ours = OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if ours && !known.contains(name) && !self.is_service_link(name) {
                let closest = closest(name, known.iter().cloned());
                notes.push(Note::UnknownVariable {
                    variable: name.clone(),
                    closest,
                });
            }
        }
    }

    /// Kubernetes describes each service `S` of the namespace as `S_SERVICE_HOST`, `S_PORT` and more
    /// of that kind, and a service called `response-api` makes `RESPONSE_API_PORT` one of them.
    fn is_service_link(&self, name: &str) -> bool {
        self.0
            .keys()
            .filter_map(|key| key.strip_suffix("_SERVICE_HOST"))
            .any(|service| {
                name.strip_prefix(service).is_some_and(|rest| {
                    rest.starts_with("_SERVICE_") || rest == "_PORT" || rest.starts_with("_PORT_")
                })
            })
    }
}

fn is_link_target(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme))
}

fn known_variables() -> BTreeSet<String> {
    let mut known = BTreeSet::from([FILE_VARIABLE.to_owned()]);
    for setting in SECTIONS.iter().flat_map(|page| page.settings) {
        known.extend(setting.variables.iter().map(|&name| name.to_owned()));
        known.extend(setting.file_variable());
    }
    known
}
