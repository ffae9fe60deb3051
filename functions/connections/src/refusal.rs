//! The one place that turns failure into a page.

use broker::identity::IdentityError;
use broker::page::{self, NotALocation, Page};
use broker::seal::SealError;
use broker::session::{FormError, SignInError};
use broker::store::StoreError;
use http::StatusCode;

/// Why a person sees another page than the one they asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// What was sent is not what our page sends.
    #[error(transparent)]
    Form(#[from] FormError),
    /// There is no such page.
    #[error("there is no such page")]
    NotFound,
    /// Signing in is not possible.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// Something that we depend on does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// We cannot do our part.
    #[error("the broker cannot do its part: {0}")]
    Broken(&'static str),
}

impl From<SealError> for Refusal {
    fn from(_: SealError) -> Self {
        Self::Broken("nothing can be sealed")
    }
}

impl From<NotALocation> for Refusal {
    fn from(_: NotALocation) -> Self {
        Self::Broken("a path of our own cannot be used")
    }
}

impl From<&Refusal> for Page {
    fn from(refusal: &Refusal) -> Self {
        let (status, heading, what_happened, what_to_do) = match refusal {
            Refusal::Form(FormError::Foreign) => (
                StatusCode::FORBIDDEN,
                "This page is out of date",
                "The form was not sent from the page that this browser was shown last. Nothing was changed.",
                "Open your connections again and answer there.",
            ),
            Refusal::Form(FormError::Repeated) => (
                StatusCode::BAD_REQUEST,
                "This request cannot be read",
                "Something in the form is given twice. Nothing was changed.",
                "Open your connections again and answer there.",
            ),
            Refusal::NotFound => (
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "The address is not one of ours.",
                "Check the address.",
            ),
            Refusal::SignIn(SignInError::Identity(
                IdentityError::Rejected(_) | IdentityError::Unavailable(_),
            ))
            | Refusal::Store(StoreError::Unavailable(_)) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "That did not work just now",
                "Something that we depend on did not answer.",
                "Wait a moment, open your connections again, and look at what they say.",
            ),
            Refusal::SignIn(
                SignInError::Identity(IdentityError::AnotherIssuer)
                | SignInError::Location(_)
                | SignInError::Seal(_),
            )
            | Refusal::Store(StoreError::Unreadable(_))
            | Refusal::Broken(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "This is our fault",
                "The broker is not set up correctly.",
                "Tell your administrator when this happened; trying again will not help.",
            ),
        };
        page::refusal(status, &page::Refusal { heading, what_happened, what_to_do })
    }
}
