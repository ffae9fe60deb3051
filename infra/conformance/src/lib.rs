//! An MCP client that gets its tokens the way the broker does, for the MCP conformance suite to
//! drive. It is deployed nowhere.
//!
//! Everything that keeps a secret or checks an answer is the broker's own code: discovery,
//! registration, the authorization URL, the pending authorization, the checks at the callback, the
//! exchange. What is left is here: [`mcp`] speaks MCP, [`consent`] joins the broker's parts, and
//! [`browser`] is the person, who agrees to everything. Nothing here knows the suite's scenarios.

pub mod browser;
pub mod consent;
pub mod mcp;

use broker::clock::{Clock, Random};
use broker::discovery::DiscoveryError;
use broker::discovery::www_authenticate::WwwAuthenticate;
use broker::http::{Http, HttpError};
use broker::oauth::response::ResponseError;
use broker::oauth::token::TokenError;
use broker::registration::RegistrationError;
use broker::target::Endpoint;
use consent::{ByHand, Consent};
use mcp::{Answer, Mcp};
use serde::Deserialize;

/// What the suite tells its client.
pub struct Settings {
    /// The MCP server.
    pub server: Endpoint,
    /// The MCP revision to speak.
    pub revision: String,
    /// A client that was registered by hand.
    pub by_hand: Option<ByHand>,
}

impl Settings {
    /// Reads the last argument and the environment.
    pub fn read(
        arguments: impl Iterator<Item = String>,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        #[derive(Default, Deserialize)]
        struct Context {
            client_id: Option<String>,
            client_secret: Option<String>,
        }
        let server = arguments.last().and_then(|url| url.parse().ok());
        let context: Context = match var("MCP_CONFORMANCE_CONTEXT") {
            Some(json) => serde_json::from_str(&json).map_err(|_| Failure::Settings("context"))?,
            None => Context::default(),
        };
        Ok(Self {
            server: server.ok_or(Failure::Settings("server's URL"))?,
            revision: var("MCP_CONFORMANCE_PROTOCOL_VERSION")
                .ok_or(Failure::Settings("protocol version"))?,
            by_hand: context
                .client_id
                .map(|client_id| ByHand { client_id, client_secret: context.client_secret }),
        })
    }
}

/// Lists the server's tools, calls one, and lists them again.
pub async fn run(
    settings: Settings,
    http: Http,
    clock: impl Clock,
    random: impl Random,
) -> Result<(), Failure> {
    let mcp = Mcp::new(http.clone(), settings.server.clone(), settings.revision);
    let consent = Consent::new(http, settings.server, settings.by_hand, clock, random)?;
    let mut agent = Agent { mcp, consent };
    if agent.mcp.has_handshake() {
        agent.send("initialize").await?;
        agent.send("notifications/initialized").await?;
    }
    for method in ["tools/list", "tools/call", "tools/list"] {
        agent.send(method).await?;
    }
    Ok(())
}

struct Agent<C, R> {
    mcp: Mcp,
    consent: Consent<C, R>,
}

impl<C: Clock, R: Random> Agent<C, R> {
    /// Sends a request until the server takes it, with a new consent after each refusal. How often
    /// that may happen, [`Consent`] says.
    async fn send(&mut self, method: &str) -> Result<(), Failure> {
        loop {
            match self.mcp.send(method, self.consent.bearer()).await? {
                Answer::Taken => return Ok(()),
                Answer::Refused(says) => self.consent.obtain(&says).await?,
            }
        }
    }
}

/// Why the client gives up.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The suite did not say what it should.
    #[error("the suite gives no usable {0}")]
    Settings(&'static str),
    /// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#step-up-authorization-flow>
    #[error("the server refuses what was consented to; asked for {0:?}")]
    StillRefused(WwwAuthenticate),
    /// Something that is always there is not.
    #[error("the client's own set-up failed: {0}")]
    SetUp(&'static str),
    /// The person's browser did not come back.
    #[error("the authorization server did not send the browser back: {0}")]
    NoRedirect(&'static str),
    /// The MCP server failed.
    #[error("the MCP server answered {0}")]
    Mcp(http::StatusCode),
    /// A server did not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// There is no way to a token.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// We cannot be a client there.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// The answer at the callback is not to be believed.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
}
