//! Servers on this machine that name URLs, and what we do with them.

use crate::support::idp::Idp;
use crate::support::keys::Key;
use crate::support::server::{Server, json};
use crate::support::target::target;
use crate::token::accepted;
use broker::clock::SystemRandom;
use broker::config::BaseUrl;
use broker::discovery::authorization_server::ServerMetadata;
use broker::discovery::www_authenticate::WwwAuthenticate;
use broker::discovery::{Discovery, DiscoveryError, Finding, Inquiry};
use broker::http::Http;
use broker::identity::{IdentityProvider, IdentitySettings};
use broker::oauth::response::AuthorizationResponse;
use broker::oauth::revocation::Revoker;
use broker::oauth::token::TokenEndpoint;

use broker::registration::{Applicant, Management, register};
use broker::target::{AuthorizationServer, Endpoint, SecretName, Target};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Who may name a URL, and what we do with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    /// The MCP server's own address.
    Endpoint,
    /// `resource_metadata` of a challenge, of the MCP server's own origin.
    Challenge,
    /// `resource_metadata` of a challenge, of another origin.
    ChallengeElsewhere,
    /// `authorization_servers` of protected resource metadata.
    Issuer,
    /// `token_endpoint` of the authorization server's metadata.
    TokenEndpoint,
    /// `registration_endpoint` of the authorization server's metadata.
    RegistrationEndpoint,
    /// A registration, at the endpoint that a caller has.
    Registration,
    /// A code's exchange at a target.
    Exchange,
    /// A renewal at a target.
    Refresh,
    /// A token that is given back.
    Revocation,
    /// A registration that is ended.
    Management,
    /// The identity provider's issuer.
    Provider,
    /// The identity provider's `jwks_uri`.
    Keys,
    /// The identity provider's `token_endpoint`.
    SignIn,
}

/// All of them.
pub(crate) const DOORS: [Door; 14] = [
    Door::Endpoint,
    Door::Challenge,
    Door::ChallengeElsewhere,
    Door::Issuer,
    Door::TokenEndpoint,
    Door::RegistrationEndpoint,
    Door::Registration,
    Door::Exchange,
    Door::Refresh,
    Door::Revocation,
    Door::Management,
    Door::Provider,
    Door::Keys,
    Door::SignIn,
];

/// Servers on this machine that name the URL that is tried.
pub(crate) struct World {
    mcp: Server,
    idp: Idp,
    named: Arc<Mutex<Named>>,
}

#[derive(Clone, Default)]
struct Named {
    issuer: Option<String>,
    token_endpoint: Option<String>,
    registration_endpoint: Option<String>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let named = Arc::new(Mutex::new(Named::default()));
        let told = Arc::clone(&named);
        let mcp = Server::start(move |asked| {
            let named = told.lock().unwrap().clone();
            let url = format!("http://{}", asked.header("host").unwrap());
            let document = match &*asked.path {
                "/.well-known/oauth-protected-resource/mcp" => json!({
                    "resource": format!("{url}/mcp"),
                    "authorization_servers": [named.issuer.as_ref().unwrap_or(&url)],
                }),
                "/.well-known/oauth-authorization-server" => json!({
                    "issuer": url,
                    "authorization_endpoint": format!("{url}/authorize"),
                    "token_endpoint": named.token_endpoint.unwrap_or_else(|| format!("{url}/token")),
                    "registration_endpoint": named.registration_endpoint,
                    "code_challenge_methods_supported": ["S256"],
                }),
                "/mcp" => Value::Null,
                _ => json!(false),
            };
            let status = if document.is_object() { 200 } else { 404 };
            async move { json(if document.is_null() { 401 } else { status }, &document) }
        })
        .await;
        Self { mcp, idp: Idp::start(Key::es256("k1")).await, named }
    }

    /// Goes through `door` with `url`: how it ended, if it ended badly.
    pub(crate) async fn knock(
        &self,
        door: Door,
        url: &str,
        http: &Http,
    ) -> Result<(), Box<dyn Error>> {
        let here: Endpoint = format!("{}/mcp", self.mcp.url).parse()?;
        match door {
            Door::Endpoint => inquiry(http, &url.parse()?).discover().await.map(|_| ())?,
            Door::Challenge => challenged(http, &url.parse()?, url).await.map(|_| ())?,
            Door::ChallengeElsewhere => {
                // Nothing else is published.
                let nowhere: Endpoint = format!("{}/none", self.mcp.url).parse()?;
                challenged(http, &nowhere, url).await.map(|_| ())?;
            }
            Door::Issuer => {
                self.name(Named { issuer: Some(url.to_owned()), ..Named::default() });
                inquiry(http, &here).discover().await.map(|_| ())?;
            }
            Door::TokenEndpoint => {
                self.name(Named { token_endpoint: Some(url.to_owned()), ..Named::default() });
                let found = discovered(http, &here).await?;
                renew(http, &at(&found.metadata.server.token_endpoint)).await?;
            }
            Door::RegistrationEndpoint => {
                let registration_endpoint = Some(url.to_owned());
                self.name(Named { registration_endpoint, ..Named::default() });
                let found = discovered(http, &here).await?;
                let us = Applicant { document: None, ..us() };
                register(http, &found.metadata, &us, None, clock()).await.map(|_| ())?;
            }
            Door::Registration => {
                let us = Applicant { document: None, ..us() };
                register(http, &registrar(url.parse()?), &us, None, clock()).await.map(|_| ())?;
            }
            Door::Exchange => {
                let target = at(&url.parse()?);
                let endpoint = TokenEndpoint {
                    http,
                    target: &target,
                    client_secret: None,
                    random: &SystemRandom,
                };
                endpoint.exchange(accepted(&target), clock()).await.map(|_| ())?;
            }
            Door::Refresh => renew(http, &at(&url.parse()?)).await?,
            Door::Revocation => {
                let mut target = target("https://as.example", &json!({}));
                target.authorization_server.revocation_endpoint = Some(url.parse()?);
                let secrets = &BTreeMap::<SecretName, ClientSecret>::new();
                let revoker = Revoker { http, target: &target, secrets, random: &SystemRandom };
                revoker.revoke(tokens(), clock()).await?;
            }
            Door::Management => {
                let management = Management {
                    registration_client_uri: url.parse()?,
                    registration_access_token: AccessToken::new("m".into()),
                };
                management.delete(http).await?;
            }
            Door::Provider => {
                let settings = IdentitySettings { issuer: url.to_owned(), ..self.idp.settings() };
                IdentityProvider::new(settings, http.clone()).prepare(clock()).await?;
            }
            Door::Keys => {
                self.idp.tell(|says| says.metadata = json!({ "jwks_uri": url }));
                self.provider(http).prepare(clock()).await?;
            }
            Door::SignIn => {
                self.idp.tell(|says| says.metadata = json!({ "token_endpoint": url }));
                let (provider, back) = (self.provider(http), "https://broker.example/login");
                let (sign_in, to) = provider.sign_in(back, false, &SystemRandom, clock()).await?;
                let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1;
                let answer = AuthorizationResponse::parse(&format!("code=c&state={state}"))?;
                provider.finish(sign_in, answer, back, clock()).await.map(|_| ())?;
            }
        }
        Ok(())
    }

    fn name(&self, named: Named) {
        *self.named.lock().unwrap() = named;
    }

    fn provider(&self, http: &Http) -> IdentityProvider {
        IdentityProvider::new(self.idp.settings(), http.clone())
    }
}

