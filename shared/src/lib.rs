//! The nouns of Latchkey, and the verbs that two functions share.
//!
//! | Word | Meaning here |
//! |---|---|
//! | [`Subject`](subject::Subject) | The end user, as issuer and name. Never `sub` alone. |
//! | [`Target`](target::Target) | An MCP server as the gateway names it, with all we need to act there. |
//! | [`Resource`](target::Resource) | The MCP server's URI, what a token is for. Kept byte for byte. |
//! | [`AuthorizationServer`](target::AuthorizationServer) | Issuer and endpoints. |
//! | [`Client`](target::Client) | Our registration there. |
//! | [`Quirks`](quirks::Quirks) | Where its authorization server departs from the RFCs. |
//! | [`Discovery`](discovery::Discovery) | All that a target needs besides our client there, as its servers publish it. |
//! | [`Registration`](registration::Registration) | A client with its secret, and the issuer that it is good at. |
//! | [`Ticket`](ticket::Ticket) | A sealed, expiring note of who was asked to connect. It proves nothing. |
//! | [`PendingAuthorization`](pending::PendingAuthorization) | Consent under way. Taken once. |
//! | [`State`](pending::State) | RFC 6749's `state`, and nothing else. |
//! | [`TokenSet`](tokens::TokenSet) | Access token, refresh token, expiry, granted scopes. |
//! | [`Connection`](connection::Connection) | The durable fact that a subject lets us act at a target. |
//! | [`Due`](due::Due) | A connection that is to be renewed before anybody needs it. |
//! | [`StepUp`](step_up::StepUp) | What operations need beyond what was consented to. |
//! | [`Catalog`](catalog::Catalog) | The tool list that the gateway holds for a target, and what is noted of keeping it. |
//! | [`Lease`](store::Lease) | The sole, expiring, fenced right to refresh one connection. |
//! | [`Breakers`](breaker::Breakers) | For how long a failing authorization server is left alone. |
//! | [`Recent`](recent::Recent) | What an instance found out a moment ago. |
//! | [`seal`] | Authenticated encryption bound to its owner, and its inverse. |
//!
//! Nouns import nouns above them; verbs import nouns and ports; adapters import nouns, ports and
//! their own crate. `aws` and `memory` are Cargo features, so a noun that names them does not
//! compile. Time and chance are arguments.

// Nouns.
pub mod catalog;
pub mod connection;
pub mod due;
pub mod pending;
pub mod quirks;
pub mod step_up;
pub mod subject;
pub mod target;
pub mod ticket;
pub mod tokens;

// Verbs.
pub mod breaker;
pub mod discovery;
pub mod identity;
pub mod oauth;
pub mod recent;
pub mod refresh;
pub mod registration;
pub mod registry;
pub mod seal;
pub mod session;

// Edges.
#[cfg(feature = "aws")]
pub mod aws;
pub mod clock;
pub mod config;
pub mod gateway;
pub mod http;
pub mod log;
#[cfg(feature = "memory")]
pub mod memory;
pub mod metrics;
pub mod page;
pub mod queue;
pub mod store;
