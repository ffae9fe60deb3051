//! Keeps the gateway target's tool list equal to the MCP server's.
