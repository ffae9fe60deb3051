//! How a command ends: what it says, to a person or to a program, and its exit code.

use broker::target::{AuthorizationServer, Resource};
use serde::Serialize;
use serde_json::json;
use std::fmt;
use std::process::ExitCode;

/// What the caller does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Nothing.
    Done = 0,
    /// Read why not; of `doctor`: there is drift.
    Refused = 1,
    /// Write the command otherwise.
    Usage = 2,
    /// Run it again later.
    TryAgain = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what was asked, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Refusal {
    /// One word for programs.
    pub kind: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What the operator can do.
    #[serde(rename = "do")]
    pub remedy: String,
    /// What was asked on the way, and what came of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// What was found all the same, if that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Box<Found>>,
    /// The exit code.
    #[serde(skip)]
    pub exit: Exit,
}

/// What a target's record needs that an MCP server and its authorization server publish.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Found {
    /// What the tokens are for.
    pub resource: Resource,
    /// Who issues them, and where.
    pub authorization_server: AuthorizationServer,
    /// What is to be asked for.
    pub scopes: Vec<String>,
    /// What to register there.
    pub redirect_uri: String,
}

impl Refusal {
    /// Nothing to be done by repeating it.
    pub fn new(kind: &'static str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            kind,
            problem: problem.into(),
            remedy: remedy.into(),
            tried: Vec::new(),
            found: None,
            exit: Exit::Refused,
        }
    }

    /// The command itself is wrong.
    pub fn usage(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new("usage", problem, remedy) }
    }

    /// It may go well the next time.
    pub fn try_again(problem: impl Into<String>) -> Self {
        Self { exit: Exit::TryAgain, ..Self::new("unavailable", problem, "Run it again later.") }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.problem, self.remedy)
    }
}

/// What a command has to say when it has done its work.
pub trait Report: fmt::Display + Serialize {
    /// How it ends.
    fn exit(&self) -> Exit {
        Exit::Done
    }
}

/// Says it on stdout, refusals to people on stderr, and answers the exit code.
pub fn conclude<R: Report>(result: Result<R, Refusal>, as_json: bool) -> ExitCode {
    match result {
        Ok(report) if as_json => {
            println!("{}", json!(report));
            report.exit().into()
        }
        Ok(report) => {
            println!("{report}");
            report.exit().into()
        }
        Err(refusal) => {
            if as_json {
                println!("{}", json!({ "error": refusal }));
            } else {
                eprintln!("latchkey: {refusal}");
            }
            refusal.exit.into()
        }
    }
}

/// Answers a command that cannot be read: in words as `clap` has them, or in JSON.
pub fn misread(error: &clap::Error, as_json: bool) -> ExitCode {
    // Help and version are answers, too, and no errors.
    if !as_json || !error.use_stderr() {
        let _ = error.print();
        return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
    }
    let text = error.to_string();
    let words: Vec<_> = text
        .lines()
        .take_while(|line| !line.starts_with("Usage:"))
        .flat_map(str::split_whitespace)
        .collect();
    let problem = words.join(" ").trim_start_matches("error: ").to_owned();
    let refusal = Refusal::usage(problem, "See how it is written: latchkey help");
    println!("{}", json!({ "error": refusal }));
    Exit::Usage.into()
}
