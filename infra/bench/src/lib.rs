//! Measures the interceptor against a floor, an echo and its peers.
//!
//! The real binaries run as they do in Lambda: a process that asks a Runtime API for events. Around
//! them stand servers on the loopback interface that answer as AWS and an identity provider do. All
//! figures that are compared come from one run, in which the variants take turns.

mod ahead;
pub mod arguments;
pub mod baseline;
pub mod bill;
mod caller;
mod callgrind;
pub mod canary;
mod certificates;
mod cloud;
pub mod comparison;
pub mod copies;
pub mod cost;
mod crowd;
mod due_queue;
mod engine;
mod event;
mod failure;
mod load;
mod marks;
pub mod mode;
pub mod modes;
pub mod plot;
mod prices;
mod process;
mod processors;
pub mod programs;
mod provider;
mod quota;
pub mod readme;
pub mod results;
mod runtime_api;
mod scene;
mod secrets;
mod server;
pub mod statistics;
mod sweep;
mod table;
pub mod text;
mod variant;

pub use failure::Failure;
