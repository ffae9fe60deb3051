//! Keeps the gateway target's tool list equal to the MCP server's.

mod listing;

pub use listing::{ListingError, SIZE_LIMIT, TOOL_LIMIT, list_tools};
