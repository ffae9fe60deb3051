//! A deployment that is limited to some hosts, and a server inside the company's network.

use super::aws::STACK;
use super::world::{World, later, name};
use crate::connect::world::metadata;
use axum::routing::{get, post};
use axum::serve::Listener;
use axum::{Json, Router};
use broker::aws::Aws;
use broker::http::{Reach, Roots};
use http::StatusCode;
use latchkey::answer::Refusal;
use latchkey::connect::Wish;
use latchkey::operator::{Access, Operator};
use latchkey::stack::{Account, Stack};
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (tcp, peer) = self.tcp.accept().await.unwrap();
            // Who does not believe us hangs up.
            if let Ok(tls) = self.acceptor.accept(tcp).await {
                return (tls, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// An MCP server and its authorization server, whose certificate nobody believes who was not told. Where
/// it is, and the certificate.
async fn inside() -> (String, Roots) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key.into()).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
    let url = format!("{issuer}/mcp");
    let document = json!({ "resource": url, "authorization_servers": [issuer] });
    let server = metadata(&issuer);
    let router = Router::new()
        .route("/.well-known/oauth-protected-resource/mcp", get(async || Json(document)))
        .route("/.well-known/oauth-authorization-server", get(async || Json(server)))
        .route("/register", post(register))
        .route("/token", post(async || (StatusCode::BAD_REQUEST, Json(invalid_grant()))))
        .fallback(async || (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")]));
    let tls = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) };
    tokio::spawn(async move { axum::serve(tls, router).await.unwrap() });
    (url, Roots::from_pem(made.cert.pem().as_bytes()).unwrap())
}

async fn register(Json(asked): Json<Value>) -> (StatusCode, Json<Value>) {
    let redirect_uris = &asked["redirect_uris"];
    let made = json!({ "client_id": "a", "client_secret": "b", "redirect_uris": redirect_uris });
    (StatusCode::CREATED, Json(made))
}

fn invalid_grant() -> Value {
    json!({ "error": "invalid_grant" })
}

async fn operator(world: &World, roots: Roots) -> Result<Operator, Refusal> {
    let account = Account::with(Aws::at(&world.aws.url).await)?;
    let account = account.believing(roots).reaching(Reach::Loopback);
    Operator::of_stack(Stack::find(account, STACK).await?, Access::Change)
}

/// As its functions speak to it: it need not be one of the hosts to which they are limited as well.
#[tokio::test]
async fn a_private_server_is_spoken_to_with_the_roots_that_were_given() {
    let world = World::new().await;
    let (url, roots) = inside().await;
    let wish = Wish { endpoint: url.parse().unwrap(), ..world.servers.wish() };
    world.aws.account().parameters.insert("OutboundHosts".into(), "127.0.0.1".into());
    let connect = async |roots| {
        let operator = operator(&world, roots).await.unwrap();
        operator.connect(&wish, later(), &mut |_| {}).await
    };
    let refusal = connect(roots.clone()).await.unwrap_err();
    assert!(refusal.problem.contains("OUTBOUND_HOSTS"), "{refusal}");
    world.aws.account().parameters.insert("OutboundPrivateHosts".into(), "localhost".into());
    let refusal = connect(Roots::default()).await.unwrap_err();
    assert!(!refusal.problem.contains("OUTBOUND_HOSTS"), "{refusal}");

    connect(roots.clone()).await.unwrap();

    let operator = operator(&world, roots).await.unwrap();
    let examination = operator.examine(Some(&name()), later()).await.unwrap();
    let diagnosis = &examination.targets[0];
    assert_eq!((diagnosis.drift.len(), diagnosis.unchecked.len()), (0, 0), "{examination}");
}
