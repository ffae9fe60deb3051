//! What was asked on the way, and what came of it: for the operator who has to find out why.

use crate::http::HttpError;
use http::StatusCode;
use std::fmt;

/// One document that was asked for, or one that was not.
#[derive(Debug)]
pub struct Attempt {
    /// Its address.
    pub url: Quote,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of asking.
#[derive(Debug, thiserror::Error)]
pub enum Outcome {
    /// The document is what the rest stands on.
    #[error("is used")]
    Used,
    /// The MCP server answers strangers.
    #[error("answers without a token ({0})")]
    Open(StatusCode),
    /// The MCP server wants a token.
    #[error("wants a token ({0})")]
    Refused(StatusCode),
    /// There is no document.
    #[error("{0}")]
    NotRead(#[source] HttpError),
    /// There is one, and it must not be used.
    #[error("is not used: {0}")]
    Rejected(#[source] Rejection),
}

impl Attempt {
    pub(super) fn new(url: &str, outcome: Outcome) -> Self {
        Self { url: Quote::of(url), outcome }
    }

    pub(super) fn rejected(url: &str, why: Rejection) -> Self {
        Self::new(url, Outcome::Rejected(why))
    }

    /// Whether there is no document, for good.
    pub(super) fn is_absence(&self) -> bool {
        let Outcome::NotRead(error) = &self.outcome else { return false };
        // What we did not ask for may be there.
        !matches!(error, HttpError::Refused(_)) && !self.may_pass()
    }

    /// Whether another try may end otherwise.
    pub(super) fn may_pass(&self) -> bool {
        use HttpError::{BrokeOff, NotJson, Refused, Status, TimedOut, TooLarge, Unreachable};
        let Outcome::NotRead(error) = &self.outcome else { return false };
        match error {
            BrokeOff(_) | TimedOut | TooLarge(_) | Unreachable(_) => true,
            Status { status, .. } => is_passing(*status),
            NotJson | Refused(_) => false,
        }
    }
}

/// What was asked so far. Whoever waits is told at once.
pub(super) struct Trail<'a> {
    pub(super) tried: Vec<Attempt>,
    tell: &'a mut Tell,
}

/// Is told of each attempt as it ends.
pub type Tell = dyn FnMut(&Attempt) + Send;

impl<'a> Trail<'a> {
    pub(super) fn new(tell: &'a mut Tell) -> Self {
        Self { tried: Vec::new(), tell }
    }

    pub(super) fn push(&mut self, attempt: Attempt) {
        (self.tell)(&attempt);
        self.tried.push(attempt);
    }
}

/// Whether a status says something about the moment, and nothing about what was asked for.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.outcome)
    }
}

/// Why a document, or an address, is not used.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// <https://www.rfc-editor.org/rfc/rfc9728#section-3.3>
    #[error("it is about {0}, which is not this MCP server")]
    AnotherResource(Quote),
    /// The same, to the letter of the RFC.
    #[error("it is about {0}, which is not the address that was asked, and `strict` is on")]
    NotIdentical(Quote),
    /// <https://www.rfc-editor.org/rfc/rfc8414#section-3.3>
    #[error("it names the issuer {0}, not the one that was looked up")]
    AnotherIssuer(Quote),
    /// An MCP server may name any address, also one that only we can reach.
    #[error("the challenge leads to another origin than the MCP server's")]
    AnotherOrigin,
    /// <https://www.rfc-editor.org/rfc/rfc9728#section-2>
    #[error("it names no authorization server")]
    NoAuthorizationServer,
    /// <https://www.rfc-editor.org/rfc/rfc7636#section-4.3>
    #[error("it does not offer the S256 code challenge, without which MCP forbids to go on")]
    NoS256,
    /// A member is missing, or not what it should be.
    #[error("its `{0}` is missing or malformed")]
    Malformed(&'static str),
    /// All endpoints are `https`, without user information and fragment, and lead outward.
    #[error(
        "its `{0}` is not an https URL of the public internet, without user information and fragment"
    )]
    UnfitEndpoint(&'static str),
    /// <https://www.rfc-editor.org/rfc/rfc8414#section-2>
    #[error("an issuer is an https URL of the public internet, without query and fragment")]
    UnfitIssuer,
}

/// A server's own words, fit to be shown to an operator: printable ASCII and not much of it, so that
/// they can neither end a line, nor move a terminal's cursor, nor fill the screen.
#[derive(Clone, Eq, PartialEq)]
pub struct Quote(String);

impl Quote {
    /// What of `text` can be shown.
    pub fn of(text: &str) -> Self {
        let shown = text.chars().take(LONGEST_QUOTE);
        let shown = shown.map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' });
        let ending = if text.chars().nth(LONGEST_QUOTE).is_some() { "..." } else { "" };
        Self(shown.chain(ending.chars()).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

const LONGEST_QUOTE: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_short_and_harmless() {
        assert_eq!(Quote::of("It's \"fine\".").as_str(), "It's \"fine\".");
        assert_eq!(Quote::of("a\r\nb\u{1b}[2J\u{202e}c\u{e9}").as_str(), "a??b?[2J?c?");
        let long = Quote::of(&"x".repeat(10_000));
        assert_eq!(long.as_str().len(), LONGEST_QUOTE + 3);
        assert_eq!(Quote::of(&"x".repeat(LONGEST_QUOTE)).as_str().len(), LONGEST_QUOTE);
    }
}
