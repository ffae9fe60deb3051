//! The caller's JWT: RS256 by a key that was parsed once, and the claims that admit.

use crate::Failure;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{PublicEncryptingKey, PublicKeyComponents};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::collections::HashMap;

/// The provider's keys by name.
pub(crate) struct Keys(HashMap<String, ParsedPublicKey>);

/// The claims that are looked at.
#[derive(Deserialize)]
pub(crate) struct Claims<'a> {
    pub(crate) sub: &'a str,
    iss: &'a str,
    client_id: &'a str,
    exp: u64,
}

impl Keys {
    pub(crate) fn read(jwks: &str) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Set<'a> {
            #[serde(borrow)]
            keys: Vec<Key<'a>>,
        }
        #[derive(Deserialize)]
        struct Key<'a> {
            kid: &'a str,
            n: &'a str,
            e: &'a str,
        }
        let set: Set = serde_json::from_str(jwks)?;
        let keys = set.keys.into_iter().map(|key| {
            let (n, e) = (URL_SAFE_NO_PAD.decode(key.n)?, URL_SAFE_NO_PAD.decode(key.e)?);
            let public: PublicEncryptingKey =
                PublicKeyComponents { n, e }.try_into().map_err(|_| "not an RSA key")?;
            let der = public.as_der().map_err(|_| "not an RSA key")?;
            let parsed = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref());
            Ok((key.kid.to_owned(), parsed.parse().map_err(|_| "not an RSA key")?))
        });
        Ok(Self(keys.collect::<Result<_, Failure>>()?))
    }

    /// The payload of `jwt`, if a key of the provider's signed it.
    pub(crate) fn verified(&self, jwt: &str) -> Result<Vec<u8>, Failure> {
        #[derive(Deserialize)]
        struct Header<'a> {
            alg: &'a str,
            kid: &'a str,
        }
        let (signed, signature) = jwt.rsplit_once('.').ok_or("not a JWT")?;
        let (header, payload) = signed.split_once('.').ok_or("not a JWT")?;
        let header = URL_SAFE_NO_PAD.decode(header)?;
        let header: Header = serde_json::from_slice(&header)?;
        if header.alg != "RS256" {
            return Err("another algorithm".into());
        }
        let key = self.0.get(header.kid).ok_or("an unknown key")?;
        let signature = URL_SAFE_NO_PAD.decode(signature)?;
        key.verify_sig(signed.as_bytes(), &signature).map_err(|_| "a wrong signature")?;
        Ok(URL_SAFE_NO_PAD.decode(payload)?)
    }
}

impl<'a> Claims<'a> {
    /// The claims of a verified payload, if they admit the caller.
    pub(crate) fn admitted(
        payload: &'a [u8],
        issuer: &str,
        client: &str,
        now: u64,
    ) -> Result<Self, Failure> {
        let claims: Self = serde_json::from_slice(payload)?;
        if claims.iss != issuer || claims.client_id != client || claims.exp <= now {
            return Err("the caller is not admitted".into());
        }
        Ok(claims)
    }
}
