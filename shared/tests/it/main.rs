//! What functions share, over real sockets and against servers that behave as told.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod doors;
mod http;
mod identity;
mod refresh;
mod sign_in;
mod support;
mod token;
