//! Whose certificates AWS's endpoints show.
//!
//! All public endpoints of AWS, and those of a VPC, chain to Amazon Trust Services, whose roots these
//! are: <https://www.amazontrust.com/repository/>. To read the system's 145 instead costs the first
//! moments of every cold start, and believes 140 more authorities about where our keys lie.

use crate::config::ConfigError;
use crate::http::Roots;
use rustls::RootCertStore;
use std::path::Path;

/// Amazon's roots; or, in their place, those of `bundle`, as `AWS_CA_BUNDLE` has it in AWS's own
/// tools: for a proxy that shows certificates of its own, and for partitions with other authorities.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>
pub(super) fn trusted(bundle: Option<&Path>) -> Result<RootCertStore, ConfigError> {
    let roots = match bundle {
        None => Roots::from_pem(AMAZON.as_bytes()),
        Some(bundle) => Roots::read(bundle),
    };
    roots.map(|roots| roots.alone()).map_err(ConfigError::CaBundle)
}

const AMAZON: &str = concat!(
    include_str!("roots/amazon-root-ca-1.pem"),
    include_str!("roots/amazon-root-ca-2.pem"),
    include_str!("roots/amazon-root-ca-3.pem"),
    include_str!("roots/amazon-root-ca-4.pem"),
    include_str!("roots/starfield-services-root-g2.pem"),
);

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest::{SHA256, digest};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    /// As Amazon publishes them.
    const FINGERPRINTS: [&str; 5] = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];

    #[test]
    fn the_roots_are_those_that_amazon_publishes() {
        let certificates = CertificateDer::pem_slice_iter(AMAZON.as_bytes());
        let fingerprints = certificates.map(|certificate| {
            let digest = digest(&SHA256, &certificate.unwrap());
            digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
        });
        assert_eq!(fingerprints.collect::<Vec<_>>(), FINGERPRINTS);
        assert!(Roots::from_pem(AMAZON.as_bytes()).is_ok());
    }
}
