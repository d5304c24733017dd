//! New migrations: the next number, a file that compiles, and what to add to the list.

use std::fs;
use std::path::Path;

use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

const FOLDER: &str = "migrations/src";
const SKELETON: &str = include_str!("migration.rs.txt");

/// Writes the next migration under this name.
pub(super) fn create(name: &str) -> Result<(), ChoreError> {
    check(name)?;
    let folder = workspace::root().join(FOLDER);
    let entries = fs::read_dir(&folder).doing(|| format!("read {FOLDER}"))?;
    let files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let module = format!("m{:04}_{name}", next(&files));
    let file = folder.join(format!("{module}.rs"));
    let text = SKELETON
        .replace("{name}", &name.replace('_', " "))
        .replace("{module}", &module);
    write_new(&file, &text)?;
    say::line(format_args!(
        "{FOLDER}/{module}.rs written; add to {FOLDER}/lib.rs:"
    ));
    say::line(format_args!("    mod {module};"));
    say::line(format_args!("    Box::new({module}::Migration),"));
    Ok(())
}

fn check(name: &str) -> Result<(), ChoreError> {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let advice = "a migration's name has lower-case letters, digits and underscores, and begins \
                  with a letter";
    if begins && name.chars().all(goes_on) {
        Ok(())
    } else {
        Err(ChoreError::Refused(format!("{advice}: not `{name}`")))
    }
}

/// One more than the highest number in use.
fn next(files: &[String]) -> u32 {
    let numbers = files.iter().filter_map(|file| {
        let (number, _) = file.strip_prefix('m')?.split_once('_')?;
        number.parse::<u32>().ok()
    });
    numbers.max().unwrap_or(0) + 1
}

fn write_new(file: &Path, text: &str) -> Result<(), ChoreError> {
    let writing = || format!("write {}", file.display());
    let mut opened = fs::File::create_new(file).doing(writing)?;
    std::io::Write::write_all(&mut opened, text.as_bytes()).doing(writing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_after_the_highest() {
        let files = ["lib.rs", "m0001_responses.rs", "m0012_events.rs", "main.rs"];
        assert_eq!(next(&files.map(str::to_owned)), 13);
        assert_eq!(next(&[]), 1);
    }

    #[test]
    fn a_name_is_a_part_of_a_module() {
        assert!(check("webhook_deliveries2").is_ok());
        for name in ["", "Webhooks", "2nd", "a-b", "a b", "../a"] {
            assert!(check(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_migration_is_never_written_over() {
        let here = tempfile::tempdir().expect("a temporary folder");
        let file = here.path().join("m0001_a.rs");
        assert!(write_new(&file, "one").is_ok());
        assert!(write_new(&file, "two").is_err());
        assert_eq!(fs::read_to_string(&file).expect("readable"), "one");
    }
}
