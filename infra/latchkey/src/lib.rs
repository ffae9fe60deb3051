//! The operator's command: what `latchkey local` runs beside the broker (a gateway to try the
//! interceptor against, and three demo servers, so that nothing has to be configured to see it work),
//! and what connects, lists, checks and removes MCP servers.

pub mod answer;
pub mod attach;
pub mod connect;
pub mod demo;
pub mod disconnect;
pub mod doctor;
pub mod gateway;
pub mod local;
pub mod operator;
pub mod stack;
pub mod story;
pub mod targets;
pub mod verdict;
