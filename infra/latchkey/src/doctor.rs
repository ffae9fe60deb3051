//! `latchkey doctor`: whether what was found when a target was connected is still so, and whether a
//! deployment is as it has to be.
//!
//! It asks what `connect` asked, with the issuer that is in use, and changes nothing.

mod client;
mod deployment;
mod drift;
mod gateway;
mod gateway_targets;
mod rows;

pub use deployment::Deployment;

use crate::answer::{Exit, Refusal, Report, conclude};
use crate::connect::{Moment, look};
use crate::local::is_configured;
use crate::operator::{Access, Operator, Where};
use crate::targets::unreadable;
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::registration::Applicant;
use broker::store::{Registered, TargetStore};
use broker::target::{Target, TargetName};
use clap::Args;
use drift::Drift;
use serde::Serialize;
use std::fmt;
use std::process::ExitCode;

/// Checks targets, and with --stack the deployment. The exit code is 0 if all is as it was, 1 if there
/// is drift, 3 if something could not be checked.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The target to check. With a deployment, that is checked too, or alone if no target is named.
    #[arg(conflicts_with = "all")]
    name: Option<String>,
    /// Check every target.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    at: Where,
}

impl Arguments {
    /// Does it, and says what came of it.
    pub async fn run(self) -> ExitCode {
        conclude(self.examine().await, self.at.json)
    }

    async fn examine(&self) -> Result<Examination, Refusal> {
        if self.name.is_none() && !self.all && self.at.named_stack().is_none() {
            return Err(Refusal::usage(
                "nothing is named that could be checked",
                "Name a target, or check every one with --all, or a deployment with --stack.",
            ));
        }
        let operator = Operator::at(&self.at, Access::Look).await?;
        let name = self.name.as_deref().map(|name| operator.name(name));
        let moment = Moment { now: SystemClock.now(), random: &SystemRandom };
        let examination = match name.transpose() {
            Ok(name) => operator.examine_all(name.as_ref(), self.all, moment).await,
            Err(refusal) => Err(refusal),
        };
        operator.close().await;
        examination
    }
}

impl Operator {
    /// Checks the deployment, if it is one, and then one target, or all, or none.
    pub async fn examine_all(
        &self,
        name: Option<&TargetName>,
        all: bool,
        moment: Moment<'_>,
    ) -> Result<Examination, Refusal> {
        let deployment = match self.stack() {
            Some(stack) => Some(Deployment::examine(self, stack, moment.now).await?),
            None => None,
        };
        let examination = match name {
            None if !all => Examination::default(),
            name => self.examine(name, moment).await?,
        };
        Ok(Examination { deployment, ..examination })
    }

    /// Checks one target, or all.
    pub async fn examine(
        &self,
        name: Option<&TargetName>,
        moment: Moment<'_>,
    ) -> Result<Examination, Refusal> {
        let registered = match name {
            Some(name) => {
                Registered { targets: vec![self.known(name).await?], ..Registered::default() }
            }
            None => self.store.targets().await?,
        };
        let mut diagnoses = Vec::new();
        for target in &registered.targets {
            diagnoses.push(self.diagnose(target, moment).await);
        }
        Ok(Examination { deployment: None, targets: diagnoses, unreadable: registered.unreadable })
    }

    /// What mends most of what can be wrong with a target.
    fn again(&self, target: &Target) -> String {
        let (endpoint, name) = (target.endpoint.as_str(), &target.name);
        match (is_configured(target), self.stack()) {
            (false, _) => {
                let connect = self.command(&format!("connect {endpoint} --name {name}"));
                format!("Connect it again: {connect}")
            }
            (true, None) => {
                "Change it in the configuration file of `latchkey local`, and start that again."
                    .to_owned()
            }
            (true, Some(_)) => {
                let remove = self.command(&format!("targets remove {name}"));
                format!(
                    "Its record was written by hand: mend it, or connect it anew after: {remove}"
                )
            }
        }
    }

