//! The connections to AWS's endpoints: those of the SDK's clients, and of what is asked without them.
//!
//! They are HTTP/1.1. The client that the SDK brings speaks HTTP/2 as well, which none of these
//! services needs, with a tenth of a function's code; it lets nobody refuse.

mod names;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{Client, Error, connect};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use names::{Names, Start};
use rustls::{ClientConfig, RootCertStore};
use std::time::Duration;

/// Requests, over connections that are kept.
#[derive(Clone, Debug)]
pub(super) struct Https {
    client: Client<HttpsConnector<connect::HttpConnector<Names>>, SdkBody>,
    names: Names,
}

impl Https {
    /// To servers with certificates of `roots`, and to those of `http` URLs: engines and emulators.
    pub(super) fn trusting(roots: RootCertStore) -> Self {
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let names = Names::new();
        let mut tcp = connect::HttpConnector::new_with_resolver(names.clone());
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(https);
        Self { client, names }
    }

    /// See [`Names::starting`].
    pub(super) fn starting(&self) -> Start {
        self.names.starting()
    }

    /// The answer, of which the body is yet to come.
    pub(super) async fn send(
        &self,
        request: http::Request<SdkBody>,
    ) -> Result<http::Response<Incoming>, Error> {
        self.client.request(request).await
    }
}

/// Its one timeout is that of TCP, whatever the SDK proposes: the SDK itself limits whole attempts.
impl HttpClient for Https {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let connection = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || Some(abandonable(&connection)));
        }
        let client = self.client.clone();
        HttpConnectorFuture::new(async move {
            let response = client.request(request).await.map_err(classified)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// By this the SDK leaves a connection over which a server answered that it is in trouble: the next
/// attempt may reach another.
fn abandonable(connection: &CaptureConnection) -> ConnectionMetadata {
    let connection = connection.clone();
    ConnectionMetadata::builder()
        .proxied(false)
        .poison_fn(move || {
            if let Some(connection) = connection.connection_metadata().as_ref() {
                connection.poison();
            }
        })
        .build()
}

/// What became of a request without an answer, as the SDK divides it to know what to send again.
fn classified(error: Error) -> ConnectorError {
    let (connect, kind) = (error.is_connect(), kind(&error));
    let error = Box::new(error);
    match kind {
        Kind::Late => ConnectorError::timeout(error),
        Kind::Ours => ConnectorError::user(error),
        Kind::Broken => ConnectorError::io(error),
        Kind::CutOff => ConnectorError::other(error, Some(ErrorKind::TransientError)),
        Kind::Other if connect => ConnectorError::io(error),
        Kind::Other => ConnectorError::other(error, None),
    }
}

enum Kind {
    Late,
    Ours,
    Broken,
    CutOff,
    Other,
}

fn kind(error: &Error) -> Kind {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut found = Kind::Other;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            found = match () {
                () if error.is_timeout() => return Kind::Late,
                () if error.is_user() => return Kind::Ours,
                () if error.is_closed() || error.is_canceled() => return Kind::Broken,
                () if error.is_incomplete_message() => Kind::CutOff,
                () => found,
            };
        } else if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return match error.kind() {
                std::io::ErrorKind::TimedOut => Kind::Late,
                _ => Kind::Broken,
            };
        }
        cause = error.source();
    }
    found
}

/// Of TCP, to all addresses of a name together. TLS is waited for as long as the request is.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);
