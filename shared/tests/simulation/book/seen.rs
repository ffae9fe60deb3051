//! What was seen in a run, or in many.

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
    /// Whether there was something of everything: a story in which nothing happens breaks no promise.
    pub(crate) fn is_everything(&self) -> bool {
        let counts = [
            self.requests,
            self.won,
            self.unanswered,
            self.asked_again,
            self.stopped_in_request,
            self.killed_in_request,
            self.amended,
            self.deferred,
            self.invalid_grant,
            self.rotation_lost,
            self.consents,
            self.disconnects,
            self.expired,
        ];
        counts.iter().all(|count| *count > 0)
    }

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
