//! A client that an operator gave: whether the authorization server is the one that it is for, and
//! believes it, before it is kept.

use super::work::Work;
use super::{Moment, Wish};
use crate::answer::Refusal;
use broker::discovery::attempt::Quote;
use broker::http::Http;
use broker::registration::{Registrant, Registration, Standing};
use broker::store::{ClientSecrets, SecretStore, StoreError};
use broker::target::{ClientAuthentication, SecretName, Target};
use oauth2::ClientSecret;

/// Refuses a secret whose issuer nobody but the MCP server has named: whoever can make it name another
/// would be sent the secret. A private key is never sent, and what it signs is good at one issuer only.
pub(super) fn is_meant_for(
    given: &Registration,
    wish: &Wish,
    found: Option<&Target>,
) -> Result<(), Refusal> {
    let shared = matches!(
        given.method,
        ClientAuthentication::ClientSecretBasic | ClientAuthentication::ClientSecretPost
    );
    let named = wish.issuer.as_deref();
    let connected = found.and_then(|found| found.client.issuer.as_deref());
    if !shared || [named, connected].contains(&Some(&*given.issuer)) {
        return Ok(());
    }
    let issuer = Quote::of(&given.issuer);
    Err(Refusal::new(
        "issuer_not_given",
        format!(
            "the client's secret is sent to its issuer only, and only the MCP server says that this \
             is {issuer}"
        ),
        format!(
            "If the client is registered there, repeat the command with --issuer {issuer}; \
             otherwise do not trust this MCP server."
        ),
    ))
}

/// Refuses a client that the authorization server refuses. Where it does not say, the operator's word
/// counts.
pub(super) async fn is_believed(
    given: &Registration,
    work: &Work<'_>,
    http: &Http,
    moment: Moment<'_>,
) -> Result<(), Refusal> {
    let registrant = Registrant {
        http,
        targets: &work.operator.store,
        secrets: &AtHand(given.secret.clone()),
        secret_prefix: "",
        random: moment.random,
    };
    let target = work.target(given.client(SecretName(String::new())));
    match registrant.standing(&target, moment.now).await {
        Ok(Standing::Refused) => Err(Refusal::new(
            "client_refused",
            format!(
                "{} does not know the client {}, or does not believe its secret",
                Quote::of(&given.issuer),
                Quote::of(&given.client_id)
            ),
            "Look at its id, its secret and its authentication method there, then connect again.",
        )),
        _ => Ok(()),
    }
}

/// A secret that lies nowhere yet.
struct AtHand(Option<ClientSecret>);

impl ClientSecrets for AtHand {
    async fn client_secret(&self, _: &SecretName) -> Result<ClientSecret, StoreError> {
        self.0.clone().ok_or(StoreError::Unreadable("there is no secret"))
    }
}

impl SecretStore for AtHand {
    async fn put_secret(&self, _: &SecretName, _: &ClientSecret) -> Result<(), StoreError> {
        Err(StoreError::Unreadable("nothing is kept here"))
    }

    async fn remove_secret(&self, _: &SecretName) -> Result<(), StoreError> {
        Ok(())
    }
}
