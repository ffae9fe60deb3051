//! The command line.

use clap::{Parser, ValueEnum};
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

/// A kind of measurement.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Mode {
    /// A start and its first call, over TLS.
    Cold,
    /// A call of a process that has answered before.
    Warm,
    /// A message that needs no token.
    Pass,
    /// A table that takes 3 ms.
    Delay,
    /// Bodies from 1 KB to 6 MB.
    Size,
    /// The share of a processor that small functions get.
    Quota,
    /// From 1 to 100 targets.
    Growth,
    /// Instructions.
    Callgrind,
}

impl Mode {
    /// Every kind, in the order in which they are measured.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }
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