pub(crate) fn inquiry<'a>(http: &'a Http, endpoint: &'a Endpoint) -> Inquiry<'a> {
    Inquiry { http, endpoint, issuer: None, strict: false }
}

pub(crate) async fn discovered(
    http: &Http,
    endpoint: &Endpoint,
) -> Result<Discovery, DiscoveryError> {
    match inquiry(http, endpoint).discover().await? {
        Finding::NeedsToken(discovery) => Ok(*discovery),
        Finding::NeedsNoToken => panic!("needs no token"),
    }
}

pub(crate) async fn challenged(
    http: &Http,
    at: &Endpoint,
    url: &str,
) -> Result<Discovery, DiscoveryError> {
    let challenge =
        WwwAuthenticate { resource_metadata: Some(url.to_owned()), ..Default::default() };
    inquiry(http, at).resolve(&challenge).await
}

async fn renew(http: &Http, target: &Target) -> Result<(), Box<dyn Error>> {
    let endpoint = TokenEndpoint { http, target, client_secret: None, random: &SystemRandom };
    endpoint.refresh(&RefreshToken::new("r".into()), clock()).await.map(|_| ())?;
    Ok(())
}

fn tokens() -> TokenSet {
    TokenSet {
        access: AccessToken::new("a".into()),
        refresh: Some(RefreshToken::new("r".into())),
        expires_at: clock(),
        scopes: vec![],
    }
}

/// A target whose token endpoint this is.
fn at(token_endpoint: &Endpoint) -> Target {
    let mut target = target("https://as.example", &json!({}));
    target.authorization_server.token_endpoint = token_endpoint.clone();
    target
}

pub(crate) fn registrar(registration_endpoint: Endpoint) -> ServerMetadata {
    ServerMetadata {
        server: AuthorizationServer {
            issuer: "https://as.example".into(),
            authorization_endpoint: "https://as.example/authorize".parse().unwrap(),
            token_endpoint: "https://as.example/token".parse().unwrap(),
            revocation_endpoint: None,
            authorization_response_iss_parameter_supported: false,
        },
        registration_endpoint: Some(registration_endpoint),
        client_id_metadata_document_supported: false,
        token_endpoint_auth_methods_supported: None,
        token_endpoint_auth_signing_alg_values_supported: None,
        grant_types_supported: None,
        scopes_supported: vec![],
    }
}

pub(crate) fn us() -> Applicant {
    Applicant::of(&BaseUrl::new("https://broker.example").unwrap(), &"notes".parse().unwrap())
}

pub(crate) fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

const NOW: u64 = 1_800_000_000;
