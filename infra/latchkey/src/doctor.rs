//! `latchkey doctor`: whether what was found when a target was connected is still so.
//!
//! It asks what `connect` asked, with the issuer that is in use, and changes nothing.

mod client;
mod drift;

use crate::answer::{Exit, Refusal, Report, conclude};
use crate::connect::{Moment, look};
use crate::local::is_configured;
use crate::operator::{Access, Operator, Where};
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::registration::Applicant;
use broker::store::TargetStore;
use broker::target::{Target, TargetName};
use clap::Args;
use drift::Drift;
use serde::Serialize;
use std::fmt;
use std::process::ExitCode;

/// Checks targets. The exit code is 0 if all is as it was, 1 if there is drift, 3 if something could
/// not be checked.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The target to check.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
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
        let operator = Operator::at(&self.at, Access::Look).await?;
        let name = self.name.as_deref().map(|name| operator.name(name));
        let moment = Moment { now: SystemClock.now(), random: &SystemRandom };
        let examination = match name.transpose() {
            Ok(name) => operator.examine(name.as_ref(), moment).await,
            Err(refusal) => Err(refusal),
        };
        operator.close().await;
        examination
    }
}

impl Operator {
    /// Checks one target, or all.
    pub async fn examine(
        &self,
        name: Option<&TargetName>,
        moment: Moment<'_>,
    ) -> Result<Examination, Refusal> {
        let targets = match name {
            Some(name) => vec![self.known(name).await?],
            None => self.store.targets().await?,
        };
        let mut diagnoses = Vec::new();
        for target in &targets {
            diagnoses.push(self.diagnose(target, moment).await);
        }
        Ok(Examination { targets: diagnoses })
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

/// What was found out about some targets.
#[derive(Debug, Serialize)]
pub struct Examination {
    /// By name.
    pub targets: Vec<Diagnosis>,
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
        if self.targets.iter().any(|target| !target.drift.is_empty()) {
            Exit::Refused
        } else if self.targets.iter().any(|target| !target.unchecked.is_empty()) {
            Exit::TryAgain
        } else {
            Exit::Done
        }
    }
}

impl fmt::Display for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.targets.is_empty() {
            return f.write_str("There is no target to check.");
        }
        let texts: Vec<_> = self.targets.iter().map(ToString::to_string).collect();
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
