//! Per gateway message: pass it on, forward it with the calling user's token, or challenge.
//!
//! One way through: `event` reads, [`Interceptor::handle`] decides, `challenge` and
//! `event::Output` answer; `response` looks at what comes back, and `list` tells which lists are treated as
//! calls are. Whatever goes wrong becomes an answer in HTTP 200 that holds no token; the inbound JWT goes
//! nowhere.
//!
//! # Outcomes
//!
//! Each message that is not passed on as it came leaves one line with the field `outcome`, besides
//! `target_name` where there is one, and `dialect` where a person is asked. A message that is passed
//! on leaves none: those are the invocations without a line.
//!
//! | Outcome | What became of the message |
//! |---|---|
//! | `forwarded` | it went on with the person's token |
//! | `asked` | the person was asked to consent; as `input_required` once per call, else as often as the call is made |
//! | `waiting`, `still_waiting` | the person was asked before, and has not come to an end |
//! | `declined` | the person said no |
//! | `unreadable`, `refused_batch`, `malformed_call`, `bad_request_state` | it is not as MCP has it |
//! | `no_authorization`, `not_identified` | nobody knows who is calling |
//! | `broker_misconfigured` | an operator must look at our client |
//! | `insufficient_scope` | the MCP server wants more than there is to give |
//! | `token_refused`, `try_later` | the MCP server did not accept the token |
//! | `try_again` | something did not answer in time |
//!
//! Lines of what happened on the way have an outcome as well: `unopened` (sealed tokens were moved, or
//! their target changed), `token_paused`, `token_settling`, `token_refused_again`, `token_replaced`
//! and, once more, `token_refused` (what a refused token led to).

mod authorization;
mod challenge;
mod consent;
mod event;
mod extent;
mod injected;
mod json;
mod list;
mod message;
mod objection;
mod opened;
mod refusal;
mod request_state;
mod response;

pub use event::{Event, Output};
pub use injected::Injected;
pub use opened::Opened;

use broker::breaker::Breakers;
use broker::clock::Clock;
use broker::config::BaseUrl;
use broker::http::Http;
use broker::identity::{Caller, IdentityError, IdentityProvider};
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::store::{ClientSecrets, ConnectionStore, TargetStore, UsedConnections};
use broker::subject::SubjectId;
use broker::target::{Target, TargetName};
use challenge::INPUT_KEY;
use consent::{Consent, Patience};
use event::{GatewayRequest, Headers, Phase};
use json::Verbatim;
use message::{Body, Call};
use refusal::Refusal;
use request_state::{Carried, RequestState};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::SystemTime;
use tracing::field::display;

/// All that an interception needs.
pub struct Interceptor<T, C, S, K> {
    /// Which targets there are.
    pub targets: Registry<T>,
    /// Who is connected to them.
    pub connections: C,
    /// Our clients' secrets, to renew tokens.
    pub secrets: S,
    /// Who is calling.
    pub identity: IdentityProvider,
    /// How to reach token endpoints.
    pub http: Http,
    /// Which authorization servers are left alone for a while.
    pub breakers: Breakers,
    /// Seals tickets and `requestState`.
    pub browser_keys: KeyRing,
    /// Opens tokens.
    pub token_keys: KeyRing,
    /// Where people connect.
    pub base_url: BaseUrl,
    /// Inbound OAuth clients known to understand `-32042`, or `*`.
    pub url_elicitation_clients: Vec<String>,
    /// Whose tokens were sent lately.
    pub injected: Injected,
    /// The tokens that were opened a moment ago.
    pub opened: Opened,
    /// What time it is.
    pub clock: K,
}

