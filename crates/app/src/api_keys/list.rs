//! Keys as they are shown: lines for people, JSON for programs.

use response_domain::api_key::ApiKey;
use response_domain::time::Timestamp;
use serde_json::{Value, json};

/// A moment as text, to the second.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_utc()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// One line for each, below a heading, in columns.
pub(super) fn table(keys: &[ApiKey], now: Timestamp) -> String {
    let heading = [
        "ID",
        "OWNER",
        "LABEL",
        "STANDING",
        "CREATED",
        "EXPIRES",
        "LAST USED",
    ];
    let mut rows = vec![heading.map(ToOwned::to_owned)];
    rows.extend(keys.iter().map(|key| row(key, now)));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines = rows.iter().map(|row| {
        let cells: Vec<_> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    });
    lines.collect()
}

fn row(key: &ApiKey, now: Timestamp) -> [String; 7] {
    let at = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), moment);
    [
        key.id.to_string(),
        printable(key.owner.as_str()),
        printable(key.label.as_deref().unwrap_or_default()),
        key.standing(now).as_str().to_owned(),
        moment(key.created_at),
        at(key.expires_at),
        at(key.last_used_at),
    ]
}

/// A terminal does what some characters say; a row that somebody else wrote may hold them.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// An array of objects.
pub(super) fn json(keys: &[ApiKey], now: Timestamp) -> String {
    let keys: Vec<Value> = keys
        .iter()
        .map(|key| {
            json!({
                "id": key.id.to_string(),
                "owner": key.owner.as_str(),
                "label": key.label.as_deref(),
                "standing": key.standing(now).as_str(),
                "created_at": moment(key.created_at),
                "expires_at": key.expires_at.map(moment),
                "revoked_at": key.revoked_at.map(moment),
                "last_used_at": key.last_used_at.map(moment),
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(keys))
}
