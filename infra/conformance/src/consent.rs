//! From a refused request to a token, by the broker's own parts.

use crate::{Failure, browser};
use broker::clock::{Clock, Random, unguessable};
use broker::discovery::Inquiry;
use broker::discovery::scopes::widened;
use broker::discovery::www_authenticate::WwwAuthenticate;
use broker::http::Http;
use broker::memory::MemoryStore;
use broker::oauth::request::authorization_url;
use broker::oauth::response::{AuthorizationResponse, Browser};
use broker::oauth::token::TokenEndpoint;
use broker::pending::{BrowserBinding, PENDING_LIFETIME, PendingAuthorization, State};
use broker::registration::{Applicant, Registration, register};
use broker::seal::KeyRing;
use broker::store::PendingStore;
use broker::subject::Subject;
use broker::target::{Endpoint, SecretName, Target, TargetName};
use broker::tokens::TokenSet;
use oauth2::{ClientSecret, PkceCodeVerifier};

/// A client that was registered by hand, at the server's authorization server.
pub struct ByHand {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Option<String>,
}

/// One person's consent to one MCP server.
pub struct Consent<C, R> {
    http: Http,
    server: Endpoint,
    name: TargetName,
    subject: Subject,
    by_hand: Option<ByHand>,
    applicant: Applicant,
    registration: Option<Registration>,
    pending: MemoryStore,
    keys: KeyRing,
    clock: C,
    random: R,
    given: Option<Given>,
    times: u32,
}

/// What was consented to, and what came of it.
struct Given {
    issuer: String,
    scopes: Vec<String>,
    tokens: TokenSet,
}

impl<C: Clock, R: Random> Consent<C, R> {
    /// Before anything was consented to.
    pub fn new(
        http: Http,
        server: Endpoint,
        by_hand: Option<ByHand>,
        clock: C,
        random: R,
    ) -> Result<Self, Failure> {
        let no_random = |_| Failure::SetUp("there is no randomness");
        let key = unguessable(&random).map_err(no_random)?;
        let keys = KeyRing::for_browsers(&format!(r#"{{"1":"{key}"}}"#));
        let name = "server".parse();
        let subject = Subject::new("https://idp.example", vec!["somebody".to_owned()]);
        let document = DOCUMENT.parse();
        Ok(Self {
            http,
            server,
            name: name.map_err(|_| Failure::SetUp("the target has no name"))?,
            subject: subject.map_err(|_| Failure::SetUp("the subject has no name"))?,
            by_hand,
            applicant: Applicant {
                client_name: "Latchkey conformance".to_owned(),
                redirect_uri: REDIRECT_URI.to_owned(),
                document: Some(document.map_err(|_| Failure::SetUp("no document"))?),
            },
            registration: None,
            pending: MemoryStore::default(),
            keys: keys.map_err(|_| Failure::SetUp("there are no keys"))?,
            clock,
            random,
            given: None,
            times: 0,
        })
    }

    /// The value of the `Authorization` header.
    pub fn bearer(&self) -> Option<String> {
        self.given.as_ref()?.tokens.bearer()
    }

    /// Asks for what the server wants, on top of what it was given before. A server that is never
    /// content is given up.
    pub async fn obtain(&mut self, refusal: &WwwAuthenticate) -> Result<(), Failure> {
        if self.times == MOST_CONSENTS {
            return Err(Failure::StillRefused(refusal.clone()));
        }
        self.times += 1;
        let inquiry =
            Inquiry { http: &self.http, endpoint: &self.server, issuer: None, strict: false };
        let discovery = inquiry.resolve(refusal).await?;
        let issuer = discovery.metadata.server.issuer.clone();
        let now = self.clock.now();
        if let Some(by_hand) = self.by_hand.take() {
            self.registration = Some(Registration::by_hand(
                &issuer,
                &by_hand.client_id,
                by_hand.client_secret.map(ClientSecret::new),
                None,
                &self.applicant.redirect_uri,
                &discovery.metadata,
            )?);
        }
        let known = self.registration.take();
        let registration =
            register(&self.http, &discovery.metadata, &self.applicant, known, now).await?;
        let client = registration.client(SecretName(issuer.clone()));
        let mut target = discovery.target(self.name.clone(), "The server", &self.server, client);
        if let Some(given) = self.given.take().filter(|given| given.issuer == issuer) {
            target.scopes = widened(&given.scopes, &target.scopes);
        }
        let tokens = self.consent(&target, registration.secret.clone()).await?;
        self.registration = Some(registration);
        self.given = Some(Given { issuer, scopes: target.scopes, tokens });
        Ok(())
    }

    /// One trip through the browser.
    async fn consent(
        &self,
        target: &Target,
        client_secret: Option<ClientSecret>,
    ) -> Result<TokenSet, Failure> {
        let no_random = |_| Failure::SetUp("there is no randomness");
        let state = State::new(&self.random).map_err(no_random)?;
        let binding = BrowserBinding::new(&self.random).map_err(no_random)?;
        let server = &target.authorization_server;
        let pending = PendingAuthorization {
            code_verifier: PkceCodeVerifier::new(unguessable(&self.random).map_err(no_random)?),
            subject: self.subject.id(),
            target: target.name.clone(),
            issuer: server.issuer.clone(),
            iss_advertised: server.authorization_response_iss_parameter_supported,
            redirect_uri: self.applicant.redirect_uri.clone(),
            resource: target.resource.clone(),
            scopes: target.scopes.clone(),
            browser: binding.digest(),
            expires: self.clock.now() + PENDING_LIFETIME,
        };
        let url = authorization_url(target, &pending, &state);
        let sealed = pending.seal(&self.keys, &state);
        let sealed = sealed.map_err(|_| Failure::SetUp("nothing can be sealed"))?;
        let no_store = |_| Failure::SetUp("there is no store");
        self.pending.put_pending(&state, &sealed).await.map_err(no_store)?;

        let query = browser::agree(&self.http, &url, &self.applicant.redirect_uri).await?;

        let response = AuthorizationResponse::parse(&query)?;
        let state = State::returned(response.state.clone().unwrap_or_default());
        let sealed = self.pending.take_pending(&state).await.map_err(no_store)?;
        let pending = sealed
            .and_then(|sealed| sealed.open(&self.keys, &state).ok())
            .ok_or(Failure::NoRedirect("with a state that is not ours"))?;
        let browser = Browser {
            target: &target.name,
            binding: Some(&binding),
            subject: Some(self.subject.id()),
        };
        let accepted = pending.accept(&browser, response, self.clock.now())?;
        let endpoint =
            TokenEndpoint { http: &self.http, target, client_secret, random: &self.random };
        Ok(endpoint.exchange(accepted, self.clock.now()).await?)
    }
}

/// The suite knows its client by this address, and nothing is served there.
const DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";
const REDIRECT_URI: &str = "http://localhost:3000/callback";
/// The suite's own limit for "no more than a few times".
const MOST_CONSENTS: u32 = 3;
