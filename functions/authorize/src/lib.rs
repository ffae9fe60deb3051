//! `GET` and `POST /authorize/{target}`: sign in, show what is asked, remember, send on.
//!
//! `GET` changes nothing. Only the answered form writes a pending authorization and sets the cookie
//! that binds it to this browser.
//!
//! `GET /client/{target}`: who we are, for the target's authorization server.

mod document;
mod refusal;

use broker::clock::{Clock, Random};
use broker::config::BaseUrl;
use broker::identity::IdentityProvider;
use broker::oauth::request::authorization_url;
use broker::page::{self, Page};
use broker::pending::{BrowserBinding, PENDING_LIFETIME, PendingAuthorization, State};
use broker::seal::{self, KeyRing};
use broker::session::{Session, SignInPage, Wanted, Way, field};
use broker::step_up::StepUp;
use broker::store::{ConnectionStore, PendingStore, TargetStore};
use broker::target::{Target, TargetName};
use broker::ticket::Ticket;
use http::{Method, Request, Response};
use oauth2::PkceCodeVerifier;
use refusal::Refusal;
use std::time::SystemTime;

/// All that consent needs before the redirect.
pub struct Authorize<T, P, C, K, R> {
    /// Which targets there are.
    pub targets: T,
    /// Where consent waits.
    pub pending: P,
    /// Where it is written what a connected person has yet to be asked for. Only read.
    pub connections: C,
    /// Who is at the browser.
    pub identity: IdentityProvider,
    /// Seals what the browser carries.
    pub browser_keys: KeyRing,
    /// Our own origin.
    pub base_url: BaseUrl,
    /// What time it is.
    pub clock: K,
    /// Chance.
    pub random: R,
}

/// What the person asked for or answered.
struct Wish {
    target: Target,
    ticket: Option<String>,
    now: SystemTime,
}

