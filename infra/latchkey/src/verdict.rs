//! What `connect` found and did, for the operator.

mod text;

use crate::answer::{Exit, Report};
use crate::connect::deployed::Deployed;
use broker::discovery::Discovery;
use broker::discovery::resource::{Identity, Place};
use broker::quirks::{Quirks, Revocation};
use broker::target::{AuthorizationServer, Target};
use serde::Serialize;

/// What was found, what was done about it, and what follows for people.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The target's name.
    pub name: String,
    /// As people call it.
    pub title: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether that would only have been done.
    pub dry_run: bool,
    /// Where the MCP server is.
    pub endpoint: String,
    /// What its tokens are for.
    pub resource: ResourceFound,
    /// Who issues them.
    pub issuer: String,
    /// The same, with its endpoints, as the target's record has it.
    pub authorization_server: AuthorizationServer,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// How we are a client there.
    pub registration: RegistrationMade,
    /// What the servers offer, or lack.
    pub protections: Protections,
    /// Whose authorization server it is, if it is one that we know.
    pub provider: Option<&'static str>,
    /// Where it departs from the RFCs, as far as that is known.
    pub quirks: Quirks,
    /// How many tools the gateway stand-in lists; none if nobody said which there are.
    pub tools: Option<usize>,
    /// What follows in a deployment; none in `latchkey local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployed>,
    /// What a person is going to see.
    pub person: Person,
    /// What else the operator should know.
    pub notes: Vec<String>,
    /// What was asked, and what came of it.
    pub tried: Vec<String>,
}

/// What became of a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is new.
    Connected,
    /// It was there, and something changed.
    Updated,
    /// It was there, as it is now.
    Unchanged,
}

/// What an MCP server's tokens are for.
#[derive(Debug, Serialize)]
pub struct ResourceFound {
    /// The identifier, byte for byte.
    pub identifier: String,
    /// Where it is published: `challenge`, `path` or `root`; none if it is not.
    pub published_at: Option<&'static str>,
    /// How it relates to the endpoint: `exact` or `prefix`; none if it is not published.
    pub identity: Option<&'static str>,
}

impl ResourceFound {
    /// As discovery found it.
    pub fn of(discovery: &Discovery) -> Self {
        let (place, identity) = discovery.published.unzip();
        Self {
            identifier: discovery.resource.as_str().to_owned(),
            published_at: place.map(|place| match place {
                Place::Challenge => "challenge",
                Place::Path => "path",
                Place::Root => "root",
            }),
            identity: identity.map(|identity| match identity {
                Identity::Exact => "exact",
                Identity::Prefix => "prefix",
            }),
        }
    }
}

/// How we are a client.
#[derive(Debug, Serialize)]
pub struct RegistrationMade {
    /// `by_hand`, `document` or `dynamic`.
    pub way: broker::target::Way,
    /// Why in this way.
    pub why: String,
    /// Whether it was there before.
    pub kept: bool,
    /// Our id; none in a dry run that would first have to ask for one.
    pub client_id: Option<String>,
    /// How we prove ourselves.
    pub token_endpoint_auth_method: &'static str,
    /// Where answers come to.
    pub redirect_uri: String,
    /// When its secret expires, in seconds since 1970; none if it does not.
    pub client_secret_expires_at: Option<u64>,
}

/// What protects a person's tokens, as the servers say it of themselves.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a yes or no of its own, and has a name")]
pub struct Protections {
    /// <https://www.rfc-editor.org/rfc/rfc7636>: without it there is no verdict.
    pub pkce_s256: bool,
    /// <https://www.rfc-editor.org/rfc/rfc9207>
    pub iss_in_answers: bool,
    /// <https://www.rfc-editor.org/rfc/rfc9728>
    pub resource_metadata: bool,
    /// <https://www.rfc-editor.org/rfc/rfc7009>
    pub revocation: bool,
    /// Whether it takes refresh tokens; none if it does not say.
    pub refresh_tokens: Option<bool>,
}

impl Protections {
    /// As discovery found them.
    pub fn of(discovery: &Discovery, quirks: &Quirks) -> Self {
        let metadata = &discovery.metadata;
        let lists = |list: &[String], word: &str| list.iter().any(|entry| entry == word);
        let grants = metadata.grant_types_supported.as_deref();
        let offline = lists(&metadata.scopes_supported, "offline_access");
        Self {
            // Metadata without it is not used at all.
            pkce_s256: true,
            iss_in_answers: metadata.server.authorization_response_iss_parameter_supported,
            resource_metadata: discovery.published.is_some(),
            revocation: metadata.server.revocation_endpoint.is_some()
                || quirks.revocation != Revocation::Rfc7009,
            refresh_tokens: match grants {
                Some(grants) => Some(lists(grants, "refresh_token")),
                None => offline.then_some(true),
            },
        }
    }
}

/// What a person who calls one of the tools goes through.
#[derive(Debug, Serialize)]
pub struct Person {
    /// Where they are sent.
    pub opens: String,
    /// What they are asked, in order.
    pub is_asked: Vec<String>,
}

impl Person {
    /// What people are asked for `target`.
    pub fn of(target: &Target, base_url: &str) -> Self {
        let issuer = &target.authorization_server.issuer;
        let scopes = if target.scopes.is_empty() {
            "what the authorization server gives by default".to_owned()
        } else {
            target.scopes.join(" ")
        };
        Self {
            opens: format!("{base_url}/authorize/{}", target.name),
            is_asked: vec![
                "to sign in at the gateway's identity provider, if they are not".to_owned(),
                format!(
                    "whether agents may act for them at {} ({}), with: {scopes}",
                    target.title,
                    target.endpoint.as_str()
                ),
                format!("to sign in at {issuer}, and to agree there as well"),
            ],
        }
    }
}

impl Report for Verdict {
    fn exit(&self) -> Exit {
        self.deployment.as_ref().map_or(Exit::Done, Deployed::exit)
    }
}
