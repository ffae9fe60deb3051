//! From an MCP server's address to what its tokens are for and who issues them.
//!
//! An [`Inquiry`] asks; what others say is read by pure functions: challenges in
//! [`www_authenticate`], protected resource metadata in [`resource`], authorization server metadata
//! in [`authorization_server`]. Nothing is believed of a document that is about somebody else, and no
//! identifier passes through a URL type: what was published is what is sent and compared.
//!
//! None of this happens while a tool call waits.

pub mod attempt;
pub mod authorization_server;
pub(crate) mod document;
pub mod probe;
pub mod resource;
pub mod scopes;
pub mod www_authenticate;

use crate::http::Http;
use crate::quirks::Quirks;
use crate::target::{Client, Endpoint, Resource, Target, TargetName};
use attempt::{Attempt, Outcome, Rejection, Tell, Trail};
use authorization_server::ServerMetadata;
use probe::{Door, ProbeError};
use resource::{Identity, Place, ResourceMetadata};
use std::fmt;
use www_authenticate::WwwAuthenticate;

/// A question about one MCP server.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// How to get there.
    pub http: &'a Http,
    /// The MCP server.
    pub endpoint: &'a Endpoint,
    /// The authorization server that the operator wants, or that is in use: taken if the MCP server
    /// lists it, and where the MCP server publishes no metadata at all.
    pub issuer: Option<&'a str>,
    /// Whether the resource must be the endpoint to the letter.
    pub strict: bool,
}

/// What an MCP server turned out to be.
#[derive(Debug)]
pub enum Finding {
    /// It answers strangers, and publishes nothing about tokens.
    NeedsNoToken,
    /// It wants tokens, and this is how to get them.
    NeedsToken(Box<Discovery>),
}

/// All that a target needs besides our client there.
#[derive(Debug)]
pub struct Discovery {
    /// What its tokens are for.
    pub resource: Resource,
    /// Where that was said, and how it relates to the endpoint. `None` where nothing was published.
    pub published: Option<(Place, Identity)>,
    /// Who issues its tokens.
    pub metadata: ServerMetadata,
    /// What to ask for; nothing means what the authorization server gives by default.
    pub scopes: Vec<String>,
    /// What was asked, in order, and what came of it.
    pub tried: Vec<Attempt>,
}

impl Discovery {
    /// The target, with our client there and with what is known of its authorization server.
    #[must_use]
    pub fn target(&self, name: TargetName, title: &str, at: &Endpoint, client: Client) -> Target {
        Target {
            name,
            title: title.to_owned(),
            endpoint: at.clone(),
            resource: self.resource.clone(),
            authorization_server: self.metadata.server.clone(),
            client,
            scopes: self.scopes.clone(),
            quirks: Quirks::of(&self.metadata.server).1,
        }
    }
}

