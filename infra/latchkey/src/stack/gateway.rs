//! The gateway and its targets, as the control plane has them.

use super::{Stack, fault};
use crate::answer::Refusal;
use aws_sdk_bedrockagentcorecontrol::Client;
use aws_sdk_bedrockagentcorecontrol::error::SdkError;
use aws_sdk_bedrockagentcorecontrol::operation::delete_gateway_target::DeleteGatewayTargetError;
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway::{GetGatewayError, GetGatewayOutput};
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway_target::{
    GetGatewayTargetError, GetGatewayTargetOutput,
};
use aws_sdk_bedrockagentcorecontrol::types::{
    McpServerTargetConfiguration, McpTargetConfiguration, McpToolSchemaConfiguration,
    TargetConfiguration, TargetStatus, TargetSummary,
};
use broker::target::Target;
use serde_json::Value;
use std::time::Duration;

/// How often the control plane is asked, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two questions.
    pub every: Duration,
    /// All in all.
    pub at_most: Duration,
}

impl Pace {
    /// The control plane answers ten requests a second for a whole account.
    pub const USUAL: Self = Self { every: Duration::from_secs(3), at_most: Duration::from_mins(5) };

    /// How often to ask.
    pub(crate) fn times(&self) -> u128 {
        (self.at_most.as_millis() / self.every.as_millis().max(1)).max(1)
    }
}

/// The gateway that a deployment adds targets to.
pub(crate) struct Gateway {
    pub(crate) client: Client,
    pub(crate) id: String,
}

impl Stack {
    /// The gateway that the stack made, or was given.
    pub(crate) fn gateway(&self) -> Option<Gateway> {
        self.output("GatewayId").map(|id| self.gateway_named(id))
    }

    pub(crate) fn gateway_named(&self, id: &str) -> Gateway {
        Gateway { client: Client::new(self.config()), id: id.to_owned() }
    }
}

impl Gateway {
    /// The gateway itself.
    pub(crate) async fn read(&self) -> Result<GetGatewayOutput, Refusal> {
        let answer = self.client.get_gateway().gateway_identifier(&self.id).send().await;
        answer.map_err(|error| self.not_read(&error))
    }

    pub(crate) fn not_read(&self, error: &SdkError<GetGatewayError>) -> Refusal {
        match error.as_service_error() {
            Some(service) if service.is_resource_not_found_exception() => Refusal::new(
                "unknown_gateway",
                format!("there is no gateway {}", self.id),
                "Look at its identifier, and at --region and --profile.",
            ),
            _ => fault::of(CONTROL_PLANE, error),
        }
    }

    /// Its targets, in short.
    pub(crate) async fn targets(&self) -> Result<Vec<TargetSummary>, Refusal> {
        let request = self.client.list_gateway_targets().gateway_identifier(&self.id);
        let mut items = request.into_paginator().items().send();
        let mut targets = Vec::new();
        while let Some(item) = items.next().await {
            targets.push(item.map_err(|error| fault::of(CONTROL_PLANE, &error))?);
        }
        Ok(targets)
    }

    /// One of its targets, if it is there.
    pub(crate) async fn target(&self, id: &str) -> Result<Option<GetGatewayTargetOutput>, Refusal> {
        let request = self.client.get_gateway_target().gateway_identifier(&self.id).target_id(id);
        match request.send().await {
            Ok(target) => Ok(Some(target)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(fault::of(CONTROL_PLANE, &error)),
        }
    }

    /// The target of the name of ours, whatever it leads to.
    pub(crate) async fn target_of(
        &self,
        target: &Target,
    ) -> Result<Option<GetGatewayTargetOutput>, Refusal> {
        let named = self.targets().await?.into_iter();
        let named = named.filter(|there| there.name == target.name.as_str()).map(|it| it.target_id);
        for id in named {
            if let Some(there) = self.target(&id).await? {
                return Ok(Some(there));
            }
        }
        Ok(None)
    }

    /// Deletes a target, and waits until it is gone.
    pub(crate) async fn delete(&self, id: &str, pace: Pace) -> Result<(), Refusal> {
        let request = self.client.delete_gateway_target().gateway_identifier(&self.id);
        match request.target_id(id).send().await {
            Ok(_) => {}
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(fault::of(CONTROL_PLANE, &error)),
        }
        for _ in 0..pace.times() {
            match self.target(id).await? {
                None => return Ok(()),
                Some(there) if there.status == TargetStatus::Deleting => {}
                Some(there) => {
                    return Err(Refusal::new(
                        "not_deleted",
                        format!(
                            "the gateway target {id} was not deleted: it is {}, {}",
                            there.status.as_str(),
                            there.status_reasons().join("; ")
                        ),
                        "Mend what it says, then run the command again.",
                    ));
                }
            }
            tokio::time::sleep(pace.every).await;
        }
        Err(Refusal::try_again(format!("the gateway target {id} is still being deleted")))
    }
}

/// The MCP server that a gateway target leads to, if it leads to one.
pub(crate) fn mcp_server(target: &GetGatewayTargetOutput) -> Option<&McpServerTargetConfiguration> {
    match target.target_configuration.as_ref()? {
        TargetConfiguration::Mcp(McpTargetConfiguration::McpServer(server)) => Some(server),
        _ => None,
    }
}

/// Whether a gateway target leads to the server of ours.
pub(crate) fn is_ours(there: &GetGatewayTargetOutput, ours: &Target) -> bool {
    mcp_server(there).is_some_and(|server| server.endpoint == ours.endpoint.as_str())
}

/// How many tools a gateway target's own list has; none if it has no list of its own, or not here.
pub(crate) fn tools(target: &GetGatewayTargetOutput) -> Option<u64> {
    let schema = mcp_server(target)?.mcp_tool_schema.as_ref()?;
    let McpToolSchemaConfiguration::InlinePayload(text) = schema else { return None };
    let list: Value = serde_json::from_str(text).ok()?;
    u64::try_from(list.get("tools")?.as_array()?.len()).ok()
}

fn is_absent(error: &SdkError<GetGatewayTargetError>) -> bool {
    error.as_service_error().is_some_and(GetGatewayTargetError::is_resource_not_found_exception)
}

fn is_gone(error: &SdkError<DeleteGatewayTargetError>) -> bool {
    error.as_service_error().is_some_and(DeleteGatewayTargetError::is_resource_not_found_exception)
}

pub(crate) const CONTROL_PLANE: &str = "AgentCore";
