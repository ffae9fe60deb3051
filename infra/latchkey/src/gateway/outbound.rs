//! The gateway's own HTTP client. It follows no redirect and holds back no byte of a stream.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Speaks to targets and to the issuer of inbound tokens.
#[derive(Clone, Debug)]
pub(crate) struct Outbound(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Outbound {
    /// A client with connections of its own.
    pub(crate) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self(Client::builder(TokioExecutor::new()).build(https))
    }

    /// Sends `request` and returns as soon as the head of the answer is there.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Silence> {
        tokio::time::timeout(INVOCATION_TIMEOUT, self.0.request(request))
            .await
            .map_err(|_| Silence)?
            .map_err(|_| Silence)
    }

    /// Reads a JSON document.
    pub(crate) async fn json<T: DeserializeOwned>(&self, url: &str) -> Result<T, Silence> {
        let request = Request::get(url)
            .header(http::header::ACCEPT, "application/json")
            .body(Full::default())
            .map_err(|_| Silence)?;
        let response = self.send(request).await?;
        if response.status() != StatusCode::OK {
            return Err(Silence);
        }
        serde_json::from_slice(&whole(response.into_body()).await?).map_err(|_| Silence)
    }
}

/// Reads the rest of an answer.
pub(crate) async fn whole(body: Incoming) -> Result<Bytes, Silence> {
    let body = Limited::new(body, PAYLOAD_LIMIT);
    Ok(body.collect().await.map_err(|_| Silence)?.to_bytes())
}

/// No usable answer came.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("there was no usable answer")]
pub(crate) struct Silence;

/// The gateway carries no larger message, in either direction.
pub(crate) const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the gateway waits for a target.
const INVOCATION_TIMEOUT: Duration = Duration::from_mins(15);
