//! What nearly every start and every call asks AWS, with no more of the SDK than it needs.
//!
//! The SDK's way through its plugins, its signer and its parser is two fifths of what a warm call
//! costs, and to make its clients a sixth of a start. Here a request is put together by hand and goes
//! out on the connections that the SDK's clients would use, to where they would send it; credentials
//! and the time come from where the SDK has them, the former at each request: a function's are in its
//! environment.
//!
//! Whatever is not a plain answer ends this: no connection, no answer in time, a refusal, something
//! that is not understood. Then the SDK asks again, with all that it does for safety (retries with
//! their backoff and budget, throttling, clocks that differ), and for a minute nothing else is tried.
//! Only reads are asked for here, for they can be asked for twice. The price is one request more in a
//! minute of trouble.

use super::Aws;
use super::endpoint::{Endpoint, Service, endpoint};
use super::https::Https;
use super::signature::{Signable, Signer};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use aws_smithy_types::body::SdkBody;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use serde::Serialize;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Reads from one service.
pub(super) struct Quick {
    service: &'static Service,
    way: Option<Way>,
    now: Box<dyn Fn() -> SystemTime + Send + Sync>,
    signer: Signer,
    paused_until: Mutex<Option<SystemTime>>,
}

struct Way {
    https: Https,
    endpoint: Endpoint,
    credentials: SharedCredentialsProvider,
}

impl Quick {
    /// Reads what the SDK would read from `service`; where that cannot be known, nothing.
    pub(super) fn new(aws: &Aws, service: &'static Service) -> Self {
        let sdk = aws.sdk();
        let time = sdk.time_source().unwrap_or_default();
        Self {
            service,
            way: aws.https.as_ref().and_then(|https| way(https, sdk, service)),
            now: Box::new(move || time.now()),
            signer: Signer::new(service.signing_name, sdk.region().map_or("", AsRef::as_ref)),
            paused_until: Mutex::new(None),
        }
    }

    /// What `read` makes of the answer to `operation`; `None` if the SDK must be asked.
    pub(super) async fn ask<T>(
        &self,
        operation: &str,
        query: &impl Serialize,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let way = self.way.as_ref()?;
        let now = (self.now)();
        if self.paused_until().is_some_and(|until| now < until) {
            return None;
        }
        let answer = self.answer(way, operation, query, now);
        let answer = tokio::time::timeout(PATIENCE, answer).await.ok().flatten();
        let answer = answer.and_then(|body| read(&body));
        if answer.is_none() {
            *self.paused_until() = Some(now + PAUSE);
            tracing::warn!(
                "{operation} was not plainly answered: such reads are left to the SDK for a minute"
            );
        }
        answer
    }

    fn paused_until(&self) -> MutexGuard<'_, Option<SystemTime>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(
        &self,
        way: &Way,
        operation: &str,
        query: &impl Serialize,
        now: SystemTime,
    ) -> Option<Bytes> {
        let request = self.request(way, operation, query, now).await?;
        let response = way.https.send(request).await.ok()?;
        if response.status() != http::StatusCode::OK {
            return None;
        }
        let body = response.into_body().collect().await.ok()?.to_bytes();
        // A list would be read as the members of an object in their order.
        body.starts_with(b"{").then_some(body)
    }

    async fn request(
        &self,
        way: &Way,
        operation: &str,
        query: &impl Serialize,
        now: SystemTime,
    ) -> Option<http::Request<SdkBody>> {
        let credentials = way.credentials.provide_credentials().await.ok()?;
        let body = serde_json::to_string(query).ok()?;
        let seconds = i64::try_from(crate::clock::unix_seconds(now)).ok()?;
        let time = DateTime::from_secs(seconds).fmt(DateTimeFormat::DateTime).ok()?;
        let time = time.replace(['-', ':'], "");
        let target = format!("{}.{operation}", self.service.target);
        let Endpoint { uri, host } = &way.endpoint;
        let signable = Signable {
            content_type: self.service.content_type,
            host,
            time: &time,
            target: &target,
            body: &body,
        };
        let authorization = self.signer.authorization(&signable, &credentials);
        let mut request = http::Request::post(uri)
            .header(CONTENT_TYPE, self.service.content_type)
            .header(HOST, host)
            .header("x-amz-date", time)
            .header("x-amz-target", target)
            .header(AUTHORIZATION, secret(&authorization)?);
        if let Some(token) = credentials.session_token() {
            request = request.header("x-amz-security-token", secret(token)?);
        }
        request.body(body.into()).ok()
    }
}

fn way(https: &Https, sdk: &SdkConfig, service: &Service) -> Option<Way> {
    let (https, credentials) = (https.clone(), sdk.credentials_provider()?);
    Some(Way { https, endpoint: endpoint(sdk, service)?, credentials })
}

/// A value that is not printed.
fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Quick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.way.as_ref().map(|way| &way.endpoint.uri);
        f.debug_struct("Quick").field("endpoint", &endpoint).finish_non_exhaustive()
    }
}

/// The SDK may need four seconds more, and no call has more than ten.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_mins(1);
