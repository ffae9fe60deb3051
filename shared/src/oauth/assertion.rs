//! Client assertions: <https://www.rfc-editor.org/rfc/rfc7523#section-2.2>

use crate::clock::unix_seconds;
use crate::seal;
use crate::target::PublicKey;
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use oauth2::ClientSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::time::{Duration, SystemTime};

/// The private key with which we sign for one client, for ES256. `Debug` prints its name.
///
/// It is kept where a client secret would be, as a JWK, and is as secret as one.
pub struct SigningKey {
    kid: String,
    pair: EcdsaKeyPair,
}

/// <https://www.rfc-editor.org/rfc/rfc7518#section-6.2.2>
#[derive(Deserialize, Serialize)]
struct PrivateJwk {
    kty: String,
    crv: String,
    kid: Option<String>,
    x: String,
    y: String,
    d: String,
}

impl SigningKey {
    /// A new key, as it goes into the secret store, and what others check its signatures with.
    pub fn generate() -> Result<(ClientSecret, PublicKey), NotASigningKey> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let pair = pair.map_err(|_| NotASigningKey)?;
        let public = public(&pair, None).ok_or(NotASigningKey)?;
        let d = pair.private_key().as_be_bytes().map_err(|_| NotASigningKey)?;
        let jwk = PrivateJwk {
            kty: "EC".into(),
            crv: "P-256".into(),
            kid: Some(public.kid.clone()),
            x: public.x.clone(),
            y: public.y.clone(),
            d: seal::text(d.as_ref()),
        };
        let jwk = serde_json::to_string(&jwk).map_err(|_| NotASigningKey)?;
        Ok((ClientSecret::new(jwk), public))
    }

    /// Reads a JWK: a private key on P-256, both of its halves, with a name or without.
    #[expect(clippy::disallowed_methods, reason = "it is read here and sent nowhere")]
    pub fn read(secret: &ClientSecret) -> Result<Self, NotASigningKey> {
        let jwk: PrivateJwk = serde_json::from_str(secret.secret()).map_err(|_| NotASigningKey)?;
        if jwk.kty != "EC" || jwk.crv != "P-256" {
            return Err(NotASigningKey);
        }
        let half = |text: &str| seal::bytes(text).filter(|half| half.len() == 32);
        let (x, y) = half(&jwk.x).zip(half(&jwk.y)).ok_or(NotASigningKey)?;
        let point = [&[UNCOMPRESSED], &*x, &*y].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &half(&jwk.d).ok_or(NotASigningKey)?,
            &point,
        );
        let pair = pair.map_err(|_| NotASigningKey)?;
        let kid = public(&pair, jwk.kid).ok_or(NotASigningKey)?.kid;
        Ok(Self { kid, pair })
    }

    /// What others check signatures with.
    pub fn public(&self) -> Option<PublicKey> {
        public(&self.pair, Some(self.kid.clone()))
    }

    /// An assertion that we are `client_id`, for `issuer` alone and for [`ASSERTION_LIFETIME`]. No two
    /// have the same `jti`.
    ///
    /// The audience is the issuer, as one string: an assertion for an address that a server merely
    /// named could be carried to the server that really has it.
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-oauth-rfc7523bis>
    pub fn assertion(
        &self,
        client_id: &str,
        issuer: &str,
        jti: &str,
        now: SystemTime,
    ) -> Result<String, NotASigningKey> {
        let header = json!({ "alg": "ES256", "typ": TYPE, "kid": self.kid });
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": issuer,
            "jti": jti,
            "iat": unix_seconds(now),
            "exp": unix_seconds(now + ASSERTION_LIFETIME),
        });
        let part = |part: serde_json::Value| seal::text(part.to_string().as_bytes());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes());
        let signature = signature.map_err(|_| NotASigningKey)?;
        Ok(format!("{message}.{}", seal::text(signature.as_ref())))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

/// A key without a name is named by its own digest: <https://www.rfc-editor.org/rfc/rfc7638#section-3>
fn public(pair: &EcdsaKeyPair, kid: Option<String>) -> Option<PublicKey> {
    let point = pair.public_key().as_ref().strip_prefix(&[UNCOMPRESSED])?;
    let (x, y) = point.split_at_checked(32)?;
    let (x, y) = (seal::text(x), seal::text(y));
    let kid = kid.unwrap_or_else(|| {
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        seal::text(
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, members.as_bytes()).as_ref(),
        )
    });
    Some(PublicKey { kid, x, y })
}

/// Not a key that we can sign with.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the private key is not a JWK on P-256 with both of its halves")]
pub struct NotASigningKey;

/// <https://www.iana.org/assignments/media-types/application/client-authentication+jwt>
const TYPE: &str = "client-authentication+jwt";
/// What travels once, and at once, is good for a minute.
pub const ASSERTION_LIFETIME: Duration = Duration::from_mins(1);
/// The first byte of a point that is written with both coordinates.
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests;
