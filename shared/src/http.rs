//! The one outbound client: discovery, keys and token requests of the functions all pass here.
//!
//! It follows no redirect, sends no cookie, asks for no compression, uses no proxy, reads no trust
//! store of the system's, and gives up on slow, large and deep answers.

mod address;
mod answer;
mod hosts;
mod private_hosts;
mod public;
mod resolver;
mod retry_after;
mod roots;
pub mod sse;

pub use answer::Answer;
pub use hosts::{Hosts, NotAHost};
pub use private_hosts::{NotAName, PrivateHosts};
pub use resolver::{Addresses, Names};
pub use roots::{NotRoots, Roots};

use crate::target::is_loopback_http;
use http_body_util::{Full, LengthLimitError};
use hyper::body::Bytes;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use oauth2::{HttpRequest, HttpResponse};
use public::Public;
use resolver::{Inward, Resolver, SystemNames};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// Sends requests to servers that somebody else named.
#[derive(Clone, Debug)]
pub struct Http {
    names: Arc<dyn Names>,
    public: Public,
    /// A client of its own, so that what is `https` goes the same way in development.
    loopback: Option<Client<HttpConnector<Resolver>, Full<Bytes>>>,
    hosts: Hosts,
    private: PrivateHosts,
    limit: usize,
    timeout: Duration,
}

/// Whom an [`Http`] will speak to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// `https` to the public internet only.
    Public,
    /// For development: plain `http` to the loopback interface as well.
    Loopback,
}

impl Http {
    /// A client with connections of its own.
    pub fn new(reach: Reach) -> Self {
        Self::resolving(reach, SystemNames)
    }

    /// The same, with addresses found by `names`.
    pub fn resolving(reach: Reach, names: impl Names + 'static) -> Self {
        let names: Arc<dyn Names> = Arc::new(names);
        let private = PrivateHosts::default();
        let loopback = (reach == Reach::Loopback).then(|| {
            let tcp = tcp(Resolver::local(Arc::clone(&names)), true);
            Client::builder(TokioExecutor::new()).build(tcp)
        });
        Self {
            public: Public::new(&names, &private, &Roots::default()),
            loopback,
            names,
            hosts: Hosts::default(),
            private,
            limit: BODY_LIMIT,
            timeout: TIMEOUT,
        }
    }

    /// A client that speaks to `private` hosts as well, over `https`, and believes `roots` as well. Its
    /// connections are its own.
    #[must_use]
    pub fn admitting(self, private: PrivateHosts, roots: &Roots) -> Self {
        Self { public: Public::new(&self.names, &private, roots), private, ..self }
    }

    /// The same client, which speaks to `hosts` only, and to the private ones that it admits. What it
    /// spoke to before does not matter.
    #[must_use]
    pub fn only(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
    }

    /// The same client, which gives up after `timeout`: the whole of a request and its answer.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same client, which gives up on bodies of more than `limit` bytes.
    #[must_use]
    pub fn up_to(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Sends `request` and reads the whole answer, whatever its status.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut answer = self.open(request).await?;
        let body = answer.rest().await?;
        Ok(HttpResponse::from_parts(answer.head, body))
    }

    /// Sends `request` and reads the head of the answer, whatever its status.
    pub async fn open(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        let answer = self.try_open(request).await;
        if let Err(HttpError::Refused(reason)) = answer {
            tracing::warn!(outcome = "request_refused", reason, "a request was not sent: {reason}");
        }
        answer
    }

    async fn try_open(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        let url = self.admitted(request.uri())?;
        let (parts, body) = request.into_parts();
        let request = http::Request::from_parts(parts, Full::new(Bytes::from(body)));
        let answer = match &self.loopback {
            Some(loopback) if is_loopback_http(&url) => loopback.request(request),
            _ => self.public.request(request),
        };
        let late = tokio::time::Instant::now() + self.timeout;
        let answer = tokio::time::timeout_at(late, answer).await;
        let answer = answer.map_err(|_| HttpError::TimedOut)?.map_err(HttpError::unreachable)?;
        Ok(Answer::new(answer, self.limit, late))
    }

