//! What people see of the demo servers.

use super::authorization_server::Role;
use super::people::Person;
use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

/// Who are you?
#[derive(Template)]
#[template(path = "demo/sign-in.html")]
pub(crate) struct SignIn<'a> {
    pub(crate) role: Role,
    pub(crate) action: &'a str,
    pub(crate) client: &'a str,
    pub(crate) people: &'a [Person],
}

/// May they?
#[derive(Template)]
#[template(path = "demo/consent.html")]
pub(crate) struct Consent<'a> {
    pub(crate) role: Role,
    pub(crate) action: &'a str,
    pub(crate) client: &'a str,
    pub(crate) person: Person,
    pub(crate) resource: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) meanings: &'a [&'static str],
}

/// It cannot go on.
#[derive(Template)]
#[template(path = "demo/refusal.html")]
struct Refusal {
    role: Role,
    reason: &'static str,
}

/// A page.
pub(crate) fn show(template: &impl Template) -> Response {
    with_status(StatusCode::OK, template)
}

/// A page that says why it cannot go on.
pub(crate) fn refusal(role: Role, reason: &'static str) -> Response {
    with_status(StatusCode::BAD_REQUEST, &Refusal { role, reason })
}

/// What the pages refer to.
pub(crate) fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/demo.css", get(async || ([(CONTENT_TYPE, "text/css")], STYLE)))
}

fn with_status(status: StatusCode, template: &impl Template) -> Response {
    let Ok(html) = template.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    (status, headers, Html(html)).into_response()
}

/// Without `form-action`: browsers apply it to the redirects after a form as well, and those go to
/// whatever client registered.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("../../templates/demo/demo.css");
