//! A tool server that a request brings: one that is configured, by its label, or one at an address. What is
//! given along for it goes to nobody else and is never told again.

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use response_domain::caller::ToolSecret;
use response_domain::spec::{ApprovalRule, ServerOffer, ToolFilter};
use serde::Serialize;
use serde_json::value::RawValue;

use super::faults::{Faults, Path};
use super::members::Members;
use super::metadata::members;
use super::servers::LABEL_LENGTH;
use crate::dialect::object::quoted;

const MEMBERS: &[&str; 9] = &[
    "server_label",
    "server_url",
    "connector_id",
    "tunnel_id",
    "server_description",
    "headers",
    "authorization",
    "allowed_tools",
    "require_approval",
];

const FILTER: &[&str; 2] = &["tool_names", "read_only"];
const AUTHORIZATION: &str = "authorization";

/// A tool server.
pub(super) struct Server<'a> {
    /// What is offered of it.
    pub(super) offer: ServerOffer,
    /// What is given along for it.
    pub(super) secret: Option<ToolSecret>,
    /// The same as it is told again.
    pub(super) shown: ShownServer<'a>,
}

#[derive(Serialize)]
pub(super) struct ShownServer<'a> {
    server_label: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_description: Option<Arc<str>>,
    allowed_tools: Option<&'a RawValue>,
    require_approval: ShownRule<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ShownRule<'a> {
    Default(&'static str),
    Given(&'a RawValue),
}

/// A tool server of a request.
pub(super) fn server<'a>(
    at: &Path<'_>,
    json: &'a RawValue,
    faults: &mut Faults,
) -> Option<Server<'a>> {
    let server = Members::read(*at, json, MEMBERS, faults)?;
    let before = faults.count();
    let label: Option<Arc<str>> = server.required_name("server_label", LABEL_LENGTH, faults);
    let url = url(&server, faults);
    let allowed = allowed(&server, faults);
    let approval = approval(&server, faults);
    let description = server.text("server_description", faults);
    let headers = headers(&server, faults);
    let label = label.filter(|_| faults.count() == before)?;
    let rule = server.get("require_approval");
    let known: Option<Arc<str>> = url.as_deref().and_then(origin).map(Arc::from);
    let address = url.filter(|url| known.as_ref() != Some(url));
    let has_secret = address.is_some() || !headers.is_empty();
    Some(Server {
        secret: has_secret.then(|| ToolSecret {
            label: Arc::clone(&label),
            address: address.map(|address| address.as_ref().to_owned().into()),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
        }),
        shown: ShownServer {
            server_label: Arc::clone(&label),
            server_url: known.as_deref().map(str::to_owned),
            server_description: description,
            allowed_tools: server.get("allowed_tools"),
            require_approval: rule.map_or(ShownRule::Default("always"), ShownRule::Given),
        },
        offer: ServerOffer {
            label,
            url: known,
            allowed,
            approval: approval?,
        },
    })
}

/// Where the server is; nowhere when it is a configured one.
fn url(server: &Members<'_, '_, 9>, faults: &mut Faults) -> Option<Arc<str>> {
    for name in ["connector_id", "tunnel_id"] {
        if server.get(name).is_some() {
            let why = "is not available here. Name the server by its 'server_url', or a configured one by \
                       its 'server_label' alone.";
            faults.unavailable::<()>(&server.at(name), why);
        }
    }
    let url: Arc<str> = server.text("server_url", faults)?;
    if origin(&url).is_none() {
        return faults.value(
            &server.at("server_url"),
            "expected an address that begins with 'http://' or 'https://'.",
        );
    }
    Some(url)
}

/// An address up to its host and port, without what stands before the host: neither a path nor a query nor
/// user and password are told again.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.trim().to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return None;
    }
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.trim();
    (!host.is_empty()).then(|| format!("{scheme}://{host}"))
}

