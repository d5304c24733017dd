//! What a run needs to act for its caller: its credential, and what it gave along for tool servers.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Credential;

/// What a caller gives along for the tool servers it names, by the label of the server. Never printed, never
/// shown; what waits in the queue carries it sealed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ToolSecrets(Arc<[ToolSecret]>);

/// What is given along for one tool server.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolSecret {
    /// Its label.
    pub label: Arc<str>,
    /// Its whole address, when that has more than an origin: path, query and user may be secret.
    pub address: Option<Zeroizing<String>>,
    /// Names and values of headers; a caller's `authorization` is among them, as `Bearer …`.
    pub headers: Vec<(Arc<str>, Zeroizing<String>)>,
}

impl ToolSecrets {
    /// These.
    pub fn new(secrets: Vec<ToolSecret>) -> Self {
        Self(secrets.into())
    }

    /// The headers for the server of this label.
    pub fn headers(&self, label: &str) -> impl Iterator<Item = (&str, &str)> {
        let of_label = self.0.iter().filter(move |secret| &*secret.label == label);
        let headers = of_label.flat_map(|secret| &secret.headers);
        headers.map(|(name, value)| (&**name, value.as_str()))
    }

    /// The whole address of the server of this label, of which `known` is what everybody may know.
    pub fn address<'a>(&'a self, label: &str, known: &'a str) -> &'a str {
        let mut of_label = self.0.iter().filter(|secret| &*secret.label == label);
        let whole = of_label.find_map(|secret| secret.address.as_ref());
        whole.map_or(known, |whole| whole.as_str())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for ToolSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.0.iter().map(|secret| &secret.label);
        f.debug_set().entries(labels).finish()
    }
}

impl fmt::Debug for ToolSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolSecret")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// All that a run needs to act for its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What the caller proved itself with.
    pub credential: Credential,
    /// What it gave along for the tool servers it names.
    pub tools: ToolSecrets,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            credential: Credential::Absent,
            tools: ToolSecrets::default(),
        }
    }
}

const ACCESS: u8 = 3;
/// Stands where the name of a header does, before an address: no header has it.
const ADDRESS: &str = "";

impl Access {
    /// The bytes that a vault keeps of it; `None` when there is nothing to keep. Without secrets for tools
    /// they are those of the credential; otherwise a byte for its kind and texts, each behind its length:
    /// the credential's bytes, then label, name and value of each header, and of an address, whose name is
    /// empty.
    pub fn to_secret(&self) -> Option<Zeroizing<Vec<u8>>> {
        let credential = self.credential.to_secret();
        if self.tools.is_empty() {
            return credential;
        }
        let headers = self.tools.0.iter().flat_map(|secret| {
            let address = secret.address.iter().map(|address| (ADDRESS, address));
            let headers = secret.headers.iter().map(|(name, value)| (&**name, value));
            let named = address.chain(headers);
            named.flat_map(|(name, value)| [&*secret.label, name, value.as_str()])
        });
        let credential = credential.as_ref().map_or(&[][..], |bytes| bytes);
        let texts: Vec<&[u8]> = std::iter::once(credential)
            .chain(headers.map(str::as_bytes))
            .collect();
        // With room for all of it at once, because growing would leave copies behind.
        let room = texts
            .iter()
            .map(|text| text.len() + size_of::<u32>())
            .sum::<usize>()
            + 1;
        let mut secret = Zeroizing::new(Vec::with_capacity(room));
        secret.push(ACCESS);
        for text in texts {
            let length = u32::try_from(text.len()).ok()?;
            secret.extend_from_slice(&length.to_le_bytes());
            secret.extend_from_slice(text);
        }
        Some(secret)
    }

    /// What these bytes were made of.
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        let Some(rest) = secret.strip_prefix(&[ACCESS]) else {
            return Some(Self {
                credential: Credential::from_secret(secret)?,
                tools: ToolSecrets::default(),
            });
        };
        let mut rest = rest;
        let mut texts = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (text, after) = after.split_at_checked(length)?;
            texts.push(text);
            rest = after;
        }
        let (credential, headers) = texts.split_first().filter(|_| rest.is_empty())?;
        let credential = match credential {
            [] => Credential::Absent,
            bytes => Credential::from_secret(bytes)?,
        };
        let mut secrets: Vec<ToolSecret> = Vec::new();
        for header in headers.chunks(3) {
            let [label, name, value] = header else {
                return None;
            };
            let text = |bytes| std::str::from_utf8(bytes).ok();
            let (label, name, value) = (text(label)?, text(name)?, text(value)?);
            if secrets.last().is_none_or(|last| &*last.label != label) {
                secrets.push(ToolSecret {
                    label: label.into(),
                    address: None,
                    headers: Vec::new(),
                });
            }
            let last = secrets.last_mut()?;
            let value = value.to_owned().into();
            match name {
                ADDRESS => last.address = Some(value),
                name => last.headers.push((name.into(), value)),
            }
        }
        let tools = ToolSecrets::new(secrets);
        Some(Self { credential, tools })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> ToolSecrets {
        let header = |name: &str, value: &str| (name.into(), value.to_owned().into());
        let secret = |label: &str, address: Option<&str>, headers| ToolSecret {
            label: label.into(),
            address: address.map(|address| address.to_owned().into()),
            headers,
        };
        ToolSecrets::new(vec![
            secret(
                "a",
                None,
                vec![header("authorization", "Bearer s3cret"), header("x", "")],
            ),
            secret(
                "b",
                Some("https://b/?s3cret"),
                vec![header("x-key", "s3cret")],
            ),
            secret("c", Some("https://s3cret@c"), vec![]),
        ])
    }

    #[test]
    fn what_a_caller_gives_along_comes_back_from_its_bytes() {
        for credential in [Credential::Absent, Credential::bearer("t".into())] {
            for tools in [ToolSecrets::default(), secrets()] {
                let credential = credential.clone();
                let access = Access { credential, tools };
                match access.to_secret() {
                    Some(secret) => assert_eq!(Access::from_secret(&secret), Some(access)),
                    None => assert!(access.tools.is_empty()),
                }
            }
        }
        let tools = secrets();
        assert_eq!(
            tools.headers("a").collect::<Vec<_>>(),
            [("authorization", "Bearer s3cret"), ("x", "")]
        );
        let address = |label, known| secrets().address(label, known).to_owned();
        assert_eq!(address("b", "https://b"), "https://b/?s3cret");
        assert_eq!(address("a", "https://a"), "https://a", "all of it is known");
        for bytes in [
            &b""[..],
            b"\x03",
            b"\x03\x01\0\0\0",
            b"\x03\0\0\0\0\0\0\0\0",
            b"\x03\0\0\0\0x",
        ] {
            assert_eq!(Access::from_secret(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_given_along_is_never_printed() {
        assert!(!format!("{:?}", secrets()).contains("s3cret"));
    }
}
