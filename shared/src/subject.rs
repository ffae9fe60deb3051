//! Who a call is for.

use crate::seal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The end user: an issuer and what that issuer calls them. `sub` alone names nobody: two issuers
/// may use the same one. <https://www.rfc-editor.org/rfc/rfc7519#section-4.1.2>
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Subject {
    issuer: String,
    names: Vec<String>,
}

impl Subject {
    /// The subject that `issuer` calls `names`: usually one value, the `sub` claim; for some
    /// identity providers more (Entra: `tid` and `oid`).
    pub fn new(issuer: &str, names: Vec<String>) -> Result<Self, NotASubject> {
        let blank = |name: &String| name.trim().is_empty();
        if issuer.is_empty() || names.is_empty() || names.iter().any(blank) {
            return Err(NotASubject);
        }
        Ok(Self { issuer: issuer.to_owned(), names })
    }

    /// The digest under which records about this subject are kept.
    pub fn id(&self) -> SubjectId {
        let names = self.names.iter().map(String::as_str);
        SubjectId(seal::fingerprint(std::iter::once(self.issuer.as_str()).chain(names)))
    }
}

/// Prints as a fingerprint, so that no log line can forget to.
impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({})", self.id())
    }
}

/// The plain form, for cookies that are sealed whole.
#[derive(Serialize, Deserialize)]
struct Parts {
    iss: String,
    names: Vec<String>,
}

impl TryFrom<Parts> for Subject {
    type Error = NotASubject;

    fn try_from(parts: Parts) -> Result<Self, NotASubject> {
        Self::new(&parts.iss, parts.names)
    }
}

impl From<Subject> for Parts {
    fn from(subject: Subject) -> Self {
        Self { iss: subject.issuer, names: subject.names }
    }
}

/// A digest of issuer and names, length-prefixed. It is the key of every record about a subject.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubjectId([u8; 32]);

impl SubjectId {
    /// The whole digest as 43 characters, for keys.
    pub fn key(&self) -> String {
        seal::text(&self.0)
    }

    /// The inverse of [`SubjectId::key`].
    pub fn from_key(key: &str) -> Option<Self> {
        seal::bytes(key)?.try_into().ok().map(Self)
    }

    /// The first 120 bits: enough to name a subject in a ticket, and proof of nothing.
    pub fn short(&self) -> [u8; 15] {
        let mut short = [0; 15];
        short.copy_from_slice(&self.0[..15]);
        short
    }
}

/// The first eight characters: enough to follow one subject through a log.
impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&seal::text(&self.0[..6]))
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectId({self})")
    }
}

/// A subject needs an issuer and a name.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a subject needs an issuer and a name")]
pub struct NotASubject;

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(issuer: &str, names: &[&str]) -> Subject {
        Subject::new(issuer, names.iter().map(|name| (*name).to_owned()).collect()).unwrap()
    }

    #[test]
    fn the_same_sub_at_another_issuer_is_somebody_else() {
        let a = subject("https://a.example", &["42"]);
        assert_ne!(a.id(), subject("https://b.example", &["42"]).id());
        assert_ne!(subject("https://a.example", &["4", "2"]).id(), a.id());
        assert_eq!(a.id(), subject("https://a.example", &["42"]).id());
    }

    #[test]
    fn nobody_is_not_a_subject() {
        assert!(Subject::new("https://a.example", vec![]).is_err());
        assert!(Subject::new("https://a.example", vec![" ".into()]).is_err());
        assert!(Subject::new("", vec!["42".into()]).is_err());
    }

    #[test]
    fn prints_as_a_fingerprint() {
        let subject = subject("https://a.example", &["alice@example.com"]);
        assert!(!format!("{subject:?} {}", subject.id()).contains("alice"));
    }

    #[test]
    fn a_key_names_the_same_subject_again() {
        let id = subject("https://a.example", &["42"]).id();
        assert_eq!(SubjectId::from_key(&id.key()), Some(id));
        assert_eq!(SubjectId::from_key("short"), None);
    }
}
