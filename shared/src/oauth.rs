//! The Authorization Code flow with PKCE, from the client's side.
//!
//! [`request`] builds the authorization URL, [`response`] checks what comes back, [`token`] speaks to
//! the token endpoint, as the client that `authentication` proves us to be. The order is enforced by
//! types: only an [`response::Accepted`] can be exchanged.

mod answer;
pub mod assertion;
pub(crate) mod authentication;
pub mod ending;
pub mod request;
pub mod response;
pub mod revocation;
pub mod token;
