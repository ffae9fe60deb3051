//! Whether a deployment is as it has to be.

use super::drift::Drift;
use super::{gateway, gateway_targets, rows};
use crate::answer::Refusal;
use crate::operator::Operator;
use crate::stack::{Stack, fault};
use crate::targets::unreadable;
use aws_sdk_sqs::types::QueueAttributeName;
use broker::store::TargetStore;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, SystemTime};

/// What was found out about a deployment.
#[derive(Debug, Serialize)]
pub struct Deployment {
    /// The stack.
    pub stack: String,
    /// Its region.
    pub region: String,
    /// Its status.
    pub status: String,
    /// What is not as it has to be.
    pub findings: Vec<Drift>,
    /// What could not be checked.
    pub unchecked: Vec<String>,
    /// What may be on purpose.
    pub notes: Vec<String>,
}

impl Deployment {
    /// Checks all of it, whatever is wrong with a part.
    pub(super) async fn examine(
        operator: &Operator,
        stack: &Stack,
        now: SystemTime,
    ) -> Result<Self, Refusal> {
        let mut deployment = Self {
            stack: stack.name.clone(),
            region: stack.account.region.clone(),
            status: stack.status.clone(),
            findings: Vec::new(),
            unchecked: Vec::new(),
            notes: Vec::new(),
        };
        deployment.of_stack(stack);
        deployment.pages(operator, stack, now).await;
        let registered = operator.store.targets().await?;
        for name in &registered.unreadable {
            let remedy = "Mend the attribute `record`, or delete the item and connect it again.";
            deployment.found("record_unreadable", unreadable(name), remedy);
        }
        let targets = registered.targets;
        match stack.gateway() {
            None => deployment.notes.push(
                "The stack names no gateway: nothing of one is checked, and the catalog does nothing."
                    .to_owned(),
            ),
            Some(there) => {
                let found = gateway::examine(stack, &there, &mut deployment).await;
                deployment.unless_checked(found);
                let found =
                    gateway_targets::examine(operator, &there, &targets, &mut deployment);
                let found = found.await;
                deployment.unless_checked(found);
            }
        }
        let found = rows::examine(&operator.store, now, &mut deployment).await;
        deployment.unless_checked(found);
        let found = deployment.dead_letters(stack).await;
        deployment.unless_checked(found);
        Ok(deployment)
    }

    pub(super) fn found(&mut self, kind: &'static str, what: String, remedy: impl Into<String>) {
        self.findings.push(Drift { kind, what, remedy: remedy.into() });
    }

    fn unless_checked(&mut self, found: Result<(), Refusal>) {
        if let Err(refusal) = found {
            self.unchecked.push(refusal.problem);
        }
    }

    fn of_stack(&mut self, stack: &Stack) {
        if let Err(refusal) = stack.is_settled() {
            self.findings.push(refusal.into());
        }
        for output in OUTPUTS {
            if let Err(refusal) = stack.needed(output) {
                self.findings.push(refusal.into());
            }
        }
        if let Some(version) = stack.output("Version")
            && version != env!("CARGO_PKG_VERSION")
        {
            self.notes.push(format!(
                "The deployment is of version {version}, this command of {}.",
                env!("CARGO_PKG_VERSION")
            ));
        }
    }

    /// Whether our functions answer, and what time it is there.
    async fn pages(&mut self, operator: &Operator, stack: &Stack, now: SystemTime) {
        // No target can have this name before somebody gives it to one; then it answers all the same.
        for path in ["/authorize/latchkey-doctor", "/client/latchkey-doctor", "/connections"] {
            match stack.serves(&operator.base_url, path).await {
                Err(refusal) => self.findings.push(refusal.into()),
                Ok(served) => {
                    let Some(date) = served.date else { continue };
                    let apart = date.duration_since(now).unwrap_or_else(|error| error.duration());
                    if apart > CLOCKS_APART && !self.findings.iter().any(|it| it.kind == "clock") {
                        self.found(
                            "clock",
                            format!(
                                "this machine's clock and the deployment's are {} seconds apart",
                                apart.as_secs()
                            ),
                            "Set this machine's clock: AWS refuses what is signed at another time.",
                        );
                    }
                }
            }
        }
    }

    async fn dead_letters(&mut self, stack: &Stack) -> Result<(), Refusal> {
        let Some(queue) = stack.output("DeadLettersUrl") else { return Ok(()) };
        let client = aws_sdk_sqs::Client::new(stack.config());
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = client.get_queue_attributes().queue_url(queue).attribute_names(name.clone());
        let answer = request.send().await.map_err(|error| fault::of("SQS", &error))?;
        let count = answer.attributes.and_then(|mut found| found.remove(&name));
        let count: u64 = count.and_then(|count| count.parse().ok()).unwrap_or_default();
        if count > 0 {
            self.found(
                "dead_letters",
                format!("{count} messages were set aside"),
                format!(
                    "Look at them, mend what they failed for, and have them tried again: aws sqs \
                     receive-message --queue-url {queue}; aws sqs start-message-move-task"
                ),
            );
        }
        Ok(())
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stack, region, status, findings, unchecked, notes } = self;
        let state = match (findings.is_empty(), unchecked.is_empty()) {
            (true, true) => "is as it has to be",
            (true, false) => "could not be checked in full",
            (false, _) => "is not as it has to be",
        };
        write!(f, "{stack} {state}  ({region}, {status})")?;
        for Drift { kind, what, remedy } in findings {
            write!(f, "\n  {kind}: {what}\n    {remedy}")?;
        }
        unchecked.iter().try_for_each(|what| write!(f, "\n  not checked: {what}"))?;
        notes.iter().try_for_each(|note| write!(f, "\n  note: {note}"))
    }
}

/// What this command reads besides what it cannot do without.
const OUTPUTS: [&str; 5] =
    ["InterceptorArn", "CatalogQueueUrl", "DeadLettersUrl", "TokenKeysSecret", "BrowserKeysSecret"];
/// An answer takes a while; a signature is good for five minutes.
const CLOCKS_APART: Duration = Duration::from_mins(1);
