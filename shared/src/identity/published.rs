//! What an identity provider publishes, remembered.

use super::IdentityError;
use super::kept::{Keeper, SealedPublished};
use crate::http::{Http, HttpError};
use crate::target::Endpoint;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// An issuer's metadata and keys, read when first needed.
pub(super) struct Published {
    issuer: String,
    http: Http,
    kept: Option<Box<dyn Keeper>>,
    lifetime: Duration,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: Option<Arc<Known>>,
    /// When the provider was last asked, whether or not it answered.
    asked_at: Option<SystemTime>,
}

/// What the provider says of itself, and when it said so.
#[derive(Deserialize, Serialize)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    keys: JwkSet,
    pub(super) read_at: SystemTime,
}

/// <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata>
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: Option<Endpoint>,
    pub(super) token_endpoint: Option<Endpoint>,
    jwks_uri: Endpoint,
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl Known {
    fn is_younger(&self, lifetime: Duration, now: SystemTime) -> bool {
        now.duration_since(self.read_at).unwrap_or_default() < lifetime
    }

    /// Whether no key of it can be used: not a thing to tell others.
    pub(super) fn is_empty(&self) -> bool {
        !self.keys.keys.iter().any(|key| DecodingKey::from_jwk(key).is_ok())
    }

    /// The same of what another instance read, by its own clock: what it read tomorrow is no good.
    fn is_believable(&self, lifetime: Duration, now: SystemTime) -> bool {
        self.is_younger(lifetime, now) && self.read_at <= now + CLOCKS_DIFFER
    }

    /// The keys that may have signed: the one named, or, for a token that names none, each of the
    /// algorithm's kind.
    pub(super) fn keys_for(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
        self.keys
            .keys
            .iter()
            .filter(|key| kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid)))
            .filter_map(|key| DecodingKey::from_jwk(key).ok())
            .filter(|key| key.family() == algorithm.family())
            .collect()
    }
}

impl Published {
    pub(super) fn new(issuer: String, http: Http) -> Self {
        let lifetime = METADATA_LIFETIME;
        Self { issuer, http, kept: None, lifetime, memory: Mutex::default() }
    }

    pub(super) fn kept(self, kept: Box<dyn Keeper>, early: Duration) -> Self {
        let lifetime = METADATA_LIFETIME.saturating_sub(early);
        Self { kept: Some(kept), lifetime, ..self }
    }

    pub(super) async fn adopt(&self, found: Option<&SealedPublished>, now: SystemTime) {
        let Some(kept) = &self.kept else { return };
        let mut memory = self.memory.lock().await;
        if let Some(known) = &memory.known {
            kept.keep(known).await;
        } else {
            let known = found.and_then(|found| kept.open(found));
            // An old one as well: the provider has not answered, and may go on to be silent.
            let known = known.filter(|known| known.is_believable(LONGEST_OUTAGE, now));
            memory.known = known.map(Arc::new);
        }
    }

    pub(super) async fn known(&self, now: SystemTime) -> Result<Arc<Known>, IdentityError> {
        self.read(now, |_| true).await
    }

    /// A key that we do not have may be new.
    pub(super) async fn known_with_key(
        &self,
        kid: Option<&str>,
        now: SystemTime,
    ) -> Result<Arc<Known>, IdentityError> {
        self.read(now, |known| kid.is_none_or(|kid| known.keys.find(kid).is_some())).await
    }

    /// Whether `known` is what is known today, and young enough to be relied on.
    pub(super) async fn still(&self, known: &Arc<Known>, now: SystemTime) -> bool {
        let memory = self.memory.lock().await;
        memory.known.as_ref().is_some_and(|today| Arc::ptr_eq(today, known))
            && known.is_younger(self.lifetime, now)
    }

    /// What is known, if it is young and `good`; else what another instance was told, if that is; else
    /// what the provider says now.
    ///
    /// Once something is known, the provider is asked at most every [`ASK_AGAIN`], for anybody can
    /// name a key that does not exist, and a provider that is down must not hold up every call. It is
    /// believed for a day: keys live longer than outages.
    async fn read(
        &self,
        now: SystemTime,
        good: impl Fn(&Known) -> bool,
    ) -> Result<Arc<Known>, IdentityError> {
        let mut memory = self.memory.lock().await;
        let known = memory.known.clone().filter(|known| known.is_younger(LONGEST_OUTAGE, now));
        if let Some(known) = known.clone() {
            let young = known.is_younger(self.lifetime, now);
            let since = |then: SystemTime| now.duration_since(then).unwrap_or_default();
            let just_asked = memory.asked_at.is_some_and(|asked| since(asked) < ASK_AGAIN);
            if (young && good(&known)) || just_asked {
                return Ok(known);
            }
        }
        memory.asked_at = Some(now);
        let kept = match &self.kept {
            Some(kept) => kept.find().await.map(Arc::new),
            None => None,
        };
        let kept = kept.filter(|kept| kept.is_believable(LONGEST_OUTAGE, now));
        // An older one would bring a key back that is withdrawn.
        if let Some(kept) = kept.clone()
            && kept.is_younger(self.lifetime, now)
            && known.as_ref().is_none_or(|known| known.read_at < kept.read_at)
            && good(&kept)
        {
            return Ok(Arc::clone(memory.known.insert(kept)));
        }
        let fetched = tokio::time::timeout(PATIENCE, self.fetch(now)).await;
        match fetched.unwrap_or(Err(HttpError::TimedOut.into())) {
            Ok(fresh) => {
                // Anybody can name a key that does not exist: that is not to be written down each time.
                let news = kept.is_none_or(|kept| {
                    kept.keys != fresh.keys || !kept.is_younger(self.lifetime, now)
                });
                if let Some(kept) = self.kept.as_ref().filter(|_| news) {
                    kept.keep(&fresh).await;
                }
                Ok(Arc::clone(memory.known.insert(Arc::new(fresh))))
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "the identity provider said nothing new");
                let latest = [known, kept].into_iter().flatten().max_by_key(|known| known.read_at);
                Ok(Arc::clone(memory.known.insert(latest.ok_or(error)?)))
            }
        }
    }

    async fn fetch(&self, now: SystemTime) -> Result<Known, IdentityError> {
        let issuer = &self.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.http.get_json(&url).await?;
        if metadata.issuer != *issuer {
            return Err(IdentityError::AnotherIssuer);
        }
        let keys = self.http.get_json::<Value>(metadata.jwks_uri.as_str()).await?;
        Ok(Known { metadata, keys: supported(&keys), read_at: now })
    }
}

/// A key set may hold keys of kinds that we do not know; those are left out, not fatal.
fn supported(keys: &Value) -> JwkSet {
    let keys = keys.get("keys").and_then(Value::as_array).into_iter().flatten();
    JwkSet { keys: keys.filter_map(|key| serde_json::from_value(key.clone()).ok()).collect() }
}

pub(super) const METADATA_LIFETIME: Duration = Duration::from_hours(1);
const ASK_AGAIN: Duration = Duration::from_secs(30);
pub(super) const LONGEST_OUTAGE: Duration = Duration::from_hours(24);
/// Both documents together: a call waits for them, and then for the table.
const PATIENCE: Duration = Duration::from_secs(4);
const CLOCKS_DIFFER: Duration = Duration::from_secs(30);
