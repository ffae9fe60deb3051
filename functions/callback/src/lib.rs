//! `GET /callback/{target}`: take, check, exchange, connect. `GET /login/callback`: the same for
//! sign-in. Both end in a redirect to an address that holds no code.

mod refusal;

use broker::clock::{Clock, Random};
use broker::config::BaseUrl;
use broker::connection::Connection;
use broker::http::Http;
use broker::identity::IdentityProvider;
use broker::oauth::response::{Accepted, AuthorizationResponse, Browser, ResponseError};
use broker::oauth::token::{TokenEndpoint, TokenError};
use broker::page::{self, Page};
use broker::pending::{BrowserBinding, State};
use broker::queue::{Message, Queue};
use broker::seal::KeyRing;
use broker::session::{Session, SigningIn};
use broker::store::{ClientSecrets, ConnectionStore, PendingStore, TargetStore};
use broker::subject::SubjectId;
use broker::target::{Target, TargetName};
use http::{Request, Response};
use refusal::Refusal;
use std::time::Duration;

/// All that consent needs after the redirect.
pub struct Callback<T, P, C, S, Q, K, R> {
    /// Which targets there are.
    pub targets: T,
    /// Where consent waits.
    pub pending: P,
    /// Where connections are kept.
    pub connections: C,
    /// Our clients' secrets.
    pub secrets: S,
    /// Whom it interests that somebody has consented.
    pub queue: Q,
    /// Who is at the browser.
    pub identity: IdentityProvider,
    /// How to reach token endpoints.
    pub http: Http,
    /// Opens what the browser carries.
    pub browser_keys: KeyRing,
    /// Seals tokens.
    pub token_keys: KeyRing,
    /// Our own origin.
    pub base_url: BaseUrl,
    /// What time it is.
    pub clock: K,
    /// Chance.
    pub random: R,
}

