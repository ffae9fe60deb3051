//! The configuration file of `latchkey local`.

use broker::config::{ConfigError, TOKEN_MEMORY, token_memory};
use broker::identity::IdentitySettings;
use broker::quirks::Quirks;
use broker::target::{
    AuthorizationServer, Client, ClientAuthentication, Endpoint, Resource, SecretName, Target,
    TargetName, Way,
};
use oauth2::ClientSecret;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `local` is told to run.
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The origin under which browsers reach it, if not the address: that of a tunnel, for example.
    pub base_url: Option<String>,
    /// Where connections and keys are kept.
    pub data: PathBuf,
    /// Whose tokens the gateway lets in, and where browsers sign in.
    pub identity: IdentitySettings,
    /// Inbound OAuth clients known to understand `-32042`.
    pub url_elicitation_clients: Vec<String>,
    /// How long a token that was read may be forwarded without another look.
    pub token_memory: Duration,
    /// The MCP servers.
    pub targets: Vec<LocalTarget>,
}

/// An MCP server, with what a deployment keeps elsewhere.
pub struct LocalTarget {
    /// The target, as the registry has it.
    pub target: Target,
    /// Our client's secret there; a deployment has it in Secrets Manager.
    pub client_secret: Option<ClientSecret>,
    /// Its tools; a deployment has them in the gateway.
    pub tools: Vec<Value>,
}

impl Settings {
    /// Reads a configuration file.
    pub fn read(file: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| SettingsError::NotRead(file.to_owned(), error))?;
        let config: File = toml::from_str(&text)
            .map_err(|error| SettingsError::NotToml(file.to_owned(), told(&error, &text)))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        let idp = config.identity_provider;
        if idp.audiences.is_empty() && idp.clients.is_empty() {
            return Err(SettingsError::NobodyAdmitted);
        }
        let targets = config.target.into_iter().map(|target| target.read(folder));
        Ok(Self {
            listen: config.listen,
            base_url: config.base_url,
            data: folder.join(config.data),
            identity: IdentitySettings {
                issuer: idp.issuer,
                client_id: idp.client_id,
                client_secret: idp.client_secret.map(ClientSecret::new),
                audiences: idp.audiences,
                clients: idp.clients,
                subject_claims: idp.subject_claims,
            },
            url_elicitation_clients: idp.url_elicitation_clients,
            token_memory: match config.token_memory_seconds {
                Some(seconds) => token_memory(seconds)?,
                None => TOKEN_MEMORY,
            },
            targets: targets.collect::<Result<_, _>>()?,
        })
    }

    /// Our own origin.
    pub fn base_url(&self) -> String {
        self.base_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// The gateway's MCP endpoint.
    pub fn gateway_url(&self) -> String {
        format!("{}/mcp", self.base_url().trim_end_matches('/'))
    }

    pub(super) fn tools(&self) -> BTreeMap<TargetName, Vec<Value>> {
        self.targets.iter().map(|local| (local.target.name.clone(), local.tools.clone())).collect()
    }

    pub(super) fn client_secrets(&self) -> BTreeMap<SecretName, ClientSecret> {
        let secret = |local: &LocalTarget| {
            Some((local.target.client.client_secret.clone()?, local.client_secret.clone()?))
        };
        self.targets.iter().filter_map(secret).collect()
    }
}

/// What is wrong, and in which line. The line itself, which the error would quote, may hold a secret,
/// and so may a value that is not what it should be.
fn told(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    let message = match error.message().rsplit_once(", expected ") {
        Some((wrong, expected)) if wrong.starts_with("invalid ") => format!("expected {expected}"),
        _ => error.message().to_owned(),
    };
    line.unwrap_or_default() + &message
}

/// Reads a `tools/list` result.
pub fn read_tools(file: &Path) -> Result<Vec<Value>, SettingsError> {
    #[derive(Deserialize)]
    struct Tools {
        tools: Vec<Value>,
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| SettingsError::NotRead(file.to_owned(), error))?;
    let tools: Tools =
        serde_json::from_str(&text).map_err(|_| SettingsError::NotTools(file.to_owned()))?;
    Ok(tools.tools)
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nobody could ever call.
    #[error("[identity_provider] needs `audiences` or `clients`: otherwise nobody could call")]
    NobodyAdmitted,
    /// The file is not there, or not ours to read.
    #[error("{0} cannot be read: {1}")]
    NotRead(PathBuf, #[source] std::io::Error),
    /// A list of tools is not what a server's `tools/list` returns.
    #[error("{0} is not a tools/list result: it needs a \"tools\" array")]
    NotTools(PathBuf),
    /// A number is out of its range.
    #[error(transparent)]
    OutOfRange(#[from] ConfigError),
    /// The file does not say what it should.
    #[error("{0}: {1}")]
    NotToml(PathBuf, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_listen")]
    listen: SocketAddr,
    base_url: Option<String>,
    #[serde(default = "default_data")]
    data: PathBuf,
    token_memory_seconds: Option<u64>,
    identity_provider: IdentityProviderTable,
    #[serde(default)]
    target: Vec<TargetTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityProviderTable {
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    clients: Vec<String>,
    #[serde(default = "sub")]
    subject_claims: Vec<String>,
    #[serde(default)]
    url_elicitation_clients: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetTable {
    name: TargetName,
    title: Option<String>,
    endpoint: Endpoint,
    resource: Option<Resource>,
    #[serde(default)]
    scopes: Vec<String>,
    tools: PathBuf,
    authorization_server: AuthorizationServer,
    client: ClientTable,
    #[serde(default)]
    quirks: Quirks,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientTable {
    client_id: String,
    client_secret: Option<String>,
    #[serde(default)]
    token_endpoint_auth_method: ClientAuthentication,
}

impl TargetTable {
    fn read(self, folder: &Path) -> Result<LocalTarget, SettingsError> {
        let tools = read_tools(&folder.join(&self.tools))?;
        let secret = self.client.client_secret.as_ref();
        // Without PRM, the resource is the endpoint as written.
        let resource = match self.resource {
            Some(resource) => resource,
            None => Resource::try_from(self.endpoint.as_str().to_owned())
                .map_err(|error| SettingsError::NotToml(self.tools, error.to_string()))?,
        };
        Ok(LocalTarget {
            client_secret: secret.cloned().map(ClientSecret::new),
            tools,
            target: Target {
                client: Client {
                    client_id: self.client.client_id,
                    client_secret: secret.map(|_| SecretName(format!("local/{}", self.name))),
                    token_endpoint_auth_method: self.client.token_endpoint_auth_method,
                    public_keys: vec![],
                    issuer: None,
                    way: Way::ByHand,
                    redirect_uri: None,
                    client_secret_expires_at: None,
                    management: None,
                },
                title: self.title.unwrap_or_else(|| self.name.to_string()),
                name: self.name,
                endpoint: self.endpoint,
                resource,
                authorization_server: self.authorization_server,
                scopes: self.scopes,
                quirks: self.quirks,
            },
        })
    }
}

fn default_listen() -> SocketAddr {
    DEFAULT_LISTEN
}

fn default_data() -> PathBuf {
    DEFAULT_DATA.into()
}

fn sub() -> Vec<String> {
    vec!["sub".into()]
}

/// Where `local` listens unless told otherwise.
pub(crate) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8700);
/// Where `local` keeps its data unless told otherwise.
pub(crate) const DEFAULT_DATA: &str = ".latchkey";
