//! A chain as AWS has it: an RSA leaf, an intermediate and a root, made for this run.

use crate::Failure;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The certificates of `localhost`.
pub(crate) struct Certificates {
    pub(crate) server: Arc<ServerConfig>,
    /// The root, for clients to trust.
    pub(crate) root: PathBuf,
    /// The root among those of the operating system: whoever reads them here pays as elsewhere.
    pub(crate) among_others: PathBuf,
    /// The root, over and over: whoever reads all of that cannot hide it.
    pub(crate) too_many: PathBuf,
}

impl Certificates {
    /// Makes a chain and puts its root into `folder`.
    pub(crate) fn make(folder: &Path) -> Result<Self, Failure> {
        let (server, pem) = chain().map_err(|error| Failure::Keys(error.to_string()))?;
        let root = folder.join("root.pem");
        fs::write(&root, &pem)?;
        let among_others = folder.join("roots.pem");
        // Not every machine has it.
        let others = fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
        fs::write(&among_others, others + &pem)?;
        let too_many = folder.join("too-many-roots.pem");
        fs::write(&too_many, pem.repeat(TOO_MANY))?;
        Ok(Self { server: Arc::new(server), root, among_others, too_many })
    }
}

const TOO_MANY: usize = 2_000;

fn chain() -> Result<(ServerConfig, String), Box<dyn std::error::Error>> {
    let root = CertifiedIssuer::self_signed(authority("Root"), key()?)?;
    let intermediate = CertifiedIssuer::signed_by(authority("Intermediate"), key()?, &root)?;
    let leaf_key = key()?;
    let leaf =
        CertificateParams::new(["localhost".to_owned()])?.signed_by(&leaf_key, &intermediate)?;
    let pkcs8 = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let chain = vec![leaf.der().clone(), intermediate.der().clone()];
    let mut server =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, pkcs8)?;
    // Every start is a first one.
    server.send_tls13_tickets = 0;
    Ok((server, root.pem()))
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("Bench {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
}
