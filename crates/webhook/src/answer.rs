//! What is kept of an answer.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use response_domain::time::Timestamp;
use response_domain::webhook::EXCERPT;
use response_egress::Inbound;
use response_egress::header::RETRY_AFTER;

/// No pause that is asked for counts as longer: a year.
const FARTHEST: Duration = Duration::from_hours(365 * 24);

/// How long the receiver asks to be left alone, from `at` on: `Retry-After` as seconds or as a date
/// (RFC 9110, section 10.2.3). A date that is past means at once; what is neither means nothing.
pub(crate) fn retry_after(inbound: &Inbound, at: Timestamp) -> Option<Duration> {
    pause(inbound.header(RETRY_AFTER.as_str())?.trim(), at)
}

fn pause(text: &str, at: Timestamp) -> Option<Duration> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // More digits than fit are further away than anybody waits.
        return Some(
            text.parse()
                .map_or(FARTHEST, Duration::from_secs)
                .min(FARTHEST),
        );
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let date = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = Duration::from_micros(u64::try_from(at.micros()).unwrap_or(0));
    Some(date.saturating_sub(at).min(FARTHEST))
}

/// The beginning of a body as text for a log or a page: at most [`EXCERPT`] bytes, without control
/// characters and without those that turn the direction of what follows. Lines and columns are parted by
/// spaces; what is no UTF-8 becomes replacement characters, but a character that is cut off at the end is
/// left out.
pub(crate) fn excerpt(body: &[u8]) -> Arc<str> {
    let mut text = String::with_capacity(body.len());
    let mut chunks = body.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let is_cut_off = chunks.peek().is_none();
        let broken = !chunk.invalid().is_empty() && !is_cut_off;
        let replaced = broken.then_some(char::REPLACEMENT_CHARACTER);
        for character in chunk.valid().chars().chain(replaced) {
            let Some(shown) = shown(character) else {
                continue;
            };
            if text.len() + shown.len_utf8() > EXCERPT {
                return text.into();
            }
            text.push(shown);
        }
    }
    text.into()
}

fn shown(character: char) -> Option<char> {
    match character {
        '\n' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            None
        }
        character if character.is_control() => None,
        character => Some(character),
    }
}
