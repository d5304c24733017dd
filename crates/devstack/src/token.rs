//! Opaque random tokens for a machine that only its owner uses: sessions and guests of the
//! development stack. They are hard to guess and no more; nothing of value hangs on them.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A new token: the prefix and 32 hexadecimal digits.
pub(crate) fn fresh(prefix: &str) -> String {
    // Each state is keyed by the system's random source, which is all that is wanted here.
    let part = || RandomState::new().build_hasher().finish();
    format!("{prefix}{:016x}{:016x}", part(), part())
}
