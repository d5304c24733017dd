//! The settings file: which one, what it says, and which of its keys nobody knows.

use std::io;
use std::path::PathBuf;

use config::{FileFormat, Format, Map, Value, ValueKind};

use crate::closest::closest;
use crate::environment::FILE_VARIABLE;
use crate::fault::{Fault, Problem};
use crate::layer::Layer;
use crate::origin::Origin;
use crate::section::Page;
use crate::sections::SECTIONS;
use crate::sources::Sources;

/// The documented defaults.
pub(crate) const DEFAULTS: &str = include_str!("defaults.toml");

pub(crate) fn defaults_layer(faults: &mut Vec<Fault>) -> Layer {
    layer_of(DEFAULTS, &Origin::Default, faults)
}

/// The file that the sources name, or the default one when it exists.
pub(crate) fn file_layer(sources: &Sources, faults: &mut Vec<Fault>) -> Layer {
    let named = sources
        .file
        .clone()
        .or_else(|| sources.environment.get(FILE_VARIABLE).map(PathBuf::from));
    let (path, must_exist) = match (named, sources.default_file.clone()) {
        (Some(path), _) => (path, true),
        (None, Some(path)) => (path, false),
        (None, None) => return Layer::default(),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => layer_of(&text, &Origin::file(&path), faults),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => Layer::default(),
        Err(error) => {
            faults.push(unreadable(sources, path, error));
            Layer::default()
        }
    }
}

fn unreadable(sources: &Sources, path: PathBuf, source: io::Error) -> Fault {
    let origin = match &sources.file {
        Some(_) => Origin::CommandLine,
        None if sources.environment.get(FILE_VARIABLE).is_some() => {
            Origin::environment(FILE_VARIABLE)
        }
        None => Origin::file(&path),
    };
    Fault::new(
        "settings file",
        origin,
        Problem::Unreadable { path, source },
    )
}

fn layer_of(text: &str, origin: &Origin, faults: &mut Vec<Fault>) -> Layer {
    let mut layer = Layer::default();
    match Format::parse(&FileFormat::Toml, Some(&origin.to_string()), text) {
        Ok(sections) => {
            for (name, value) in sections {
                match SECTIONS.iter().find(|page| page.key == name) {
                    Some(page) => read_section(page, value, &mut layer, faults),
                    None => faults.push(unknown(&name, &value)),
                }
            }
        }
        Err(error) => {
            let message = without_the_file(&error.to_string());
            faults.push(Fault::new(
                "settings file",
                origin.clone(),
                Problem::NotToml { message },
            ));
        }
    }
    layer
}

fn read_section(page: &'static Page, value: Value, layer: &mut Layer, faults: &mut Vec<Fault>) {
    let ValueKind::Table(table) = value.kind else {
        let problem = Problem::NotASection { section: page.key };
        faults.push(Fault::of_value(page.key.to_owned(), &value, problem));
        return;
    };
    for (field, value) in sorted(table) {
        let origin = Origin::of(&value);
        if let Some(setting) = page.setting(&field) {
            layer.set(setting, value.kind, &origin, faults);
        } else if let Some(setting) = page.file_setting(&field) {
            layer.set_file(setting, value.kind, &origin, faults);
        } else {
            faults.push(unknown(&format!("{}.{field}", page.key), &value));
        }
    }
}

/// Tables come in no order, and what is told must not change from start to start.
fn sorted(table: Map<String, Value>) -> Vec<(String, Value)> {
    let mut fields: Vec<_> = table.into_iter().collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    fields
}

fn unknown(key: &str, value: &Value) -> Fault {
    Fault::of_value(
        key.to_owned(),
        value,
        Problem::Unknown {
            closest: closest(key, known_keys()),
        },
    )
}

/// Every key that a file or the command line may give.
pub(crate) fn known_keys() -> impl Iterator<Item = String> {
    SECTIONS.iter().flat_map(|page| {
        let settings = page
            .settings
            .iter()
            .flat_map(|setting| [Some(setting.key()), setting.file_key()])
            .flatten();
        settings.chain([page.key.to_owned()])
    })
}

/// The parser's message quotes the line it stopped at, and that line may bear a secret: only the
/// first line (where) and the last (what was expected) are kept.
fn without_the_file(message: &str) -> String {
    let mut lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("it cannot be read");
    match lines.next_back() {
        Some(last) if !last.contains('|') => format!("{first}: {last}"),
        _ => first.to_owned(),
    }
}
