//! The way back: what an MCP server has against our token becomes a renewal or a wider consent, and
//! never a 401 at the client, which would sign in to the gateway again.
//!
//! Whose call it was is known from the request that the answer's event shows: by the caller's JWT,
//! verified as always, or by a token that this very instance injected.

use crate::Interceptor;
use crate::authorization::store_refusal;
use crate::challenge::Dialect;
use crate::consent::{Consent, Patience};
use crate::event::{GatewayRequest, GatewayResponse, Headers, Output};
use crate::message::{Body, Call};
use crate::objection::Objection;
use crate::refusal::Refusal;
use crate::refuse;
use crate::request_state::{Carried, RequestState};
use broker::clock::Clock;
use broker::connection::{Connection, Reason, Status};
use broker::step_up::{Next, Operation};
use broker::store::{ClientSecrets, ConnectionStore, StoreError, TargetStore, UsedConnections};
use broker::subject::SubjectId;
use broker::target::Target;
use std::time::{Duration, SystemTime};

/// Whose call was answered.
struct Whose {
    subject: SubjectId,
    /// The OAuth client that called, if the event shows its JWT.
    client: Option<String>,
    /// Whether the event shows the token that the call came with, and not the JWT.
    shows_token: bool,
}

impl Whose {
    /// Whether the tokens are being renewed, or so new that this may be about the ones before, which
    /// leave for up to `memory` after them.
    fn is_settling(&self, status: &Status, memory: Duration, now: SystemTime) -> bool {
        matches!(
            status,
            Status::Active { obtained_at, attempt, .. }
                if attempt.is_some() || !self.shows_token && now < *obtained_at + SETTLING + memory
        )
    }

    /// Whether this may be about tokens that opened less, which an instance had not forgotten yet when
    /// the person consented to more.
    fn is_late(&self, connection: &Connection, memory: Duration, now: SystemTime) -> bool {
        let widened = !self.shows_token && !connection.step_up.widened.is_empty();
        // Twice, for a store keeps whole seconds.
        let since = now.checked_sub(memory + memory).unwrap_or(now);
        widened
            && matches!(connection.status, Status::Active { obtained_at, .. } if since < obtained_at)
    }
}

