//! To whom things belong. Every way of telling who calls ends in the same name for the same one, and no two
//! of them end in the same name for different ones.

use std::fmt;
use std::sync::Arc;

/// To whom a response belongs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(Arc<str>);

/// Whoever calls a service that asks nobody for a credential.
const GUEST: &str = "guest";
/// Stands between the realm of a subject and its name.
const BAR: char = '|';
/// The longest name of a subject, in bytes; `OpenID` Connect Core 1.0, section 2, allows no more.
const LONGEST_SUBJECT: usize = 255;
const LONGEST_REALM: usize = 255;

/// Text that names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name of 1 to 255 bytes without control characters is needed")]
pub struct InvalidSubject;

impl OwnerId {
    /// The owner of this name.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The one owner of a service that asks nobody for a credential.
    pub fn guest() -> Self {
        Self::new(GUEST)
    }

    /// The owner that a subject is: by its bare name in the realm that has none, as `realm|subject` in any
    /// other. A bare name that could be taken for something else gets a bar before it.
    pub fn of_subject(realm: Option<&str>, subject: &str) -> Result<Self, InvalidSubject> {
        let is_name = |text: &str, longest| {
            (1..=longest).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        if !is_name(subject, LONGEST_SUBJECT) {
            return Err(InvalidSubject);
        }
        match realm {
            None if subject == GUEST || subject.contains(BAR) => {
                Ok(Self(format!("{BAR}{subject}").into()))
            }
            None => Ok(Self::new(subject)),
            Some(realm) if is_name(realm, LONGEST_REALM) && !realm.contains(BAR) => {
                Ok(Self(format!("{realm}{BAR}{subject}").into()))
            }
            Some(_) => Err(InvalidSubject),
        }
    }

    /// The name of the subject in its realm: what others know it by.
    pub fn subject(&self) -> &str {
        self.0
            .split_once(BAR)
            .map_or(&*self.0, |(_realm, subject)| subject)
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const SUBJECTS: [&str; 9] = [
        "ada", "guest", "|", "|ada", "a|b", "a", "b", "|guest", "a||b",
    ];
    const REALMS: [Option<&str>; 4] = [None, Some("a"), Some("guest"), Some("consumer")];

    #[test]
    fn no_two_subjects_are_the_same_owner_and_none_is_the_guest() {
        let mut owners = HashSet::from([OwnerId::guest()]);
        for realm in REALMS {
            for subject in SUBJECTS {
                let owner = OwnerId::of_subject(realm, subject).unwrap();
                assert_eq!(owner.subject(), subject);
                assert!(owners.insert(owner.clone()), "{owner} is two");
            }
        }
        assert_eq!(OwnerId::of_subject(None, "ada").unwrap().as_str(), "ada");
        assert_eq!(
            OwnerId::of_subject(Some("consumer"), "ada")
                .unwrap()
                .as_str(),
            "consumer|ada"
        );
    }

    #[test]
    fn text_that_could_not_be_told_apart_or_kept_names_nobody() {
        let long = "x".repeat(256);
        for subject in ["", "a\0", "a\n", "\u{7f}", &long] {
            assert_eq!(OwnerId::of_subject(None, subject), Err(InvalidSubject));
        }
        for realm in ["", "a|", "\n", &long] {
            assert_eq!(OwnerId::of_subject(Some(realm), "ada"), Err(InvalidSubject));
        }
        assert!(OwnerId::of_subject(None, &"x".repeat(255)).is_ok());
    }
}
