//! AWS Signature Version 4 of one kind of request: a POST of JSON to `/`.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! The SDK's own signer derives its key anew for each request, hashes in portable Rust, and takes a
//! quarter of all that a warm call costs; this one takes a fifteenth. Its tests compare the two.

use crate::seal;
use aws_lc_rs::{digest, hmac};
use aws_sdk_dynamodb::config::Credentials;
use std::sync::{Arc, Mutex, PoisonError};

/// Signs for one service in one region.
pub(super) struct Signer {
    service: &'static str,
    region: String,
    latest: Mutex<Option<Derived>>,
}

/// A key, and what it is derived from besides.
struct Derived {
    date: String,
    /// The digest of the secret key.
    of: [u8; 32],
    key: Arc<hmac::Key>,
}

/// What is signed: the values of the headers of these names, and the body.
pub(super) struct Signable<'a> {
    pub(super) content_type: &'a str,
    pub(super) host: &'a str,
    /// As in `20260131T235959Z`.
    pub(super) time: &'a str,
    pub(super) target: &'a str,
    pub(super) body: &'a str,
}

impl Signer {
    pub(super) fn new(service: &'static str, region: &str) -> Self {
        Self { service, region: region.to_owned(), latest: Mutex::new(None) }
    }

    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self, request: &Signable, credentials: &Credentials) -> String {
        let Signable { content_type, host, time, target, body } = request;
        let (token, names) = match credentials.session_token() {
            Some(token) => (format!("x-amz-security-token:{token}\n"), NAMES),
            None => (String::new(), NAMES_WITHOUT_TOKEN),
        };
        let body = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
        let canonical = format!(
            "POST\n/\n\ncontent-type:{content_type}\nhost:{host}\nx-amz-date:{time}\n{token}\
             x-amz-target:{target}\n\n{names}\n{body}"
        );
        let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let date = time.split('T').next().unwrap_or_default();
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let string = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
        let key = self.key(credentials.secret_access_key(), date);
        let signature = hex(hmac::sign(&key, string.as_bytes()).as_ref());
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            credentials.access_key_id()
        )
    }

    /// A key is good for a day, and for one secret: credentials may have been replaced.
    fn key(&self, secret: &str, date: &str) -> Arc<hmac::Key> {
        let of = seal::fingerprint([secret]);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(latest) =
            latest.as_ref().filter(|latest| latest.date == date && latest.of == of)
        {
            return Arc::clone(&latest.key);
        }
        let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
        let parts = [date, &self.region, self.service, "aws4_request"];
        let key = parts.iter().fold(first, |key, part| {
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
        });
        let key = Arc::new(key);
        *latest = Some(Derived { date: date.to_owned(), of, key: Arc::clone(&key) });
        key
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

const NAMES: &str = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
const NAMES_WITHOUT_TOKEN: &str = "content-type;host;x-amz-date;x-amz-target";

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn it_is_the_signature_that_the_sdk_makes() {
        let signer = Signer::new("dynamodb", "eu-central-1");
        for (seconds, secret, token) in [
            (1_769_903_999, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Some("IQoJb3JpZ2luX2VjE")),
            (1_769_904_000, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Some("IQoJb3JpZ2luX2VjE")),
            (1_769_904_000, "another", Some("another")),
            (1_769_904_001, "another", None),
        ] {
            let credentials =
                Credentials::new("ASIAEXAMPLE", secret, token.map(str::to_owned), None, "test");
            let time = DateTime::from_secs(seconds).fmt(DateTimeFormat::DateTime).unwrap();
            let time = time.replace(['-', ':'], "");
            let request = Signable {
                content_type: "application/x-amz-json-1.0",
                host: "localhost:8000",
                time: &time,
                target: "DynamoDB_20120810.GetItem",
                body: r#"{"TableName":"t"}"#,
            };
            let theirs = by_the_sdk(&request, &credentials, seconds);
            assert_eq!(signer.authorization(&request, &credentials), theirs);
            // And again with the key that is there.
            assert_eq!(signer.authorization(&request, &credentials), theirs);
        }
    }

    fn by_the_sdk(request: &Signable, credentials: &Credentials, seconds: i64) -> String {
        let identity = credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region("eu-central-1")
            .name("dynamodb")
            .time(UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap()))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let headers = [("content-type", request.content_type), ("x-amz-target", request.target)];
        let body = SignableBody::Bytes(request.body.as_bytes());
        let url = format!("https://{}/", request.host);
        let signable = SignableRequest::new("POST", url, headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let (headers, _) = instructions.into_parts();
        let found = headers.iter().find(|header| header.name() == "authorization").unwrap();
        found.value().to_owned()
    }
}
