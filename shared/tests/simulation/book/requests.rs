//! What is promised of requests.

use super::{Book, Request, Sent, Told, Won};

impl Book {
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
}

/// By how much, in milliseconds, with a margin.
const CLOCKS_DIFFER: u64 = 2500;
