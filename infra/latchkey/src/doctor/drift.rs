//! Differences between a target's record and what its servers say now.

use crate::answer::Refusal;
use broker::discovery::Discovery;
use broker::discovery::attempt::Quote;
use broker::quirks::Quirks;
use broker::target::{AuthorizationServer, Endpoint, Target};
use serde::Serialize;

/// Something that is not as it was.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    /// One word for programs.
    pub kind: &'static str,
    /// What is different.
    pub what: String,
    /// What the operator can do.
    #[serde(rename = "do")]
    pub remedy: String,
}

impl Drift {
    /// Something that connecting again mends.
    pub(super) fn new(kind: &'static str, again: &str, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), remedy: again.to_owned() }
    }
}

/// What could not be connected now.
impl From<Refusal> for Drift {
    fn from(refusal: Refusal) -> Self {
        Self { kind: refusal.kind, what: refusal.problem, remedy: refusal.remedy }
    }
}

/// What would be different if the target were connected now.
pub(super) fn between(target: &Target, now: &Discovery, again: &str) -> Vec<Drift> {
    let (before, server) = (&target.authorization_server, &now.metadata.server);
    let mut drift = Vec::new();
    let mut differ = |kind, what: &str, before: &str, now: &str| {
        if before != now {
            let (before, now) = (Quote::of(before), Quote::of(now));
            drift.push(Drift::new(kind, again, format!("{what} was {before} and is {now}")));
        }
    };
    differ("resource", "the resource", target.resource.as_str(), now.resource.as_str());
    differ("issuer", "the issuer of its tokens", &before.issuer, &server.issuer);
    for ((what, before), (_, now)) in endpoints(before).into_iter().zip(endpoints(server)) {
        differ("endpoint", what, before, now);
    }
    differ("iss", "`iss` in the authorization server's answers", iss(before), iss(server));
    let gone = gone(target, now);
    if !gone.is_empty() {
        let what = format!("these scopes are offered no more: {}", gone.join(" "));
        drift.push(Drift::new("scopes", again, what));
    }
    drift
}

fn endpoints(server: &AuthorizationServer) -> [(&'static str, &str); 3] {
    let revocation = server.revocation_endpoint.as_ref().map_or("none", Endpoint::as_str);
    [
        ("the authorization endpoint", server.authorization_endpoint.as_str()),
        ("the token endpoint", server.token_endpoint.as_str()),
        ("the revocation endpoint", revocation),
    ]
}

fn iss(server: &AuthorizationServer) -> &'static str {
    if server.authorization_response_iss_parameter_supported { "promised" } else { "not promised" }
}

/// Scopes that are asked for, and that nobody names any more.
fn gone<'a>(target: &'a Target, now: &Discovery) -> Vec<&'a str> {
    let offered: Vec<_> = now.scopes.iter().chain(&now.metadata.scopes_supported).collect();
    if offered.is_empty() {
        return Vec::new();
    }
    let missing = target.scopes.iter().filter(|scope| !offered.contains(scope));
    missing.map(String::as_str).collect()
}

/// What may be so on purpose: scopes that were left out, quirks that an operator knows better.
pub(super) fn notes(target: &Target, now: &Discovery) -> Vec<String> {
    let new = now.scopes.iter().filter(|scope| !target.scopes.contains(scope));
    let new: Vec<_> = new.map(String::as_str).collect();
    let mut notes = Vec::new();
    if !new.is_empty() {
        notes.push(format!("the servers also name these scopes: {}", new.join(" ")));
    }
    if let (Some(provider), quirks) = Quirks::of(&now.metadata.server)
        && quirks != target.quirks
    {
        notes.push(format!("the record's quirks are not those that are known of {provider}"));
    }
    notes
}
