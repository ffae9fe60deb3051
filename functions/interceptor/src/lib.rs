//! Per gateway message: pass it on, forward it with the calling user's token, or challenge.
//!
//! One way through: `event` reads, [`Interceptor::handle`] decides, `challenge` and
//! `event::Output` answer. Whatever goes wrong becomes an answer in HTTP 200 that holds no token;
//! the inbound JWT goes nowhere.

mod authorization;
mod challenge;
mod event;
mod message;
mod refusal;
mod request_state;

pub use event::Output;

use authorization::{POLL, store_refusal};
use broker::clock::Clock;
use broker::config::BaseUrl;
use broker::connection::Status;
use broker::http::Http;
use broker::identity::{Caller, IdentityError, IdentityProvider};
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::store::{ClientSecrets, ConnectionStore, TargetStore, UsedConnections};
use broker::subject::SubjectId;
use broker::target::{Target, TargetName};
use broker::ticket::Ticket;
use challenge::{Answer, Dialect, INPUT_KEY};
use event::{Event, GatewayRequest};
use message::{Body, Call};
use refusal::Refusal;
use request_state::{Carried, RequestState};
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::{Duration, SystemTime};

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
    /// Seals tickets and `requestState`.
    pub browser_keys: KeyRing,
    /// Opens tokens.
    pub token_keys: KeyRing,
    /// Where people connect.
    pub base_url: BaseUrl,
    /// Inbound OAuth clients known to understand `-32042`, or `*`.
    pub url_elicitation_clients: Vec<String>,
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
    pub async fn handle(&self, event: &RawValue) -> Output {
        match Event::read(event) {
            Ok(Event::Http) => Output::http(),
            Ok(Event::Response(response)) => Output::pass_response(response),
            Ok(Event::Request(request)) => self.decide(request).await,
            Err(_) => refuse_message(None, Refusal::Unreadable),
        }
    }

    async fn decide(&self, request: GatewayRequest) -> Output {
        match Body::read(request.body.as_deref()) {
            Body::Call(call) => self.decide_call(&request, call).await,
            Body::Other(whole) => Output::pass(whole),
            Body::Empty => Output::pass(event::empty_object()),
            Body::Batch { needs_token: false } => {
                Output::pass(request.body.unwrap_or_else(event::empty_object))
            }
            Body::Batch { needs_token: true } => refuse_message(None, Refusal::Batch),
            Body::MalformedCall { id } => refuse_message(id.as_deref(), Refusal::MalformedCall),
            Body::Unreadable => refuse_message(None, Refusal::Unreadable),
        }
    }

    async fn decide_call(&self, request: &GatewayRequest, call: Call) -> Output {
        // No target of ours: it gets no token, and whether it exists is the gateway's business.
        let Some(name) = TargetName::of(&call.name) else {
            return Output::pass(call.into_whole());
        };
        let now = self.clock.now();
        let target = match self.targets.find(&name, now).await {
            Ok(Some(target)) => target,
            Ok(None) => return Output::pass(call.into_whole()),
            Err(error) => {
                tracing::error!(%error, target_name = %name, "the registry cannot be read");
                return refuse(&call, None, Refusal::TryAgain);
            }
        };
        let caller = match self.caller(request, now).await {
            Ok(caller) => caller,
            Err(refusal) => return refuse(&call, Some(&target), refusal),
        };
        let subject = caller.subject.id();
        let carried = RequestState::of(&call, &self.browser_keys, &subject, &name, now);
        let (ours, foreign) = match carried {
            Carried::Forged => return refuse(&call, Some(&target), Refusal::RequestState),
            Carried::Ours(state) => (Some(state), None),
            Carried::Foreign(state) => (None, state),
        };
        match self.authorization(&subject, &target, now).await {
            Ok(Some(authorization)) => {
                forward(call, ours.as_ref(), &subject, &target, authorization)
            }
            Ok(None) => {
                let known =
                    |client: &String| client == "*" || caller.client.as_ref() == Some(client);
                let knows_urls = self.url_elicitation_clients.iter().any(known);
                let version = request.header("mcp-protocol-version");
                let dialect = Dialect::of(&call, version, knows_urls);
                let consent = Consent { subject, target: &target, dialect, foreign };
                self.challenge(call, ours, consent, now).await
            }
            Err(refusal) => refuse(&call, Some(&target), refusal),
        }
    }

    async fn caller(&self, request: &GatewayRequest, now: SystemTime) -> Result<Caller, Refusal> {
        let authorization = request.header("authorization").ok_or(Refusal::NoAuthorization)?;
        self.identity.caller(authorization, now).await.map_err(|error| match error {
            IdentityError::Rejected(why) => Refusal::NotIdentified(why),
            IdentityError::Unavailable(_) | IdentityError::AnotherIssuer => {
                tracing::error!(%error, "callers cannot be identified");
                Refusal::TryAgain
            }
        })
    }

    /// Asks for consent, or waits for the consent that was asked for.
    async fn challenge(
        &self,
        call: Call,
        ours: Option<RequestState>,
        consent: Consent<'_>,
        now: SystemTime,
    ) -> Output {
        let Consent { subject, target, dialect, foreign } = consent;
        let (ours, first) = match ours {
            Some(state) if dialect == Dialect::InputRequired => (state, false),
            _ => {
                let ticket = Ticket::new(&subject, now).seal(&self.browser_keys, &target.name);
                let Ok(ticket) = ticket else {
                    return refuse(&call, Some(target), Refusal::TryAgain);
                };
                (RequestState { asked_at: now, ticket, wrapped: foreign }, true)
            }
        };
        let link = self.base_url.connect_url(&target.name, &ours.ticket);
        let Ok(state) = ours.seal(&call, &self.browser_keys, &subject, &target.name) else {
            return refuse(&call, Some(target), Refusal::TryAgain);
        };
        let answer = match response(&call) {
            _ if first => Answer::Ask { link: &link, request_state: Some(state) },
            Some("decline" | "cancel") => Answer::Declined,
            _ => match self.hold(&subject, target).await {
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
        tracing::info!(
            outcome = answer.outcome(),
            target_name = %target.name,
            %subject,
            "{} needs consent of {subject}",
            target.name,
        );
        answer.to_output(&call, target, dialect)
    }

    /// Waits a while for the person at the browser, so that the call which they were asked during is
    /// the one that is answered. What they just connected needs no renewal, so nothing here takes
    /// longer than a read.
    async fn hold(&self, subject: &SubjectId, target: &Target) -> Result<Option<String>, Refusal> {
        for _ in 0..HOLD_POLLS {
            tokio::time::sleep(POLL).await;
            let found = self.connections.find_connection(subject, &target.name).await;
            let Some(connection) = found.map_err(|error| store_refusal(&error))? else { continue };
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

/// What is missing, and how to ask for it.
struct Consent<'a> {
    subject: SubjectId,
    target: &'a Target,
    dialect: Dialect,
    /// The target's own `requestState`, which ours is about to replace.
    foreign: Option<String>,
}

fn forward(
    call: Call,
    ours: Option<&RequestState>,
    subject: &SubjectId,
    target: &Target,
    authorization: String,
) -> Output {
    tracing::info!(
        outcome = "forwarded",
        target_name = %target.name,
        %subject,
        "forwarded a call to {} for {subject}",
        target.name,
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

/// What the person answered to our question: `accept`, `decline` or `cancel`.
fn response(call: &Call) -> Option<&str> {
    call.input_responses.get(INPUT_KEY)?.get("action").and_then(Value::as_str)
}

fn refuse(call: &Call, target: Option<&Target>, refusal: Refusal) -> Output {
    tracing::warn!(outcome = refusal.outcome(), "refused a call");
    challenge::refuse(call, target, refusal)
}

fn refuse_message(id: Option<&RawValue>, refusal: Refusal) -> Output {
    tracing::warn!(outcome = refusal.outcome(), "refused a message");
    challenge::refuse_message(id, refusal)
}

/// Seven seconds: the function is stopped after ten.
const HOLD_POLLS: u32 = 14;
/// How long a call waits for its user, over all its rounds: clients give up after ten.
const PATIENCE: Duration = Duration::from_mins(1);
