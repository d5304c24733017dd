//! One tool as its server lists it, made fit to be offered.

use std::sync::{Arc, OnceLock};

use response_domain::json::Json;
use response_domain::tool::Repeat;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::annotations::Annotations;
use crate::check::Check;
use crate::clean::{clean, excerpt};
use crate::mirror::{self, BadMirror, Mirror};
use crate::options::{ContextArguments, Trust};
use crate::schema::{BadSchema, ContextArgument, Parameters};

/// How long a description may be.
const MAX_DESCRIPTION: usize = 8 * 1024;
/// How long a server's name for a tool may be.
const MAX_NAME: usize = 256;

/// A tool of one server.
#[derive(Debug)]
pub(crate) struct Tool {
    /// What the server calls it.
    pub(crate) name: Arc<str>,
    pub(crate) description: Option<Arc<str>>,
    /// Its arguments, as the model sees them.
    pub(crate) parameters: Json,
    /// What this service fills in.
    pub(crate) context: Vec<ContextArgument>,
    /// What stands in the headers as well.
    pub(crate) mirrors: Vec<Mirror>,
    /// What the server's own word is worth, if it says anything.
    pub(crate) repeat: Repeat,
    /// What the server says of it besides.
    pub(crate) annotations: Option<Json>,
    /// As it came, to know it again.
    raw: Box<str>,
    /// Made at the first call.
    check: OnceLock<Arc<Check>>,
}

/// Why a tool is left out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("it cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error("its name is empty or longer than {MAX_NAME} bytes")]
    Name,
    #[error("its name holds characters that steer or hide")]
    NameHides,
    #[error(transparent)]
    Schema(#[from] BadSchema),
    #[error(transparent)]
    Mirror(#[from] BadMirror),
}

#[derive(Deserialize)]
struct Listed<'a> {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(
        borrow,
        default,
        rename = "inputSchema",
        alias = "input_schema",
        alias = "parameters"
    )]
    schema: Option<&'a RawValue>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

impl Tool {
    /// Reads one entry of a list.
    pub(crate) fn read(
        raw: &RawValue,
        trust: Trust,
        context: ContextArguments,
    ) -> Result<Self, Unfit> {
        let listed: Listed<'_> = serde_json::from_str(raw.get()).map_err(Unfit::Unreadable)?;
        if listed.name.trim().is_empty() || listed.name.len() > MAX_NAME {
            return Err(Unfit::Name);
        }
        if clean(&listed.name) != listed.name || listed.name.contains(['\n', '\t']) {
            return Err(Unfit::NameHides);
        }
        let parameters = Parameters::read(listed.schema, context == ContextArguments::Given)?;
        let mirrors = match listed.schema {
            Some(schema) => mirror::read(&Json::from_raw(schema.to_owned()))?,
            None => Vec::new(),
        };
        let annotations = Annotations::read(listed.annotations);
        let description = listed.description.or(listed.title);
        Ok(Self {
            name: Arc::from(listed.name),
            description: description
                .map(|text| Arc::from(excerpt(text.trim(), MAX_DESCRIPTION).as_ref())),
            parameters: parameters.shown,
            context: parameters.context,
            mirrors,
            repeat: if annotations.says_safe && trust == Trust::Trusted {
                Repeat::Safe
            } else {
                Repeat::Unsafe
            },
            annotations: annotations.object,
            raw: raw.get().into(),
            check: OnceLock::new(),
        })
    }

    /// Whether this is how the server still lists it.
    pub(crate) fn is_listed_as(&self, raw: &RawValue) -> bool {
        &*self.raw == raw.get()
    }

    /// What of it a run would notice, when its server lists it as `other` now.
    pub(crate) fn changes(&self, other: &Self) -> Vec<&'static str> {
        let rows = [
            ("description", self.description != other.description),
            (
                "schema",
                self.parameters != other.parameters || self.context != other.context,
            ),
            ("headers", self.mirrors != other.mirrors),
            (
                "annotations",
                self.annotations != other.annotations || self.repeat != other.repeat,
            ),
        ];
        let changed = rows.into_iter().filter(|(_, has_changed)| *has_changed);
        changed.map(|(what, _)| what).collect()
    }

    /// The check of its arguments.
    pub(crate) fn check(&self) -> &Arc<Check> {
        self.check.get_or_init(|| {
            let check = Check::new(&self.parameters);
            for gap in check.gaps() {
                tracing::warn!(
                    tool.name = &*self.name,
                    error = gap as &dyn std::error::Error,
                    "a part of a tool's schema cannot be checked; its server has to"
                );
            }
            Arc::new(check)
        })
    }
}
