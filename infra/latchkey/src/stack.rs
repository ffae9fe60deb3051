//! A deployment in an AWS account, found by the name of its `CloudFormation` stack.

mod account;
pub(crate) mod fault;
pub(crate) mod gateway;
pub(crate) mod leftovers;
mod served;

pub use account::Account;
pub use gateway::Pace;

use crate::answer::Refusal;
use aws_config::SdkConfig;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksError;
use aws_sdk_cloudformation::types::Stack as Described;
use broker::aws::{DynamoStore, Secrets, Tables};
use broker::config::BaseUrl;
use broker::http::{Hosts, Http, PrivateHosts, Reach};
use std::collections::BTreeMap;

/// A deployment: what its stack says of it.
pub struct Stack {
    /// The stack's name.
    pub name: String,
    /// Its status, as `CloudFormation` has it.
    pub status: String,
    pub(crate) account: Account,
    pub(crate) secret_prefix: String,
    tables: Tables,
    hosts: Hosts,
    private_hosts: PrivateHosts,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

impl Stack {
    /// Reads the stack of this name.
    pub async fn find(account: Account, name: &str) -> Result<Self, Refusal> {
        let client = aws_sdk_cloudformation::Client::new(account.aws.sdk());
        let answer = client.describe_stacks().stack_name(name).send().await;
        let answer = answer.map_err(|error| not_described(name, &account.region, &error))?;
        let described = answer.stacks.unwrap_or_default().into_iter().next();
        let described = described.ok_or_else(|| absent(name, &account.region))?;
        Self::of(account, name, described)
    }

    fn of(account: Account, name: &str, described: Described) -> Result<Self, Refusal> {
        let status = described.stack_status.map(|status| status.as_str().to_owned());
        let status = status.unwrap_or_default();
        let outputs = described.outputs.unwrap_or_default().into_iter();
        let outputs: BTreeMap<_, _> =
            outputs.filter_map(|output| output.output_key.zip(output.output_value)).collect();
        let parameters = described.parameters.unwrap_or_default().into_iter();
        let parameters: BTreeMap<_, _> =
            parameters.filter_map(|given| given.parameter_key.zip(given.parameter_value)).collect();
        if outputs.is_empty() {
            return Err(not_deployed(name, &status));
        }
        let needed = |output| find(&outputs, output).ok_or_else(|| older(name, output));
        let tables = Tables {
            targets: needed("TargetsTable")?.to_owned(),
            pending: needed("PendingTable")?.to_owned(),
            connections: needed("ConnectionsTable")?.to_owned(),
        };
        let secret_prefix = needed("ClientSecretPrefix")?.to_owned();
        needed("BaseUrl")?;
        let hosts = find(&parameters, "OutboundHosts").unwrap_or_default();
        let hosts = hosts.parse().map_err(|error| unreadable(name, "OutboundHosts", error))?;
        let private_hosts = find(&parameters, "OutboundPrivateHosts").unwrap_or_default();
        let private_hosts = private_hosts.parse();
        let private_hosts =
            private_hosts.map_err(|error| unreadable(name, "OutboundPrivateHosts", error))?;
        let name = name.to_owned();
        Ok(Self {
            name,
            status,
            account,
            secret_prefix,
            tables,
            hosts,
            private_hosts,
            outputs,
            parameters,
        })
    }

    /// An output that this version's template has.
    pub(crate) fn needed(&self, output: &str) -> Result<&str, Refusal> {
        self.output(output).ok_or_else(|| older(&self.name, output))
    }

    /// An output, if it is there and says something.
    pub(crate) fn output(&self, output: &str) -> Option<&str> {
        find(&self.outputs, output)
    }

    /// A parameter, if it is there and says something.
    pub(crate) fn parameter(&self, parameter: &str) -> Option<&str> {
        find(&self.parameters, parameter)
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        self.account.aws.sdk()
    }

    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::new(&self.account.aws)
    }

    pub(crate) fn store(&self) -> DynamoStore {
        DynamoStore::new(&self.account.aws, self.tables.clone())
    }

    pub(crate) fn base_url(&self) -> Result<BaseUrl, Refusal> {
        BaseUrl::new(self.needed("BaseUrl")?).map_err(|_| {
            Refusal::new(
                "base_url",
                format!("the output BaseUrl of the stack {} is no https origin", self.name),
                "Deploy the stack again with a parameter BaseUrl such as https://broker.example.com.",
            )
        })
    }

    /// Speaks to whom the deployment's functions may speak to.
    pub(crate) fn outbound(&self) -> Http {
        self.http().only(self.hosts.clone())
    }

    /// Speaks to the deployment itself, whose address the operator chose.
    pub(crate) fn inbound(&self) -> Http {
        self.http().within(crate::operator::PATIENCE)
    }

    fn http(&self) -> Http {
        let Account { reach, roots, .. } = &self.account;
        Http::new(*reach).admitting(self.private_hosts.clone(), roots)
    }

    /// Refuses to change anything while `CloudFormation` does, or after it failed to.
    pub(crate) fn is_settled(&self) -> Result<(), Refusal> {
        let Self { name, status, .. } = self;
        if status.ends_with("_IN_PROGRESS") && !status.ends_with("_CLEANUP_IN_PROGRESS") {
            let problem = format!("the stack {name} is being changed: {status}");
            return Err(Refusal::try_again(problem));
        }
        if status.ends_with("_FAILED") {
            return Err(Refusal::new(
                "stack_failed",
                format!("the last change of the stack {name} failed: {status}"),
                "Read why among its events in CloudFormation, mend that, and deploy it again.",
            ));
        }
        Ok(())
    }
}

fn find<'a>(values: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn not_described(name: &str, region: &str, error: &SdkError<DescribeStacksError>) -> Refusal {
    match error.message() {
        Some(message) if message.contains("does not exist") => absent(name, region),
        _ => fault::of("CloudFormation", error),
    }
}

fn unreadable(name: &str, parameter: &str, error: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        "outbound_hosts",
        format!("the parameter {parameter} of the stack {name} is {error}"),
        "Deploy the stack again with hosts that can be read.",
    )
}

fn absent(name: &str, region: &str) -> Refusal {
    Refusal {
        kind: "unknown_stack",
        ..Refusal::usage(
            format!("there is no stack {name} in the region {region}"),
            "Name another with --stack, its region with --region, or its account with --profile.",
        )
    }
}

fn not_deployed(name: &str, status: &str) -> Refusal {
    if status.ends_with("_IN_PROGRESS") {
        return Refusal::try_again(format!("the stack {name} is not deployed yet: {status}"));
    }
    Refusal::new(
        "not_deployed",
        format!("the stack {name} has no outputs: it is {status}"),
        "Deploy it, or name another with --stack.",
    )
}

/// What an older template did not have, or what somebody else's stack never had.
fn older(name: &str, output: &str) -> Refusal {
    Refusal::new(
        "output_missing",
        format!("the stack {name} has no output {output}"),
        "If it is Latchkey's, it is older than this command: deploy it again with the template that \
         came with this version.",
    )
}

impl Account {
    /// The same, where servers of this machine count as public.
    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        Self { reach, ..self }
    }
}
