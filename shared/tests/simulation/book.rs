//! The book that is kept of a run, and the promises that it must bear out.

#[path = "book/endings.rs"]
mod endings;
#[path = "book/requests.rs"]
mod requests;
#[path = "book/seen.rs"]
mod seen;

pub(crate) use endings::End;
pub(crate) use seen::Seen;

use std::collections::BTreeSet;

/// What happened, as far as promises are about it. A `key` is a person, by number.
#[derive(Debug, Default)]
pub(crate) struct Book {
    trace: Option<Vec<String>>,
    pub(crate) violation: Option<String>,
    pub(crate) seen: Seen,
    calls: Vec<Call>,
    leases: Vec<Held>,
    requests: Vec<Request>,
    won: Vec<Won>,
    journal: Vec<Entry>,
    /// Refresh tokens of which the server said `invalid_grant`.
    refused: BTreeSet<String>,
    /// Refresh tokens that were given up unasked, where a replay is punished.
    given_up: BTreeSet<String>,
    /// Access tokens that were ever in the store.
    written: BTreeSet<String>,
    /// Access tokens that were found to be no good.
    expired: BTreeSet<String>,
    /// Per key: whether the connection was active after each write.
    active: [Vec<bool>; 2],
    /// Per key: the consent that was written last, unless the person has disconnected.
    consents: [Option<usize>; 2],
}

#[derive(Clone, Debug, Default)]
struct Call {
    key: usize,
    /// How many writes there had been when it began.
    since: usize,
    sent: Vec<String>,
    quiet_until: u64,
}

#[derive(Debug)]
struct Held {
    worker: usize,
    key: usize,
    until: u64,
    ended: bool,
}

#[derive(Debug)]
struct Request {
    worker: usize,
    key: usize,
    grant: usize,
    refresh: String,
    state: Sent,
    stopped: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sent {
    UnderWay,
    Answered,
    Unanswered,
}

/// An entry of the journal.
#[derive(Debug)]
struct Entry {
    worker: usize,
    refresh: String,
    requests: u32,
    began_at: u64,
    /// Whether its outcome was written.
    concluded: bool,
    /// Whether its holder left it there.
    left: bool,
}

#[derive(Debug)]
struct Won {
    worker: usize,
    key: usize,
    grant: usize,
    refresh: String,
    /// Whether the worker that won it has told its caller.
    told: bool,
    /// Whether its worker died, or was told by the store that it cannot be written.
    excused: bool,
}

/// What the worker is told of its request.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Won(String),
    InvalidGrant,
    Answered { retry_after: Option<u64> },
    Unanswered,
}

impl Book {
    pub(crate) fn new(workers: usize, traced: bool) -> Self {
        Self {
            trace: traced.then(Vec::new),
            calls: vec![Call::default(); workers],
            ..Self::default()
        }
    }

