//! Layers: what one source says, and all of them laid over each other by the `config` crate.
//!
//! A layer holds known settings only; what a source says besides is a fault or a note before it comes
//! here. A value carries its origin through the layering. A secret that is to be read from a file
//! stands as a table with the file's path, so that the file is read only if that layer holds.

use std::fmt;

use config::{Config, ConfigError, Map, Source, Value, ValueKind};

use crate::environment::Environment;
use crate::fault::{Fault, Problem};
use crate::file::{defaults_layer, file_layer};
use crate::note::Note;
use crate::origin::Origin;
use crate::section::Setting;
use crate::sections::SECTIONS;
use crate::sources::Sources;

/// The key under which a secret's file is named.
pub(crate) const FILE_KEY: &str = "file";

/// What one source says.
#[derive(Clone, Default)]
pub(crate) struct Layer(Map<String, Value>);

impl Layer {
    pub(crate) fn set(
        &mut self,
        setting: &Setting,
        value: impl Into<ValueKind>,
        origin: &Origin,
        faults: &mut Vec<Fault>,
    ) {
        self.put(
            setting,
            Value::new(Some(&origin.to_string()), value),
            faults,
        );
    }

    pub(crate) fn set_file(
        &mut self,
        setting: &Setting,
        path: impl Into<ValueKind>,
        origin: &Origin,
        faults: &mut Vec<Fault>,
    ) {
        let text = origin.to_string();
        let path = Value::new(Some(&text), path);
        let table = Map::from([(FILE_KEY.to_owned(), path)]);
        self.put(setting, Value::new(Some(&text), table), faults);
    }

    fn put(&mut self, setting: &Setting, value: Value, faults: &mut Vec<Fault>) {
        let key = setting.key();
        let origin = Origin::of(&value);
        let Some(earlier) = self.0.insert(key.clone(), value) else {
            return;
        };
        // The command line may say a thing twice, and the later holds. Elsewhere the second one is
        // the other form of a secret, and which one was meant is not for us to guess.
        if origin != Origin::CommandLine {
            let earlier = Origin::of(&earlier);
            let message = format!("given here and as a file ({earlier}); keep one of the two");
            faults.push(Fault::new(key, origin, Problem::Contradiction { message }));
        }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Shows keys only: any of the values may be a secret.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// All layers in one, and what was remarkable on the way.
pub(crate) struct Layered {
    pub(crate) values: Values,
    pub(crate) faults: Vec<Fault>,
    pub(crate) notes: Vec<Note>,
}

/// Values by section and field.
#[derive(Default)]
pub(crate) struct Values(Map<String, Value>);

impl Values {
    pub(crate) fn section(&self, key: &str) -> Option<&Map<String, Value>> {
        match &self.0.get(key)?.kind {
            ValueKind::Table(table) => Some(table),
            _ => None,
        }
    }
}

impl Layered {
    /// Defaults, file, environment, command line; each over those before it.
    pub(crate) fn from(sources: &Sources) -> Self {
        let mut faults = Vec::new();
        let mut notes = Vec::new();
        let builder = Config::builder()
            .add_source(defaults_layer(&mut faults))
            .add_source(file_layer(sources, &mut faults))
            .add_source(environment_layer(
                &sources.environment,
                &mut faults,
                &mut notes,
            ))
            .add_source(override_layer(&sources.overrides, &mut faults));
        let values = match builder.build().and_then(|config| config.cache.into_table()) {
            Ok(table) => Values(table),
            Err(error) => {
                faults.push(Fault::new(
                    "settings",
                    Origin::Nowhere,
                    Problem::NotLayered(error),
                ));
                Values::default()
            }
        };
        Self {
            values,
            faults,
            notes,
        }
    }
}

fn environment_layer(
    environment: &Environment,
    faults: &mut Vec<Fault>,
    notes: &mut Vec<Note>,
) -> Layer {
    environment.layer(faults, notes)
}

fn override_layer(pairs: &[String], faults: &mut Vec<Fault>) -> Layer {
    let mut layer = Layer::default();
    for (index, pair) in pairs.iter().enumerate() {
        let Some((key, value)) = pair.split_once('=') else {
            let name = format!("override {}", index + 1);
            faults.push(Fault::new(name, Origin::CommandLine, Problem::NoEquals));
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        let settings = || SECTIONS.iter().flat_map(|page| page.settings);
        if let Some(setting) = settings().find(|setting| setting.key() == key) {
            layer.set(setting, value, &Origin::CommandLine, faults);
        } else if let Some(setting) =
            settings().find(|setting| setting.file_key().as_deref() == Some(key))
        {
            layer.set_file(setting, value, &Origin::CommandLine, faults);
        } else {
            let closest = crate::closest::closest(key, crate::file::known_keys());
            faults.push(Fault::new(
                key,
                Origin::CommandLine,
                Problem::Unknown { closest },
            ));
        }
    }
    layer
}
