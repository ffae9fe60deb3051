//! The one place that turns failure into a page.

use broker::clock::NoRandomness;
use broker::identity::IdentityError;
use broker::page::{self, NotALocation, Page};
use broker::seal::SealError;
use broker::session::{FormError, SignInError};
use broker::store::StoreError;
use broker::target::Unusable;
use broker::ticket::TicketError;
use http::StatusCode;

/// Why a person sees another page than the one they asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The form did not come from our page.
    #[error("the form did not come from this session's page")]
    ForeignForm,
    /// What was sent is not what our page sends.
    #[error("the request cannot be read")]
    Malformed,
    /// There is no such page.
    #[error("there is no such page")]
    NotFound,
    /// Signing in is not possible.
    #[error(transparent)]
    SignIn(#[from] IdentityError),
    /// Something that we depend on does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The link cannot be used.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// Our registration may not be used here, or not for long enough.
    #[error(
        "the target's client may not be used: {0}; connect the target anew with `latchkey connect`"
    )]
    Unusable(#[from] Unusable),
    /// We cannot do our part.
    #[error("the broker cannot do its part: {0}")]
    Broken(&'static str),
}

impl From<FormError> for Refusal {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Foreign => Self::ForeignForm,
            FormError::Repeated => Self::Malformed,
        }
    }
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Identity(error) => error.into(),
            SignInError::Location(error) => error.into(),
            SignInError::Seal(error) => error.into(),
        }
    }
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

impl From<&Refusal> for Page {
    fn from(refusal: &Refusal) -> Self {
        let (status, heading, what_happened, what_to_do) = match refusal {
            Refusal::ForeignForm => (
                StatusCode::FORBIDDEN,
                "This page is out of date",
                "The form was not sent from the page that this browser was shown last.",
                "Open the link again and answer there.",
            ),
            Refusal::Malformed => (
                StatusCode::BAD_REQUEST,
                "This request cannot be read",
                "Something in the address or the form is missing or given twice.",
                "Open the link again, exactly as you were given it.",
            ),
            Refusal::NotFound => (
                StatusCode::NOT_FOUND,
                "There is nothing to connect here",
                "No server of this name is set up.",
                "Check the link. If it came from your agent, ask it again.",
            ),
            Refusal::SignIn(IdentityError::Rejected(_) | IdentityError::Unavailable(_))
            | Refusal::Store(StoreError::Unavailable(_)) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "That did not work just now",
                "Something that we depend on did not answer. Nothing was changed.",
                "Wait a moment and open the link again.",
            ),
            Refusal::Ticket(TicketError::Expired) => (
                StatusCode::GONE,
                "This link has expired",
                "A link can be used for half an hour after your agent showed it.",
                "Ask your agent again: it will show you a new one.",
            ),
            Refusal::Ticket(TicketError::Unreadable) => (
                StatusCode::BAD_REQUEST,
                "This link cannot be used",
                "It is incomplete, or was made for something else.",
                "Ask your agent again: it will show you a new one.",
            ),
            Refusal::Unusable(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "This is our fault",
                "The broker's own registration at this server is no longer good. Nothing was changed.",
                "Tell your administrator, who has to renew it; trying again before will not help.",
            ),
            Refusal::SignIn(IdentityError::AnotherIssuer)
            | Refusal::Store(StoreError::Unreadable(_))
            | Refusal::Broken(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "This is our fault",
                "The broker is not set up correctly. Nothing was changed.",
                "Tell your administrator when this happened; trying again will not help.",
            ),
        };
        page::refusal(status, &page::Refusal { heading, what_happened, what_to_do })
    }
}
