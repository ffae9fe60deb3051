//! The person at the browser, who agrees to everything at once.

use crate::Failure;
use broker::http::Http;
use http::header::LOCATION;
use url::Url;

/// Opens `url`, and returns the query with which the authorization server sends the browser back to
/// `redirect_uri`. Nobody listens there: what would be the callback reads the query itself.
pub async fn agree(http: &Http, url: &Url, redirect_uri: &str) -> Result<String, Failure> {
    let request = http::Request::get(url.as_str())
        .body(Vec::new())
        .map_err(|_| Failure::NoRedirect("its URL cannot be requested"))?;
    let answer = http.send(request).await?;
    let location = answer.headers().get(LOCATION).filter(|_| answer.status().is_redirection());
    let location = location.ok_or(Failure::NoRedirect("it answers without a redirect"))?;
    let location = location.to_str().map_err(|_| Failure::NoRedirect("to no URL"))?;
    let (back, query) = location.split_once('?').ok_or(Failure::NoRedirect("without a query"))?;
    if back == redirect_uri {
        Ok(query.to_owned())
    } else {
        Err(Failure::NoRedirect("but to another place"))
    }
}
