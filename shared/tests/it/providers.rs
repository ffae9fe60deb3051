//! Each entry of the catalogue, against a server that behaves as its provider documents. Without the
//! entry, the provider's test is red.

mod atlassian;
mod by_the_rfcs;
mod github;
mod google;
mod linear;
mod microsoft;
mod others;
mod slack;

use crate::support::server::{Asked, Server, json};
use crate::support::target::target;
use axum::body::Body;
use broker::clock::SystemRandom;
use broker::http::{Http, Reach};
use broker::oauth::request::authorization_url;
use broker::oauth::response::{Accepted, AuthorizationResponse, Browser};
use broker::oauth::token::{TokenEndpoint, TokenError};
use broker::pending::{BrowserBinding, PendingAuthorization, State};
use broker::quirks::Quirks;
use broker::subject::Subject;
use broker::target::{AuthorizationServer, Target};
use broker::tokens::{Granted, TokenSet};
use http::Response;
use oauth2::{ClientSecret, PkceCodeChallenge, PkceCodeVerifier, RefreshToken};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: u64 = 1_800_000_000;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A provider as it documents itself.
struct Provider {
    issuer: &'static str,
    authorization_endpoint: &'static str,
    token_endpoint: &'static str,
    /// Whether its clients have a secret.
    confidential: bool,
    /// Why it would not ask for consent, besides what every server wants.
    refuses: fn(&Parameters) -> Option<&'static str>,
    /// Its answer to a code, given what the authorization request was.
    exchanges: fn(&Parameters, &Asked) -> Response<Body>,
    /// Its answer to a refresh token.
    renews: fn(&Asked) -> Response<Body>,
}

impl Provider {
    fn server(&self) -> AuthorizationServer {
        server(self.issuer, self.authorization_endpoint, self.token_endpoint)
    }
}

fn server(issuer: &str, authorization_endpoint: &str, token_endpoint: &str) -> AuthorizationServer {
    serde_json::from_value(json!({
        "issuer": issuer,
        "authorization_endpoint": authorization_endpoint,
        "token_endpoint": token_endpoint,
    }))
    .unwrap()
}

/// A query or a form.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value of the parameter that is there once.
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| &**value);
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }
}

/// A target at a stand-in for a provider, with what the catalogue says of the provider.
struct Flow {
    server: Server,
    target: Target,
    provider: Option<&'static str>,
    confidential: bool,
}

impl Flow {
    async fn at(provider: &'static Provider, scopes: &[&str]) -> Self {
        let server = Server::start(move |asked| async move { answer(provider, &asked) }).await;
        let method = if provider.confidential { "client_secret_post" } else { "none" };
        let client = json!({ "client_id": "latchkey", "token_endpoint_auth_method": method });
        let mut target = target(&server.url, &json!({ "client": client, "scopes": scopes }));
        let (name, quirks) = Quirks::of(&provider.server());
        target.quirks = quirks;
        Self { server, target, provider: name, confidential: provider.confidential }
    }

    /// What the browser is sent to.
    fn parameters(&self) -> Parameters {
        Parameters::read(self.url().query().unwrap())
    }

    fn url(&self) -> url::Url {
        let state = State::returned("s".into());
        authorization_url(&self.target, &self.pending(), &state)
    }

    fn pending(&self) -> PendingAuthorization {
        PendingAuthorization {
            code_verifier: PkceCodeVerifier::new(VERIFIER.to_owned()),
            subject: Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id(),
            target: self.target.name.clone(),
            issuer: self.target.authorization_server.issuer.clone(),
            iss_advertised: false,
            redirect_uri: REDIRECT_URI.into(),
            resource: self.target.resource.clone(),
            scopes: self.target.scopes.clone(),
            browser: BrowserBinding::returned("cookie").digest(),
            expires: at(NOW + 600),
        }
    }

    /// Goes to the provider and comes back with its answer.
    async fn consent(&self) -> Result<Accepted, String> {
        let request = http::Request::get(self.url().as_str()).body(vec![]).unwrap();
        let answer = Http::new(Reach::Loopback).send(request).await.unwrap();
        let location = answer.headers().get("location");
        let location = location.ok_or_else(|| String::from_utf8_lossy(answer.body()).into_owned());
        let query = location?.to_str().unwrap().split_once('?').unwrap().1.to_owned();
        let (pending, binding) = (self.pending(), BrowserBinding::returned("cookie"));
        let browser = Browser {
            target: &self.target.name,
            binding: Some(&binding),
            subject: Some(pending.subject),
        };
        let answer = AuthorizationResponse::parse(&query).map_err(|error| error.to_string())?;
        pending.accept(&browser, answer, at(NOW)).map_err(|error| error.to_string())
    }

    async fn connect(&self) -> Result<TokenSet, String> {
        let accepted = self.consent().await?;
        let http = Http::new(Reach::Loopback);
        let tokens = self.endpoint(&http).exchange(accepted, at(NOW)).await;
        tokens.map_err(|error| error.to_string())
    }

    async fn renew(&self, refresh: &str) -> Result<Granted, TokenError> {
        let http = Http::new(Reach::Loopback);
        self.endpoint(&http).refresh(&RefreshToken::new(refresh.to_owned()), at(NOW)).await
    }

    fn endpoint<'a>(&'a self, http: &'a Http) -> TokenEndpoint<'a> {
        let client_secret = self.confidential.then(|| ClientSecret::new("secret".into()));
        TokenEndpoint { http, target: &self.target, client_secret, random: &SystemRandom }
    }

    /// What the target's record says of its server's habits.
    fn record(&self) -> Value {
        serde_json::to_value(&self.target.quirks).unwrap()
    }

    fn resources_sent(&self) -> Vec<String> {
        self.server.asked().iter().flat_map(|asked| asked.fields("resource")).collect()
    }
}

/// What every server wants, and then what this one does. The code is the request that it answers.
fn answer(provider: &Provider, asked: &Asked) -> Response<Body> {
    if asked.path == "/authorize" {
        let request = Parameters::read(asked.uri.query().unwrap_or_default());
        let sound = request.is("response_type", "code")
            && request.is("client_id", "latchkey")
            && request.is("redirect_uri", REDIRECT_URI)
            && request.is("code_challenge_method", "S256")
            && request.is("tenant", "a/b");
        assert!(sound, "{}", asked.uri);
        if let Some(refusal) = (provider.refuses)(&request) {
            return Response::builder().status(400).body(Body::from(refusal)).unwrap();
        }
        let mut location = url::Url::parse(REDIRECT_URI).unwrap();
        let state = request.get("state").unwrap();
        location
            .query_pairs_mut()
            .append_pair("code", asked.uri.query().unwrap_or_default())
            .append_pair("state", state);
        let answer = Response::builder().status(302).header("location", location.as_str());
        return answer.body(Body::empty()).unwrap();
    }
    let form = Parameters::read(&asked.body);
    if provider.confidential && !form.is("client_secret", "secret") {
        return json(401, &json!({ "error": "invalid_client" }));
    }
    if form.is("grant_type", "refresh_token") {
        return (provider.renews)(asked);
    }
    let request = Parameters::read(form.get("code").unwrap());
    let verifier = PkceCodeVerifier::new(form.get("code_verifier").unwrap().to_owned());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    if !request.is("code_challenge", challenge.as_str()) || !form.is("redirect_uri", REDIRECT_URI) {
        return json(400, &json!({ "error": "invalid_grant" }));
    }
    (provider.exchanges)(&request, asked)
}

fn nothing(_: &Parameters) -> Option<&'static str> {
    None
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

const REDIRECT_URI: &str = "https://broker.example/callback/notes";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";