impl<T, C, S, K> Interceptor<T, C, S, K>
where
    T: TargetStore,
    C: ConnectionStore + UsedConnections,
    S: ClientSecrets,
    K: Clock,
{
    /// An answer on its way to the client: as it is, unless it is about our token.
    pub(crate) async fn answered(
        &self,
        request: Option<GatewayRequest<'_>>,
        response: GatewayResponse<'_>,
    ) -> Output {
        let objection = Objection::read(&response);
        if objection.is_none() && !response.is_silent() {
            return Output::pass_response(response);
        }
        let Some(GatewayRequest { headers, body }) = request else {
            return Output::pass_response(response);
        };
        let Body::Call(call) = Body::read(body) else {
            return Output::pass_response(response);
        };
        let Some(objection) = objection else {
            // Some gateways lose what the interceptor itself has answered: it is said again.
            let output = self.decide_call(headers, call, Patience::Spent).await;
            return if output.answers() { output } else { Output::pass_response(response) };
        };
        let now = self.clock.now();
        let target = match self.target_of(&call, now).await {
            Ok(Some(target)) => target,
            // Nobody's token of ours.
            Ok(None) => return Output::pass_response(response),
            Err(refusal) => return refuse(&call, None, refusal),
        };
        match self.answer_objection(headers, &call, &target, objection, now).await {
            Said::Ask(consent) => self.ask(&call, consent, now),
            Said::Refuse(refusal) => refuse(&call, Some(&target), refusal),
            Said::Theirs => Output::pass_response(response),
        }
    }

    async fn answer_objection<'t>(
        &self,
        headers: Headers<'_>,
        call: &Call,
        target: &'t Target,
        objection: Objection,
        now: SystemTime,
    ) -> Said<'t> {
        // In doubt a tool's own words are better than ours.
        let in_doubt = match objection {
            Objection::Refused { sure: false } => Said::Theirs,
            Objection::Refused { sure: true } | Objection::InsufficientScope { .. } => {
                Said::Refuse(Refusal::TryAgain)
            }
        };
        let Some(whose) = self.whose(headers, now).await else { return in_doubt };
        let subject = whose.subject;
        self.opened.forget(&subject, target);
        let connection = match self.connections.find_connection(&subject, &target.name).await {
            Ok(Some(connection)) => connection,
            Ok(None) => return in_doubt,
            Err(error) => return Said::Refuse(store_refusal(&error)),
        };
        let Ok(tokens) = connection.open(&self.token_keys, &subject, target) else {
            return in_doubt;
        };
        if whose.shows_token
            && tokens.bearer().as_deref() != headers.get("authorization").as_deref()
        {
            // An earlier token's late answer: the one that is there now has yet to be tried.
            return in_doubt;
        }
        let said = match objection {
            Objection::Refused { sure } => self.token_refused(&connection, &whose, sure, now).await,
            Objection::InsufficientScope { .. }
                if whose.is_late(&connection, self.opened.lifetime(), now) =>
            {
                return in_doubt;
            }
            Objection::InsufficientScope { scope } => {
                let operation = Operation::new(call.method.as_str(), &call.name);
                let (own, granted) = (&target.scopes, &tokens.scopes);
                match connection.step_up.next(&operation, scope.as_deref(), own, granted) {
                    Next::GiveUp => Ok(Said::Refuse(Refusal::InsufficientScope)),
                    Next::Ask => Ok(self.wider(headers, call, target, &whose, now)),
                    Next::Add(more) => match self.connections.step_up(&connection, &more).await {
                        Ok(true) => Ok(self.wider(headers, call, target, &whose, now)),
                        // There are other tokens by now, and they may open more.
                        Ok(false) => Ok(in_doubt),
                        Err(error) => Err(error),
                    },
                }
            }
        };
        said.unwrap_or_else(|error| Said::Refuse(store_refusal(&error)))
    }

    /// A refused token is renewed by the next call, unless it is so new that it was got for nothing:
    /// then another would be, too. Whether a consent would help shows after [`PAUSE`], when a fault at
    /// the MCP server would be over: if a new token is refused still, or one that cannot be renewed, the
    /// connection ends.
    ///
    /// A server that refuses every token so costs two renewals and then a consent. Where calls are too
    /// rare for that, it costs a renewal in two calls and thirty in an hour at most, for a new token
    /// is not marked.
    async fn token_refused<'t>(
        &self,
        connection: &Connection,
        whose: &Whose,
        sure: bool,
        now: SystemTime,
    ) -> Result<Said<'t>, StoreError> {
        let next_call_knows = Said::Refuse(Refusal::TokenRefused);
        let Status::Active { expires_at, obtained_at, consented_at, renewable, .. } =
            connection.status
        else {
            return Ok(next_call_knows);
        };
        if expires_at <= now {
            // Another call's answer was here first.
            return Ok(next_call_knows);
        }
        // What a consent gave has not been renewed yet, however new it is.
        let serves_for = |least| obtained_at == consented_at || obtained_at + least <= now;
        let refused_at = connection.refused_at.filter(|at| now < *at + LASTING);
        let outcome = match refused_at {
            // A tool's words may cost a renewal, but never a consent.
            _ if !sure && renewable && serves_for(PAUSE) => self.mark(connection, now).await?,
            _ if !sure => return Ok(Said::Theirs),
            Some(at) if now < at + PAUSE => "token_paused",
            _ if renewable && serves_for(YOUNG) => self.mark(connection, now).await?,
            _ if whose.is_settling(&connection.status, self.opened.lifetime(), now) => {
                "token_settling"
            }
            None if self.connections.note_refusal(connection, now).await? => "token_paused",
            Some(_) if self.end(connection, now).await? => "token_refused_again",
            None | Some(_) => "token_replaced",
        };
        let (subject, name) = (&connection.subject, &connection.target);
        tracing::warn!(outcome, target_name = %name, %subject, "{name} refused a token of {subject}");
        Ok(match outcome {
            "token_paused" => Said::Refuse(Refusal::TryLater),
            "token_settling" => Said::Refuse(Refusal::TryAgain),
            _ => next_call_knows,
        })
    }

    async fn mark(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> Result<&'static str, StoreError> {
        let marked = self.connections.expire(connection, now).await?;
        Ok(if marked { "token_refused" } else { "token_replaced" })
    }

    /// Ends the connection, unless somebody has its lease or has replaced its tokens.
    async fn end(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        let (subject, name) = (&connection.subject, &connection.target);
        let Some(lease) = self.connections.lease(subject, name, now, now + LEASE).await? else {
            return Ok(false);
        };
        let held = lease.connection.clone();
        if held.lineage() != connection.lineage() {
            let attempt = match held.status {
                Status::Active { attempt, .. } => attempt,
                Status::Disconnected { .. } => None,
            };
            // Not what was looked at: whatever is written about it meanwhile stays.
            self.connections.release(lease, attempt).await?;
            return Ok(false);
        }
        self.connections.settle(lease, &held.disconnected(Reason::TokenRefused, now)).await
    }

    /// The question for more than was granted.
    fn wider<'t>(
        &self,
        headers: Headers<'_>,
        call: &Call,
        target: &'t Target,
        whose: &Whose,
        now: SystemTime,
    ) -> Said<'t> {
        let (subject, ring) = (whose.subject, &self.browser_keys);
        let foreign = match RequestState::of(call, ring, &subject, &target.name, now) {
            Carried::Foreign(state) => state,
            Carried::Ours(state) => state.wrapped,
            Carried::Forged => return Said::Refuse(Refusal::RequestState),
        };
        let dialect = self.dialect(headers, call, whose.client.as_ref());
        Said::Ask(Consent { subject, target, dialect, foreign, wider: true })
    }

    async fn whose(&self, headers: Headers<'_>, now: SystemTime) -> Option<Whose> {
        let authorization = headers.get("authorization")?;
        if let Some(subject) = self.injected.whose(&authorization, now) {
            return Some(Whose { subject, client: None, shows_token: true });
        }
        let caller = self.caller(headers, now).await.ok()?;
        Some(Whose { subject: caller.subject, client: caller.client, shows_token: false })
    }

    pub(crate) fn dialect(
        &self,
        headers: Headers<'_>,
        call: &Call,
        client: Option<&String>,
    ) -> Dialect {
        let known = |listed: &String| listed == "*" || client == Some(listed);
        let knows_urls = self.url_elicitation_clients.iter().any(known);
        Dialect::of(call, headers.get("mcp-protocol-version").as_deref(), knows_urls)
    }
}

/// What the client hears.
enum Said<'t> {
    /// A question.
    Ask(Consent<'t>),
    /// Our own words.
    Refuse(Refusal),
    /// What the MCP server said.
    Theirs,
}

/// A token that is refused at this age or later has served: its end was not announced, or it was
/// revoked.
const YOUNG: Duration = Duration::from_mins(2);
/// Longer than a short fault at an MCP server: until then no other token is tried and nobody is asked
/// for consent, and the client is told to come back later.
const PAUSE: Duration = Duration::from_mins(5);
/// How long a refusal counts: another one of a new token within this time is the same trouble.
const LASTING: Duration = Duration::from_mins(15);
/// Longer than a call takes to be refused: until then, a refusal that does not show its token may be
/// the late answer to a call with the token before.
const SETTLING: Duration = Duration::from_secs(30);
/// For two writes to the table.
const LEASE: Duration = Duration::from_secs(5);
