//! `connect`, `targets` and `doctor` against servers that say what a test wants.

mod again;
mod check;
mod first;
mod local;
mod refusals;
pub(crate) mod world;
