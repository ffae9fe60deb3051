//! `latchkey disconnect`: an operator ends people's connections at a target of a deployment.
//!
//! All rows are ended before an authorization server is asked anything: whatever that answers, and
//! however long it takes, agents cannot act there any more. What was cut off until then is taken up by
//! the next run, which finds the rows that are still there. Tokens that were not given back by then
//! end by their expiry only: nobody has them any more.

mod back;
mod ended;
mod kept;

pub use ended::Ended;

use crate::answer::{Exit, Refusal, conclude};
use crate::connect::Moment;
use crate::operator::{Access, Operator, Where};
use back::Back;
use broker::aws::DynamoStore;
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::connection::Connection;
use broker::store::{ConnectionStore, StoreError};
use broker::subject::SubjectId;
use broker::target::TargetName;
use clap::Args;
use kept::Kept;
use std::process::ExitCode;
use std::time::SystemTime;
use tokio::task::JoinSet;

/// Ends connections at a target, then gives their tokens back where that can be done.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The target.
    #[arg(long, value_name = "NAME")]
    target: String,
    /// Whose connection, by the key that the table has, or its beginning, as logs have it.
    #[arg(long, value_name = "KEY", required_unless_present = "everyone")]
    subject: Option<String>,
    /// Everybody's.
    #[arg(long, conflicts_with = "subject")]
    everyone: bool,
    /// Do it. Without this it is only said what would be done.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    at: Where,
}

/// Whose connections.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// One subject's.
    One(SubjectId),
    /// Everybody's.
    Everyone,
}

impl Arguments {
    /// Does it, and says what came of it.
    pub async fn run(self) -> ExitCode {
        conclude(self.disconnect().await, self.at.json)
    }

    async fn disconnect(&self) -> Result<Ended, Refusal> {
        // Also while the stack is being changed, or cannot be: this is for the bad days.
        let operator = Operator::of_stack(self.at.stack().await?, Access::Look)?;
        let target = operator.name(&self.target)?;
        let whose = match &self.subject {
            Some(subject) => Whose::One(operator.subject(&target, subject).await?),
            None => Whose::Everyone,
        };
        let moment = Moment { now: SystemClock.now(), random: &SystemRandom };
        if !self.yes {
            return Err(operator.would_end(&target, whose).await?);
        }
        operator.end(&target, whose, moment).await
    }
}

