//! The command line.

use crate::mode::Mode;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Measures the interceptor against a floor, an echo and its peers. Builds what it needs first.
#[derive(Clone, Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// What to do instead.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to measure; all if nothing is named.
    #[arg(value_enum)]
    pub modes: Vec<Mode>,
    /// Count instructions only, of what `infra/check` built, and fail if there are more than agreed.
    #[arg(long)]
    pub quick: bool,
    /// With `--quick`: agree on what is counted now.
    #[arg(long, requires = "quick", conflicts_with_all = ["without", "interceptor", "built"])]
    pub renew: bool,
    /// Build nothing.
    #[arg(long)]
    pub as_built: bool,
    /// The release binary of the interceptor.
    #[arg(long, default_value = "target/release/interceptor")]
    #[arg(default_value_if("quick", "true", DEPLOYED))]
    pub interceptor: PathBuf,
    /// Where the other programs are built.
    #[arg(long, default_value = "target/release")]
    #[arg(default_value_if("quick", "true", MEASURES))]
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
    #[arg(long, default_value_t = 8)]
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

    /// Whether no variant of that name is to play.
    pub(crate) fn leaves_out(&self, name: &str) -> bool {
        self.without.iter().any(|without| without == name)
    }

    /// The interceptor as it is built with nobody's settings.
    pub(crate) fn stocked(&self) -> PathBuf {
        self.stock.join("release/unprepared")
    }

    /// A program of this workspace.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.built.join(name)
    }
}

/// Built as what is deployed, by SAM and with its linker: counts of other builds differ by some percent.
const DEPLOYED: &str = ".aws-sam/build/Interceptor/bootstrap";
const MEASURES: &str = ".tools/measures";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_agreed_on_is_what_is_deployed_and_nothing_else() {
        let parsed = |line: &str| Arguments::try_parse_from(line.split(' '));
        let quick = parsed("bench --quick --renew").unwrap();
        assert_eq!(quick.interceptor, PathBuf::from(DEPLOYED));
        assert_eq!(quick.built("floor"), PathBuf::from(MEASURES).join("floor"));
        assert_eq!(
            parsed("bench warm").unwrap().built("floor"),
            PathBuf::from("target/release/floor")
        );
        assert_eq!(parsed("bench --quick --built b").unwrap().built, PathBuf::from("b"));
        for other in ["--built b", "--interceptor i", "--without echo"] {
            assert!(parsed(&format!("bench --quick --renew {other}")).is_err(), "{other}");
        }
    }
}
