//! What tools an MCP server has, as it tells one person: every page, in either era of the protocol.

mod protocol;

use broker::discovery::www_authenticate::WwwAuthenticate;
use broker::http::{Http, HttpError};
use broker::target::Endpoint;
use http::StatusCode;
use protocol::{Mcp, Message};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::time::Duration;

/// The tools of the server at `endpoint`, as it lists them to whoever `authorization` speaks for. All
/// of them or none: half a list is no list. Each page has its time, and all of them have `patience`.
pub async fn list_tools(
    http: &Http,
    endpoint: &Endpoint,
    authorization: Option<&str>,
    patience: Duration,
) -> Result<Vec<Value>, ListingError> {
    let listed = tokio::time::timeout(patience, list(http, endpoint, authorization)).await;
    listed.unwrap_or(Err(ListingError::Slow))
}

async fn list(
    http: &Http,
    endpoint: &Endpoint,
    authorization: Option<&str>,
) -> Result<Vec<Value>, ListingError> {
    let http = http.clone().within(REQUEST_TIMEOUT).up_to(SIZE_LIMIT);
    let mut mcp = Mcp::new(http, endpoint, authorization)?;
    mcp.begin().await?;
    let tools = pages(&mut mcp).await;
    mcp.end().await;
    tools
}

async fn pages(mcp: &mut Mcp) -> Result<Vec<Value>, ListingError> {
    let (mut tools, mut size, mut cursors) = (Vec::new(), 0, HashSet::new());
    let mut parameters = Map::new();
    for _ in 0..PAGE_LIMIT {
        let Message { mut result, length } = mcp.request("tools/list", parameters).await?;
        size += length;
        if size > SIZE_LIMIT {
            return Err(ListingError::TooLarge);
        }
        let Some(Value::Array(page)) = result.remove("tools") else {
            return Err(ListingError::NotMcp("a page has no list of tools"));
        };
        tools.extend(page);
        if tools.len() > TOOL_LIMIT {
            return Err(ListingError::TooMany);
        }
        let cursor = match result.remove("nextCursor") {
            None | Some(Value::Null) => return Ok(tools),
            Some(Value::String(cursor)) => cursor,
            Some(_) => return Err(ListingError::NotMcp("a cursor is no text")),
        };
        if !cursors.insert(cursor.clone()) {
            return Err(ListingError::Endless);
        }
        parameters = Map::from_iter([("cursor".to_owned(), json!(cursor))]);
    }
    Err(ListingError::Endless)
}

/// Why there is no list, divided by what the caller does next. No variant holds what the server said
/// in its own words but the scope of a challenge.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// A list has no end: a cursor came twice, or too many did.
    #[error("its list of tools has no end")]
    Endless,
    /// The token is good and opens too little.
    #[error("it lists its tools only with more rights{}", of_scope(.0.as_deref()))]
    Forbidden(Option<String>),
    /// It does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It answers something else than MCP.
    #[error("it does not speak MCP: {0}")]
    NotMcp(&'static str),
    /// It refused, with this error code.
    #[error("it answered the JSON-RPC error {0}")]
    Refused(i64),
    /// It would keep everybody behind it waiting.
    #[error("it took too long")]
    Slow,
    /// The list is too long to be read.
    #[error("its list of tools is larger than {SIZE_LIMIT} bytes")]
    TooLarge,
    /// There are more than a gateway target may have.
    #[error("it has more than {TOOL_LIMIT} tools, and a gateway target may have no more")]
    TooMany,
    /// It wants a token, or another one.
    #[error("it does not accept the token")]
    Unauthorized,
}

impl ListingError {
    fn status(status: StatusCode, challenge: WwwAuthenticate) -> Option<Self> {
        match status {
            StatusCode::UNAUTHORIZED => Some(Self::Unauthorized),
            StatusCode::FORBIDDEN => Some(Self::Forbidden(challenge.scope)),
            _ => None,
        }
    }
}

fn of_scope(scope: Option<&str>) -> String {
    let sound = scope.filter(|scope| {
        scope.len() < 200 && scope.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    });
    sound.map(|scope| format!(": {scope}")).unwrap_or_default()
}

/// What a gateway target may have.
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html>
pub const TOOL_LIMIT: usize = 1000;
/// The largest list that a gateway reads, from S3.
pub const SIZE_LIMIT: usize = 10 * 1024 * 1024;
/// A server with a page for each tool is still read to its end.
const PAGE_LIMIT: usize = TOOL_LIMIT + 1;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