impl<T, C, S, K> Interceptor<T, C, S, K>
where
    T: TargetStore,
    C: ConnectionStore + UsedConnections,
    S: ClientSecrets,
    K: Clock,
{
    /// Answers one invocation. There is no error: what cannot be understood is refused.
    pub async fn handle(&self, Event(phase): Event<'_>) -> Output {
        match phase {
            Phase::Http => Output::http(),
            Phase::Response(request, response) => self.answered(request, response).await,
            Phase::Request(GatewayRequest { headers, body }) => {
                self.decide(headers, Body::read(body)).await
            }
            Phase::Unreadable => refuse_message(None, Refusal::Unreadable),
        }
    }

    async fn decide(&self, headers: Headers<'_>, body: Body) -> Output {
        match body {
            Body::Call(call) => self.decide_call(headers, call, Patience::Full).await,
            Body::Empty => Output::pass(event::empty_object()),
            Body::Batch { needs_token: true, .. } => refuse_message(None, Refusal::Batch),
            Body::Batch { needs_token: false, lists: true, whole } => {
                self.decide_tokenless_list(None, whole, Refusal::Batch).await
            }
            Body::Other(whole) | Body::Batch { needs_token: false, lists: false, whole } => {
                Output::pass(whole)
            }
            Body::MalformedList { id, whole } => {
                self.decide_tokenless_list(id.as_deref(), whole, Refusal::MalformedList).await
            }
            Body::MalformedCall { id } => refuse_message(id.as_deref(), Refusal::MalformedCall),
            Body::Unreadable => refuse_message(None, Refusal::Unreadable),
        }
    }

    async fn decide_call(&self, headers: Headers<'_>, call: Call, patience: Patience) -> Output {
        let now = self.clock.now();
        let target = match self.target_of(&call, now).await {
            Ok(Some(target)) => target,
            // It gets no token, and whether it exists is the gateway's business.
            Ok(None) => return Output::pass(call.into_whole()),
            Err(refusal) => return refuse(&call, None, refusal),
        };
        let name = &target.name;
        let caller = match self.caller(headers, now).await {
            Ok(caller) => caller,
            Err(refusal) => return refuse(&call, Some(&target), refusal),
        };
        let subject = caller.subject;
        let carried = RequestState::of(&call, &self.browser_keys, &subject, name, now);
        let (ours, foreign) = match carried {
            Carried::Forged => return refuse(&call, Some(&target), Refusal::RequestState),
            Carried::Ours(state) => (Some(state), None),
            Carried::Foreign(state) => (None, state),
        };
        if ours.is_some() || patience == Patience::Spent {
            // They were asked, here or elsewhere, and what they said is in the table.
            self.opened.forget(&subject, &target);
        }
        let asked_for_more = ours.as_ref().is_some_and(|state| state.wider);
        let authorization = if asked_for_more && self.wants_more(&subject, &target).await {
            // What there is was refused a moment ago.
            Ok(None)
        } else {
            self.authorization(&subject, &target, now).await
        };
        match authorization {
            Ok(Some(authorization)) => {
                forward(call, ours.as_ref(), &subject, &target, authorization)
            }
            Ok(None) => {
                let dialect = self.dialect(headers, &call, caller.client.as_ref());
                let consent =
                    Consent { subject, target: &target, dialect, foreign, wider: asked_for_more };
                self.challenge(call, ours, consent, now, patience).await
            }
            Err(refusal) => refuse(&call, Some(&target), refusal),
        }
    }

    /// The target of ours that `call` is for.
    async fn target_of(
        &self,
        call: &Call,
        now: SystemTime,
    ) -> Result<Option<Arc<Target>>, Refusal> {
        if call.method.lists() {
            return self.listed_live(now).await;
        }
        let Some(name) = TargetName::of(&call.name) else { return Ok(None) };
        self.targets.find(&name, now).await.map_err(|error| {
            tracing::error!(%error, target_name = %name, "the registry cannot be read");
            Refusal::TryAgain
        })
    }

    /// Whether the person has yet to be asked for scopes that their token lacks. A store that does not
    /// answer is heard by whoever reads the connection next.
    async fn wants_more(&self, subject: &SubjectId, target: &Target) -> bool {
        let found = self.connections.find_connection(subject, &target.name).await;
        let found = found.ok().flatten();
        found.is_some_and(|found| found.is_active() && !found.step_up.wanted.is_empty())
    }

    async fn caller(&self, headers: Headers<'_>, now: SystemTime) -> Result<Caller, Refusal> {
        let authorization = headers.get("authorization").ok_or(Refusal::NoAuthorization)?;
        self.identity.caller(&authorization, now).await.map_err(|error| match error {
            IdentityError::Rejected(why) => Refusal::NotIdentified(why),
            IdentityError::Unavailable(_) | IdentityError::AnotherIssuer => {
                tracing::error!(%error, "callers cannot be identified");
                Refusal::TryAgain
            }
        })
    }
}

fn forward(
    call: Call,
    ours: Option<&RequestState>,
    subject: &SubjectId,
    target: &Target,
    authorization: Verbatim,
) -> Output {
    tracing::info!(
        outcome = "forwarded",
        target_name = %target.name,
        %subject,
        "forwarded a call",
    );
    let untouched = ours.is_none() && !call.input_responses.contains_key(INPUT_KEY);
    let body = if untouched {
        call.into_whole()
    } else {
        let foreign = call.request_state.clone().filter(|_| ours.is_none());
        let wrapped = ours.and_then(|state| state.wrapped.clone()).or(foreign);
        call.into_cleaned(INPUT_KEY, wrapped.as_deref())
    };
    Output::forward(authorization, body)
}

fn refuse(call: &Call, target: Option<&Target>, refusal: Refusal) -> Output {
    let target_name = target.map(|target| display(&target.name));
    tracing::warn!(outcome = refusal.outcome(), target_name, "refused a call");
    challenge::refuse(call, target, refusal)
}

fn refuse_message(id: Option<&RawValue>, refusal: Refusal) -> Output {
    tracing::warn!(outcome = refusal.outcome(), "refused a message");
    challenge::refuse_message(id, refusal)
}
