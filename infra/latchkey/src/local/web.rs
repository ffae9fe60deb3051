//! The routes that API Gateway has in a deployment, before the same handlers.

use authorize::Authorize;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use broker::aws::DynamoStore;
use broker::clock::{SystemClock, SystemRandom};
use broker::target::SecretName;
use callback::Callback;
use http::Request;
use http::request::Parts;
use oauth2::ClientSecret;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) type LocalAuthorize =
    Authorize<DynamoStore, DynamoStore, DynamoStore, SystemClock, SystemRandom>;
pub(super) type LocalCallback = Callback<
    DynamoStore,
    DynamoStore,
    DynamoStore,
    BTreeMap<SecretName, ClientSecret>,
    SystemClock,
    SystemRandom,
>;

pub(super) fn functions(authorize: Arc<LocalAuthorize>, callback: Arc<LocalCallback>) -> Router {
    let authorize = move |request: Parts, body: Bytes| {
        let authorize = Arc::clone(&authorize);
        async move { authorize.handle(Request::from_parts(request, body.into())).await }
    };
    let callback = move |request: Parts| {
        let callback = Arc::clone(&callback);
        async move { callback.handle(Request::from_parts(request, ())).await }
    };
    let pages = get(authorize.clone()).post(authorize);
    Router::new()
        .route("/authorize/{target}", pages)
        .route("/callback/{target}", get(callback.clone()))
        .route("/connected/{target}", get(callback.clone()))
        .route("/declined/{target}", get(callback.clone()))
        .route("/login/callback", get(callback))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
}

/// Our forms hold a ticket, a token and a decision.
const FORM_LIMIT: usize = 64 * 1024;
