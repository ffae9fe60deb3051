//! `latchkey attach`: the interceptor of a deployment, at a gateway that is there already.
//!
//! `UpdateGateway` replaces the whole configuration: what it is not told is gone. So everything that
//! `GetGateway` answers is sent back, and nothing is sent at all if a member of it would not be.

mod attached;
mod difference;
pub(crate) mod replacement;
mod wire;

pub use attached::Attached;
pub use difference::Difference;

use crate::answer::{Refusal, conclude};
use crate::operator::Where;
use crate::stack::{Pace, Stack, fault, gateway};
use aws_sdk_bedrockagentcorecontrol::error::SdkError;
use aws_sdk_bedrockagentcorecontrol::types::GatewayStatus;
use broker::clock::{Clock, SystemClock, unix_seconds};
use clap::Args;
use difference::differences;
use replacement::Replacement;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::{Answered, Outgoing};

/// Attaches the interceptor of a deployment to a gateway. All else of the gateway stays as it is.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Arguments {
    /// The gateway's identifier, unless it is the stack's own.
    #[arg(long, value_name = "ID")]
    gateway: Option<String>,
    /// Take the interceptor off again.
    #[arg(long, conflicts_with_all = ["replace", "versions"])]
    remove: bool,
    /// Take another interceptor off for it: a gateway has one for requests and one for responses.
    #[arg(long)]
    replace: bool,
    /// The gateway's role may invoke our function: the statement that is shown was added to it.
    #[arg(long)]
    role_allowed: bool,
    /// Have the gateway speak these versions of MCP as well, for example 2025-11-25,2026-07-28.
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',')]
    versions: Vec<String>,
    /// Do it. Without this it is only shown what would be different.
    #[arg(long)]
    yes: bool,
    /// Where the former configuration is saved [default: gateway-ID-TIME.json].
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
    #[command(flatten)]
    at: Where,
}

/// What is to become of the gateway.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Its identifier; else the stack's own.
    pub gateway: Option<String>,
    /// Whether the interceptor is to be taken off.
    pub remove: bool,
    /// Whether another may be taken off for it.
    pub replace: bool,
    /// Whether the operator says that the gateway's role may invoke our function.
    pub role_allowed: bool,
    /// Versions of MCP to add.
    pub versions: Vec<String>,
    /// Where the former configuration is saved; nothing is written without.
    pub backup: Option<PathBuf>,
}

impl Arguments {
    /// Does it, and says what came of it.
    pub async fn run(self) -> ExitCode {
        let as_json = self.at.json;
        conclude(self.attach().await, as_json)
    }

    async fn attach(self) -> Result<Attached, Refusal> {
        let stack = self.at.stack().await?;
        let backup = match (self.yes, self.backup) {
            (false, _) => None,
            (true, Some(file)) => Some(file),
            (true, None) => {
                let id = self.gateway.as_deref().or(stack.output("GatewayId")).unwrap_or_default();
                let time = unix_seconds(SystemClock.now());
                Some(PathBuf::from(format!("gateway-{id}-{time}.json")))
            }
        };
        let Self { gateway, remove, replace, role_allowed, versions, .. } = self;
        let wish = Wish { gateway, remove, replace, role_allowed, versions, backup };
        stack.attach(&wish, Pace::USUAL).await
    }
}

