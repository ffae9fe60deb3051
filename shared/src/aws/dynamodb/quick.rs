//! The read that nearly every call makes, with no more of the SDK than it needs.
//!
//! The SDK's way through its plugins, its signer and its parser is two fifths of what a warm call
//! costs. Here the request is put together by hand and goes out on the SDK's own connections, to where
//! the SDK sent its first request; credentials and the time come from where the SDK has them, the
//! former at each read: a function's are in its environment.
//!
//! Whatever is not a plain answer ends this: no connection, no answer in time, a refusal, something
//! that is not understood. Then the SDK asks again, with all that it does for safety (retries with
//! their backoff and budget, throttling, clocks that differ), and for a minute nothing else is tried.
//! A read can be asked for twice. The price is one request more in a minute of trouble.

use super::item::Item;
use crate::aws::signature::{Signable, Signer};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    ConfigBag, Credentials, Intercept, ProvideCredentials, RuntimeComponents,
    SharedCredentialsProvider,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::primitives::{Blob, DateTime, DateTimeFormat};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpConnector,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

/// Where and how the SDK sends its requests, once it has sent one.
#[derive(Clone, Default)]
pub(super) struct Learned(Arc<OnceLock<Way>>);

struct Way {
    connector: SharedHttpConnector,
    url: String,
    host: String,
}

/// Reads single items.
pub(super) struct QuickReads {
    learned: Learned,
    credentials: Option<SharedCredentialsProvider>,
    now: Box<dyn Fn() -> SystemTime + Send + Sync>,
    signer: Signer,
    paused_until: Mutex<Option<SystemTime>>,
}

impl QuickReads {
    /// Reads what the SDK reads by `config`, by what is `learned` from it.
    pub(super) fn new(config: &SdkConfig, learned: Learned) -> Self {
        let time = config.time_source().unwrap_or_default();
        Self {
            learned,
            credentials: config.credentials_provider(),
            now: Box::new(move || time.now()),
            signer: Signer::new("dynamodb", config.region().map_or("", AsRef::as_ref)),
            paused_until: Mutex::new(None),
        }
    }

    /// The item of `table` under `key`, or that there is none; `None` if the SDK must be asked.
    pub(super) async fn read(&self, table: &str, key: [(&str, &str); 2]) -> Option<Option<Item>> {
        let now = (self.now)();
        if self.paused_until().is_some_and(|until| now < until) {
            return None;
        }
        let answer = self.ask(self.learned.0.get()?, table, key, now);
        let answer = tokio::time::timeout(PATIENCE, answer).await.ok().flatten();
        if answer.is_none() {
            *self.paused_until() = Some(now + PAUSE);
            tracing::warn!(
                "a read was not plainly answered: they are left to the SDK for a minute"
            );
        }
        answer
    }

    fn paused_until(&self) -> MutexGuard<'_, Option<SystemTime>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        way: &Way,
        table: &str,
        key: [(&str, &str); 2],
        now: SystemTime,
    ) -> Option<Option<Item>> {
        let credentials = self.credentials.as_ref()?.provide_credentials().await.ok()?;
        let request = self.request(way, table, key, &credentials, now)?;
        let response = way.connector.call(request).await.ok()?;
        if response.status().as_u16() != 200 {
            return None;
        }
        let body = response.into_body().collect().await.ok()?.to_bytes();
        // A list would be read as the members of an object in their order.
        let output: Output =
            serde_json::from_slice(body.strip_prefix(b"{").map(|_| &*body)?).ok()?;
        match output.item {
            None => Some(None),
            Some(item) => {
                let item = item.into_iter().map(|(name, value)| Some((name, value.read()?)));
                item.collect::<Option<Item>>().map(Some)
            }
        }
    }

    fn request(
        &self,
        way: &Way,
        table: &str,
        key: [(&str, &str); 2],
        credentials: &Credentials,
        now: SystemTime,
    ) -> Option<HttpRequest> {
        let key = key.into_iter().map(|(name, text)| (name, Text { text })).collect();
        let query = Query { table, key, consistent: true };
        let body = serde_json::to_string(&query).ok()?;
        let seconds = i64::try_from(crate::clock::unix_seconds(now)).ok()?;
        let time = DateTime::from_secs(seconds).fmt(DateTimeFormat::DateTime).ok()?;
        let time = time.replace(['-', ':'], "");
        let signable = Signable {
            content_type: CONTENT_TYPE,
            host: &way.host,
            time: &time,
            target: TARGET,
            body: &body,
        };
        let authorization = self.signer.authorization(&signable, credentials);
        let mut request = HttpRequest::new(body.into());
        request.set_method("POST").ok()?;
        request.set_uri(way.url.as_str()).ok()?;
        let headers = request.headers_mut();
        headers.insert("content-type", CONTENT_TYPE);
        headers.insert("host", way.host.clone());
        headers.insert("x-amz-date", time);
        headers.insert("x-amz-target", TARGET);
        headers.insert("authorization", authorization);
        if let Some(token) = credentials.session_token() {
            headers.insert("x-amz-security-token", token.to_owned());
        }
        Some(request)
    }
}

impl Intercept for Learned {
    fn name(&self) -> &'static str {
        "Learned"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.0.get().is_none()
            && let Some(way) = way(context, components, config)
        {
            // Whoever was first has learned the same.
            let _ = self.0.set(way);
        }
        Ok(())
    }
}

/// With the settings that the SDK is about to ask its client with, it is the connector that it will have.
fn way(
    context: &BeforeTransmitInterceptorContextRef<'_>,
    components: &RuntimeComponents,
    config: &ConfigBag,
) -> Option<Way> {
    let timeouts = config.load::<TimeoutConfig>()?;
    let mut settings = HttpConnectorSettings::builder();
    settings.set_connect_timeout(timeouts.connect_timeout());
    settings.set_read_timeout(timeouts.read_timeout());
    let connector = components.http_client()?.http_connector(&settings.build(), components);
    let url = url::Url::parse(context.request().uri()).ok().filter(|url| url.path() == "/")?;
    let host = match (url.host_str()?, url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    Some(Way { connector, url: url.into(), host })
}

impl fmt::Debug for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Learned").field(&self.0.get().map(|way| &way.url)).finish()
    }
}

impl fmt::Debug for QuickReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuickReads").field("learned", &self.learned).finish_non_exhaustive()
    }
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html>
#[derive(Serialize)]
struct Query<'a> {
    #[serde(rename = "TableName")]
    table: &'a str,
    #[serde(rename = "Key")]
    key: HashMap<&'a str, Text<'a>>,
    #[serde(rename = "ConsistentRead")]
    consistent: bool,
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(rename = "S")]
    text: &'a str,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default, rename = "Item")]
    item: Option<HashMap<String, Value>>,
}

/// The kinds that a connection has.
#[derive(Deserialize)]
enum Value {
    S(String),
    N(String),
    B(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "SS")]
    Texts(Vec<String>),
}

impl Value {
    fn read(self) -> Option<AttributeValue> {
        Some(match self {
            Self::S(text) => AttributeValue::S(text),
            Self::N(number) => AttributeValue::N(number),
            Self::B(text) => AttributeValue::B(Blob::new(STANDARD.decode(text).ok()?)),
            Self::Bool(flag) => AttributeValue::Bool(flag),
            Self::Texts(texts) => AttributeValue::Ss(texts),
        })
    }
}

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const TARGET: &str = "DynamoDB_20120810.GetItem";
/// The SDK may need four seconds more, and no call has more than ten.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_mins(1);
