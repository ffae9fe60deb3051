//! The settings of `latchkey local` without a configuration file, and the servers that they name.

use super::settings::{DEFAULT_DATA, DEFAULT_LISTEN, LocalTarget, Settings};
use crate::demo::{
    AuthorizationServer, KnownClient, McpServer, Role, authorization_server, mcp_server, mcp_tools,
};
use axum::Router;
use broker::clock::SystemClock;
use broker::config::TOKEN_MEMORY;
use broker::identity::IdentitySettings;
use oauth2::ClientSecret;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error>;

/// Where the demo is.
pub struct Demo {
    /// The gateway stand-in's endpoint.
    pub gateway: String,
    /// The identity provider's issuer, where `latchkey story` gets a token.
    pub identity_provider: String,
    /// The authorization server's issuer.
    pub authorization_server: String,
    /// The MCP server's endpoint.
    pub mcp_server: String,
}

impl Demo {
    /// The demo beside the default address.
    pub fn new() -> Self {
        let beside = |offset| SocketAddr::new(DEFAULT_LISTEN.ip(), DEFAULT_LISTEN.port() + offset);
        Self {
            gateway: format!("http://{DEFAULT_LISTEN}/mcp"),
            identity_provider: format!("http://{}", beside(1)),
            authorization_server: format!("http://{}", beside(2)),
            mcp_server: format!("http://{}/mcp", beside(3)),
        }
    }

    /// What to run before the demo.
    pub fn settings(&self) -> Result<Settings, Error> {
        let target = serde_json::json!({
            "name": TARGET,
            "title": "Demo Notes",
            "endpoint": self.mcp_server,
            "resource": self.mcp_server,
            "authorization_server": {
                "issuer": self.authorization_server,
                "authorization_endpoint": format!("{}/authorize", self.authorization_server),
                "token_endpoint": format!("{}/token", self.authorization_server),
                "revocation_endpoint": format!("{}/revoke", self.authorization_server),
                "authorization_response_iss_parameter_supported": true,
            },
            "client": { "client_id": CLIENT, "token_endpoint_auth_method": "none" },
            "scopes": ["notes", "offline_access"],
        });
        let target = LocalTarget {
            target: serde_json::from_value(target)?,
            client_secret: None::<ClientSecret>,
            tools: mcp_tools(),
        };
        Ok(Settings {
            listen: DEFAULT_LISTEN,
            base_url: None,
            data: DEFAULT_DATA.into(),
            identity: IdentitySettings {
                issuer: self.identity_provider.clone(),
                client_id: CLIENT.into(),
                client_secret: None,
                audiences: vec![self.gateway.clone()],
                clients: Vec::new(),
                subject_claims: vec!["sub".into()],
            },
            url_elicitation_clients: Vec::new(),
            token_memory: TOKEN_MEMORY,
            targets: vec![target],
        })
    }

    /// Starts the three servers. What they must remember lies in `data`.
    pub async fn start(&self, settings: &Settings) -> Result<(), Error> {
        let server = |issuer: &str, role, folder: &str, resource: String, redirect_uri: String| {
            authorization_server(AuthorizationServer {
                issuer: issuer.to_owned(),
                role,
                resources: vec![resource],
                clients: vec![KnownClient {
                    id: CLIENT.into(),
                    name: "Latchkey".into(),
                    secret: None,
                    redirect_uris: vec![redirect_uri],
                }],
                access_token_lifetime: ACCESS_TOKEN_LIFETIME,
                folder: Some(settings.data.join(folder)),
                clock: Arc::new(SystemClock),
            })
        };
        let base = settings.base_url();
        let identity_provider = server(
            &self.identity_provider,
            Role::IdentityProvider,
            "demo-identity-provider",
            settings.gateway_url(),
            format!("{base}/login/callback"),
        )?;
        let authorization_server = server(
            &self.authorization_server,
            Role::AuthorizationServer,
            "demo-authorization-server",
            self.mcp_server.clone(),
            format!("{base}/callback/{TARGET}"),
        )?;
        let mcp_server = mcp_server(McpServer {
            resource: self.mcp_server.clone(),
            issuer: self.authorization_server.clone(),
            clock: Arc::new(SystemClock),
        });
        serve(&self.identity_provider, identity_provider).await?;
        serve(&self.authorization_server, authorization_server).await?;
        serve(self.mcp_server.trim_end_matches("/mcp"), mcp_server).await
    }
}

impl Default for Demo {
    fn default() -> Self {
        Self::new()
    }
}

/// What a newcomer does next.
impl fmt::Display for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gateway, identity_provider, authorization_server, mcp_server } = self;
        write!(
            f,
            "
Latchkey runs with a demo around it. Nobody here has a password.

  identity provider      {identity_provider}   where Alice and Bob sign in
  authorization server   {authorization_server}   where they agree
  MCP server             {mcp_server}   which wants their own tokens

See the whole story, in another terminal:

  cargo run -q -p latchkey -- story

Or connect an MCP client and ask it to call {TARGET}___whoami, for example:

  claude mcp add --transport http latchkey {gateway}
  code --add-mcp '{{\"name\":\"latchkey\",\"type\":\"http\",\"url\":\"{gateway}\"}}'

"
        )
    }
}

async fn serve(origin: &str, router: Router) -> Result<(), Error> {
    let address = origin.trim_start_matches("http://");
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("{address}, for the demo, is not free: {error}"))?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

const TARGET: &str = "notes";
const CLIENT: &str = "latchkey";
/// Short enough to see a renewal within a coffee break.
const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_mins(10);
