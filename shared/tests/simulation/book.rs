//! The book that is kept of a run, and the promises that it must bear out.

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

/// How often what happened: a simulation in which nothing happens proves nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) won: u64,
    pub(crate) unanswered: u64,
    pub(crate) asked_again: u64,
    pub(crate) stopped_in_request: u64,
    pub(crate) killed_in_request: u64,
    pub(crate) amended: u64,
    pub(crate) deferred: u64,
    pub(crate) invalid_grant: u64,
    pub(crate) rotation_lost: u64,
    pub(crate) consents: u64,
    pub(crate) disconnects: u64,
    pub(crate) expired: u64,
}

impl Seen {
    pub(crate) fn add(&mut self, seen: &Self) {
        self.requests += seen.requests;
        self.won += seen.won;
        self.unanswered += seen.unanswered;
        self.asked_again += seen.asked_again;
        self.stopped_in_request += seen.stopped_in_request;
        self.killed_in_request += seen.killed_in_request;
        self.amended += seen.amended;
        self.deferred += seen.deferred;
        self.invalid_grant += seen.invalid_grant;
        self.rotation_lost += seen.rotation_lost;
        self.consents += seen.consents;
        self.disconnects += seen.disconnects;
        self.expired += seen.expired;
    }
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

    /// From the third request with a token on, there is a pause before it.
    fn is_hasty(&self, worker: usize, refresh: &str, local: u64) -> bool {
        let of_token = || self.journal.iter().rev().filter(|entry| entry.refresh == refresh);
        let Some(own) = of_token().find(|entry| entry.worker == worker) else { return false };
        own.requests > 2
            && of_token().any(|entry| {
                entry.requests + 1 == own.requests
                    && entry.left
                    && local + CLOCKS_DIFFER < entry.began_at + 30_000
            })
    }

    /// At most one live request per consent while leases hold; one request with one token in one
    /// renewal; none after a lost answer where that is punished; none while the server wants quiet.
    pub(crate) fn request_leaves(
        &mut self,
        worker: usize,
        refresh: &str,
        grant: usize,
        local: u64,
        punished: bool,
    ) {
        let key = self.calls[worker].key;
        self.seen.requests += 1;
        if self.calls[worker].sent.iter().any(|sent| sent == refresh) {
            self.broken(|| format!("{worker} sent {refresh} twice in one renewal"));
        }
        self.calls[worker].sent.push(refresh.to_owned());
        if local < self.calls[worker].quiet_until {
            self.broken(|| format!("{worker} asked a server that wanted to be left alone"));
        }
        if self.is_hasty(worker, refresh, local) {
            self.broken(|| format!("{worker} asks with {refresh} again and again"));
        }
        let unanswered = self
            .requests
            .iter()
            .any(|sent| sent.refresh == refresh && sent.state != Sent::Answered);
        if unanswered {
            self.seen.asked_again += 1;
        }
        if unanswered && punished {
            self.broken(|| format!("{worker} sent {refresh} again, which is punished"));
        }
        let live = self.requests.iter().any(|sent| {
            sent.grant == grant
                && sent.state == Sent::UnderWay
                && self.leases.iter().any(|held| {
                    held.worker == sent.worker
                        && held.key == key
                        && !held.ended
                        && local + CLOCKS_DIFFER < held.until
                })
        });
        if live {
            self.broken(|| format!("{worker} asked while another held the lease and asked"));
        }
        self.requests.push(Request {
            worker,
            key,
            grant,
            refresh: refresh.to_owned(),
            state: Sent::UnderWay,
            stopped: false,
        });
    }