impl<T, P, C, S, Q, K, R> Callback<T, P, C, S, Q, K, R>
where
    T: TargetStore,
    P: PendingStore,
    C: ConnectionStore,
    S: ClientSecrets,
    Q: Queue,
    K: Clock,
    R: Random,
{
    /// Answers one request.
    pub fn handle<B>(&self, request: Request<B>) -> impl Future<Output = Response<String>> + Send {
        let (request, _) = request.into_parts();
        async move {
            match self.route(&request).await {
                Ok(response) => response,
                Err(refusal) => {
                    tracing::warn!(outcome = refusal.outcome(), %refusal, "a callback was refused");
                    Page::from(&refusal).into_response()
                }
            }
        }
    }

    async fn route(&self, request: &http::request::Parts) -> Result<Response<String>, Refusal> {
        let path = request.uri.path();
        if path == "/login/callback" {
            return self.signed_in(request).await;
        }
        let (page, name) = path.trim_start_matches('/').split_once('/').ok_or(Refusal::NotFound)?;
        let name: TargetName = name.parse().map_err(|_| Refusal::NotFound)?;
        let target = self.targets.find_target(&name).await?.ok_or(Refusal::NotFound)?;
        match page {
            "callback" => self.answered(request, &target).await,
            "connected" => Ok(page::connected(&target.title).into_response()),
            "declined" => Ok(page::declined(&target.title).into_response()),
            _ => Err(Refusal::NotFound),
        }
    }

    /// An authorization server's answer at `target`'s own address.
    async fn answered(
        &self,
        request: &http::request::Parts,
        target: &Target,
    ) -> Result<Response<String>, Refusal> {
        let response = AuthorizationResponse::parse(request.uri.query().unwrap_or_default())?;
        let state = State::returned(response.state.clone().ok_or(Refusal::NotPending)?);
        let name = &target.name;
        let outcome = match self.accept(request, target, &state, response).await {
            Ok(accepted) => self.connect(accepted, target).await,
            Err(refusal) => Err(refusal),
        };
        let response = match outcome {
            Ok(subject) => {
                tracing::info!(outcome = "connected", target_name = %name, %subject, "connected {name} for {subject}");
                page::see_other(&format!("/connected/{name}"))?
            }
            Err(Refusal::Response(ResponseError::Declined)) => {
                tracing::info!(outcome = "declined", target_name = %name, "consent was declined");
                page::see_other(&format!("/declined/{name}"))?
            }
            Err(refusal) => {
                tracing::warn!(outcome = refusal.outcome(), target_name = %name, %refusal, "an answer was refused");
                Page::from(&refusal).into_response()
            }
        };
        // The state is spent, whatever came of it.
        Ok(BrowserBinding::end_cookie(&state).on(response))
    }

    async fn accept(
        &self,
        request: &http::request::Parts,
        target: &Target,
        state: &State,
        response: AuthorizationResponse,
    ) -> Result<Accepted, Refusal> {
        let pending = self.pending.take_pending(state).await?.ok_or(Refusal::NotPending)?;
        let pending = pending.open(&self.browser_keys, state).map_err(|_| Refusal::NotPending)?;
        let now = self.clock.now();
        let binding = BrowserBinding::read(&request.headers, state);
        let session = Session::read(&request.headers, &self.browser_keys, now);
        let subject = session.map(|session| session.person.subject.id());
        let browser = Browser { target: &target.name, binding: binding.as_ref(), subject };
        let (unchanged, subject) = (pending.is_for(target), pending.subject);
        let beyond = beyond(&pending.scopes, target);
        match pending.accept(&browser, response, now) {
            Ok(_) | Err(ResponseError::InvalidScope) if !unchanged => Err(Refusal::Changed),
            Ok(accepted) => Ok(accepted),
            Err(ResponseError::InvalidScope) if !beyond.is_empty() => {
                Err(self.not_granted(&subject, target, &beyond).await)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Lets the next consent ask without `beyond`, or what an MCP server wants and nobody grants
    /// would keep its people out for ever. Which of it was refused, an authorization server does not
    /// say.
    async fn not_granted(
        &self,
        subject: &SubjectId,
        target: &Target,
        beyond: &[String],
    ) -> Refusal {
        match self.connections.narrow(subject, &target.name, beyond).await {
            Ok(()) => Refusal::NotGranted,
            Err(error) => error.into(),
        }
    }

    async fn connect(&self, accepted: Accepted, target: &Target) -> Result<SubjectId, Refusal> {
        let (client, server) = (&target.client, &target.authorization_server);
        // Before the secret is read: it is for its own authorization server only.
        client.answers_to(&server.issuer, accepted.redirect_uri())?;
        let client_secret = client.secret(&self.secrets).await?;
        let subject = accepted.subject();
        let (now, random) = (self.clock.now(), &self.random);
        let endpoint = TokenEndpoint { http: &self.http, target, client_secret, random };
        let asked = accepted.asked().to_vec();
        let beyond = beyond(&asked, target);
        let tokens = match endpoint.exchange(accepted, now).await {
            // Some say it here only: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
            Err(TokenError::Refused(code)) if code == "invalid_scope" && !beyond.is_empty() => {
                return Err(self.not_granted(&subject, target, &beyond).await);
            }
            answer => answer?,
        };
        let connection = Connection::active(&self.token_keys, subject, target, &tokens, now)?;
        self.keep(&connection).await?;
        let widened = self.connections.widen(&subject, &target.name, &asked, &beyond).await;
        if let Err(error) = widened {
            // The connection is made. At worst the person is asked for the same once more.
            tracing::warn!(%error, target_name = %target.name, %subject, "what was asked for was not written down");
        }
        self.tell(subject, &target.name).await;
        Ok(subject)
    }

    /// Lets it be known that somebody has consented: the tools of a target can be listed from then on.
    /// That is not the person's business, who neither fails nor waits for long over it.
    async fn tell(&self, subject: SubjectId, name: &TargetName) {
        let message = [Message { subject, target: name.clone() }];
        let unsent = match tokio::time::timeout(PATIENCE, self.queue.send(&message)).await {
            Ok(Ok(unsent)) if unsent.is_empty() => return,
            Ok(Ok(_)) => "the queue did not take it".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the queue took too long".to_owned(),
        };
        tracing::error!(
            outcome = "catalog_not_told",
            target_name = %name,
            %subject,
            unsent,
            "the catalog was not told of a consent. If nobody else has consented at {name}: \
             latchkey targets look {name} --subject {subject}",
        );
    }

    /// Writes a connection whose tokens were just won: this is their only copy, so a store in trouble
    /// is no reason to give up at once. Nobody renews tokens so new between two tries.
    async fn keep(&self, connection: &Connection) -> Result<(), Refusal> {
        let mut written = self.connections.connect(connection).await;
        for _ in 0..MORE_TRIES {
            if written.is_ok() {
                break;
            }
            written = self.connections.connect(connection).await;
        }
        written.map_err(Refusal::Unclear)
    }

    /// The identity provider's answer.
    async fn signed_in(&self, request: &http::request::Parts) -> Result<Response<String>, Refusal> {
        let now = self.clock.now();
        let signing_in = SigningIn::read(&request.headers, &self.browser_keys, now)
            .ok_or(Refusal::NotSigningIn)?;
        let SigningIn { sign_in, wanted, .. } = signing_in;
        let answer = AuthorizationResponse::parse(request.uri.query().unwrap_or_default())?;
        let redirect_uri = self.base_url.sign_in_redirect_uri();
        let person = self.identity.finish(sign_in, answer, &redirect_uri, now).await?;
        tracing::info!(outcome = "signed_in", subject = %person.subject.id(), "a browser signed in");
        let session = Session::new(person, &self.random, now)?;
        let response = page::see_other(&wanted.path())?;
        Ok(SigningIn::end_cookie().on(session.set_cookie(&self.browser_keys)?.on(response)))
    }
}

/// What of `asked` is not the target's own.
fn beyond(asked: &[String], target: &Target) -> Vec<String> {
    asked.iter().filter(|scope| !target.scopes.contains(scope)).cloned().collect()
}

/// How long a person waits for the queue: the first handshake takes its time where memory, and with it
/// the processor, is small.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often more than once a new connection is written.
const MORE_TRIES: u32 = 3;
