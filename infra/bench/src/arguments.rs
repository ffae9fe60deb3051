//! The command line.

use crate::mode::Mode;
use clap::Parser;
use std::path::PathBuf;

/// Measures the interceptor against a floor, an echo and its peers.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// What to measure; all if nothing is named.
    #[arg(value_enum)]
    pub modes: Vec<Mode>,
    /// The release binary of the interceptor.
    #[arg(long, default_value = "target/release/interceptor")]
    pub interceptor: PathBuf,
    /// Where the floor and the echo are built.
    #[arg(long, default_value = "target/release")]
    pub built: PathBuf,
    /// Where the peers are installed.
    #[arg(long, default_value = ".tools/bench")]
    pub peers: PathBuf,
    /// A variant to leave out, by its name.
    #[arg(long)]
    pub without: Vec<String>,
    /// How many rounds count.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// How many warm calls follow each start.
    #[arg(long, default_value_t = 100)]
    pub calls: usize,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/results.json")]
    pub results: PathBuf,
}

impl Arguments {
    /// Whether `mode` is asked for.
    pub fn asks_for(&self, mode: Mode) -> bool {
        self.modes.is_empty() || self.modes.contains(&mode)
    }

    /// A program of this workspace.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.built.join(name)
    }
}
