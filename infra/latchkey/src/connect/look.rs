//! Discovery, for an operator who watches.

use super::refusal;
use crate::answer::Refusal;
use broker::discovery::attempt::Tell;
use broker::discovery::{Discovery, Finding, Inquiry};
use broker::http::Http;
use broker::target::Endpoint;

/// What an MCP server and its authorization server say of themselves.
pub(crate) async fn look(
    http: &Http,
    endpoint: &Endpoint,
    issuer: Option<&str>,
    strict: bool,
    tell: &mut Tell,
) -> Result<Discovery, Refusal> {
    let inquiry = Inquiry { http, endpoint, issuer, strict };
    match inquiry.discover_telling(tell).await {
        Ok(Finding::NeedsToken(discovery)) => Ok(*discovery),
        Ok(Finding::NeedsNoToken) => Err(refusal::needs_no_token(endpoint)),
        Err(error) => Err(refusal::of_discovery(endpoint, &error)),
    }
}
