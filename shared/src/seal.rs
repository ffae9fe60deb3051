//! Authenticated encryption bound to its owner, and its inverse.
//!
//! A sealed value is `key id (1) | nonce (12) | ciphertext | tag (16)`, AES-256-GCM. What it is for
//! and whose it is are associated data: a value moved elsewhere does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hkdf};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys by number. One seals, all open: that is how a key is replaced without downtime.
///
/// Two rings exist: [`KeyRing::for_browsers`] for what travels through browsers and clients
/// (tickets, cookies, `requestState`, pending authorizations) and [`KeyRing::for_tokens`], so that a
/// function that only serves pages cannot open a token.
///
/// A ring is written as `{"1": "<secret text>", "2": .., "seal": "1"}`. Without `seal`, the highest
/// number seals. To rotate: add a key with `seal` naming the old one, wait until every warm function
/// has the new ring, then remove `seal`.
#[derive(Clone, Debug)]
pub struct KeyRing {
    keys: Arc<BTreeMap<u8, RandomizedNonceKey>>,
    seals: u8,
}

impl KeyRing {
    /// The ring for what browsers and MCP clients carry.
    pub fn for_browsers(json: &str) -> Result<Self, KeyRingError> {
        Self::parse(json, b"browsers")
    }

    /// The ring for tokens at rest.
    pub fn for_tokens(json: &str) -> Result<Self, KeyRingError> {
        Self::parse(json, b"tokens")
    }

    fn parse(json: &str, ring: &[u8]) -> Result<Self, KeyRingError> {
        let mut members: BTreeMap<String, String> =
            serde_json::from_str(json).map_err(|_| KeyRingError::NotAnObject)?;
        let seals = members.remove("seal");
        let mut keys = BTreeMap::new();
        for (number, secret) in members {
            let id = number.parse().map_err(|_| KeyRingError::NotANumber)?;
            keys.insert(id, derive(&secret, ring)?);
        }
        let seals = match seals {
            Some(number) => number.parse().map_err(|_| KeyRingError::NotANumber)?,
            None => *keys.keys().next_back().ok_or(KeyRingError::Empty)?,
        };
        if !keys.contains_key(&seals) {
            return Err(KeyRingError::Empty);
        }
        Ok(Self { keys: Arc::new(keys), seals })
    }

    /// Seals `plain` for `owner`.
    pub fn seal(&self, owner: &Owner, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.keys.get(&self.seals).ok_or(SealError)?;
        let mut body = plain.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(owner.0.as_slice()), &mut body)
            .map_err(|_| SealError)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(self.seals);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what [`KeyRing::seal`] made for the same owner with a key still in the ring.
    pub fn open(&self, owner: &Owner, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, rest) = sealed.split_first().ok_or(SealError)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let key = self.keys.get(id).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut body = body.to_vec();
        let plain = key
            .open_in_place(nonce, Aad::from(owner.0.as_slice()), &mut body)
            .map_err(|_| SealError)?;
        Ok(plain.to_vec())
    }

    /// Seals a value as text for a URL, a cookie or a JSON string.
    pub fn seal_text<T: serde::Serialize>(
        &self,
        owner: &Owner,
        value: &T,
    ) -> Result<String, SealError> {
        let plain = serde_json::to_vec(value).map_err(|_| SealError)?;
        Ok(text(&self.seal(owner, &plain)?))
    }

    /// The inverse of [`KeyRing::seal_text`].
    pub fn open_text<T: serde::de::DeserializeOwned>(
        &self,
        owner: &Owner,
        sealed: &str,
    ) -> Result<T, SealError> {
        let plain = self.open(owner, &bytes(sealed).ok_or(SealError)?)?;
        serde_json::from_slice(&plain).map_err(|_| SealError)
    }
}

/// What a sealed value is for and whose it is. Fields are length-prefixed, so no two owners
/// coincide.
#[derive(Clone, Debug)]
pub struct Owner(Vec<u8>);

impl Owner {
    /// The owner named by `purpose` and `fields`.
    pub fn new(purpose: &str, fields: &[&str]) -> Self {
        Self(length_prefixed(std::iter::once(purpose).chain(fields.iter().copied())))
    }
}

/// Why a value could not be sealed or opened. It says no more: which check failed is nobody's
/// business.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the sealed value does not open")]
pub struct SealError;