    pub(crate) fn note(&mut self, now: u64, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!(
                "{:>9.3} s  {}",
                std::time::Duration::from_millis(now).as_secs_f64(),
                line()
            ));
        }
    }

    pub(crate) fn trace(&self) -> String {
        self.trace.as_deref().unwrap_or_default().join("\n")
    }

    /// A promise was broken. The first one counts.
    pub(crate) fn broken(&mut self, promise: impl FnOnce() -> String) {
        self.violation.get_or_insert_with(promise);
    }

    pub(crate) fn stopped(&mut self, worker: usize, now: u64) {
        self.note(now, || format!("{worker} is stopped"));
        for request in &mut self.requests {
            if request.worker == worker && request.state == Sent::UnderWay && !request.stopped {
                request.stopped = true;
                self.seen.stopped_in_request += 1;
            }
        }
    }

    pub(crate) fn killed(&mut self, worker: usize, now: u64) {
        self.note(now, || format!("{worker} is killed"));
        self.calls[worker] = Call::default();
        self.disown(worker);
        for request in &mut self.requests {
            if request.worker == worker && request.state == Sent::UnderWay {
                request.state = Sent::Unanswered;
                self.seen.killed_in_request += 1;
            }
        }
        for won in &mut self.won {
            won.excused |= won.worker == worker && !won.told;
        }
    }

    /// What the worker wrote into the journal is of another life.
    fn disown(&mut self, worker: usize) {
        for entry in self.journal.iter_mut().filter(|entry| entry.worker == worker) {
            entry.worker = NOBODY;
        }
    }

    pub(crate) fn begins(&mut self, worker: usize, key: usize) {
        self.disown(worker);
        let since = self.active[key].len();
        let call = &mut self.calls[worker];
        (call.key, call.since) = (key, since);
        call.sent.clear();
    }

    pub(crate) fn leased(&mut self, worker: usize, key: usize, until: u64) {
        self.leases.push(Held { worker, key, until, ended: false });
    }

    /// After a write that ended every lease of `key`.
    pub(crate) fn leases_end(&mut self, key: usize) {
        for held in self.leases.iter_mut().filter(|held| held.key == key) {
            held.ended = true;
        }
    }

    /// After any write: what the row holds. What was found to be no good never becomes good again, and
    /// a consent that is over never comes back.
    pub(crate) fn wrote(&mut self, key: usize, held: Option<(&str, usize)>, fresh: bool) {
        self.active[key].push(held.is_some());
        if let Some((access, grant)) = held {
            if self.consents[key] != Some(grant) {
                self.broken(|| format!("{access} is of a consent of {key} that is over"));
            }
            if fresh && self.expired.contains(access) {
                self.broken(|| format!("{access} was no good, and is good again"));
            }
            self.written.insert(access.to_owned());
        }
    }

    pub(crate) fn found_expired(&mut self, access: &str) {
        self.seen.expired += 1;
        self.expired.insert(access.to_owned());
    }

    pub(crate) fn journaled(&mut self, worker: usize, refresh: &str, requests: u32, began_at: u64) {
        self.journal.push(Entry {
            worker,
            refresh: refresh.to_owned(),
            requests,
            began_at,
            concluded: false,
            left: false,
        });
    }

    /// A holder gave the lease back, and left an entry of so many requests.
    pub(crate) fn released(&mut self, worker: usize, refresh: &str, left: Option<u32>) {
        let theirs = |entry: &&mut Entry| entry.worker == worker && entry.refresh == refresh;
        if let Some(entry) = self.journal.iter_mut().rev().find(theirs) {
            entry.left = left == Some(entry.requests);
            entry.concluded |= !entry.left;
        }
    }

    pub(crate) fn consented(&mut self, key: usize, grant: usize) {
        self.seen.consents += 1;
        self.consents[key] = Some(grant);
    }

    pub(crate) fn disconnected(&mut self, key: usize) {
        self.seen.disconnects += 1;
        self.consents[key] = None;
    }

    /// The renewal is over.
    pub(crate) fn told(&mut self, worker: usize, unwritten: bool) {
        for won in self.won.iter_mut().filter(|won| won.worker == worker && !won.told) {
            won.told = true;
            won.excused |= unwritten;
        }
    }

    /// Tokens won late found others in their place, with which the server is as content: a server
    /// that gives grace gives several.
    pub(crate) fn superseded(&mut self, worker: usize) {
        for won in self.won.iter_mut().filter(|won| won.worker == worker && !won.told) {
            won.excused = true;
        }
    }

    /// The refresh tokens that were won for the present consent of `key` and that no excuse covers.
    pub(crate) fn to_be_kept(&self, key: usize) -> impl Iterator<Item = &str> {
        let present = move |won: &&Won| won.key == key && Some(won.grant) == self.consents[key];
        let kept = |won: &&Won| !won.excused && !self.given_up.contains(&won.refresh);
        self.won.iter().filter(present).filter(kept).map(|won| &*won.refresh)
    }
}

const NOBODY: usize = usize::MAX;
