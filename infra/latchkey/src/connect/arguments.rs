//! `latchkey connect` as it is typed.

use super::{ByHand, Moment, Wish};
use crate::answer::{Refusal, conclude};
use crate::local::read_tools;
use crate::operator::{Access, Operator, Where};
use crate::stack::Pace;
use crate::verdict::Verdict;
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::discovery::attempt::Attempt;
use broker::target::{ClientAuthentication, Endpoint, TargetName};
use clap::{Args, ValueEnum};
use oauth2::ClientSecret;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// From an MCP server's address to a target that people can connect.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The MCP server, for example <https://mcp.example.com/mcp>.
    url: String,
    /// What its target is to be called: its tools are `NAME___tool`.
    #[arg(long)]
    name: String,
    /// What people are shown instead of the name.
    #[arg(long)]
    title: Option<String>,
    /// The authorization server: if there are several, if the MCP server names none, and always with a
    /// client's secret, which is sent there and nowhere else.
    #[arg(long)]
    issuer: Option<String>,
    /// Ask for this scope instead of what the servers say. May be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A client that you registered at the authorization server. If it has a secret, name its --issuer.
    #[arg(long)]
    client_id: Option<String>,
    /// The file that holds its secret, or for `private_key_jwt` its private key as a JWK. Without it,
    /// the environment variable `LATCHKEY_CLIENT_SECRET` is used, if there is one.
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret_file: Option<PathBuf>,
    /// How that client proves itself, if the authorization server allows several ways.
    #[arg(long, requires = "client_id")]
    auth_method: Option<Method>,
    /// Refuse a server whose published resource is not its address to the letter.
    #[arg(long)]
    strict: bool,
    /// Its tools: a file with a `tools/list` result.
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// Look, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// In a deployment: wait, for so many seconds, until somebody has consented and the gateway offers
    /// the tools.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "900",
        conflicts_with = "dry_run"
    )]
    wait: Option<u64>,
    #[command(flatten)]
    at: Where,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Method {
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
    None,
}

impl Arguments {
    /// Does it, and says what came of it. `secret` is that of the environment.
    pub async fn run(self, secret: Option<String>) -> ExitCode {
        let as_json = self.at.json;
        // A command awaits much at once; the stack need not hold it.
        conclude(Box::pin(self.connect(secret)).await, as_json)
    }

    async fn connect(self, secret: Option<String>) -> Result<Verdict, Refusal> {
        let wish = self.wish(secret)?;
        let access = if wish.dry_run { Access::Look } else { Access::Change };
        let operator = Operator::at(&self.at, access).await?;
        let verdict = self.connect_at(&operator, &wish).await;
        operator.close().await;
        verdict
    }

    async fn connect_at(&self, operator: &Operator, wish: &Wish) -> Result<Verdict, Refusal> {
        if self.wait.is_some() {
            operator.can_wait()?;
        }
        let moment = Moment { now: SystemClock.now(), random: &SystemRandom };
        let mut tell = |attempt: &Attempt| eprintln!("  {attempt}");
        let mut verdict = operator.connect(wish, moment, &mut tell).await?;
        if let (Some(seconds), Some(deployed)) = (self.wait, &mut verdict.deployment) {
            eprintln!("  waiting: {} is where the first person consents", deployed.consent);
            let target = operator.known(&wish.name).await?;
            let pace = Pace { at_most: Duration::from_secs(seconds), ..Pace::USUAL };
            deployed.progress = Some(operator.wait_for(&target, pace).await?);
            deployed.waited = true;
        }
        Ok(verdict)
    }

    fn wish(&self, secret: Option<String>) -> Result<Wish, Refusal> {
        let endpoint: Endpoint = self.url.parse().map_err(|error| {
            Refusal::usage(
                format!("{:?} is {error}", self.url),
                "Give the MCP server's address; plain http is for servers on this machine.",
            )
        })?;
        let name: TargetName = self.name.parse().map_err(|error| {
            Refusal::usage(format!("{:?} is no name: {error}", self.name), "Choose another --name.")
        })?;
        let tools = self.tools.as_deref().map(read_tools).transpose();
        let tools = tools.map_err(|error| {
            Refusal::usage(error.to_string(), "Give a file with a tools/list result.")
        })?;
        let by_hand = match &self.client_id {
            None => None,
            Some(client_id) => Some(ByHand {
                client_id: client_id.clone(),
                client_secret: match &self.client_secret_file {
                    Some(file) => Some(read_secret(file)?),
                    None => secret.map(ClientSecret::new),
                },
                method: self.auth_method.map(Into::into),
            }),
        };
        Ok(Wish {
            endpoint,
            name,
            title: self.title.clone(),
            issuer: self.issuer.clone(),
            scopes: self.scopes.clone(),
            by_hand,
            strict: self.strict,
            tools,
            dry_run: self.dry_run,
        })
    }
}

/// An editor ends a file with a new line, which is not part of the secret.
fn read_secret(file: &Path) -> Result<ClientSecret, Refusal> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Refusal::usage(
            format!("{} cannot be read: {error}", file.display()),
            "Give the file that holds the client's secret.",
        )
    })?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Refusal::usage(
            format!("{} is empty", file.display()),
            "Write the client's secret into it, or leave it out for a public client.",
        ));
    }
    Ok(ClientSecret::new(secret.to_owned()))
}

impl From<Method> for ClientAuthentication {
    fn from(method: Method) -> Self {
        match method {
            Method::ClientSecretBasic => Self::ClientSecretBasic,
            Method::ClientSecretPost => Self::ClientSecretPost,
            Method::PrivateKeyJwt => Self::PrivateKeyJwt,
            Method::None => Self::None,
        }
    }
}
