//! What functions share, over real sockets and against servers that behave as told.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../simulation/authorization_server.rs"]
mod authorization_server;
#[cfg(feature = "aws")]
mod aws;
mod client;
mod doors;
mod http;
mod identity;
mod kept;
mod outcomes;
mod providers;
mod queue;
#[cfg(feature = "aws")]
mod quick;
#[path = "../simulation/reading.rs"]
mod reading;
mod refresh;
mod registrant;
mod revocation;
mod sign_in;
mod support;
mod token;
