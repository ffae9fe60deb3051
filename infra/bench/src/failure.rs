//! Why a measurement was not made.

use std::io;
use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something of this machine's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A program is missing: build or install it.
    #[error("{0} is missing: build or install it; infra/check builds what --quick counts")]
    Missing(PathBuf),
    /// A variant did something else than it was asked: its figures would be of no use.
    #[error("{variant}: {what}\n{log}")]
    Variant {
        /// Which one.
        variant: String,
        /// What it did.
        what: String,
        /// The end of what it printed.
        log: String,
    },
    /// The certificates or keys of this run could not be made.
    #[error("keys for this run cannot be made: {0}")]
    Keys(String),
    /// The engine under a table that grows did not do what it was asked.
    #[error("the engine: {0}")]
    Engine(#[from] dynoxide::DynoxideError),
    /// A tool's output is not as expected.
    #[error("{tool}: {what}")]
    Tool {
        /// Which tool.
        tool: &'static str,
        /// What is wrong.
        what: String,
    },
}