/// The tools that are offered: a list of names, or a filter.
fn allowed(server: &Members<'_, '_, 9>, faults: &mut Faults) -> Option<ToolFilter> {
    let at = server.at("allowed_tools");
    let json = server.get("allowed_tools")?;
    match json.get().as_bytes().first() {
        Some(b'[') => Some(ToolFilter {
            names: Some(faults.texts(&at, json)?),
            reads_only: None,
        }),
        Some(b'{') => filter(&at, json, faults),
        _ => faults.wrong_type(&at, "an array of tool names or an object", json),
    }
}

fn filter(at: &Path<'_>, json: &RawValue, faults: &mut Faults) -> Option<ToolFilter> {
    let filter = Members::read(*at, json, FILTER, faults)?;
    let names = match filter.get("tool_names") {
        Some(json) => Some(faults.texts(&filter.at("tool_names"), json)?),
        None => None,
    };
    let reads_only = filter.truth("read_only", faults);
    Some(ToolFilter { names, reads_only })
}

/// Which calls have to be allowed first: all of them, unless it says otherwise.
fn approval(server: &Members<'_, '_, 9>, faults: &mut Faults) -> Option<ApprovalRule> {
    const WORDS: &[&str; 2] = &["always", "never"];
    let Some(json) = server.get("require_approval") else {
        return Some(ApprovalRule::Always);
    };
    let at = server.at("require_approval");
    match json.get().as_bytes().first() {
        Some(b'"') => match server.word("require_approval", WORDS, faults)? {
            "never" => Some(ApprovalRule::Never),
            _ => Some(ApprovalRule::Always),
        },
        Some(b'{') => {
            let rule = Members::read(at, json, WORDS, faults)?;
            let mut read = |name| {
                let json = rule.get(name)?;
                filter(&rule.at(name), json, faults)
            };
            let (always, never) = (read("always"), read("never"));
            Some(ApprovalRule::Some { always, never })
        }
        _ => faults.wrong_type(&at, "a string or an object", json),
    }
}

type Header = (Arc<str>, String);

/// What is given along for the server.
fn headers(server: &Members<'_, '_, 9>, faults: &mut Faults) -> Vec<Header> {
    let mut given = Vec::new();
    for name in ["headers", "authorization"] {
        if server.get(name).is_some() && server.get("server_url").is_none() {
            let why = "can only be given with 'server_url': a configured server has its own.";
            faults.unavailable::<()>(&server.at(name), why);
            return given;
        }
    }
    if let Some(json) = server.get("headers") {
        let at = server.at("headers");
        let read = members(json, |name, value| {
            given.extend(header(&at, name, value, faults));
        });
        if read.is_err() {
            faults.wrong_type::<()>(&at, "an object", json);
        }
    }
    let at = server.at(AUTHORIZATION);
    let token: Option<String> = server.text(AUTHORIZATION, faults);
    if let Some(token) = token {
        let is_there = given.iter().any(|(name, _)| &**name == AUTHORIZATION);
        if is_there {
            let why = "'headers' has an 'Authorization' already.";
            faults.value::<()>(&at, why);
        }
        let value = format!("Bearer {token}");
        if is_value(&at, &value, faults) {
            given.push((AUTHORIZATION.into(), value));
        }
    }
    given
}

fn header(at: &Path<'_>, name: &str, value: &RawValue, faults: &mut Faults) -> Option<Header> {
    let short = quoted(name);
    let at = at.member(&short);
    let value: String = faults.text(&at, value)?;
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return faults.value(&at, "expected the name of a header.");
    };
    let name = Arc::from(name.as_str());
    is_value(&at, &value, faults).then_some((name, value))
}

/// Whether a text can be the value of a header; a fault when not, which does not repeat it.
fn is_value(at: &Path<'_>, value: &str, faults: &mut Faults) -> bool {
    if HeaderValue::from_str(value).is_ok() {
        return true;
    }
    faults
        .value::<()>(at, "expected the value of a header.")
        .is_some()
}