    /// A lease outlasts its request, unless its holder was stopped.
    pub(crate) fn request_ends(&mut self, worker: usize, told: &Told, local: u64) {
        let Some(request) = self
            .requests
            .iter_mut()
            .rev()
            .find(|sent| sent.worker == worker && sent.state == Sent::UnderWay)
        else {
            return;
        };
        request.state =
            if matches!(told, Told::Unanswered) { Sent::Unanswered } else { Sent::Answered };
        let (key, grant, stopped) = (request.key, request.grant, request.stopped);
        let spent = request.refresh.clone();
        match told {
            Told::Won(refresh) => {
                self.seen.won += 1;
                let refresh = refresh.clone();
                self.won.push(Won { worker, key, grant, refresh, told: false, excused: false });
            }
            Told::InvalidGrant => {
                self.refused.insert(spent);
            }
            Told::Answered { retry_after } => {
                let call = &mut self.calls[worker];
                let seconds = retry_after.unwrap_or_default();
                call.quiet_until = call.quiet_until.max(local + 1000 * seconds);
            }
            Told::Unanswered => self.seen.unanswered += 1,
        }
        let held = self.leases.iter().rev().find(|held| held.worker == worker && held.key == key);
        if !stopped && held.is_none_or(|held| held.until < local) {
            self.broken(|| format!("the lease of {worker} was over before its request"));
        }
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

    /// A refresh ends a connection only if the server said so, or where a replay is punished; and it
    /// says why.
    pub(crate) fn ends(&mut self, worker: usize, refresh: &str, end: End) {
        let present = self.journal.iter().rposition(|entry| entry.worker == worker);
        let open =
            self.journal.iter().enumerate().any(|(i, entry)| {
                entry.refresh == refresh && !entry.concluded && Some(i) != present
            });
        let lost = self
            .requests
            .iter()
            .filter(|sent| sent.refresh == refresh)
            .any(|sent| sent.state != Sent::Answered);
        let refused = self.refused.contains(refresh);
        if end.rotation_lost {
            self.seen.rotation_lost += 1;
        } else {
            self.seen.invalid_grant += 1;
        }
        let without_asking = end.punished && end.attempted && end.rotation_lost && !end.usable;
        if without_asking {
            self.given_up.insert(refresh.to_owned());
            let unwritten =
                |entry: &Entry| entry.refresh == refresh && !entry.concluded && !entry.left;
            if !lost && !self.journal.iter().any(unwritten) {
                self.broken(|| format!("{refresh} was given up though every answer came"));
            }
        }
        if !refused && !without_asking {
            self.broken(|| format!("{refresh} was ended without the server's word: {end:?}"));
        }
        if end.served && !without_asking {
            self.broken(|| {
                format!("{refresh} was ended though the server would serve it: {end:?}")
            });
        }
        let wrong = if end.rotation_lost { !open } else { lost };
        if wrong && !without_asking && end.rotates {
            let why = if lost { "an answer to it was lost" } else { "every answer is known" };
            self.broken(|| format!("{refresh} was ended for the wrong reason: {why}: {end:?}"));
        }
    }

    /// What the caller is told is true: it ended while they asked, or the tokens are in the store.
    pub(crate) fn told_ended(&mut self, worker: usize) {
        let Call { key, since, .. } = self.calls[worker];
        if self.active[key][since.saturating_sub(1)..].iter().all(|active| *active) {
            self.broken(|| format!("{worker} said that {key} ended, and it had not"));
        }
    }

    pub(crate) fn told_renewed(&mut self, worker: usize, access: &str) {
        if !self.written.contains(access) {
            self.broken(|| format!("{worker} uses {access}, which nobody wrote"));
        }
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

/// A connection is about to be ended by a refresh.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct End {
    pub(crate) rotation_lost: bool,
    /// Whether the journal had an entry before.
    pub(crate) attempted: bool,
    /// Whether the access token can still be used.
    pub(crate) usable: bool,
    /// Whether the server would serve its refresh token.
    pub(crate) served: bool,
    pub(crate) punished: bool,
    /// Whether a refresh token is good for one request: else a lost answer loses nothing.
    pub(crate) rotates: bool,
}

const NOBODY: usize = usize::MAX;
/// By how much, in milliseconds, with a margin.
const CLOCKS_DIFFER: u64 = 2500;
