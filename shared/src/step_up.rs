//! What operations need beyond what was consented to, and how often that was asked for.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#step-up-authorization-flow>

use crate::discovery::scopes::{is_scope, widened};
use crate::seal;
use std::collections::BTreeSet;

/// A connection's history of scopes that turned out to be too narrow. It is kept in plain text, and
/// with the row until the subject disconnects; everything in it is bounded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StepUp {
    /// Scopes that an MCP server wants and that the subject has not been asked for since.
    pub wanted: BTreeSet<String>,
    /// Scopes beyond the target's own that the subject was asked for before: they belong to every
    /// later consent, or that would take them away.
    pub widened: BTreeSet<String>,
    /// The attempts of each operation, numbered: a set, so that calls at once make one attempt.
    pub attempts: BTreeSet<String>,
}

/// What to do when an operation was refused for want of scopes.
#[derive(Debug, Eq, PartialEq)]
pub enum Next {
    /// Ask: an earlier call has written down what for.
    Ask,
    /// Write this down, then ask.
    Add(StepUp),
    /// It was asked for often enough, or there is nothing to ask for.
    GiveUp,
}

/// A tool, prompt or resource, by a digest of its method and name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation(String);

impl Operation {
    /// The operation of this name.
    pub fn new(method: &str, name: &str) -> Self {
        let mut digest = seal::text(&seal::fingerprint(["operation", method, name]));
        digest.truncate(DIGEST_LENGTH);
        Self(digest)
    }

    fn attempt(&self, number: usize) -> String {
        format!("{}:{number}", self.0)
    }
}

impl StepUp {
    /// All that the subject is to be asked for at a target that asks for `own`: what was asked for
    /// before, and what is wanted now.
    pub fn asked(&self, own: &[String]) -> Vec<String> {
        let more: Vec<String> = self.widened.iter().chain(&self.wanted).cloned().collect();
        if more.is_empty() { own.to_vec() } else { widened(own, &more) }
    }

    /// Whether the subject has not yet been asked for `scope`, at a target that asks for `own`.
    pub fn is_new(&self, scope: &String, own: &[String]) -> bool {
        self.wanted.contains(scope) && !self.widened.contains(scope) && !own.contains(scope)
    }

    /// What to do now that `operation` was refused by a server that wants `challenged`, or does not
    /// say what, at a target that asks for `own`. `granted` is what the token has.
    pub fn next(
        &self,
        operation: &Operation,
        challenged: Option<&str>,
        own: &[String],
        granted: &[String],
    ) -> Next {
        let mut wanted = kept(challenged.unwrap_or_default().split(' '));
        if wanted.is_empty() {
            wanted = kept(own.iter().map(String::as_str));
        }
        let beyond = kept(granted.iter().filter(|s| !own.contains(s)).map(String::as_str));
        let made = self.attempts.iter().filter(|attempt| {
            attempt.split_once(':').is_some_and(|(digest, _)| digest == operation.0)
        });
        let made = made.count();
        if made > 0 && !wanted.is_empty() && wanted.is_subset(&self.wanted) {
            return Next::Ask;
        }
        let scopes = self.wanted.len() + self.widened.len() + wanted.len();
        let full = scopes > MOST_SCOPES || self.attempts.len() >= MOST_ATTEMPTS;
        if made >= ATTEMPTS || wanted.is_empty() || full {
            return Next::GiveUp;
        }
        let widened = if scopes + beyond.len() > MOST_SCOPES { BTreeSet::new() } else { beyond };
        let attempts = BTreeSet::from([operation.attempt(made + 1)]);
        Next::Add(Self { wanted, widened, attempts })
    }

    /// Both histories in one.
    pub fn add(&mut self, other: &Self) {
        self.wanted.extend(other.wanted.iter().cloned());
        self.widened.extend(other.widened.iter().cloned());
        self.attempts.extend(other.attempts.iter().cloned());
    }

    /// The subject was asked for `asked`, of which `beyond` are not the target's own.
    pub fn widen(&mut self, asked: &[String], beyond: &[String]) {
        self.wanted.retain(|scope| !asked.contains(scope));
        self.widened.extend(beyond.iter().cloned());
    }

    /// The authorization server grants none of `refused`, or not all of it, and does not say which.
    /// The attempts stay, or a server could ask for it for ever.
    pub fn narrow(&mut self, refused: &[String]) {
        self.wanted.retain(|scope| !refused.contains(scope));
        self.widened.retain(|scope| !refused.contains(scope));
    }
}

/// What may be kept and shown of a server's words: scopes of a bearable length. `offline_access` is
/// no operation's need, and asked for by other rules.
/// <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>
fn kept<'a>(scopes: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let fit = |scope: &&str| {
        is_scope(scope) && scope.len() <= LONGEST_SCOPE && *scope != "offline_access"
    };
    scopes.filter(fit).map(str::to_owned).collect()
}

