//! Whether our client at a target's authorization server is still good, as far as that can be found
//! out without a person.

use super::Diagnosis;
use super::drift::Drift;
use crate::connect::Moment;
use crate::local::is_configured;
use crate::operator::Operator;
use crate::stack::Stack;
use broker::discovery::authorization_server::ServerMetadata;
use broker::http::Http;
use broker::page::moment;
use broker::registration::{Applicant, Standing, StandingError};
use broker::store::StoreError;
use broker::target::{Target, Unusable, Way};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// What the record says by itself.
pub(super) fn of_record(
    target: &Target,
    applicant: &Applicant,
    now: SystemTime,
    again: &str,
) -> Option<Drift> {
    let issuer = &target.authorization_server.issuer;
    let good = |end| target.client.is_good(issuer, &applicant.redirect_uri, end);
    match (good(now), good(now + WARNING)) {
        (Err(Unusable::Expired), _) => {
            Some(Drift::new("registration_expired", again, "our client secret has expired"))
        }
        (Err(why), _) => Some(Drift::new("registration", again, format!("our client: {why}"))),
        (_, Err(_)) => {
            let expiry = target.client.client_secret_expires_at.map(moment::Moment::new);
            let expiry = expiry.map(|expiry| format!(": {expiry}")).unwrap_or_default();
            let what = format!("our client secret expires in less than a week{expiry}");
            Some(Drift::new("registration_expiring", again, what))
        }
        _ => None,
    }
}

/// What the authorization server says that it takes.
pub(super) fn offered(target: &Target, metadata: &ServerMetadata, again: &str) -> Vec<Drift> {
    let mut drift = Vec::new();
    let method = target.client.token_endpoint_auth_method.as_str();
    if let Some(methods) = &metadata.token_endpoint_auth_methods_supported
        && !methods.iter().any(|offered| offered == method)
    {
        let what = format!("the authorization server no longer lists {method}");
        drift.push(Drift::new("authentication", again, what));
    }
    if target.client.way == Way::Document && !metadata.client_id_metadata_document_supported {
        let what = "the authorization server no longer reads client ID metadata documents";
        drift.push(Drift::new("documents_unread", again, what));
    }
    drift
}

/// A target under examination.
pub(super) struct Examined<'a> {
    pub(super) operator: &'a Operator,
    pub(super) http: &'a Http,
    pub(super) target: &'a Target,
    pub(super) moment: Moment<'a>,
    pub(super) again: &'a str,
}

impl Examined<'_> {
    fn us(&self) -> &'static str {
        if self.operator.stack().is_some() { "the deployment" } else { "`latchkey local`" }
    }

    /// Whether our metadata document is where our id says.
    pub(super) async fn document(&self, applicant: &Applicant, diagnosis: &mut Diagnosis) {
        let target = self.target;
        if target.client.way != Way::Document {
            return;
        }
        let url = &target.client.client_id;
        // The deployment need not be one of those to which its functions may speak.
        let inbound = self.operator.stack().map(Stack::inbound);
        let served: Result<Value, _> = inbound.as_ref().unwrap_or(self.http).get_json(url).await;
        let drift = match served {
            Ok(served) if Some(&served) == due(applicant, target).as_ref() => return,
            Ok(_) => Drift {
                remedy: format!("Let that address lead to {}, and to nothing else.", self.us()),
                ..Drift::new(
                    "document_wrong",
                    self.again,
                    format!("{url} is not our metadata document"),
                )
            },
            Err(error) => Drift {
                remedy: format!(
                    "Let that address lead to {}, which has to be running, without redirect and with \
                     a certificate that the public trusts.",
                    self.us()
                ),
                ..Drift::new(
                    "document_unreachable",
                    self.again,
                    format!("our metadata document {url} cannot be read: {error}"),
                )
            },
        };
        diagnosis.drift.push(drift);
    }

    /// Whether the authorization server knows us, and believes our secret.
    pub(super) async fn standing(&self, diagnosis: &mut Diagnosis) {
        let target = self.target;
        let ended = ["registration", "registration_expired"];
        if diagnosis.drift.iter().any(|drift| ended.contains(&drift.kind)) {
            return;
        }
        let in_file = is_configured(target) && self.operator.stack().is_none();
        if in_file && target.client.client_secret.is_some() {
            let note =
                "the secret of our client stands in the configuration file; it was not tried";
            diagnosis.notes.push(note.to_owned());
            return;
        }
        let registrant = self.operator.registrant(self.http, self.moment.random);
        match registrant.standing(target, self.moment.now).await {
            Ok(Standing::Good) => {}
            Ok(Standing::Refused) => diagnosis.drift.push(Drift::new(
                "client_refused",
                self.again,
                "the authorization server does not know our client, or does not believe its secret",
            )),
            Ok(Standing::Unknown) => diagnosis
                .notes
                .push("the authorization server does not say whether it knows our client".into()),
            Err(StandingError::Store(StoreError::Unreadable(_))) => {
                diagnosis.drift.push(Drift::new(
                    "secret_missing",
                    self.again,
                    "the secret of our client is not where its record says",
                ));
            }
            Err(error) => diagnosis.unchecked.push(format!("our client: {error}")),
        }
    }
}

fn due(applicant: &Applicant, target: &Target) -> Option<Value> {
    serde_json::from_str(&applicant.document(&target.client)?).ok()
}

/// An expiry is named this long before.
const WARNING: Duration = Duration::from_hours(7 * 24);