impl<T, P, C, K, R> Authorize<T, P, C, K, R>
where
    T: TargetStore,
    P: PendingStore,
    C: ConnectionStore,
    K: Clock,
    R: Random,
{
    /// Answers one request.
    pub async fn handle(&self, request: Request<Vec<u8>>) -> Response<String> {
        match self.route(&request).await {
            Ok(response) => response,
            Err(refusal) => {
                tracing::warn!(outcome = "refused", %refusal, "an authorization page was refused");
                Page::from(&refusal).into_response()
            }
        }
    }

    async fn route(&self, request: &Request<Vec<u8>>) -> Result<Response<String>, Refusal> {
        let path = request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/'));
        let (page, name) = path.ok_or(Refusal::NotFound)?;
        let name: TargetName = name.parse().map_err(|_| Refusal::NotFound)?;
        let document = page == "client" && request.method() != Method::POST;
        if page != "authorize" && !document {
            return Err(Refusal::NotFound);
        }
        let target = self.targets.find_target(&name).await?.ok_or(Refusal::NotFound)?;
        if document {
            return document::document(&self.base_url, &target).ok_or(Refusal::NotFound);
        }
        self.consent(request, target).await
    }

    /// The page, or what the person decided on it.
    async fn consent(
        &self,
        request: &Request<Vec<u8>>,
        target: Target,
    ) -> Result<Response<String>, Refusal> {
        let now = self.clock.now();
        let (client, issuer) = (&target.client, &target.authorization_server.issuer);
        // Before anybody signs in: what begins here could not come to its end.
        let end = now + PENDING_LIFETIME;
        client.is_good(issuer, &self.base_url.redirect_uri(&target.name), end)?;
        let session = Session::read(request.headers(), &self.browser_keys, now);
        if request.method() == Method::POST {
            let form = request.body();
            let ticket = field(form, "ticket")?;
            let wish = Wish { target, ticket, now };
            let Some(session) = session else {
                self.ticket(&wish)?;
                return self.sign_in(&wish, Way::Onward).await;
            };
            self.answer(request, &session, &wish).await
        } else {
            let query = request.uri().query().unwrap_or_default().as_bytes();
            let wish = Wish { target, ticket: field(query, "ticket")?, now };
            // Before signing in: nobody should do so for a link that leads nowhere.
            let ticket = self.ticket(&wish)?;
            let Some(session) = session else { return self.sign_in(&wish, Way::SeeOther).await };
            self.ask(&session, &wish, ticket).await
        }
    }

    /// The page that says what is asked.
    async fn ask(
        &self,
        session: &Session,
        wish: &Wish,
        ticket: Option<Ticket>,
    ) -> Result<Response<String>, Refusal> {
        let target = &wish.target;
        let (name, ticket_text) = (target.name.as_str(), wish.ticket.as_deref());
        let csrf = session.csrf(&self.browser_keys, &format!("/authorize/{name}"))?;
        let person = &session.person;
        if ticket.is_some_and(|ticket| !ticket.names(&person.subject.id())) {
            tracing::warn!(
                outcome = "wrong_person",
                target_name = name,
                "a ticket names another subject"
            );
            let page = page::wrong_person(name, &person.display_name, ticket_text, &csrf);
            return Ok(page.into_response());
        }
        let history = self.history(session, wish).await?;
        let scopes = history.asked(&target.scopes);
        let page = page::consent(&page::Consent {
            target: name,
            title: &target.title,
            endpoint: target.endpoint.as_str(),
            authorization_server: &target.authorization_server.issuer,
            scopes: &scopes,
            is_new: &|scope| history.is_new(scope, &target.scopes),
            redirect_uri: &self.base_url.redirect_uri(&target.name),
            signed_in_as: &person.display_name,
            identity_provider: self.identity.issuer(),
            ticket: ticket_text,
            csrf: &csrf,
            shown: &shown(&scopes),
        });
        Ok(page.into_response())
    }

    /// What the person was asked for before, and what is wanted now. What another server of this
    /// name wanted is neither.
    async fn history(&self, session: &Session, wish: &Wish) -> Result<StepUp, Refusal> {
        let (subject, target) = (session.person.subject.id(), &wish.target);
        let found = self.connections.find_connection(&subject, &target.name).await?;
        let same = found.filter(|connection| {
            connection.resource == target.resource
                && connection.issuer == target.authorization_server.issuer
        });
        Ok(same.map(|connection| connection.step_up).unwrap_or_default())
    }

    /// What the person decided.
    async fn answer(
        &self,
        request: &Request<Vec<u8>>,
        session: &Session,
        wish: &Wish,
    ) -> Result<Response<String>, Refusal> {
        session.asked(request, &self.browser_keys, &self.base_url)?;
        match field(request.body(), "decision")?.as_deref() {
            Some("connect") => {
                let ticket = self.ticket(wish)?;
                if ticket.is_some_and(|ticket| !ticket.names(&session.person.subject.id())) {
                    return self.ask(session, wish, ticket).await;
                }
                let scopes = self.history(session, wish).await?.asked(&wish.target.scopes);
                let seen = field(request.body(), "shown")?;
                if seen.unwrap_or_else(|| shown(&wish.target.scopes)) != shown(&scopes) {
                    // More is wanted by now than the page said.
                    return self.ask(session, wish, ticket).await;
                }
                self.send_on(session, wish, scopes).await
            }
            Some("decline") => Ok(page::declined(&wish.target.title).into_response()),
            Some("switch") => {
                self.ticket(wish)?;
                let response = self.sign_in(wish, Way::OnwardAsAnother).await?;
                Ok(Session::end_cookie().on(response))
            }
            _ => Err(Refusal::Malformed),
        }
    }

    /// Remembers what was consented to, binds it to this browser, and sends the browser to the
    /// authorization server.
    async fn send_on(
        &self,
        session: &Session,
        wish: &Wish,
        scopes: Vec<String>,
    ) -> Result<Response<String>, Refusal> {
        let (target, server) = (&wish.target, &wish.target.authorization_server);
        let (state, binding) = (State::new(&self.random)?, BrowserBinding::new(&self.random)?);
        let pending = PendingAuthorization {
            code_verifier: PkceCodeVerifier::new(broker::clock::unguessable(&self.random)?),
            subject: session.person.subject.id(),
            target: target.name.clone(),
            issuer: server.issuer.clone(),
            iss_advertised: server.authorization_response_iss_parameter_supported,
            redirect_uri: self.base_url.redirect_uri(&target.name),
            resource: target.resource.clone(),
            scopes,
            browser: binding.digest(),
            expires: wish.now + PENDING_LIFETIME,
        };
        let url = authorization_url(target, &pending, &state);
        let page = page::onward(url.as_str())?;
        self.pending.put_pending(&state, &pending.seal(&self.browser_keys, &state)?).await?;
        tracing::info!(
            outcome = "sent_on",
            target_name = %target.name,
            subject = %pending.subject,
            "sent {} to the authorization server of {}",
            pending.subject,
            target.name,
        );
        Ok(binding.set_cookie(&state).on(page.into_response()))
    }

    async fn sign_in(&self, wish: &Wish, way: Way) -> Result<Response<String>, Refusal> {
        let Self { identity, base_url, random, .. } = self;
        let page = SignInPage { identity, ring: &self.browser_keys, base_url, random };
        let (target, ticket) = (wish.target.name.clone(), wish.ticket.clone());
        Ok(page.instead_of(Wanted::Authorize { target, ticket }, way, wish.now).await?)
    }

    fn ticket(&self, wish: &Wish) -> Result<Option<Ticket>, Refusal> {
        let (ring, name) = (&self.browser_keys, &wish.target.name);
        let open = |ticket: &String| Ticket::open(ring, name, ticket, wish.now);
        Ok(wish.ticket.as_ref().map(open).transpose()?)
    }
}

/// What a page shows of scopes, for its form to bring back: consent is to what was seen.
fn shown(scopes: &[String]) -> String {
    seal::text(&seal::fingerprint(scopes.iter().map(String::as_str)))
}
