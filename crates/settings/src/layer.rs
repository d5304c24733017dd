//! What one source says, as the `config` crate wants it.
//!
//! A layer holds known settings only; what a source says besides is a fault or a note before it comes
//! here. A value carries its origin through the layering. A secret that is to be read from a file
//! stands as a table with the file's path, so that the file is read only if that layer holds.

use std::fmt;

use config::{ConfigError, Map, Source, Value, ValueKind};

use crate::fault::{Fault, Problem};
use crate::kind::FILE_KEY;
use crate::origin::Origin;
use crate::setting::Setting;

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
