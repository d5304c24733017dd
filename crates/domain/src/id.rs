//! Typed ids. Each is written as a prefix and a body in lower-case Crockford base32, so it sorts
//! by the time it was made, and a wrong kind of id cannot be passed for another.
//!
//! What belongs to a response (its items, its tool executions) is numbered inside it: such an id
//! is the parent's body and an ordinal, so a run makes its ids without randomness and the parent
//! can be read off.

use std::fmt;
use std::str::FromStr;

/// The 128 bits of an id; version 7 of UUID where a generator makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RawId(u128);

impl RawId {
    /// An id of exactly these bits.
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

/// Makes ids that sort by the time they were made.
pub trait IdGenerator: Send + Sync {
    /// An id nobody has had before.
    fn next(&self) -> RawId;
}

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id that begins with `{prefix}_`")]
pub struct InvalidId {
    /// What the id should begin with.
    pub prefix: &'static str,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const RAW_LENGTH: usize = 26;
const ORDINAL_LENGTH: usize = 5;

fn write_base32<const N: usize>(mut bits: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [b'0'; N];
    for slot in text.iter_mut().rev() {
        #[expect(clippy::indexing_slicing, reason = "five bits are always below 32")]
        {
            *slot = ALPHABET[(bits & 31) as usize];
        }
        bits >>= 5;
    }
    f.write_str(std::str::from_utf8(&text).unwrap_or_default())
}

fn read_base32(text: &str, length: usize) -> Option<u128> {
    if text.len() != length {
        return None;
    }
    let mut bits: u128 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|&known| known == byte)?;
        bits = bits.checked_mul(32)? | digit as u128;
    }
    Some(bits)
}

macro_rules! root_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(RawId);

        impl $name {
            /// What its text begins with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id with this body.
            pub const fn new(raw: RawId) -> Self {
                Self(raw)
            }

            /// Its body.
            pub const fn raw(self) -> RawId {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                write_base32::<RAW_LENGTH>(self.0.bits(), f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|body| read_base32(body, RAW_LENGTH))
                    .map(|bits| Self(RawId::new(bits)))
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }
    };
}

macro_rules! part_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            /// The body of the id it belongs to.
            pub parent: RawId,
            /// Its number inside the parent.
            pub ordinal: u32,
        }

        impl $name {
            /// What its text begins with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The part of `parent` with this number, which must be below 2^25.
            pub const fn new(parent: RawId, ordinal: u32) -> Self {
                Self { parent, ordinal }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                write_base32::<RAW_LENGTH>(self.parent.bits(), f)?;
                write_base32::<ORDINAL_LENGTH>(u128::from(self.ordinal), f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|body| body.is_char_boundary(RAW_LENGTH.min(body.len())))
                    .map(|body| body.split_at(RAW_LENGTH.min(body.len())))
                    .and_then(|(parent, ordinal)| {
                        let parent = RawId::new(read_base32(parent, RAW_LENGTH)?);
                        let ordinal = read_base32(ordinal, ORDINAL_LENGTH)?;
                        Some(Self { parent, ordinal: u32::try_from(ordinal).ok()? })
                    })
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }
    };
}

root_id!(
    /// One response.
    ResponseId,
    "resp"
);
root_id!(
    /// One conversation: the responses that follow each other, and their items.
    ConversationId,
    "conv"
);
root_id!(
    /// One process of this service, new at every start.
    WorkerId,
    "worker"
);
root_id!(
    /// That a background response ended; there is one for each, with its body.
    EventId,
    "evt"
);
root_id!(
    /// One registered webhook endpoint.
    EndpointId,
    "webhook"
);
root_id!(
    /// One key that this service gave out.
    ApiKeyId,
    "key"
);
part_id!(
    /// One item of a transcript.
    ItemId,
    "item"
);
part_id!(
    /// One execution of a tool.
    ExecutionId,
    "toolexec"
);

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: RawId = RawId::new(0x0190_a1b2_c3d4_7e5f_8a9b_0c1d_2e3f_4a5b);

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = ResponseId::new(RAW);
        assert_eq!(id.to_string().len(), "resp_".len() + 26);
        assert_eq!(id.to_string().parse(), Ok(id));
        let item = ItemId::new(RAW, 42);
        assert_eq!(item.to_string().parse(), Ok(item));
        assert!(
            item.to_string()
                .starts_with(&id.to_string().replace("resp_", "item_"))
        );
    }

    #[test]
    fn text_order_is_number_order() {
        let ids: Vec<String> = [0, 1, 31, 32, u128::MAX / 2, u128::MAX]
            .iter()
            .map(|&n| ResponseId::new(RawId::new(n)).to_string())
            .collect();
        assert!(ids.is_sorted());
        let items: Vec<String> = [0, 1, 31, 32, 9999]
            .iter()
            .map(|&n| ItemId::new(RAW, n).to_string())
            .collect();
        assert!(items.is_sorted());
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let good = ResponseId::new(RAW).to_string();
        let mut too_big = good.clone();
        too_big.replace_range(5..6, "8");
        for text in [
            "",
            "resp_",
            "conv_01hqr8v9k2x3f4g5h6j7k8m9n0",
            "resp_ü1hqr8v9k2x3f4g5h6j7k8m9n",
            &good[..30],
            &too_big,
        ] {
            assert!(text.parse::<ResponseId>().is_err(), "{text}");
        }
        assert!("item_ü".parse::<ItemId>().is_err());
        assert!(
            format!("item_{}", "ü".repeat(15))
                .parse::<ItemId>()
                .is_err()
        );
        assert!(good.to_uppercase().parse::<ResponseId>().is_err());
    }
}
