//! The one outbound client: discovery, keys and token requests of the functions all pass here.
//!
//! It follows no redirect, sends no cookie, uses no proxy, reads no trust store from disk, and gives
//! up on slow and large answers.

mod address;
mod resolver;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use oauth2::{HttpRequest, HttpResponse};
use resolver::Resolver;
use std::net::IpAddr;
use std::time::Duration;
use url::Url;

/// Sends requests to servers that somebody else named.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    reach: Reach,
}

/// Whom an [`Http`] will speak to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// `https` only.
    Public,
    /// For development: plain `http` to the loopback interface as well.
    Loopback,
}

impl Http {
    /// A client with connections of its own.
    pub fn new(reach: Reach) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(reach));
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { client: Client::builder(TokioExecutor::new()).build(https), reach }
    }

    /// Sends `request` and reads the whole answer, whatever its status.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.admit(&request)?;
        let (parts, body) = request.into_parts();
        let request = http::Request::from_parts(parts, Full::new(Bytes::from(body)));
        tokio::time::timeout(TIMEOUT, async {
            let response = self.client.request(request).await.map_err(HttpError::unreachable)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(HttpError::body)?;
            Ok(HttpResponse::from_parts(parts, body.to_bytes().into()))
        })
        .await
        .map_err(|_| HttpError::TimedOut)?
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
            return Err(HttpError::Status(response.status()));
        }
        serde_json::from_slice(response.body()).map_err(|_| HttpError::NotJson)
    }

    fn admit(&self, request: &HttpRequest) -> Result<(), HttpError> {
        let url = Url::parse(&request.uri().to_string())
            .map_err(|_| HttpError::Refused("the URL cannot be read"))?;
        let development = self.reach == Reach::Loopback && crate::target::is_loopback_http(&url);
        if url.scheme() != "https" && !development {
            return Err(HttpError::Refused("only https is requested"));
        }
        // Names are checked when they are resolved; a literal address never is.
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(url::Host::Domain(_)) => None,
            None => return Err(HttpError::Refused("the URL names no host")),
        };
        if literal.is_some_and(|address| !resolver::is_within(address, self.reach)) {
            return Err(HttpError::Refused("the address is not one of the public internet's"));
        }
        Ok(())
    }
}

/// Why there is no answer. None of these holds a body: it might hold a token.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The answer is not the JSON that it should be.
    #[error("the server's answer is not the expected JSON")]
    NotJson,
    /// We do not send such a request.
    #[error("the request was not sent: {0}")]
    Refused(&'static str),
    /// The server said no.
    #[error("the server answered {0}")]
    Status(http::StatusCode),
    /// It took too long.
    #[error("the server took longer than {} seconds", TIMEOUT.as_secs())]
    TimedOut,
    /// The answer is too large.
    #[error("the server's answer is larger than {BODY_LIMIT} bytes or broke off")]
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
            Self::Unreachable(error) => error
                .downcast_ref::<hyper_util::client::legacy::Error>()
                .is_some_and(hyper_util::client::legacy::Error::is_connect),
            _ => false,
        }
    }

    fn unreachable(error: hyper_util::client::legacy::Error) -> Self {
        Self::Unreachable(Box::new(error))
    }

    fn body(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::TooLarge(error)
    }
}

/// A function's own time is up after ten seconds; what it waits for must be over well before.
const TIMEOUT: Duration = Duration::from_secs(4);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Metadata, key sets and token answers are a few kilobytes.
const BODY_LIMIT: usize = 256 * 1024;
