//! What came of it.

use crate::answer::{Exit, Report};
use broker::target::TargetName;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// How many connections were ended, and what became of their tokens.
#[derive(Debug, Serialize)]
pub struct Ended {
    /// Where.
    pub target: String,
    /// How many connections were ended.
    pub connections: usize,
    /// Of how many the authorization server has confirmed that their tokens are withdrawn.
    pub given_back: usize,
    /// Of how many it has not, and why.
    pub not_given_back: BTreeMap<String, usize>,
    /// How many rows could not be read, and are not ended.
    pub unreadable: usize,
    /// What else the operator should know.
    pub notes: Vec<String>,
}

impl Ended {
    pub(super) fn at(target: &TargetName) -> Self {
        Self {
            target: target.to_string(),
            connections: 0,
            given_back: 0,
            not_given_back: BTreeMap::new(),
            unreadable: 0,
            notes: Vec::new(),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.connections == 0 && self.unreadable == 0
    }

    pub(super) fn not_given_back(&mut self, why: &str, connections: usize) {
        if connections > 0 {
            *self.not_given_back.entry(why.to_owned()).or_default() += connections;
        }
    }

    pub(super) fn so_far(&self) -> String {
        format!("{} ended, tokens of {} given back", self.connections, self.given_back)
    }
}

impl Report for Ended {
    fn exit(&self) -> Exit {
        if self.unreadable > 0 { Exit::Refused } else { Exit::Done }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connections at {} are ended.", self.connections, self.target)?;
        if self.connections > 0 {
            write!(
                f,
                "\n  tokens of {} are withdrawn at the authorization server",
                self.given_back
            )?;
        }
        for (why, count) in &self.not_given_back {
            write!(f, "\n  tokens of {count} may still be good there: {why}")?;
        }
        if self.unreadable > 0 {
            write!(
                f,
                "\n  {} rows cannot be read, and are not ended; nor can a function use them",
                self.unreadable
            )?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n\nNote: {note}"))
    }
}
