//! The command line.

use crate::mode::Mode;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Measures the interceptor against a floor, an echo and its peers. Builds what it needs first.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// What to do instead.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to measure; all if nothing is named.
    #[arg(value_enum)]
    pub modes: Vec<Mode>,
    /// Count instructions only, and fail if there are more than agreed.
    #[arg(long)]
    pub quick: bool,
    /// With `--quick`: agree on what is counted now.
    #[arg(long, requires = "quick")]
    pub renew: bool,
    /// Build nothing.
    #[arg(long)]
    pub as_built: bool,
    /// The release binary of the interceptor.
    #[arg(long, default_value = "target/release/interceptor")]
    pub interceptor: PathBuf,
    /// Where the other programs are built.
    #[arg(long, default_value = "target/release")]
    pub built: PathBuf,
    /// Where the interceptor is built with nobody's settings.
    #[arg(long, default_value = "target/bench/stock")]
    pub stock: PathBuf,
    /// Where the peers are installed.
    #[arg(long, default_value = ".tools/bench")]
    pub peers: PathBuf,
    /// A variant to leave out, by its name.
    #[arg(long)]
    pub without: Vec<String>,
    /// The most rows of a table whose growth is measured.
    #[arg(long, default_value_t = 1_000_000)]
    pub most_rows: usize,
    /// How many rounds count.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// How many warm calls follow each start.
    #[arg(long, default_value_t = 100)]
    pub calls: usize,
}

/// What is done without measuring.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Writes the results of the last run into the documents: a table of ratios and pictures.
    Report,
}

impl Arguments {
    /// Whether `mode` is asked for.
    pub fn asks_for(&self, mode: Mode) -> bool {
        if self.quick {
            return mode == Mode::Callgrind;
        }
        self.modes.is_empty() || self.modes.contains(&mode)
    }

    /// A program of this workspace.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.built.join(name)
    }
}
