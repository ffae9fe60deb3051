//! The one place that turns failure into a page. It never shows what a stranger sent.

use broker::clock::NoRandomness;
use broker::identity::IdentityError;
use broker::oauth::response::ResponseError;
use broker::oauth::token::TokenError;
use broker::page::{self, NotALocation, Page};
use broker::seal::SealError;
use broker::store::StoreError;
use broker::target::Unusable;
use http::StatusCode;

/// Why nothing was connected, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// We cannot do our part.
    #[error("the broker cannot do its part: {0}")]
    Broken(&'static str),
    /// The target's record changed while the person was away.
    #[error("the target has changed since consent was asked for")]
    Changed,
    /// There is no such page.
    #[error("there is no such page")]
    NotFound,
    /// The authorization server does not grant what the MCP server wants; the next consent asks for
    /// less.
    #[error("the authorization server does not grant what the MCP server wants")]
    NotGranted,
    /// No consent waits for this answer: it was given already, too long ago, or never asked for.
    #[error("no consent waits for this answer")]
    NotPending,
    /// The answer is not accepted.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// Signing in did not work.
    #[error(transparent)]
    SignIn(#[from] IdentityError),
    /// This browser did not begin a sign-in, or too long ago.
    #[error("this browser is not signing in")]
    NotSigningIn,
    /// Something that we depend on does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The code was not exchanged.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store did not say whether it has written the connection.
    #[error("it is not known whether the connection was written: {0}")]
    Unclear(StoreError),
    /// Our registration may not be used here.
    #[error("the target's client may not be used: {0}; connect the target anew")]
    Unusable(#[from] Unusable),
}

impl From<NoRandomness> for Refusal {
    fn from(_: NoRandomness) -> Self {
        Self::Broken("no random bytes")
    }
}

impl From<SealError> for Refusal {
    fn from(_: SealError) -> Self {
        Self::Broken("nothing can be sealed")
    }
}

impl From<NotALocation> for Refusal {
    fn from(_: NotALocation) -> Self {
        Self::Broken("a configured URL cannot be used")
    }
}

impl Refusal {
    /// The outcome as it is logged: a closed set.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Broken(_) => "broken",
            Self::Changed => "target_changed",
            Self::NotFound => "not_found",
            Self::NotGranted => "not_granted",
            Self::NotPending => "not_pending",
            Self::NotSigningIn => "not_signing_in",
            Self::Response(error) => match error {
                ResponseError::AnotherBrowser => "another_browser",
                ResponseError::AnotherIssuer => "another_issuer",
                ResponseError::AnotherSubject => "another_subject",
                ResponseError::AnotherTarget => "another_target",
                ResponseError::Declined => "declined",
                ResponseError::Expired => "expired",
                ResponseError::InvalidScope => "invalid_scope",
                ResponseError::NoCode => "no_code",
                ResponseError::Repeated => "repeated",
                ResponseError::ServerError => "server_error",
            },
            Self::SignIn(_) => "sign_in_failed",
            Self::Store(_) => "store_failed",
            Self::Token(_) => "exchange_failed",
            Self::Unclear(_) => "unclear",
            Self::Unusable(_) => "client_unusable",
        }
    }
}

impl From<&Refusal> for Page {
    fn from(refusal: &Refusal) -> Self {
        let (status, heading, what_happened) = match refusal {
            Refusal::NotFound => {
                (StatusCode::NOT_FOUND, "There is nothing here", "The address is not one of ours.")
            }
            Refusal::NotPending
            | Refusal::Response(ResponseError::Expired | ResponseError::AnotherBrowser) => (
                StatusCode::BAD_REQUEST,
                "This step was done already, or took too long",
                "This browser is not waiting for the answer that it brought. Nothing was connected by it.",
            ),
            Refusal::Response(ResponseError::AnotherSubject) => (
                StatusCode::FORBIDDEN,
                "You are not signed in as the person who agreed",
                "Somebody else signed in at this browser meanwhile, or the sign-in ran out. Nothing was connected.",
            ),
            Refusal::Response(ResponseError::AnotherIssuer | ResponseError::AnotherTarget) => (
                StatusCode::BAD_REQUEST,
                "The answer came from the wrong place",
                "It was not sent by the authorization server that was asked, or not to where it belongs. \
                 Nothing was connected, and nothing it said was used.",
            ),
            Refusal::Response(
                ResponseError::Declined
                | ResponseError::InvalidScope
                | ResponseError::NoCode
                | ResponseError::Repeated
                | ResponseError::ServerError,
            )
            | Refusal::Token(TokenError::InvalidGrant) => (
                StatusCode::BAD_REQUEST,
                "The authorization server did not agree",
                "It answered with an error instead of a permission. Nothing was connected.",
            ),
            Refusal::NotGranted => (
                StatusCode::BAD_REQUEST,
                "The authorization server does not grant what this server needs",
                "More was asked for than it gives. Nothing was connected or ended. When you connect \
                 again, what was refused will not be asked for.",
            ),
            Refusal::NotSigningIn => (
                StatusCode::BAD_REQUEST,
                "This sign-in was done already, or took too long",
                "This browser is not waiting for the answer that it brought.",
            ),
            Refusal::SignIn(IdentityError::Rejected(_)) => (
                StatusCode::FORBIDDEN,
                "Signing in did not work",
                "The identity provider's answer was not accepted.",
            ),
            Refusal::Changed => (
                StatusCode::CONFLICT,
                "This server's settings were changed meanwhile",
                "You agreed to something that is no longer so. Nothing was connected.",
            ),
            Refusal::SignIn(IdentityError::Unavailable(_))
            | Refusal::Store(StoreError::Unavailable(_))
            | Refusal::Token(TokenError::Unavailable(_)) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "That did not work just now",
                "Something that we depend on did not answer. Nothing was connected.",
            ),
            Refusal::Unclear(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "That did not work just now",
                "Something that we depend on did not answer. It is not known whether you are connected.",
            ),
            Refusal::Unusable(_) => {
                return page::refusal(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &page::Refusal {
                        heading: "This is our fault",
                        what_happened: "The broker's own registration at this server is no longer good. Nothing was connected.",
                        what_to_do: "Tell your administrator, who has to renew it; trying again before will not help.",
                    },
                );
            }
            Refusal::Broken(_)
            | Refusal::SignIn(IdentityError::AnotherIssuer)
            | Refusal::Store(StoreError::Unreadable(_))
            | Refusal::Token(
                TokenError::InvalidClient | TokenError::Misconfigured | TokenError::Refused(_),
            ) => {
                return page::refusal(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &page::Refusal {
                        heading: "This is our fault",
                        what_happened: "The broker is not set up correctly. Nothing was connected.",
                        what_to_do: "Tell your administrator when this happened; trying again will not help.",
                    },
                );
            }
        };
        let what_to_do = if let Refusal::Unclear(_) = refusal {
            "Go back to your agent and ask it again: if you are not connected, it will show you a new link."
        } else {
            "Go back to your agent and ask it again: it will show you a new link."
        };
        page::refusal(status, &page::Refusal { heading, what_happened, what_to_do })
    }
}
