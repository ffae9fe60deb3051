//! The key that signs a demo server's tokens.

use super::StartError;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A signing key and the name that its signatures carry.
pub(crate) struct SigningKey {
    private: EncodingKey,
    public: Jwk,
    id: String,
}

impl SigningKey {
    /// The key in `folder`, made if there is none yet; without a folder, a key for this run only.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, StartError> {
        let Some(folder) = folder else { return Self::read(&generate()?) };
        fs::create_dir_all(folder)?;
        let path = folder.join("signing-key.der");
        match fs::read(&path) {
            Ok(pkcs8) => Self::read(&pkcs8),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pkcs8 = generate()?;
                write_private(&path, &pkcs8)?;
                Self::read(&pkcs8)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What everyone may know of the key.
    pub(crate) fn set(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }

    /// A JWT of the given `typ`.
    pub(crate) fn sign(
        &self,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header {
            typ: Some(typ.to_owned()),
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &self.private)
    }

    fn read(pkcs8: &[u8]) -> Result<Self, StartError> {
        let private = EncodingKey::from_ec_der(pkcs8);
        let mut public =
            Jwk::from_encoding_key(&private, Algorithm::ES256).map_err(|_| StartError::Key)?;
        let id = public.thumbprint(ThumbprintHash::SHA256).map_err(|_| StartError::Key)?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_operations = Some(vec![KeyOperations::Verify]);
        Ok(Self { private, public, id })
    }
}

/// Writes a file that only its owner can read, all of it or nothing.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

fn generate() -> Result<Vec<u8>, StartError> {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
        .and_then(|pair| pair.to_pkcs8v1())
        .map(|pkcs8| pkcs8.as_ref().to_vec())
        .map_err(|_| StartError::Key)
}
