//! What the table of connections says of itself. No token is opened.

use super::Deployment;
use crate::answer::Refusal;
use broker::aws::DynamoStore;
use broker::connection::{Connection, Status};
use broker::target::TargetName;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What was counted.
#[derive(Default)]
struct Counted {
    seen: usize,
    active: usize,
    ended: usize,
    /// Those that no refresh token renews, by when they expire.
    expiring: usize,
    expired: usize,
    unreadable: usize,
    longest: BTreeMap<TargetName, usize>,
}

pub(super) async fn examine(
    store: &DynamoStore,
    now: SystemTime,
    deployment: &mut Deployment,
) -> Result<(), Refusal> {
    let mut counted = Counted::default();
    let mut after = None;
    loop {
        let page = store.scan(None, after.as_ref()).await?;
        counted.unreadable += page.unreadable;
        page.connections.iter().for_each(|connection| counted.count(connection, now));
        after = page.next;
        if after.is_none() || counted.seen >= ENOUGH {
            break;
        }
    }
    let Counted { seen, active, ended, expiring, expired, unreadable, longest } = counted;
    let more = if after.is_some() { " of the first that were read" } else { "" };
    deployment.notes.push(format!(
        "{seen} connections{more}: {active} active, {ended} ended. Of the active ones {expiring} expire \
         and {expired} have expired for want of a refresh token."
    ));
    if unreadable > 0 {
        deployment.found(
            "unreadable",
            format!("{unreadable} connections cannot be read"),
            "They may be of another version of Latchkey. Nobody is served by them: their people are \
             asked to try again.",
        );
    }
    for (name, length) in longest.into_iter().filter(|(_, length)| *length > HEADER_LIMIT) {
        deployment.notes.push(format!(
            "A token set of {name} has {length} bytes, its refresh token included. If the access token \
             alone is longer than {HEADER_LIMIT}, the gateway may not pass it on: try such a call."
        ));
    }
    Ok(())
}

impl Counted {
    fn count(&mut self, connection: &Connection, now: SystemTime) {
        self.seen += 1;
        let Status::Active { sealed, expires_at, renewable, .. } = &connection.status else {
            self.ended += 1;
            return;
        };
        self.active += 1;
        match (renewable, *expires_at <= now) {
            (true, _) => {}
            (false, true) => self.expired += 1,
            (false, false) => self.expiring += 1,
        }
        // What is sealed is longer than the header's value: it holds more than the token.
        let longest = self.longest.entry(connection.target.clone()).or_default();
        *longest = sealed.0.len().max(*longest);
    }
}

/// Enough to see whether something is wrong; a scan costs what it reads.
const ENOUGH: usize = 5_000;
/// What the gateway takes in a header's value.
const HEADER_LIMIT: usize = 4096;
