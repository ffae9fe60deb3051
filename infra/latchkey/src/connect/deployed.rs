//! What follows when a target is connected in a deployment: somebody consents, and the catalog makes
//! the gateway target with their connection.

use super::Wish;
use crate::answer::{Exit, Refusal};
use crate::operator::Operator;
use crate::stack::Stack;
use crate::stack::gateway::{Pace, is_ours};
use crate::verdict::Verdict;
use aws_sdk_bedrockagentcorecontrol::types::TargetStatus;
use broker::catalog::{Catalog, Recipe};
use broker::target::Target;
use serde::Serialize;
use std::fmt;

/// What a deployment makes of a target.
#[derive(Clone, Debug, Serialize)]
pub struct Deployed {
    /// The stack.
    pub stack: String,
    /// The gateway; none if the stack names none.
    pub gateway: Option<String>,
    /// Where the first person consents.
    pub consent: String,
    /// How far it had come, if it had begun.
    #[serde(flatten)]
    pub progress: Option<Progress>,
    /// Whether it was waited for.
    #[serde(skip)]
    pub waited: bool,
}

/// How far it has come.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Progress {
    /// What the catalog says.
    pub catalog: Catalog,
    /// The status of the gateway target.
    pub gateway_target_status: Option<String>,
    /// Why.
    pub gateway_target_reasons: Vec<String>,
}

impl Progress {
    /// Whether the gateway offers the tools.
    pub fn is_ready(&self) -> bool {
        self.gateway_target_status.as_deref() == Some(TargetStatus::Ready.as_str())
    }

    fn has_begun(&self) -> bool {
        self.catalog != Catalog::default() || self.gateway_target_status.is_some()
    }

    /// Whether it will not come by itself.
    fn has_failed(&self) -> bool {
        let ends = ["FAILED", "_UNSUCCESSFUL", "_PENDING_AUTH"];
        let status = self.gateway_target_status.as_deref().unwrap_or_default();
        ends.iter().any(|end| status.ends_with(end))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.gateway_target_status, &self.catalog.steward) {
            (Some(status), _) => write!(f, "the gateway target is {status}")?,
            (None, Some(_)) => {
                f.write_str("somebody has consented; the gateway target is not there")?;
            }
            (None, None) => f.write_str("nobody has consented yet")?,
        }
        if let Some(recipe) = self.catalog.recipe.map(Recipe::name) {
            write!(f, " ({recipe})")?;
        }
        if let Some(problem) = self.catalog.look.as_ref().and_then(|look| look.why.as_ref()) {
            write!(f, "; the catalog says: {problem}")?;
        }
        self.gateway_target_reasons.iter().try_for_each(|reason| write!(f, "; {reason}"))
    }
}

impl Deployed {
    pub(super) fn of(stack: &Stack, target: &Target, base_url: &str) -> Self {
        Self {
            stack: stack.name.clone(),
            gateway: stack.output("GatewayId").map(str::to_owned),
            consent: format!("{base_url}/authorize/{}", target.name),
            progress: None,
            waited: false,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match &self.progress {
            Some(progress) if progress.has_failed() => Exit::Refused,
            Some(progress) if self.waited && !progress.is_ready() => Exit::TryAgain,
            _ => Exit::Done,
        }
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(progress) = &self.progress {
            return writeln!(f, "In the stack {}, {progress}.", self.stack);
        }
        writeln!(
            f,
            "Now somebody who may use the server has to consent once, at {}.",
            self.consent
        )?;
        match &self.gateway {
            Some(gateway) => writeln!(
                f,
                "The catalog then lists the server's tools with their connection, and makes or \
                 updates its target at the gateway {gateway}."
            ),
            None => writeln!(
                f,
                "The stack names no gateway, so the catalog does nothing: deploy it with GatewayName \
                 or GatewayId, or add the server to yours by hand."
            ),
        }
    }
}

/// The catalog asks the server itself which tools it has.
pub(super) fn can_take(wish: &Wish) -> Result<(), Refusal> {
    if wish.tools.is_none() {
        return Ok(());
    }
    Err(Refusal::usage("the tools of a deployment are listed by its catalog", "Leave --tools out."))
}

impl Operator {
    /// How far a target has come.
    pub(crate) async fn progress(
        &self,
        stack: &Stack,
        target: &Target,
    ) -> Result<Progress, Refusal> {
        let catalog = self.catalog_of(&target.name).await?;
        let mut progress = Progress { catalog, ..Progress::default() };
        let Some(gateway) = stack.gateway() else { return Ok(progress) };
        let there = match &progress.catalog.gateway_target {
            Some(id) => gateway.target(id).await?,
            None => gateway.target_of(target).await?,
        };
        if let Some(there) = there.filter(|there| is_ours(there, target)) {
            progress.gateway_target_status = Some(there.status.as_str().to_owned());
            progress.gateway_target_reasons = there.status_reasons.unwrap_or_default();
        }
        Ok(progress)
    }

    /// Adds to what a target's connecting came to how far the catalog is with it, if it has begun.
    pub(super) async fn look_on(&self, target: &Target, verdict: &mut Verdict) {
        let (Some(stack), Some(deployed)) = (self.stack(), &mut verdict.deployment) else { return };
        match self.progress(stack, target).await {
            Ok(progress) => deployed.progress = Some(progress).filter(Progress::has_begun),
            Err(refusal) => verdict.notes.push(format!(
                "How far the catalog is with it could not be found out: {}.",
                refusal.problem
            )),
        }
    }

    /// Refuses where there is nothing to wait for.
    pub fn can_wait(&self) -> Result<(), Refusal> {
        if self.stack().is_some_and(|stack| stack.output("GatewayId").is_some()) {
            return Ok(());
        }
        Err(Refusal::usage(
            "there is no gateway whose target could be waited for",
            "Leave --wait out, or deploy the stack with GatewayName or GatewayId.",
        ))
    }

    /// Waits until the gateway offers a target's tools, and says on the way how far it has come.
    pub async fn wait_for(&self, target: &Target, pace: Pace) -> Result<Progress, Refusal> {
        self.can_wait()?;
        let Some(stack) = self.stack() else { return Ok(Progress::default()) };
        let mut said = String::new();
        let mut progress = Progress::default();
        for _ in 0..pace.times() {
            progress = self.progress(stack, target).await?;
            let now = progress.to_string();
            if now != said {
                self.step(&now);
                said = now;
            }
            if progress.is_ready() || progress.has_failed() {
                break;
            }
            tokio::time::sleep(pace.every).await;
        }
        Ok(progress)
    }
}
