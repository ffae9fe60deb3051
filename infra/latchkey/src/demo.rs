//! Three servers that stand in for other people's, so that `latchkey local` needs no configuration.
//!
//! - An **identity provider**, where Alice and Bob sign in without a password. It issues the tokens
//!   that open the gateway.
//! - An **authorization server** of somebody else's, which asks for consent and issues the tokens that
//!   open one MCP server. Both are one implementation in two [`Role`]s.
//! - That **MCP server**, which keeps notes and refuses whoever has no token made for it.
//!
//! They belong on the loopback interface and nowhere else: whoever reaches the identity provider may
//! be anyone he likes.

mod authorization_server;
mod keys;
mod ledger;
mod mcp_server;
mod page;
mod parameters;
mod people;

pub use authorization_server::{
    AuthorizationServer, KnownClient, Role, StartError, authorization_server,
};
pub use mcp_server::{McpServer, mcp_server, mcp_tools};
pub use people::Person;