/// A key ring that cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyRingError {
    /// There is no key to seal with.
    #[error("the key ring holds no key to seal with")]
    Empty,
    /// The secret is not a JSON object of strings.
    #[error("the key ring is not a JSON object of strings")]
    NotAnObject,
    /// A member is neither `seal` nor a number from 0 to 255.
    #[error("a key's name is not a number from 0 to 255")]
    NotANumber,
    /// A key is too short to hold 256 bits.
    #[error("a key is shorter than 43 characters")]
    TooShort,
}

/// SHA-256 of the fields, each preceded by its length.
pub fn fingerprint<'a>(fields: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, &length_prefixed(fields)).as_ref());
    out
}

/// base64url without padding: <https://www.rfc-editor.org/rfc/rfc7515#section-2>
pub fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The inverse of [`text`].
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Whether two secrets are the same, in time that does not tell where they differ.
pub fn same(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

fn length_prefixed<'a>(fields: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        out.extend_from_slice(&(field.len() as u64).to_be_bytes());
        out.extend_from_slice(field.as_bytes());
    }
    out
}

/// Secrets Manager generates passwords, not bytes: HKDF makes 32 bytes of one, and the ring's name
/// keeps the two rings apart even if an operator gives both the same secret.
fn derive(secret: &str, ring: &[u8]) -> Result<RandomizedNonceKey, KeyRingError> {
    if secret.len() < SHORTEST_SECRET {
        return Err(KeyRingError::TooShort);
    }
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"latchkey")
        .extract(secret.as_bytes())
        .expand(&[ring], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| KeyRingError::TooShort)?;
    RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| KeyRingError::TooShort)
}

/// 32 bytes in base64url.
const SHORTEST_SECRET: usize = 43;

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"1":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#;
    const ONE_AND_TWO: &str = r#"{"1":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","2":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}"#;

    fn alice() -> Owner {
        Owner::new("tokens", &["alice", "notes"])
    }

    #[test]
    fn opens_only_for_its_owner() {
        let ring = KeyRing::for_tokens(ONE).unwrap();
        let sealed = ring.seal(&alice(), b"secret").unwrap();

        assert_eq!(ring.open(&alice(), &sealed).unwrap(), b"secret");
        assert!(ring.open(&Owner::new("tokens", &["bob", "notes"]), &sealed).is_err());
        assert!(ring.open(&Owner::new("tokens", &["alice", "files"]), &sealed).is_err());
        assert!(ring.open(&Owner::new("ticket", &["alice", "notes"]), &sealed).is_err());
    }

    #[test]
    fn owners_do_not_run_together() {
        let ring = KeyRing::for_tokens(ONE).unwrap();
        let sealed = ring.seal(&Owner::new("p", &["ab", "c"]), b"x").unwrap();
        assert!(ring.open(&Owner::new("p", &["a", "bc"]), &sealed).is_err());
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let ring = KeyRing::for_tokens(ONE).unwrap();
        let sealed = ring.seal(&alice(), b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open(&alice(), &changed).is_err(), "byte {at}");
            assert!(ring.open(&alice(), &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let old = KeyRing::for_tokens(ONE).unwrap().seal(&alice(), b"secret").unwrap();
        let ring = KeyRing::for_tokens(ONE_AND_TWO).unwrap();

        assert_eq!(ring.open(&alice(), &old).unwrap(), b"secret");
        assert_eq!(ring.seal(&alice(), b"x").unwrap()[0], 2);
    }

    #[test]
    fn seal_names_the_key_that_seals() {
        let mut ring: serde_json::Value = serde_json::from_str(ONE_AND_TWO).unwrap();
        ring["seal"] = "1".into();
        let ring = KeyRing::for_tokens(&ring.to_string()).unwrap();
        assert_eq!(ring.seal(&alice(), b"x").unwrap()[0], 1);
    }

    #[test]
    fn the_two_rings_differ_though_the_secret_is_the_same() {
        let sealed = KeyRing::for_tokens(ONE).unwrap().seal(&alice(), b"secret").unwrap();
        assert!(KeyRing::for_browsers(ONE).unwrap().open(&alice(), &sealed).is_err());
    }

    #[test]
    fn a_ring_that_cannot_be_used_says_why() {
        let refused = |json| KeyRing::for_tokens(json).map(|_| ()).unwrap_err();
        assert_eq!(refused("{}"), KeyRingError::Empty);
        assert_eq!(refused("[]"), KeyRingError::NotAnObject);
        assert_eq!(refused(r#"{"1":"short"}"#), KeyRingError::TooShort);
        assert_eq!(refused(&ONE.replace('1', "one")), KeyRingError::NotANumber);
    }
}