/// "No more than a few times", as the specification has it.
const ATTEMPTS: usize = 3;
/// A row holds a few kilobytes at most: each number bounds one of its parts.
const MOST_ATTEMPTS: usize = 96;
const MOST_SCOPES: usize = 32;
const LONGEST_SCOPE: usize = 128;
/// 96 bits: enough to tell the operations of one connection apart.
const DIGEST_LENGTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(scopes: &str) -> Vec<String> {
        scopes.split_whitespace().map(str::to_owned).collect()
    }

    fn add(history: &mut StepUp, operation: &str, challenged: &str) -> Next {
        let operation = Operation::new("tools/call", operation);
        let next = history.next(&operation, Some(challenged), &list("read"), &list("read"));
        if let Next::Add(more) = &next {
            history.add(more);
        }
        next
    }

    #[test]
    fn u5_the_union_is_asked_for_now_and_with_every_later_consent() {
        let mut history = StepUp::default();
        assert_eq!(history.asked(&list("read b")), list("read b"));
        assert!(matches!(add(&mut history, "x", "write read"), Next::Add(_)));
        assert_eq!(history.asked(&list("read")), list("read write"));
        assert!(history.is_new(&"write".into(), &list("read")));
        assert!(!history.is_new(&"read".into(), &list("read")));
        history.widen(&list("read write"), &list("write"));
        assert!(history.wanted.is_empty());
        assert!(!history.is_new(&"write".into(), &list("read")));
        add(&mut history, "x", "admin");
        assert_eq!(history.asked(&list("read")), list("read write admin"));
    }

    #[test]
    fn u5_what_was_granted_beyond_the_targets_own_stays() {
        let operation = Operation::new("tools/call", "x");
        let next = StepUp::default().next(&operation, Some("w"), &list("r"), &list("r extra"));
        let Next::Add(more) = next else { panic!("{next:?}") };
        assert_eq!(more.asked(&list("r")), list("r extra w"));
        assert!(more.is_new(&"w".into(), &list("r")) && !more.is_new(&"extra".into(), &list("r")));
    }

    #[test]
    fn u5_an_operation_has_three_attempts_and_waiting_is_none() {
        let mut history = StepUp::default();
        for scope in ["a", "b", "c"] {
            assert!(matches!(add(&mut history, "x", scope), Next::Add(_)));
            // The person has not answered yet.
            assert_eq!(add(&mut history, "x", scope), Next::Ask);
            history.widen(&list(scope), &list(scope));
        }
        assert_eq!(add(&mut history, "x", "d"), Next::GiveUp);
        assert_eq!(add(&mut history, "x", "a"), Next::GiveUp);
        // Others have attempts of their own.
        assert!(matches!(add(&mut history, "y", "d"), Next::Add(_)));
    }

    #[test]
    fn u5_what_the_authorization_server_refuses_is_asked_for_no_more_and_three_times_at_most() {
        let mut history = StepUp::default();
        history.widen(&[], &list("write"));
        for _ in 0..3 {
            assert!(matches!(add(&mut history, "x", "bogus"), Next::Add(_)));
            history.narrow(&list("bogus write"));
            assert_eq!(history.asked(&list("read")), list("read"));
        }
        assert_eq!(add(&mut history, "x", "bogus"), Next::GiveUp);
    }

    #[test]
    fn u5_what_is_no_scope_is_neither_kept_nor_shown() {
        let mut history = StepUp::default();
        let long = "a".repeat(129);
        let challenged = format!("ok \"<b>\" a\\b \u{e9} {long} x\r\ny offline_access");
        add(&mut history, "x", &challenged);
        assert_eq!(history.wanted, BTreeSet::from(["ok".to_owned()]));
    }

    #[test]
    fn u5_a_server_that_does_not_say_what_it_wants_is_given_the_targets_own() {
        let operation = Operation::new("tools/call", "x");
        for challenged in [None, Some(""), Some("\"")] {
            let next = StepUp::default().next(&operation, challenged, &list("r"), &[]);
            let Next::Add(more) = next else { panic!("{next:?}") };
            assert_eq!(more.wanted, BTreeSet::from(["r".to_owned()]));
            let next = StepUp::default().next(&operation, challenged, &[], &[]);
            assert_eq!(next, Next::GiveUp);
        }
    }

    #[test]
    fn u5_neither_scopes_nor_operations_grow_without_bound() {
        let mut history = StepUp::default();
        for number in 0..1000 {
            add(&mut history, &format!("tool {number}"), &format!("scope{number}"));
        }
        assert!(history.wanted.len() <= MOST_SCOPES);
        let mut history = StepUp::default();
        for number in 0..1000 {
            add(&mut history, &format!("tool {number}"), "write");
        }
        assert_eq!(history.attempts.len(), MOST_ATTEMPTS);
        let many: Vec<String> = (0..100).map(|number| format!("s{number}")).collect();
        assert_eq!(add(&mut StepUp::default(), "x", &many.join(" ")), Next::GiveUp);
    }
}