impl Inquiry<'_> {
    /// Asks the MCP server itself, and follows what it says.
    pub async fn discover(&self) -> Result<Finding, DiscoveryError> {
        self.discover_telling(&mut |_| {}).await
    }

    /// The same, for an operator who watches: `tell` hears of each attempt as it ends.
    pub async fn discover_telling(&self, tell: &mut Tell) -> Result<Finding, DiscoveryError> {
        let (door, outcome) = match probe::knock(self.http, self.endpoint).await {
            Ok(Door::Open(status)) => (None, Outcome::Open(status)),
            Ok(Door::Closed(status, says)) => (Some(says), Outcome::Refused(status)),
            Err(error) => return Err(DiscoveryError::new(Problem::Probe(error), vec![])),
        };
        let mut trail = Trail::new(tell);
        trail.push(Attempt::new(self.endpoint.as_str(), outcome));
        let open = door.is_none();
        match self.follow(&door.unwrap_or_default(), trail).await {
            // Some servers greet strangers and want a token for all that follows.
            Err(DiscoveryError { problem: Problem::NoResourceMetadata, .. }) if open => {
                Ok(Finding::NeedsNoToken)
            }
            followed => followed.map(|discovery| Finding::NeedsToken(Box::new(discovery))),
        }
    }

    /// Follows what the MCP server said when it refused a request: 401, or 403 for want of scopes.
    pub async fn resolve(&self, refusal: &WwwAuthenticate) -> Result<Discovery, DiscoveryError> {
        self.follow(refusal, Trail::new(&mut |_| {})).await
    }

    async fn follow(
        &self,
        refusal: &WwwAuthenticate,
        mut trail: Trail<'_>,
    ) -> Result<Discovery, DiscoveryError> {
        let before = trail.tried.len();
        let found = self.resource(refusal, &mut trail).await;
        // Only where nothing is published: what is published and wrong must not be papered over.
        let silent = trail.tried[before..].iter().all(Attempt::is_absence);
        let (resource, published, issuers, of_resource) = match (found, self.issuer) {
            (Some((place, metadata)), _) => {
                let ResourceMetadata { resource, identity, .. } = metadata;
                let scopes = metadata.scopes_supported;
                (resource, Some((place, identity)), metadata.authorization_servers, scopes)
            }
            (None, Some(issuer)) if silent => {
                let Some(resource) = resource::canonical(self.endpoint) else {
                    return Err(DiscoveryError::new(Problem::NoResourceMetadata, trail.tried));
                };
                (resource, None, vec![issuer.to_owned()], vec![])
            }
            (None, _) => return Err(DiscoveryError::new(Problem::NoResourceMetadata, trail.tried)),
        };
        let Some(metadata) = self.authorization_server(&issuers, &mut trail).await else {
            return Err(DiscoveryError::new(Problem::NoAuthorizationServer, trail.tried));
        };
        let of_server = &metadata.scopes_supported;
        let scopes = scopes::select(refusal.scope.as_deref(), &of_resource, of_server);
        Ok(Discovery { resource, published, metadata, scopes, tried: trail.tried })
    }

    /// The first valid metadata of the MCP server. A place that is in trouble ends the search: what a
    /// token is for must not depend on who is down today.
    async fn resource(
        &self,
        refusal: &WwwAuthenticate,
        trail: &mut Trail<'_>,
    ) -> Option<(Place, ResourceMetadata)> {
        let challenged = refusal.resource_metadata.as_deref();
        for (place, url) in resource::places(self.endpoint, challenged) {
            let url = match url {
                Ok(url) => url,
                Err(why) => {
                    trail.push(Attempt::rejected(challenged.unwrap_or_default(), why));
                    continue;
                }
            };
            let read = |document| resource::read(&document, self.endpoint, place, self.strict);
            match self.http.get_json(&url).await.map(read) {
                Ok(Ok(metadata)) => {
                    trail.push(Attempt::new(&url, Outcome::Used));
                    return Some((place, metadata));
                }
                Ok(Err(why)) => trail.push(Attempt::rejected(&url, why)),
                Err(error) => {
                    let attempt = Attempt::new(&url, Outcome::NotRead(error));
                    let passing = attempt.may_pass();
                    trail.push(attempt);
                    if passing {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// The authorization server that is wanted, if it is listed, and no other; else the first that
    /// is valid.
    async fn authorization_server(
        &self,
        issuers: &[String],
        trail: &mut Trail<'_>,
    ) -> Option<ServerMetadata> {
        let wanted = self.issuer.filter(|wanted| issuers.iter().any(|issuer| issuer == wanted));
        let candidates: Vec<&str> = match wanted {
            Some(wanted) => vec![wanted],
            None => issuers.iter().map(String::as_str).take(MOST_ISSUERS).collect(),
        };
        for issuer in candidates {
            if let Some(metadata) = self.metadata(issuer, trail).await {
                return Some(metadata);
            }
        }
        None
    }

    /// The first document that names `issuer` is its word: what that one lacks, no other supplies.
    async fn metadata(&self, issuer: &str, trail: &mut Trail<'_>) -> Option<ServerMetadata> {
        let Some(addresses) = authorization_server::addresses(self.endpoint, issuer) else {
            trail.push(Attempt::rejected(issuer, Rejection::UnfitIssuer));
            return None;
        };
        for url in addresses {
            let read = |document| authorization_server::read(&document, self.endpoint, issuer);
            match self.http.get_json(&url).await.map(read) {
                Ok(Ok(metadata)) => {
                    trail.push(Attempt::new(&url, Outcome::Used));
                    return Some(metadata);
                }
                Ok(Err(why)) => {
                    let another =
                        matches!(why, Rejection::AnotherIssuer(_) | Rejection::Malformed("issuer"));
                    trail.push(Attempt::rejected(&url, why));
                    if !another {
                        return None;
                    }
                }
                Err(error) => trail.push(Attempt::new(&url, Outcome::NotRead(error))),
            }
        }
        None
    }
}

/// Why there is no discovery, and what was asked on the way.
#[derive(Debug)]
pub struct DiscoveryError {
    /// What to do about it.
    pub problem: Problem,
    /// What was asked, in order, and what came of it.
    pub tried: Vec<Attempt>,
}

/// What is wrong, divided by what the operator does next.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The MCP server itself.
    #[error(transparent)]
    Probe(ProbeError),
    /// Name the authorization server, or ask the MCP server's maker.
    #[error(
        "the MCP server publishes no usable protected resource metadata; ask its maker for it \
         (RFC 9728), or, if it has none, name its authorization server's issuer"
    )]
    NoResourceMetadata,
    /// Choose another issuer, or ask the authorization server's maker.
    #[error(
        "no authorization server of the MCP server can be used; ask its maker, or, if there are \
         several, name the issuer to use"
    )]
    NoAuthorizationServer,
    /// Try again.
    #[error("a server did not answer; try again, or look at its address")]
    Unavailable,
}

impl DiscoveryError {
    /// Where somebody did not answer, nothing is known of what they would have said.
    fn new(problem: Problem, tried: Vec<Attempt>) -> Self {
        let passing = tried.iter().any(Attempt::may_pass);
        Self { problem: if passing { Problem::Unavailable } else { problem }, tried }
    }
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        self.tried.iter().try_for_each(|attempt| write!(f, "\n  {attempt}"))
    }
}

impl std::error::Error for DiscoveryError {}

/// More are not asked: each costs up to three requests, and the list is somebody else's.
const MOST_ISSUERS: usize = 5;