    async fn diagnose(&self, target: &Target, moment: Moment<'_>) -> Diagnosis {
        let http = self.reach(&target.endpoint);
        let again = self.again(target);
        let issuer = &target.authorization_server.issuer;
        let mut diagnosis = Diagnosis::of(target);
        match look(&http, &target.endpoint, Some(issuer), false, &mut |_| {}).await {
            Ok(discovery) => {
                diagnosis.drift.extend(drift::between(target, &discovery, &again));
                diagnosis.notes.extend(drift::notes(target, &discovery));
                diagnosis.drift.extend(client::offered(target, &discovery.metadata, &again));
            }
            Err(refusal) if refusal.exit == Exit::TryAgain => {
                diagnosis.unchecked.push(refusal.problem);
            }
            Err(refusal) => diagnosis.drift.push(refusal.into()),
        }
        let applicant = Applicant::of(&self.base_url, &target.name);
        diagnosis.drift.extend(client::of_record(target, &applicant, moment.now, &again));
        let examined =
            client::Examined { operator: self, http: &http, target, moment, again: &again };
        examined.document(&applicant, &mut diagnosis).await;
        examined.standing(&mut diagnosis).await;
        diagnosis
    }
}

/// What was found out about a deployment and some targets.
#[derive(Debug, Default, Serialize)]
pub struct Examination {
    /// The deployment; none of `latchkey local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// By name.
    pub targets: Vec<Diagnosis>,
    /// The names of those whose record cannot be read.
    pub unreadable: Vec<String>,
}

/// What was found out about one target.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub endpoint: String,
    /// The issuer in use.
    pub issuer: String,
    /// What is not as it was.
    pub drift: Vec<Drift>,
    /// What could not be checked.
    pub unchecked: Vec<String>,
    /// What may be on purpose.
    pub notes: Vec<String>,
}

impl Diagnosis {
    fn of(target: &Target) -> Self {
        Self {
            name: target.name.to_string(),
            endpoint: target.endpoint.as_str().to_owned(),
            issuer: target.authorization_server.issuer.clone(),
            drift: Vec::new(),
            unchecked: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Report for Examination {
    fn exit(&self) -> Exit {
        let (drift, unchecked) = match &self.deployment {
            Some(deployment) => (&deployment.findings[..], &deployment.unchecked[..]),
            None => (&[][..], &[][..]),
        };
        let targets = &self.targets;
        let drifted = !drift.is_empty() || !self.unreadable.is_empty();
        if drifted || targets.iter().any(|target| !target.drift.is_empty()) {
            Exit::Refused
        } else if !unchecked.is_empty() || targets.iter().any(|one| !one.unchecked.is_empty()) {
            Exit::TryAgain
        } else {
            Exit::Done
        }
    }
}

impl fmt::Display for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = self.targets.is_empty() && self.unreadable.is_empty();
        if nothing && self.deployment.is_none() {
            return f.write_str("There is no target to check.");
        }
        let deployment = self.deployment.iter().map(ToString::to_string);
        let unreadable = self.unreadable.iter().map(|name| unreadable(name));
        let texts: Vec<_> = deployment
            .chain(self.targets.iter().map(ToString::to_string))
            .chain(unreadable)
            .collect();
        f.write_str(&texts.join("\n"))
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.drift.is_empty(), self.unchecked.is_empty()) {
            (true, true) => "is as it was",
            (true, false) => "could not be checked",
            (false, _) => "has changed",
        };
        write!(f, "{} {state}  ({})", self.name, self.endpoint)?;
        for Drift { kind, what, remedy } in &self.drift {
            write!(f, "\n  {kind}: {what}\n    {remedy}")?;
        }
        self.unchecked.iter().try_for_each(|what| write!(f, "\n  not checked: {what}"))?;
        self.notes.iter().try_for_each(|note| write!(f, "\n  note: {note}"))
    }
}
