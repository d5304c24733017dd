//! From the base URL of a server to the addresses that are called.

use response_egress::Url;

/// A base URL that cannot carry a path, like `mailto:` or `data:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the base URL of the model server must be an http or https URL with a host")]
pub struct BadBaseUrl;

/// The addresses of one server.
#[derive(Debug)]
pub(crate) struct Endpoints {
    /// Where turns are asked for.
    pub(crate) completions: Url,
    /// Where the models are listed.
    pub(crate) models: Url,
}

impl Endpoints {
    /// `base` may be the server's address, its versioned root (`…/v1`, `…/api/paas/v4`) or the address
    /// of the completions themselves. A query is kept: some gateways carry a version in it.
    pub(crate) fn new(base: &Url) -> Result<Self, BadBaseUrl> {
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(BadBaseUrl);
        }
        let mut root = base.clone();
        root.set_fragment(None);
        let segments: Vec<&str> = base
            .path_segments()
            .ok_or(BadBaseUrl)?
            .filter(|segment| !segment.is_empty())
            .collect();
        let (kept, version): (&[&str], &[&str]) = match segments.as_slice() {
            [before @ .., "chat", "completions"] => (before, &[]),
            [.., last] if is_version(last) => (&segments, &[]),
            all => (all, &["v1"]),
        };
        let at = |tail: &[&str]| {
            let mut url = root.clone();
            url.path_segments_mut()
                .map_err(|()| BadBaseUrl)?
                .clear()
                .extend(kept.iter().map(|segment| decoded(segment)))
                .extend(version)
                .extend(tail);
            Ok(url)
        };
        Ok(Self {
            completions: at(&["chat", "completions"])?,
            models: at(&["models"])?,
        })
    }

    /// Where the server describes `model`; the name is one segment whatever is in it.
    pub(crate) fn catalogue(&self, model: &str) -> Url {
        let mut url = self.models.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push("catalogs").push(model);
        }
        url
    }
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A segment as it was before it was written into a URL; pushing it writes it again. What is not
/// text stays as it is.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| segment.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(base: &str) -> Endpoints {
        Endpoints::new(&Url::parse(base).unwrap()).unwrap()
    }

    #[test]
    fn as_much_of_the_path_is_added_as_is_missing() {
        let cases = [
            ("http://h", "http://h/v1/chat/completions"),
            ("http://h/", "http://h/v1/chat/completions"),
            ("http://h:8080/v1", "http://h:8080/v1/chat/completions"),
            ("http://h/v1/", "http://h/v1/chat/completions"),
            (
                "http://h/v1/chat/completions",
                "http://h/v1/chat/completions",
            ),
            ("http://h/llm", "http://h/llm/v1/chat/completions"),
            ("http://h/a%20b/", "http://h/a%20b/v1/chat/completions"),
            (
                "https://h/api/paas/v4",
                "https://h/api/paas/v4/chat/completions",
            ),
            ("http://h/vendor", "http://h/vendor/v1/chat/completions"),
            (
                "https://h/openai/v1?api-version=2#x",
                "https://h/openai/v1/chat/completions?api-version=2",
            ),
        ];
        for (base, expected) in cases {
            assert_eq!(endpoints(base).completions.as_str(), expected, "{base}");
        }
    }

    #[test]
    fn a_model_is_one_segment_of_the_catalogue() {
        let endpoints = endpoints("http://h/v1/chat/completions");
        assert_eq!(endpoints.models.as_str(), "http://h/v1/models");
        let url = endpoints.catalogue("jan-hq/jan v2?x#y%2F");
        assert_eq!(
            url.as_str(),
            "http://h/v1/models/catalogs/jan-hq%2Fjan%20v2%3Fx%23y%252F"
        );
    }

    #[test]
    fn a_base_that_is_no_web_address_is_refused() {
        for base in ["mailto:a@b", "data:text/plain,x", "file:///etc", "ftp://h/"] {
            let url = Url::parse(base).unwrap();
            assert_eq!(Endpoints::new(&url).unwrap_err(), BadBaseUrl, "{base}");
        }
    }
}
