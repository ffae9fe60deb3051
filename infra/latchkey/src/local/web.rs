//! The routes that API Gateway has in a deployment, before the same handlers.

use super::catalog::Consents;
use super::secrets::LocalSecrets;
use authorize::Authorize;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use broker::aws::DynamoStore;
use broker::clock::{SystemClock, SystemRandom};
use callback::Callback;
use connections::Connections;
use http::request::Parts;
use http::{Request, StatusCode};
use std::sync::Arc;

pub(super) type LocalAuthorize =
    Authorize<DynamoStore, DynamoStore, DynamoStore, SystemClock, SystemRandom>;
pub(super) type LocalCallback = Callback<
    DynamoStore,
    DynamoStore,
    DynamoStore,
    LocalSecrets,
    Consents,
    SystemClock,
    SystemRandom,
>;
pub(super) type LocalConnections =
    Connections<DynamoStore, DynamoStore, LocalSecrets, SystemClock, SystemRandom>;

pub(super) fn functions(
    authorize: Arc<LocalAuthorize>,
    callback: Arc<LocalCallback>,
    connections: Arc<LocalConnections>,
) -> Router {
    let authorize = move |request: Parts, body: Bytes| {
        let authorize = Arc::clone(&authorize);
        async move { authorize.handle(Request::from_parts(request, body.into())).await }
    };
    let callback = move |request: Parts| {
        let callback = Arc::clone(&callback);
        async move { callback.handle(Request::from_parts(request, ())).await }
    };
    let document = get(authorize.clone());
    let connections = move |request: Parts, body: Bytes| {
        let connections = Arc::clone(&connections);
        // A function goes on when the browser does not wait for it: so that tokens are given back.
        let answer = tokio::spawn(async move {
            connections.handle(Request::from_parts(request, body.into())).await
        });
        async move { answer.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR) }
    };
    let pages = get(authorize.clone()).post(authorize);
    Router::new()
        .route("/authorize/{target}", pages)
        .route("/client/{target}", document)
        .route("/callback/{target}", get(callback.clone()))
        .route("/connections", get(connections.clone()))
        .route("/connections/{target}/disconnect", post(connections))
        .route("/connected/{target}", get(callback.clone()))
        .route("/declined/{target}", get(callback.clone()))
        .route("/login/callback", get(callback))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
}

/// Our forms hold a ticket, a token and a decision.
const FORM_LIMIT: usize = 64 * 1024;
