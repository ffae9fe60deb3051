//! Our client ID metadata document:
//! <https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document>

use super::{Applicant, DocumentPlan, Registration, RegistrationError};
use crate::config::BaseUrl;
use crate::oauth::assertion::SigningKey;
use crate::target::{Client, ClientAuthentication, PublicKey, TargetName, Way};
use serde_json::json;
use std::fmt;
use std::str::FromStr;
use url::Url;

/// Where the document is served, which is our client id wherever it is understood: `https`, with a
/// path, without user information, query, fragment and dot segments. Kept as written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentUrl(String);

impl DocumentUrl {
    /// The address of a target's document, on the redirect URI's own origin, as some servers demand.
    /// `None` for a broker that nobody out there can reach.
    pub fn of(base_url: &BaseUrl, target: &TargetName) -> Option<Self> {
        format!("{}/client/{target}", base_url.as_str()).parse().ok()
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DocumentPlan {
    /// Our registration, for which nobody needs to be asked.
    pub(super) fn registration(
        &self,
        redirect_uri: &str,
    ) -> Result<Registration, RegistrationError> {
        let (secret, public_keys) = match self.method {
            ClientAuthentication::PrivateKeyJwt => {
                let (secret, public) = SigningKey::generate()?;
                (Some(secret), vec![public])
            }
            _ => (None, vec![]),
        };
        Ok(Registration {
            issuer: self.issuer.clone(),
            way: Way::Document,
            client_id: self.url.as_str().to_owned(),
            secret,
            method: self.method,
            public_keys,
            redirect_uri: redirect_uri.to_owned(),
            expires_at: None,
            management: None,
        })
    }
}

impl FromStr for DocumentUrl {
    type Err = NotADocumentUrl;

    fn from_str(written: &str) -> Result<Self, NotADocumentUrl> {
        let url = Url::parse(written).map_err(|_| NotADocumentUrl)?;
        // Whatever has to be normalised is refused: dot segments, user information, capitals in the
        // host, characters that are not a URL's.
        let fit = url.as_str() == written
            && url.scheme() == "https"
            && url.path() != "/"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        fit.then(|| Self(written.to_owned())).ok_or(NotADocumentUrl)
    }
}

impl fmt::Display for DocumentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not the address of a client ID metadata document.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "a metadata document is served at an https URL with a path, and without query and fragment"
)]
pub struct NotADocumentUrl;

impl Applicant {
    /// Us, as the client of one target's authorization server.
    pub fn of(base_url: &BaseUrl, target: &TargetName) -> Self {
        Self {
            client_name: CLIENT_NAME.to_owned(),
            redirect_uri: base_url.redirect_uri(target),
            document: DocumentUrl::of(base_url, target),
        }
    }

    /// The document that makes us `client`, to be served directly, with status 200, as
    /// `application/json`. `None` if that client is not one by document, or by another one.
    pub fn document(&self, client: &Client) -> Option<String> {
        let client_id = self.document.as_ref()?.as_str();
        if client.way != Way::Document || client.client_id != client_id {
            return None;
        }
        let mut document = json!({
            "client_id": client_id,
            "client_name": self.client_name,
            "redirect_uris": [self.redirect_uri],
            "grant_types": GRANT_TYPES,
            "response_types": ["code"],
            "token_endpoint_auth_method": client.token_endpoint_auth_method.as_str(),
        });
        if client.token_endpoint_auth_method == ClientAuthentication::PrivateKeyJwt {
            document["token_endpoint_auth_signing_alg"] = "ES256".into();
            document["jwks"] = jwks(&client.public_keys);
        }
        Some(document.to_string())
    }
}

/// <https://www.rfc-editor.org/rfc/rfc7517#section-5>
pub(super) fn jwks(keys: &[PublicKey]) -> serde_json::Value {
    json!({ "keys": keys.iter().map(PublicKey::jwk).collect::<Vec<_>>() })
}

/// What people see at an authorization server.
const CLIENT_NAME: &str = "Latchkey";
/// Without the second, some servers give no refresh token.
pub(super) const GRANT_TYPES: [&str; 2] = ["authorization_code", "refresh_token"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::SecretName;
    use ClientAuthentication::{None as Public, PrivateKeyJwt};
    use serde_json::Value;

    fn client(applicant: &Applicant, method: ClientAuthentication) -> Client {
        let (issuer, url) = ("https://as.example".to_owned(), applicant.document.clone().unwrap());
        let plan = DocumentPlan { issuer, url, method };
        let registration = plan.registration(&applicant.redirect_uri).unwrap();
        registration.client(SecretName("client/notes".into()))
    }

    fn served(applicant: &Applicant, method: ClientAuthentication) -> String {
        applicant.document(&client(applicant, method)).unwrap()
    }

    fn applicant(base_url: &str, target: &str) -> Applicant {
        Applicant::of(&BaseUrl::new(base_url).unwrap(), &target.parse().unwrap())
    }

    #[test]
    fn r2_r3_the_document_says_who_we_are_and_holds_no_secret() {
        let document = served(&applicant("https://broker.example", "notes"), Public);
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(
            document,
            json!({
                "client_id": "https://broker.example/client/notes",
                "client_name": "Latchkey",
                "redirect_uris": ["https://broker.example/callback/notes"],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            })
        );
    }

    #[test]
    fn r2_the_largest_document_is_below_five_kilobytes() {
        let host = format!("{0}.{0}.{0}.example", "h".repeat(63));
        let longest = applicant(&format!("https://{host}:65535"), &"t".repeat(100));
        assert!(served(&longest, PrivateKeyJwt).len() < 5_000);
    }

    #[test]
    fn r2_a_broker_that_cannot_be_reached_has_no_document() {
        let local = applicant("http://127.0.0.1:4000", "notes");
        assert_eq!(local.document, None);
    }

    #[test]
    fn r2_a_document_has_an_address_that_everybody_reads_alike() {
        for fit in ["https://a.example/c", "https://a.example:8443/client/notes.json"] {
            assert_eq!(fit.parse::<DocumentUrl>().unwrap().to_string(), fit);
        }
        for unfit in [
            "http://a.example/c",
            "http://127.0.0.1/c",
            "https://a.example",
            "https://a.example/",
            "https://a.example/c?x",
            "https://a.example/c#x",
            "https://u@a.example/c",
            "https://a.example/b/../c",
            "https://a.example/./c",
            "https://A.example/c",
            "https://a.example:443/c",
            "https://a.example/c d",
            "/c",
            "",
        ] {
            assert!(unfit.parse::<DocumentUrl>().is_err(), "{unfit}");
        }
    }
}
