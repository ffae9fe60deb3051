//! The ring of sealing keys: the same derivation and the same sealed form as the broker's.

use crate::Failure;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf};
use std::collections::HashMap;

/// Keys by number.
pub(crate) struct Keys(HashMap<u8, LessSafeKey>);

impl Keys {
    pub(crate) fn read(ring: &str) -> Result<Self, Failure> {
        let members: HashMap<String, String> = serde_json::from_str(ring)?;
        let keys = members.iter().filter(|(number, _)| *number != "seal");
        let keys = keys.map(|(number, secret)| Ok((number.parse()?, derive(secret)?)));
        Ok(Self(keys.collect::<Result<_, Failure>>()?))
    }

    /// Opens what was sealed for `owner`.
    pub(crate) fn open(&self, owner: &[&str], sealed: &[u8]) -> Result<Vec<u8>, Failure> {
        let (id, rest) = sealed.split_first().ok_or("nothing is sealed")?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or("nothing is sealed")?;
        let key = self.0.get(id).ok_or("the key is not in the ring")?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| "not a nonce")?;
        let mut body = body.to_vec();
        let owner = Aad::from(length_prefixed(owner));
        let length = key.open_in_place(nonce, owner, &mut body).map_err(|_| "not opened")?.len();
        body.truncate(length);
        Ok(body)
    }
}

/// SHA-256 of the fields, each preceded by its length.
pub(crate) fn fingerprint(fields: &[&str]) -> digest::Digest {
    digest::digest(&digest::SHA256, &length_prefixed(fields))
}

fn length_prefixed(fields: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    for field in fields {
        out.extend_from_slice(&(field.len() as u64).to_be_bytes());
        out.extend_from_slice(field.as_bytes());
    }
    out
}

fn derive(secret: &str) -> Result<LessSafeKey, Failure> {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"latchkey")
        .extract(secret.as_bytes())
        .expand(&[b"tokens"], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| "no key can be derived")?;
    let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| "not a key")?;
    Ok(LessSafeKey::new(key))
}
