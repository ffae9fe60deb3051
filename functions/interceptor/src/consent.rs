//! Asking a person for consent in the middle of a call, and waiting for it.

use crate::authorization::{POLL, TIME_LIMIT, store_refusal};
use crate::challenge::{Answer, Dialect, INPUT_KEY};
use crate::event::Output;
use crate::json::Verbatim;
use crate::message::Call;
use crate::refusal::Refusal;
use crate::request_state::RequestState;
use crate::{Interceptor, forward, refuse};
use broker::clock::Clock;
use broker::connection::Status;
use broker::store::{ClientSecrets, ConnectionStore, TargetStore, UsedConnections};
use broker::subject::SubjectId;
use broker::target::Target;
use broker::ticket::Ticket;
use serde_json::Value;
use std::time::{Duration, SystemTime};

impl<T, C, S, K> Interceptor<T, C, S, K>
where
    T: TargetStore,
    C: ConnectionStore + UsedConnections,
    S: ClientSecrets,
    K: Clock,
{
    /// Asks for consent.
    pub(crate) fn ask(&self, call: &Call, consent: Consent<'_>, now: SystemTime) -> Output {
        let Consent { subject, target, dialect, foreign, wider } = consent;
        let (ring, name) = (&self.browser_keys, &target.name);
        let Ok(ticket) = Ticket::new(&subject, now).seal(ring, name) else {
            return refuse(call, Some(target), Refusal::TryAgain);
        };
        let ours = RequestState { asked_at: now, ticket, wider, wrapped: foreign };
        let Ok(state) = ours.seal(call, ring, &subject, name) else {
            return refuse(call, Some(target), Refusal::TryAgain);
        };
        let link = self.base_url.connect_url(name, &ours.ticket);
        let answer = Answer::Ask { link: &link, request_state: Some(state) };
        answer_with(&answer, call, &subject, target, dialect, wider)
    }

    /// Asks for consent, or waits for the consent that was asked for.
    pub(crate) async fn challenge(
        &self,
        call: Call,
        ours: Option<RequestState>,
        consent: Consent<'_>,
        now: SystemTime,
        patience: Patience,
    ) -> Output {
        let Some(ours) = ours.filter(|_| consent.dialect == Dialect::InputRequired) else {
            return self.ask(&call, consent, now);
        };
        let Consent { subject, target, dialect, wider, .. } = consent;
        let link = self.base_url.connect_url(&target.name, &ours.ticket);
        let Ok(state) = ours.seal(&call, &self.browser_keys, &subject, &target.name) else {
            return refuse(&call, Some(target), Refusal::TryAgain);
        };
        let answer = match response(&call) {
            Some("decline" | "cancel") => Answer::Declined,
            _ => match self.hold(&subject, target, wider, patience, now + TIME_LIMIT).await {
                Ok(Some(authorization)) => {
                    return forward(call, Some(&ours), &subject, target, authorization);
                }
                Ok(None) if self.clock.now() < ours.asked_at + PATIENCE => {
                    Answer::Wait { request_state: state }
                }
                Ok(None) => Answer::StillWaiting { link: &link },
                Err(refusal) => return refuse(&call, Some(target), refusal),
            },
        };
        answer_with(&answer, &call, &subject, target, dialect, wider)
    }

    /// Waits a while for the person at the browser, so that the call which they were asked during is
    /// the one that is answered. What they just connected needs no renewal, so nothing here takes
    /// longer than a read.
    async fn hold(
        &self,
        subject: &SubjectId,
        target: &Target,
        wider: bool,
        patience: Patience,
        deadline: SystemTime,
    ) -> Result<Option<Verbatim>, Refusal> {
        let polls = if patience == Patience::Full { HOLD_POLLS } else { 0 };
        for _ in 0..polls {
            // What came before may have taken its time.
            if deadline < self.clock.now() + POLL + POLL {
                break;
            }
            tokio::time::sleep(POLL).await;
            let found = self.connections.find_connection(subject, &target.name).await;
            let Some(connection) = found.map_err(|error| store_refusal(&error))? else { continue };
            if wider && !connection.step_up.wanted.is_empty() {
                continue;
            }
            match connection.status {
                Status::Active { expires_at, .. } if self.clock.now() < expires_at => {
                    if let Some(authorization) = self.open(&connection, subject, target) {
                        return Ok(Some(authorization));
                    }
                }
                Status::Active { .. } | Status::Disconnected { .. } => {}
            }
        }
        Ok(None)
    }
}

/// Whether a call may be held while its user is at the browser.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Patience {
    Full,
    /// It was held before.
    Spent,
}

/// What is missing, and how to ask for it.
pub(crate) struct Consent<'a> {
    pub(crate) subject: SubjectId,
    pub(crate) target: &'a Target,
    pub(crate) dialect: Dialect,
    /// The target's own `requestState`, which ours is about to replace.
    pub(crate) foreign: Option<String>,
    /// Whether there is a connection, which opens too little.
    pub(crate) wider: bool,
}

fn answer_with(
    answer: &Answer<'_>,
    call: &Call,
    subject: &SubjectId,
    target: &Target,
    dialect: Dialect,
    wider: bool,
) -> Output {
    tracing::info!(
        outcome = answer.outcome(),
        target_name = %target.name,
        %subject,
        dialect = dialect.as_str(),
        wider,
        "{} needs consent of {subject}",
        target.name,
    );
    answer.to_output(call, target, dialect, wider)
}

/// What the person answered to our question: `accept`, `decline` or `cancel`.
fn response(call: &Call) -> Option<&str> {
    call.input_responses.get(INPUT_KEY)?.get("action").and_then(Value::as_str)
}

/// Seven seconds: the function is stopped after ten.
const HOLD_POLLS: u32 = 14;
/// How long a call waits for its user, over all its rounds: clients give up after ten.
const PATIENCE: Duration = Duration::from_mins(1);
