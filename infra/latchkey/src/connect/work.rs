//! What is made of an inquiry and a plan.

use super::Wish;
use super::deployed::Deployed;
use crate::operator::{LocalPlace, Operator, Place};
use crate::verdict::{Outcome, Person, Protections, RegistrationMade, ResourceFound, Verdict};
use broker::clock::unix_seconds;
use broker::discovery::Discovery;
use broker::pending::PENDING_LIFETIME;
use broker::quirks::Quirks;
use broker::registration::{Plan, Situation, WithdrawError};
use broker::target::{Client, SecretName, Target, Unusable, Way};

/// One run of `connect`, when everything has been looked at.
pub(super) struct Work<'a> {
    pub(super) operator: &'a Operator,
    pub(super) wish: &'a Wish,
    pub(super) found: Option<&'a Target>,
    pub(super) discovery: &'a Discovery,
}

impl Work<'_> {
    /// The target, with our client.
    pub(super) fn target(&self, client: Client) -> Target {
        let Wish { name, title, endpoint, scopes, .. } = self.wish;
        let before = self.found.map(|found| found.title.as_str());
        let title = title.as_deref().or(before).unwrap_or(name.as_str());
        let target = self.discovery.target(name.clone(), title, endpoint, client);
        if scopes.is_empty() { target } else { Target { scopes: scopes.clone(), ..target } }
    }

    /// What would come of `plan`.
    pub(super) fn rehearse(&self, plan: &Plan, situation: &Situation<'_>) -> Verdict {
        let target = self.target(imagined(plan, situation));
        let mut verdict = self.verdict(&target, plan, situation);
        if matches!(plan, Plan::Dynamic(_)) {
            verdict.registration.client_id = None;
        }
        if let Some(tools) = &self.wish.tools {
            verdict.tools = Some(tools.len());
        }
        verdict
    }

    /// What came of it.
    pub(super) fn verdict(
        &self,
        target: &Target,
        plan: &Plan,
        situation: &Situation<'_>,
    ) -> Verdict {
        let base_url = self.operator.base_url.as_str();
        let client = &target.client;
        let kept = matches!(plan, Plan::Keep(_));
        let mut notes = self.notes(target, situation);
        let tools = self.operator.folder().map(|folder| folder.tools(&target.name)).transpose();
        let tools = tools.unwrap_or_else(|error| {
            notes.push(format!("The tools that are kept for it cannot be read: {error}."));
            None
        });
        Verdict {
            name: target.name.to_string(),
            title: target.title.clone(),
            outcome: match self.found {
                None => Outcome::Connected,
                Some(found) if found == target => Outcome::Unchanged,
                Some(_) => Outcome::Updated,
            },
            dry_run: self.wish.dry_run,
            endpoint: target.endpoint.as_str().to_owned(),
            resource: ResourceFound::of(self.discovery),
            issuer: target.authorization_server.issuer.clone(),
            authorization_server: target.authorization_server.clone(),
            scopes: target.scopes.clone(),
            registration: RegistrationMade {
                way: client.way,
                why: self.why(plan, situation),
                kept,
                client_id: Some(client.client_id.clone()),
                token_endpoint_auth_method: client.token_endpoint_auth_method.as_str(),
                redirect_uri: situation.applicant.redirect_uri.clone(),
                client_secret_expires_at: client.client_secret_expires_at.map(unix_seconds),
            },
            protections: Protections::of(self.discovery, &target.quirks),
            provider: Quirks::of(&target.authorization_server).0,
            quirks: target.quirks.clone(),
            tools: tools.flatten().map(|tools| tools.len()),
            deployment: self.operator.stack().map(|stack| Deployed::of(stack, target, base_url)),
            person: Person::of(target, base_url),
            notes,
            tried: self.discovery.tried.iter().map(ToString::to_string).collect(),
        }
    }

    fn why(&self, plan: &Plan, situation: &Situation<'_>) -> String {
        let documents = self.discovery.metadata.client_id_metadata_document_supported;
        match plan {
            Plan::Keep(_) => "the client that the target has is still good".to_owned(),
            Plan::Given(_) => "you gave the client".to_owned(),
            Plan::Document(document) => format!(
                "no client was given, and the authorization server reads client ID metadata \
                 documents: ours is {}",
                document.url
            ),
            Plan::Dynamic(_) if documents && situation.applicant.document.is_none() => format!(
                "no client was given, and the authorization server could not read our metadata \
                 document at {}; it registers whoever asks",
                self.operator.base_url.as_str()
            ),
            Plan::Dynamic(_) => "no client was given, and the authorization server reads no \
                                 metadata document of ours, but registers whoever asks"
                .to_owned(),
        }
    }

    fn notes(&self, target: &Target, situation: &Situation<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        if let Place::Folder(LocalPlace { has_run: false, .. }) = &self.operator.place {
            notes.push(format!(
                "`latchkey local` has not run with this data folder yet; {} is taken for its address.",
                self.operator.base_url.as_str()
            ));
        }
        let Some(found) = self.found else { return notes };
        let before = &found.client;
        let end = situation.now + PENDING_LIFETIME;
        let issuer = &target.authorization_server.issuer;
        if let Err(why) = before.is_good(issuer, &situation.applicant.redirect_uri, end) {
            notes.push(format!("The client that the target had cannot be used: {why}."));
        } else if situation.refused {
            let why = Unusable::Refused;
            notes.push(format!("The client that the target had cannot be used: {why}."));
        }
        if found.resource != target.resource
            || found.authorization_server.issuer != target.authorization_server.issuer
        {
            notes.push(
                "What the server's tokens are for, or who issues them, has changed: \
                        whoever was connected is asked to connect again."
                    .to_owned(),
            );
        }
        notes
    }
}

/// The client as far as it is known beforehand.
fn imagined(plan: &Plan, situation: &Situation<'_>) -> Client {
    let (way, client_id, method) = match plan {
        Plan::Keep(client) => return Client::clone(client),
        Plan::Given(given) => return given.client(SecretName(String::new())),
        Plan::Document(document) => {
            (Way::Document, document.url.as_str().to_owned(), document.method)
        }
        Plan::Dynamic(dynamic) => (Way::Dynamic, String::new(), dynamic.method),
    };
    Client {
        client_id,
        client_secret: None,
        token_endpoint_auth_method: method,
        public_keys: Vec::new(),
        issuer: Some(situation.server.server.issuer.clone()),
        way,
        redirect_uri: Some(situation.applicant.redirect_uri.clone()),
        client_secret_expires_at: None,
        management: None,
    }
}

/// What to say of the client that was there before.
pub(super) fn farewell(
    before: &Client,
    now: &Client,
    ended: Result<(), WithdrawError>,
) -> Option<String> {
    if before.is_registered_as(now) {
        let error = ended.err()?;
        return Some(format!("A secret that was used before could not be removed: {error}."));
    }
    if before.client_id == now.client_id && ended.is_ok() {
        return None;
    }
    let consequence = "Whoever was connected is asked to connect again when their token expires.";
    Some(match ended {
        Ok(()) => format!("The client that was used before is given up. {consequence}"),
        Err(error) => {
            format!("The client that was used before is used no more, but: {error}. {consequence}")
        }
    })
}
