//! The marks, and every shape in which they could be written somewhere.

use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;

/// Every secret that can be chosen has this in it.
pub(super) const CORE: &str = "canary4f1d7a90";

/// What must be found nowhere.
#[derive(Default)]
pub(super) struct Marks(Mutex<Vec<Mark>>);

struct Mark {
    secret: String,
    shape: &'static str,
    bytes: Vec<u8>,
}

impl Marks {
    /// Those of the secrets that can be chosen.
    pub(super) fn new() -> Self {
        let marks = Self::default();
        marks.keep(CORE, CORE);
        marks
    }

    /// Nobody may read this, in whatever shape. It has to be long enough to be nothing else.
    pub(super) fn keep(&self, secret: &str, text: &str) {
        assert!(text.len() >= 10, "{text} may stand anywhere");
        let bytes = text.as_bytes();
        let mut shapes = vec![
            ("as it is", bytes.to_vec()),
            ("in hexadecimal", hex(bytes).into_bytes()),
            ("backwards", bytes.iter().rev().copied().collect()),
        ];
        for before in 0..3 {
            let inside = [vec![0; before], bytes.to_vec()].concat();
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                let text = engine.encode(&inside);
                // What other bytes have a part in is not the same wherever it stands.
                let first = (before * 8).div_ceil(6);
                let last = inside.len() * 8 / 6;
                shapes.push(("in base64", text.as_bytes()[first..last].to_vec()));
            }
        }
        let mut marks = self.0.lock().unwrap();
        for (shape, bytes) in shapes {
            if !marks.iter().any(|mark| mark.bytes == bytes) {
                let secret = secret.to_owned();
                marks.push(Mark {
                    secret,
                    shape,
                    bytes,
                });
            }
        }
    }

    /// A token or a key: all of it, and the parts that are good for something by themselves.
    pub(super) fn keep_parts(&self, secret: &str, text: &str) {
        self.keep(secret, text);
        for part in text.split('.').skip(1) {
            self.keep(secret, part);
        }
    }

    /// None of them stands here.
    pub(super) fn are_not_in(&self, place: &str, bytes: &[u8]) {
        if let Some(found) = self.found_in(bytes) {
            panic!("in {place}: {found}");
        }
    }

    /// The first of them that stands here, and what is around it.
    fn found_in(&self, bytes: &[u8]) -> Option<String> {
        let marks = self.0.lock().unwrap();
        marks.iter().find_map(|mark| {
            let at = memmem::find(bytes, &mark.bytes)?;
            let around = &bytes[at.saturating_sub(300)..bytes.len().min(at + 200)];
            let around = String::from_utf8_lossy(around);
            Some(format!("{} {}:\n{around}", mark.secret, mark.shape))
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

#[test]
fn a_mark_is_found_in_every_shape() {
    let marks = Marks::new();
    let secret = format!("sk_{CORE}-of-somebody");
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{secret}");
        for held in [
            text.clone(),
            hex(text.as_bytes()),
            STANDARD_NO_PAD.encode(&text),
            URL_SAFE_NO_PAD.encode(&text),
        ] {
            assert!(marks.found_in(held.as_bytes()).is_some(), "{held}");
        }
    }
    marks.are_not_in("a test", b"canary4f1d7a9 and other things");
}