    /// Reads a JSON document.
    pub async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        url: &str,
    ) -> Result<T, HttpError> {
        let request = http::Request::get(url)
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| HttpError::Refused("the URL cannot be requested"))?;
        let response = self.send(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(HttpError::status(&response));
        }
        json(response.body())
    }

    /// The URL of a request, if it may be sent. Names are checked when they are resolved.
    fn admitted(&self, uri: &http::Uri) -> Result<Url, HttpError> {
        let url = Url::parse(&uri.to_string())
            .map_err(|_| HttpError::Refused("the URL cannot be read"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpError::Refused("the URL holds user information"));
        }
        let local = self.loopback.is_some() && is_loopback_http(&url);
        if url.scheme() != "https" && !local {
            return Err(HttpError::Refused("only https is requested"));
        }
        let host = url.host().ok_or(HttpError::Refused("the URL names no host"))?;
        if matches!(host, Host::Domain(name) if !is_name(name)) {
            return Err(HttpError::Refused("the host is neither a name nor an address"));
        }
        if is_inward(&url) && !local {
            return Err(HttpError::Refused(INWARD));
        }
        // What is checked here is a URL, what is dialled is a URI: they must mean the same host.
        let same =
            |host: &str| uri.host().is_some_and(|dialled| dialled.eq_ignore_ascii_case(host));
        if !url.host_str().is_some_and(same) {
            return Err(HttpError::Refused("the host is not written in its usual form"));
        }
        let named = matches!(host, Host::Domain(name) if self.private.hold(name));
        if !named && !self.hosts.hold(&host) {
            return Err(HttpError::Refused(
                "the host is not one of OUTBOUND_HOSTS, to which this deployment is limited",
            ));
        }
        Ok(url)
    }
}

/// A URL type takes more for a name than a resolver and a certificate do.
fn is_name(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// Whether the host is an address, in whatever spelling, and not one of the public internet's.
pub(crate) fn is_inward(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return false,
    };
    !address::is_public(address)
}

/// Reads a document that somebody else wrote, if it has less than 128 levels, the limit that
/// `serde_json` keeps: also in those of its members that nobody asks for, which a typed reader would
/// skip at any depth.
pub(crate) fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice::<serde_json::Value>(body)
        .and_then(serde_json::from_value)
        .map_err(|_| HttpError::NotJson)
}

fn tcp(resolver: Resolver, plain: bool) -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(plain);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    tcp
}

/// Why there is no answer. None of these holds a body: it might hold a token.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The answer ended before its end.
    #[error("the server's answer broke off")]
    BrokeOff(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is not the JSON that it should be.
    #[error("the server's answer is not the expected JSON")]
    NotJson,
    /// We do not send such a request. To try again will not help.
    #[error("the request was not sent: {0}")]
    Refused(&'static str),
    /// The server said no.
    #[error("the server answered {status}")]
    Status {
        /// How.
        status: http::StatusCode,
        /// For how long it wants to be left alone; at most an hour.
        /// <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>
        retry_after: Option<Duration>,
    },
    /// It took too long.
    #[error("the server took too long to answer")]
    TimedOut,
    /// The answer is too large.
    #[error("the server's answer is too large")]
    TooLarge(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no connection.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl HttpError {
    /// Whether the server cannot have heard of the request.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Unreachable(error) => {
                error.downcast_ref::<Error>().is_some_and(Error::is_connect)
            }
            _ => false,
        }
    }

    /// What `response` says by its status and its header. Its body says nothing.
    pub fn status(response: &HttpResponse) -> Self {
        let retry_after = retry_after::read(response.headers());
        Self::Status { status: response.status(), retry_after }
    }

    fn unreachable(error: Error) -> Self {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(inner) = cause {
            if inner.is::<Inward>() {
                return Self::Refused(INWARD);
            }
            cause = inner.source();
        }
        Self::Unreachable(Box::new(error))
    }

    fn body(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        if error.is::<LengthLimitError>() { Self::TooLarge(error) } else { Self::BrokeOff(error) }
    }
}

const INWARD: &str = "the host's address is not one of the public internet's, nor one that \
                      OUTBOUND_PRIVATE_HOSTS admits";
/// A function's own time is up after ten seconds; what it waits for must be over well before.
const TIMEOUT: Duration = Duration::from_secs(4);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Metadata, key sets and token answers are a few kilobytes.
const BODY_LIMIT: usize = 256 * 1024;

#[cfg(test)]
mod tests;