impl Operator {
    /// The subject of this key, or of the one key at `target` that begins so: logs name no more of it.
    pub async fn subject(&self, target: &TargetName, key: &str) -> Result<SubjectId, Refusal> {
        if let Some(subject) = SubjectId::from_key(key) {
            return Ok(subject);
        }
        let mut found = Vec::new();
        let mut after = None;
        while key.len() >= FINGERPRINT {
            let page = self.store.scan(Some(target), after.as_ref()).await?;
            let subjects = page.connections.into_iter().map(|connection| connection.subject);
            found.extend(subjects.filter(|subject| subject.key().starts_with(key)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        match found[..] {
            [subject] => Ok(subject),
            [] => Err(Refusal::usage(
                format!("no connection at {target} has a subject whose key begins so"),
                "Give the attribute `subject` of the connection, or its first 8 characters.",
            )),
            _ => Err(Refusal::usage(
                format!("several connections at {target} have subjects whose keys begin so"),
                "Give the whole attribute `subject` of the connection.",
            )),
        }
    }

    /// What there would be to end.
    pub async fn would_end(&self, target: &TargetName, whose: Whose) -> Result<Refusal, Refusal> {
        let mut active = 0;
        match whose {
            Whose::One(subject) => {
                let found = self.store.find_connection(&subject, target).await?;
                active += usize::from(found.is_some_and(|found| found.is_active()));
            }
            Whose::Everyone => {
                let mut after = None;
                loop {
                    let page = self.store.scan(Some(target), after.as_ref()).await?;
                    active += page.connections.iter().filter(|found| found.is_active()).count();
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(Refusal {
            kind: "not_confirmed",
            ..Refusal::usage(
                format!("{active} connections at {target} would be ended; nothing was changed"),
                "Repeat the command with --yes to end them. Whoever was connected is then asked to \
                 connect again.",
            )
        })
    }

    /// Ends connections at `target`.
    pub async fn end(
        &self,
        target: &TargetName,
        whose: Whose,
        moment: Moment<'_>,
    ) -> Result<Ended, Refusal> {
        let mut ended = Ended::at(target);
        let mut back = Back::open(self, target, &mut ended).await;
        let mut kept = Kept::at_most(KEPT);
        let mut failed = None;
        match whose {
            Whose::One(subject) => {
                let found = self.store.disconnect(&subject, target, moment.now).await?;
                ended.connections += usize::from(found.is_some());
                kept.extend(found);
            }
            Whose::Everyone => {
                failed = self.end_all(target, &mut kept, moment.now, &mut ended).await.err();
                self.step(&format!("{}; now their tokens are given back", ended.so_far()));
            }
        }
        self.give_all(kept, &mut back, moment, &mut ended).await;
        if let Some(error) = failed {
            return Err(cut_off(error, &ended));
        }
        if ended.is_nothing() && !back.is_registered() {
            return Err(self.unknown(target.as_str()));
        }
        Ok(ended)
    }

    /// Ends every row. What the connections were is kept.
    async fn end_all(
        &self,
        target: &TargetName,
        kept: &mut Kept<Connection>,
        now: SystemTime,
        ended: &mut Ended,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.store.scan(Some(target), after.as_ref()).await?;
            ended.unreadable += page.unreadable;
            let active = page.connections.into_iter().filter(Connection::is_active);
            let subjects: Vec<_> = active.map(|connection| connection.subject).collect();
            for some in subjects.chunks(AT_ONCE) {
                let (found, error) = end_some(&self.store, target, some, now).await;
                ended.connections += found.len();
                kept.extend(found);
                if let Some(error) = error {
                    return Err(error);
                }
            }
            self.step(&format!("{} ended", ended.connections));
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Gives back the tokens of all that were ended, which takes as long as their authorization server
    /// does.
    async fn give_all(
        &self,
        kept: Kept<Connection>,
        back: &mut Back,
        moment: Moment<'_>,
        ended: &mut Ended,
    ) {
        ended.not_given_back("more were ended at once than this command keeps", kept.beyond);
        let mut connections = kept.connections.into_iter();
        for group in 1.. {
            let some: Vec<_> = connections.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                return;
            }
            back.give(some, moment, ended).await;
            if group % SAID_EVERY == 0 {
                self.step(&ended.so_far());
            }
        }
    }
}

/// Ends the rows of `subjects`. The answer is the connections as they were, and what went wrong with
/// one of the others.
async fn end_some(
    store: &DynamoStore,
    target: &TargetName,
    subjects: &[SubjectId],
    now: SystemTime,
) -> (Vec<Connection>, Option<StoreError>) {
    let mut rows = JoinSet::new();
    for subject in subjects {
        let (store, subject, target) = (store.clone(), *subject, target.clone());
        rows.spawn(async move { store.disconnect(&subject, &target, now).await });
    }
    let (mut found, mut failed) = (Vec::new(), None);
    while let Some(row) = rows.join_next().await {
        match row {
            Ok(Ok(connection)) => found.extend(connection),
            Ok(Err(error)) => failed = Some(error),
            Err(error) => failed = Some(StoreError::Unavailable(Box::new(error))),
        }
    }
    (found, failed)
}

/// What was done until then stays done.
fn cut_off(error: StoreError, ended: &Ended) -> Refusal {
    let refusal = Refusal::from(error);
    let problem = format!("{}; {}", ended.so_far(), refusal.problem);
    Refusal {
        problem,
        remedy: "Run the same command again: it goes on with those that are left.".to_owned(),
        exit: if refusal.exit == Exit::Usage { Exit::Refused } else { refusal.exit },
        ..refusal
    }
}

/// As many characters of a key as logs have.
const FINGERPRINT: usize = 8;
/// A table takes more, but an authorization server may not.
const AT_ONCE: usize = 16;
/// As many as fit into a laptop's memory with room to spare: a row is a few kilobytes.
const KEPT: usize = 50_000;
/// In groups of [`AT_ONCE`].
const SAID_EVERY: usize = 32;
