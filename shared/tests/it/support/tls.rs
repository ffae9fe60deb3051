//! A company's own server: it speaks TLS, by a certificate that nobody believes who was not told.

use super::server::{Asked, Server, json as answer};
use axum::body::Body;
use axum::serve::Listener;
use http::Response;
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

/// A certificate, which is its own root.
pub(crate) struct Certificate {
    /// In PEM.
    pub(crate) pem: String,
    acceptor: TlsAcceptor,
}

impl Certificate {
    pub(crate) fn of(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        Self { pem: made.cert.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// A server on the loopback interface that shows it, and answers as `answer` says.
    pub(crate) async fn serve<F: Future<Output = Response<Body>> + Send>(
        &self,
        name: &str,
        answer: impl Fn(Asked) -> F + Clone + Send + Sync + 'static,
    ) -> Server {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{name}:{}", tcp.local_addr().unwrap().port());
        Server::serve(Tls { tcp, acceptor: self.acceptor.clone() }, url, answer)
    }

    /// The company's identity provider, which answers all else, too.
    pub(crate) async fn provider(&self) -> Server {
        self.serve("localhost", async |asked: Asked| {
            let url = format!("https://{}", asked.header("host").unwrap());
            let said = json!({
                "issuer": url,
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "jwks_uri": format!("{url}/keys"),
                "keys": [],
            });
            answer(200, &said)
        })
        .await
    }

    /// A file that holds it.
    pub(crate) fn file(&self) -> String {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let unique = format!("{}-{}", std::process::id(), port.local_addr().unwrap().port());
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
        std::fs::write(&file, &self.pem).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            // Who does not believe the certificate goes away.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
