//! The client for hosts that are not this very machine.
//!
//! It is made when it is first needed: an interceptor does without it at most starts and in most calls. Other
//! functions make it in their first call, which takes some microseconds of a whole processor.

use super::private_hosts::PrivateHosts;
use super::resolver::{Names, Resolver};
use super::roots::Roots;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use std::sync::{Arc, LazyLock};

type Https = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Speaks `https` to the public internet and to private hosts that are named.
#[derive(Clone, Debug)]
pub(super) struct Public(Arc<LazyLock<Https, Box<dyn FnOnce() -> Https + Send>>>);

impl Public {
    /// With connections of its own, to hosts with certificates of `roots` or of those that browsers
    /// believe.
    pub(super) fn new(names: &Arc<dyn Names>, private: &PrivateHosts, roots: &Roots) -> Self {
        let resolver = Resolver::public(Arc::clone(names), private.clone());
        let roots = roots.clone();
        Self(Arc::new(LazyLock::new(Box::new(move || https(resolver, &roots)))))
    }

    pub(super) fn request(&self, request: http::Request<Full<Bytes>>) -> ResponseFuture {
        self.0.request(request)
    }
}

fn https(resolver: Resolver, roots: &Roots) -> Https {
    let tls =
        ClientConfig::builder().with_root_certificates(roots.and_public()).with_no_client_auth();
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_only()
        .enable_http1()
        .wrap_connector(super::tcp(resolver, false));
    Client::builder(TokioExecutor::new()).build(https)
}

#[cfg(test)]
mod tests {
    use crate::http::{Http, HttpError, PrivateHosts, Reach, Roots};

    #[tokio::test]
    async fn a_client_that_is_not_needed_is_not_made() {
        let http = Http::new(Reach::Public);
        let http = http.admitting(PrivateHosts::default(), &Roots::default());
        let is_made = || std::sync::LazyLock::get(&http.public.0).is_some();
        let asked = async |url: &str| {
            let request = http::Request::get(url).body(Vec::new()).unwrap();
            http.send(request).await.unwrap_err()
        };
        assert!(matches!(asked("http://a.example").await, HttpError::Refused(_)));
        assert!(!is_made());
        // An address within no reach is found out by the client.
        assert!(matches!(asked("https://localhost").await, HttpError::Refused(_)));
        assert!(is_made());
    }
}