impl Stack {
    /// Attaches the interceptor, or takes it off; without a file for the former configuration it is
    /// only found out what would be different.
    pub async fn attach(&self, wish: &Wish, pace: Pace) -> Result<Attached, Refusal> {
        if wish.backup.is_some() {
            self.is_settled()?;
        }
        let ours = self.needed("InterceptorArn")?;
        let id = wish.gateway.as_deref().or(self.output("GatewayId")).ok_or_else(|| {
            Refusal::usage("no gateway is named", "Name it with --gateway: its identifier.")
        })?;
        let gateway = self.gateway_named(id);
        let answered = Answered::default();
        let found = gateway.read_watched(answered.clone()).await?;
        let former = answered.json().ok_or_else(|| {
            Refusal::try_again(format!("what AgentCore says of the gateway {id} cannot be read"))
        })?;
        let replacement = Replacement::of(&found, ours, wish)?;
        let mut attached = Attached::new(&found, ours, wish);

        let before = wire::settings(&former);
        let rehearsal = Outgoing::held();
        let request = replacement.request(&gateway).customize().interceptor(rehearsal.clone());
        // It is held back, which is an error to the SDK.
        let _ = request.send().await;
        let after = rehearsal.json().ok_or_else(|| {
            Refusal::new(
                "not_written",
                format!("the configuration of the gateway {id} cannot be written"),
                "It may be newer than this command: use a newer one.",
            )
        })?;
        attached.differences = differences(&before, &after);
        keeps_all_else(id, &attached.differences)?;
        let Some(backup) = &wish.backup else { return Ok(attached) };
        if attached.differences.is_empty() {
            return Ok(attached);
        }
        if attached.is_new && !wish.role_allowed {
            return Err(attached.role_first());
        }
        is_settled(id, &found.status)?;
        save(backup, &former)?;
        attached.backup = Some(backup.display().to_string());
        eprintln!("  the former configuration is saved in {}", backup.display());
        let sent = Outgoing::expected(after);
        let request = replacement.request(&gateway).customize().interceptor(sent);
        request.send().await.map_err(|error| not_updated(&error))?;
        gateway.settle(pace).await?;
        attached.done = true;
        Ok(attached)
    }
}

impl gateway::Gateway {
    /// Waits until an update has come to its end.
    async fn settle(&self, pace: Pace) -> Result<(), Refusal> {
        for _ in 0..pace.times() {
            let there = self.read().await?;
            match there.status {
                GatewayStatus::Ready => return Ok(()),
                GatewayStatus::Updating | GatewayStatus::Creating => {}
                status => {
                    return Err(Refusal::new(
                        "not_updated",
                        format!(
                            "the gateway {} is {}: {}",
                            self.id,
                            status.as_str(),
                            there.status_reasons.unwrap_or_default().join("; ")
                        ),
                        "Mend what it says, then run the command again. The former configuration is \
                         in the file that was saved.",
                    ));
                }
            }
            tokio::time::sleep(pace.every).await;
        }
        Err(Refusal::try_again(format!("the gateway {} is still being updated", self.id)))
    }
}

/// Nothing but what was asked for may be different.
fn keeps_all_else(id: &str, differences: &[Difference]) -> Result<(), Refusal> {
    let wanted = ["interceptorConfigurations", "protocolConfiguration.mcp.supportedVersions"];
    let lost: Vec<_> = differences
        .iter()
        .filter(|difference| !wanted.iter().any(|path| difference.is_within(path)))
        .map(|difference| difference.path.as_str())
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        "settings_unknown",
        format!(
            "the gateway {id} has settings that this command cannot carry over: {}",
            lost.join(", ")
        ),
        "Use a newer version of this command, or attach the interceptor with AWS's own tools: an \
         update replaces the whole configuration.",
    ))
}

fn is_settled(id: &str, status: &GatewayStatus) -> Result<(), Refusal> {
    match status {
        GatewayStatus::Creating | GatewayStatus::Updating => {
            Err(Refusal::try_again(format!("the gateway {id} is {}", status.as_str())))
        }
        GatewayStatus::Deleting | GatewayStatus::Failed => Err(Refusal::new(
            "gateway_unfit",
            format!("the gateway {id} is {}", status.as_str()),
            "Name another gateway, or make one.",
        )),
        _ => Ok(()),
    }
}

/// Never over a file that is there: it may be the only record of an earlier configuration.
fn save(file: &Path, former: &Value) -> Result<(), Refusal> {
    use std::io::Write;
    let written = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    let written = written.and_then(|mut open| writeln!(open, "{former:#}"));
    written.map_err(|error| {
        Refusal::usage(
            format!("the former configuration cannot be saved in {}: {error}", file.display()),
            "Name a file that is not there yet with --backup. Nothing was changed.",
        )
    })
}

fn not_updated<E>(error: &SdkError<E>) -> Refusal
where
    E: std::error::Error + aws_sdk_bedrockagentcorecontrol::error::ProvideErrorMetadata + 'static,
{
    fault::of(gateway::CONTROL_PLANE, error)
}
