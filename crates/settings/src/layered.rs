//! All layers laid over each other by the `config` crate: defaults, file, environment, command line.

use config::builder::DefaultState;
use config::{Config, ConfigBuilder, ConfigError};

use crate::closest::closest;
use crate::fault::{Fault, Problem};
use crate::file::{defaults_layer, file_layer, known_keys};
use crate::layer::Layer;
use crate::note::Note;
use crate::origin::Origin;
use crate::reader::Values;
use crate::sections::SECTIONS;
use crate::sources::Sources;

/// All layers in one, and what was remarkable on the way.
pub(crate) struct Layered {
    pub(crate) values: Values,
    pub(crate) faults: Vec<Fault>,
    pub(crate) notes: Vec<Note>,
}

impl Layered {
    /// Defaults, file, environment, command line; each over those before it.
    pub(crate) fn from(sources: &Sources) -> Self {
        let mut faults = Vec::new();
        let mut notes = Vec::new();
        let builder = Config::builder()
            .add_source(defaults_layer(&mut faults))
            .add_source(file_layer(sources, &mut faults))
            .add_source(sources.environment.layer(&mut faults, &mut notes))
            .add_source(override_layer(&sources.overrides, &mut faults));
        let values = match values_of(builder) {
            Ok(values) => values,
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

/// What holds when nobody says anything.
pub(crate) fn defaults_alone() -> Values {
    // The tests have shown that they have no fault.
    let layer = defaults_layer(&mut Vec::new());
    values_of(Config::builder().add_source(layer)).unwrap_or_default()
}

fn values_of(builder: ConfigBuilder<DefaultState>) -> Result<Values, ConfigError> {
    let table = builder.build()?.cache.into_table()?;
    Ok(Values(table))
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
            let closest = closest(key, known_keys());
            faults.push(Fault::new(
                key,
                Origin::CommandLine,
                Problem::Unknown { closest },
            ));
        }
    }
    layer
}
