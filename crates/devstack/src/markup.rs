//! The few web pages of the stand-ins: plain, and safe to fill with anything.

/// A whole page with this title; the body is markup already.
pub(crate) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title>\
         </head>\n<body>\n{body}</body>\n</html>\n",
        escaped(title)
    )
}

/// Text as it may stand between tags and in quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
