//! The documents that are written from the registry: the settings page, and the text of
//! `defaults.toml` with its comments. A test compares the latter with the file, so the comments say
//! what the declarations say.

use std::fmt::{self, Write};

use config::{FileFormat, Format, Map, Value, ValueKind};

use crate::environment::FILE_VARIABLE;
use crate::file::DEFAULTS;
use crate::section::{Page, Section};
use crate::sections::SECTIONS;
use crate::server::McpServer;
use crate::setting::Setting;
use crate::sources::DEFAULT_FILE;

const COMMENT_WIDTH: usize = 100;

/// `docs/settings.md`: every setting with its variable, aliases, key, default, range and meaning.
pub fn reference_markdown() -> String {
    let defaults = Defaults::parse();
    let mut page = introduction();
    for section in SECTIONS {
        page.push_str(&format_section(section, &defaults));
    }
    page.push_str(&format_servers(&defaults));
    page
}

/// The text that `defaults.toml` must have: its own values, and the registry's comments.
pub fn defaults_document() -> String {
    let defaults = Defaults::parse();
    let mut text = String::new();
    comment(
        &mut text,
        &format!(
            "The defaults of the Response API, and what they mean. This file is compiled in. Lay your \
             own over it: a file of this shape (./{DEFAULT_FILE}, or the one that {FILE_VARIABLE} \
             names), then variables of the environment, then `key=value` on the command line. What is \
             commented out here has no default. Write the values here by hand; `cargo xtask docs` \
             writes the comments."
        ),
    );
    for section in SECTIONS {
        text.push('\n');
        comment(&mut text, &section.about());
        line(&mut text, &format!("[{}]", section.key));
        for setting in section.settings {
            text.push_str(&format_entry(setting, &defaults));
        }
    }
    text
}

fn introduction() -> String {
    format!(
        "<!-- Written by `cargo xtask docs` from the declarations in `crates/settings`. -->\n\
         # Settings\n\n\
         Settings have defaults; one that must be given says so in the column Default. Over the \
         defaults lies a file (the one that `{FILE_VARIABLE}` \
         names, else `./{DEFAULT_FILE}` when it exists), over the file the environment, and over the \
         environment `key=value` pairs on the command line. `response-api config` shows what holds, \
         and where each value came from. Everything that is wrong is told at once, and stops the \
         start.\n\n\
         - In a file, `http.port` is `port` in the section `[http]`. An unknown key is a fault; an \
         unknown variable that looks like one of these is told in the log.\n\
         - An empty variable counts as not set. An empty text in a file or on the command line takes \
         away a value that may be absent.\n\
         - Where a variable has aliases, its own name comes first, then they in their order; two that \
         differ are told in the log.\n\
         - Durations are written `500ms`, `45s`, `1m`, `1h30m`; sizes `512B`, `64KiB`, `10MiB`.\n\
         - A secret may stand in a file: put its path in the variable or key with `_FILE` or `_file` \
         at its end. Secrets are never shown, URLs only without their passwords.\n"
    )
}

fn format_section(section: &Page, defaults: &Defaults) -> String {
    let mut text = format!("\n## `[{}]`\n\n{}\n\n", section.key, section.about());
    text.push_str("| Variable | Also | Key | Default | Allowed | Meaning |\n");
    text.push_str("|---|---|---|---|---|---|\n");
    for setting in section.settings {
        let variable = setting.variables.first().copied();
        let also: Vec<_> = setting
            .aliases()
            .iter()
            .map(|&alias| code(alias))
            .chain(setting.file_variable().as_deref().map(code))
            .collect();
        let cells = [
            variable.map_or_else(|| "only in a file".to_owned(), code),
            also.join(", "),
            code(&setting.key()),
            default_cell(setting, defaults),
            setting.allowed(),
            setting.meaning(),
        ];
        text.push_str(&row(&cells));
    }
    text
}

fn format_servers(defaults: &Defaults) -> String {
    let section = Page::of::<McpServer>();
    let mut text = format!("\n## `[[{}]]`\n\n{} ", section.key, section.about());
    text.push_str("Only a file can name them, one such table each.\n\n");
    text.push_str("| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n");
    for setting in section.settings {
        let default = default_cell(setting, defaults);
        text.push_str(&row(&[
            code(setting.field),
            default,
            setting.allowed(),
            setting.meaning(),
        ]));
    }
    text
}

fn default_cell(setting: &Setting, defaults: &Defaults) -> String {
    let default = setting.fallback.map(ToOwned::to_owned).or_else(|| {
        defaults
            .literal(setting)
            .map(|literal| literal.trim_matches('"').to_owned())
    });
    match default.filter(|default| default != "[]") {
        Some(default) => code(&default),
        None if setting.is_needed() => "none: must be set".to_owned(),
        None => "none".to_owned(),
    }
}

fn row(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A setting as it stands in `defaults.toml`: meaning, names, range, value.
fn format_entry(setting: &Setting, defaults: &Defaults) -> String {
    let mut text = "\n".to_owned();
    comment(&mut text, &setting.meaning());
    let mut names = setting.variables.join(", ");
    if let Some(variable) = setting.file_variable() {
        names = format!("{names}, {variable}");
    }
    let names = if names.is_empty() {
        String::new()
    } else {
        format!("{names}: ")
    };
    comment(&mut text, &format!("{names}{}.", setting.allowed()));
    match defaults.literal(setting) {
        Some(literal) => line(&mut text, &format!("{} = {literal}", setting.field)),
        None if setting.field == "servers" => text.push_str(&server_example()),
        None => line(&mut text, &format!("# {} =", setting.field)),
    }
    text
}

fn server_example() -> String {
    let mut text = format!("#\n# [[{}]]\n", McpServer::KEY);
    for setting in McpServer::SETTINGS {
        let meaning = format!("{} Allowed: {}.", setting.meaning(), setting.allowed());
        comment(&mut text, &meaning);
        let value = match setting.fallback {
            Some(word @ ("true" | "false")) => format!(" {word}"),
            Some(word) => format!(" {word:?}"),
            None => String::new(),
        };
        line(&mut text, &format!("# {} ={value}", setting.field));
    }
    text
}

/// Breaks the words into comment lines at their spaces.
fn comment(text: &mut String, words: &str) {
    let mut comment = String::from("#");
    for word in words.split_whitespace() {
        if comment.len() + 1 + word.len() > COMMENT_WIDTH {
            line(text, &comment);
            comment.truncate(1);
        }
        comment.push(' ');
        comment.push_str(word);
    }
    line(text, &comment);
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// What `defaults.toml` holds.
struct Defaults(Map<String, Value>);

impl Defaults {
    fn parse() -> Self {
        Self(Format::parse(&FileFormat::Toml, None, DEFAULTS).unwrap_or_default())
    }

    /// The default as TOML writes it.
    fn literal(&self, setting: &Setting) -> Option<String> {
        match &self.0.get(setting.section)?.kind {
            ValueKind::Table(table) => Some(Literal(table.get(setting.field)?).to_string()),
            _ => None,
        }
    }
}

struct Literal<'a>(&'a Value);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            ValueKind::String(text) => write!(f, "{text:?}"),
            ValueKind::Array(values) => {
                f.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    Self(value).fmt(f)?;
                }
                f.write_char(']')
            }
            other => write!(f, "{other}"),
        }
    }
}
