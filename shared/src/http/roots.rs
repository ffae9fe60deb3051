//! Whose certificates are believed.

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use std::path::Path;
use std::sync::Arc;

/// Certification authorities that are believed besides those that browsers believe: a company's own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Roots(Arc<[TrustAnchor<'static>]>);

impl Roots {
    /// Those of a file of certificates in PEM. Whatever else it holds is not looked at.
    pub fn read(file: &Path) -> Result<Self, NotRoots> {
        Self::from_pem(&std::fs::read(file).map_err(|_| NotRoots::Unreadable)?)
    }

    /// Those of a text of certificates in PEM. One that is broken spoils all: who gave it relies on it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, NotRoots> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| NotRoots::Broken)?;
            store.add(certificate).map_err(|_| NotRoots::Broken)?;
        }
        if store.is_empty() { Err(NotRoots::Empty) } else { Ok(Self(store.roots.into())) }
    }

    /// Those, and no others.
    #[cfg(feature = "aws")]
    pub(crate) fn alone(&self) -> RootCertStore {
        self.0.iter().cloned().collect()
    }

    /// Those, and the ones that browsers believe, which are compiled in.
    pub(super) fn and_public(&self) -> RootCertStore {
        webpki_roots::TLS_SERVER_ROOTS.iter().chain(&*self.0).cloned().collect()
    }
}

/// Why there are no roots.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotRoots {
    /// It is not there, or not for us.
    #[error("a file that cannot be read")]
    Unreadable,
    /// It is something else.
    #[error("a file that holds no certificate in PEM")]
    Empty,
    /// A certificate is none.
    #[error("a file that holds a broken certificate")]
    Broken,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(name: &str) -> String {
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn p6_every_certificate_of_a_text_is_a_root_beside_the_public_ones() {
        let text = format!("A note\n{}\n{}", certificate("a.example"), certificate("b.example"));
        let roots = Roots::from_pem(text.as_bytes()).unwrap();
        let public = Roots::default().and_public().len();
        assert_eq!((roots.0.len(), roots.and_public().len()), (2, public + 2));
        assert_eq!(public, webpki_roots::TLS_SERVER_ROOTS.len());
    }

    #[test]
    fn p6_what_holds_no_roots_is_not_taken_for_roots() {
        let good = certificate("a.example");
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (text, why) in [
            (String::new(), NotRoots::Empty),
            ("nothing".to_owned(), NotRoots::Empty),
            (key, NotRoots::Empty),
            (broken.to_owned(), NotRoots::Broken),
            (format!("{good}{broken}"), NotRoots::Broken),
            (good.replace("-----END", "-----"), NotRoots::Broken),
        ] {
            assert_eq!(Roots::from_pem(text.as_bytes()).map(|_| ()), Err(why), "{text}");
        }
        let nowhere = Roots::read(Path::new("/nowhere/roots.pem"));
        assert_eq!(nowhere.map(|_| ()), Err(NotRoots::Unreadable));
    }
}
