//! Lists as JSON: the same frame around entries of any kind, in every dialect.

use std::fmt::{Display, Write};

use bytes::{BufMut, Bytes, BytesMut};
use response_domain::page::{More, Paged};

/// The JSON of a page, its entries written by `show` and named by `id`.
pub(crate) fn json<T, I: Display>(
    page: &Paged<T>,
    id: impl Fn(&T) -> I,
    show: impl Fn(&T, &mut BytesMut),
) -> Bytes {
    let mut out = BytesMut::with_capacity(1024);
    out.put_slice(br#"{"object":"list","data":["#);
    for (place, entry) in page.entries.iter().enumerate() {
        if place > 0 {
            out.put_u8(b',');
        }
        show(entry, &mut out);
    }
    out.put_slice(br#"],"first_id":"#);
    put_id(&mut out, page.entries.first().map(&id));
    out.put_slice(br#","last_id":"#);
    put_id(&mut out, page.entries.last().map(&id));
    let more = match page.more {
        More::Follows => "true",
        More::Nothing => "false",
    };
    out.put_slice(br#","has_more":"#);
    out.put_slice(more.as_bytes());
    out.put_u8(b'}');
    out.freeze()
}

/// Ids hold nothing that JSON escapes.
fn put_id(out: &mut BytesMut, id: Option<impl Display>) {
    // Writing to memory cannot fail.
    let _ = match id {
        Some(id) => write!(out, "\"{id}\""),
        None => out.write_str("null"),
    };
}
