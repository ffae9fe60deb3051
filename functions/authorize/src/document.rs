//! `GET /client/{target}`: the client ID metadata document of a target's client, for authorization
//! servers to fetch: <https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document>

use broker::config::BaseUrl;
use broker::registration::Applicant;
use broker::target::Target;
use http::{HeaderValue, Response, header};

/// The document, with no cookie and no redirect. `None` if the target's client is not one by document.
pub(crate) fn document(base_url: &BaseUrl, target: &Target) -> Option<Response<String>> {
    let document = Applicant::of(base_url, &target.name).document(&target.client)?;
    let mut response = Response::new(document);
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}
