//! The catalog's keeper, against MCP servers of both eras and a control plane that fails when told to.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod control_plane;
mod crash;
mod doubt;
mod event;
mod keep;
mod listing;
mod mcp_server;
mod support;
mod world;
