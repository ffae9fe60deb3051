//! Tokens of connections that were ended are given back.

use super::Ended;
use crate::connect::Moment;
use crate::operator::Operator;
use crate::stack::Stack;
use broker::aws::Secrets;
use broker::clock::SystemRandom;
use broker::connection::Connection;
use broker::http::Http;
use broker::oauth::ending::NotGivenBack;
use broker::oauth::revocation::{RevocationError, Revoker};
use broker::seal::KeyRing;
use broker::store::TargetStore;
use broker::target::{SecretName, Target, TargetName};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::task::JoinSet;

/// What it takes to give tokens of one target back. Rows are ended without it, too.
pub(super) struct Back {
    registered: bool,
    parts: Option<Arc<Parts>>,
    /// How often in a row the authorization server has not answered.
    unanswered: usize,
}

struct Parts {
    target: Target,
    ring: KeyRing,
    secrets: Secrets,
    http: Http,
}

impl Back {
    /// What cannot be had is noted in `ended`.
    pub(super) async fn open(operator: &Operator, name: &TargetName, ended: &mut Ended) -> Self {
        let target = match operator.store.find_target(name).await {
            Ok(target) => target,
            Err(error) => {
                ended.notes.push(format!("The record of {name} cannot be read: {error}."));
                None
            }
        };
        let registered = target.is_some();
        let mut parts = None;
        if let (Some(target), Some(stack)) = (target, operator.stack()) {
            match ring(stack).await {
                Ok(ring) => {
                    let secrets = stack.secrets();
                    let http = operator.reach(&target.endpoint);
                    parts = Some(Arc::new(Parts { target, ring, secrets, http }));
                }
                Err(why) => ended.notes.push(format!("No token can be opened: {why}.")),
            }
        }
        Self { registered, parts, unanswered: 0 }
    }

    /// Whether there is such a target.
    pub(super) fn is_registered(&self) -> bool {
        self.registered
    }

    /// Gives back the tokens of `connections`, as they were before their rows were ended.
    pub(super) async fn give(
        &mut self,
        connections: Vec<Connection>,
        moment: Moment<'_>,
        ended: &mut Ended,
    ) {
        let Some(parts) = &self.parts else {
            let why =
                if self.registered { "they could not be opened" } else { "the target is gone" };
            ended.not_given_back(why, connections.len());
            return;
        };
        if self.unanswered >= PATIENT_WITH {
            let why = "the authorization server did not answer, and was asked no more";
            ended.not_given_back(why, connections.len());
            return;
        }
        let mut asked = JoinSet::new();
        for connection in connections {
            let (parts, now) = (Arc::clone(parts), moment.now);
            asked.spawn(async move { parts.give(&connection, now).await });
        }
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(())) => {
                    self.unanswered = 0;
                    ended.given_back += 1;
                }
                Ok(Err(error)) => {
                    let silent =
                        matches!(error, NotGivenBack::Revocation(RevocationError::Unavailable(_)));
                    self.unanswered = if silent { self.unanswered + 1 } else { 0 };
                    ended.not_given_back(&error.to_string(), 1);
                }
                Err(error) => ended.not_given_back(&error.to_string(), 1),
            }
        }
    }
}

impl Parts {
    async fn give(&self, connection: &Connection, now: SystemTime) -> Result<(), NotGivenBack> {
        let Self { target, ring, secrets, http } = self;
        let revoker = Revoker { http, target, secrets, random: &SystemRandom };
        revoker.give_back(connection, ring, now).await
    }
}

async fn ring(stack: &Stack) -> Result<KeyRing, String> {
    let name = stack.needed("TokenKeysSecret").map_err(|refusal| refusal.problem)?;
    let secrets = stack.secrets();
    let text = secrets.text(&SecretName(name.to_owned())).await;
    KeyRing::for_tokens(&text.map_err(|error| error.to_string())?)
        .map_err(|error| error.to_string())
}

/// So often it may be silent before the others are no longer held up for it.
const PATIENT_WITH: usize = 5;
