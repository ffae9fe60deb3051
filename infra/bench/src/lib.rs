//! Measures the interceptor against a floor, an echo and its peers.
//!
//! The real binaries run as they do in Lambda: a process that asks a Runtime API for events. Around
//! them stand servers on the loopback interface that answer as AWS and an identity provider do. All
//! figures that are compared come from one run, in which the variants take turns.

pub mod arguments;
pub mod baseline;
mod caller;
mod callgrind;
pub mod canary;
mod certificates;
mod cloud;
pub mod comparison;
mod event;
mod failure;
pub mod mode;
pub mod modes;
pub mod plot;
mod process;
pub mod programs;
mod provider;
mod quota;
pub mod readme;
mod runtime_api;
mod scene;
mod secrets;
mod server;
pub mod statistics;
mod table;
pub mod text;
mod variant;

pub use failure::Failure;
