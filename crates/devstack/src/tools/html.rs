//! Text out of a page: tags, scripts and comments away, entities decoded, blocks on lines of
//! their own. One pass, whatever the input.

use memchr::memmem;

/// Elements whose content is not text.
const SILENT: [&str; 6] = ["script", "style", "noscript", "template", "svg", "iframe"];

/// Elements that stand on lines of their own.
const BLOCKS: [&str; 24] = [
    "p",
    "div",
    "br",
    "li",
    "ul",
    "ol",
    "tr",
    "table",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "nav",
    "aside",
    "blockquote",
    "pre",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
];

/// What a person would read of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PageText {
    pub(super) title: String,
    pub(super) text: String,
}

/// Reads a page. Markup that is broken is skipped as a browser would, never refused.
pub(super) fn read(html: &str) -> PageText {
    // Same offsets, for names of elements in any case.
    let lower = html.to_ascii_lowercase();
    let (mut title, mut text) = (String::new(), String::new());
    let mut at = 0;
    while let Some(open) = find(&lower, at, "<") {
        push_text(&mut text, slice(html, at, open));
        at = match tag(&lower, open) {
            Markup::Text => {
                text.push('<');
                open + 1
            }
            Markup::Skip(end) => end,
            Markup::Tag { name, closing, end } => {
                if BLOCKS.contains(&name) {
                    text.push('\n');
                    if name != "br" && name != "li" && name != "tr" {
                        text.push('\n');
                    }
                }
                if closing {
                    end
                } else if name == "title" {
                    let close = find(&lower, end, "</title").unwrap_or(lower.len());
                    if title.is_empty() {
                        push_text(&mut title, slice(html, end, close));
                    }
                    close
                } else if SILENT.contains(&name) {
                    find(&lower, end, &format!("</{name}")).unwrap_or(lower.len())
                } else {
                    end
                }
            }
        };
    }
    push_text(&mut text, slice(html, at, html.len()));
    PageText {
        title: tidy(&title).replace('\n', " "),
        text: tidy(&text),
    }
}

enum Markup<'a> {
    /// A `<` that begins nothing.
    Text,
    /// A comment, a doctype or an instruction, up to this offset.
    Skip(usize),
    Tag {
        name: &'a str,
        closing: bool,
        end: usize,
    },
}

fn tag(lower: &str, open: usize) -> Markup<'_> {
    let rest = slice(lower, open + 1, lower.len());
    if rest.starts_with("!--") {
        let end = find(lower, open + 4, "-->").map(|end| end + 3);
        return Markup::Skip(end.unwrap_or(lower.len()));
    }
    if rest.starts_with(['!', '?']) {
        return Markup::Skip(find(lower, open, ">").map_or(lower.len(), |end| end + 1));
    }
    let name = rest.strip_prefix('/').unwrap_or(rest);
    let length = name
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(name.len());
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Markup::Text;
    }
    let end = open + 1 + tag_end(rest);
    Markup::Tag {
        name: slice(name, 0, length),
        closing: rest.starts_with('/'),
        end,
    }
}

/// Behind the `>` that ends a tag; one within quotes does not.
fn tag_end(rest: &str) -> usize {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    rest.len()
}

fn find(text: &str, from: usize, what: &str) -> Option<usize> {
    memmem::find(text.as_bytes().get(from..)?, what.as_bytes()).map(|at| from + at)
}

/// Offsets come from ASCII matches and so lie between characters.
fn slice(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

/// Appends text with its entities decoded; line breaks in the source are only spaces.
fn push_text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\n', '\r', '\t']) {
        out.push_str(slice(rest, 0, at));
        let after = slice(rest, at, rest.len());
        let (character, length) = if after.starts_with('&') {
            entity(after).unwrap_or(('&', 1))
        } else {
            (' ', 1)
        };
        out.push(character);
        rest = slice(after, length, after.len());
    }
    out.push_str(rest);
}

/// The character that a reference stands for, and the length of the reference.
fn entity(text: &str) -> Option<(char, usize)> {
    // No entity that is decoded here is longer.
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code).filter(|character| !character.is_control())?
        }
    };
    Some((character, end + 1))
}

/// Single spaces within lines, at most one empty line between them, none around the whole.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.split('\n') {
        let mut words = line.split_whitespace().peekable();
        if words.peek().is_none() {
            blank += 1;
            continue;
        }
        if !tidied.is_empty() {
            tidied.push_str(if blank > 0 { "\n\n" } else { "\n" });
        }
        blank = 0;
        for (index, word) in words.enumerate() {
            if index > 0 {
                tidied.push(' ');
            }
            tidied.push_str(word);
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_its_title_and_its_paragraphs() {
        let page = read(
            "<!doctype html><html><head><title>A &amp; B</title><style>p{color:red}</style>\
             <script>if (a < b) { document.write(\"<p>no</p>\") }</script></head><body>\
             <h1>Head</h1><p>One\n  two <b>three</b>&nbsp;four.</p><!-- <p>hidden</p> -->\
             <ul><li>a<li>b</ul><p title=\"x > y\">5 < 6 &#233;&#x1F41D; &unknown; &</p></body>",
        );
        assert_eq!(page.title, "A & B");
        assert_eq!(
            page.text,
            "Head\n\nOne two three four.\n\na\nb\n\n5 < 6 é🐝 &unknown; &"
        );
    }

    #[test]
    fn broken_markup_is_survived() {
        for html in [
            "<",
            "<p",
            "<!--",
            "</",
            "<script>",
            "<a href='",
            "&#xFFFFFFFF;",
            "&#0;",
            "<é>",
        ] {
            let _ = read(html);
        }
        assert_eq!(read("a <3 b").text, "a <3 b");
        assert_eq!(read("<script>x").text, "");
        assert_eq!(read("no markup").text, "no markup");
        assert_eq!(read("<TITLE>Loud</TITLE><SCRIPT>x</SCRIPT>y").title, "Loud");
    }
}
