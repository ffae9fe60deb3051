//! Whether the gateway calls the interceptor, and as it has to.

use super::Deployment;
use crate::answer::Refusal;
use crate::attach::replacement::{arn, is_same, versions as spoken_at};
use crate::stack::Stack;
use crate::stack::gateway::Gateway;
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway::GetGatewayOutput;
use aws_sdk_bedrockagentcorecontrol::types::{
    AuthorizerConfiguration, ExceptionLevel, GatewayInterceptionPoint, GatewayPolicyEngineMode,
    GatewayStatus,
};

pub(super) async fn examine(
    stack: &Stack,
    gateway: &Gateway,
    deployment: &mut Deployment,
) -> Result<(), Refusal> {
    let there = gateway.read().await?;
    let id = &gateway.id;
    if there.status != GatewayStatus::Ready {
        deployment.found(
            "gateway_status",
            format!("the gateway {id} is {}", there.status.as_str()),
            match &there.status {
                GatewayStatus::Creating | GatewayStatus::Updating => {
                    "Wait a minute, and look again.".to_owned()
                }
                _ if there.status_reasons().is_empty() => {
                    format!("It does not say why: see aws bedrock-agentcore-control get-gateway --gateway-identifier {id}")
                }
                _ => format!("Mend what it says: {}", there.status_reasons().join("; ")),
            },
        );
    }
    interceptor(stack, &there, deployment);
    authorizer(stack, &there, deployment);
    versions(stack, &there, deployment);
    let engine = there.policy_engine_configuration.as_ref();
    if engine.is_some_and(|engine| engine.mode == GatewayPolicyEngineMode::Enforce) {
        deployment.notes.push(format!(
            "A policy engine enforces at {id}. In 2026-07 it refused every call, and every list, with a \
             token that is no JWT, as those of GitHub and Slack: try such a call, or set LOG_ONLY."
        ));
    }
    if there.exception_level == Some(ExceptionLevel::Debug) {
        deployment.notes.push(format!(
            "The exception level of {id} is DEBUG: callers are told what goes wrong inside."
        ));
    }
    Ok(())
}

fn interceptor(stack: &Stack, there: &GetGatewayOutput, deployment: &mut Deployment) {
    let Ok(ours) = stack.needed("InterceptorArn") else { return };
    let attach = format!("latchkey attach --gateway {} --stack {}", there.gateway_id, stack.name);
    let found = there.interceptor_configurations();
    let found = found.iter().find(|found| arn(found).is_some_and(|arn| is_same(arn, ours)));
    let Some(found) = found else {
        deployment.found(
            "not_attached",
            format!("the gateway {} does not call our interceptor", there.gateway_id),
            format!("Attach it: {attach}"),
        );
        return;
    };
    if arn(found) != Some(ours) {
        deployment.found(
            "other_version",
            format!("the gateway calls {}, not {ours}", arn(found).unwrap_or_default()),
            format!("If that is not on purpose: {attach}"),
        );
    }
    let points = &found.interception_points;
    if !points.contains(&GatewayInterceptionPoint::Request) {
        deployment.found(
            "no_request_point",
            "the interceptor is not called with requests: no call gets a token".to_owned(),
            format!("Attach it again: {attach}"),
        );
    }
    if !points.contains(&GatewayInterceptionPoint::Response) {
        deployment.found(
            "no_response_point",
            "the interceptor is not called with responses: a token that its server revoked is used \
             until it expires, and no wider scope is asked for"
                .to_owned(),
            format!("Attach it again: {attach}"),
        );
    }
    if !found.input_configuration.as_ref().is_some_and(|input| input.pass_request_headers) {
        deployment.found(
            "no_headers",
            "the interceptor is not given the request's headers: it cannot tell who calls"
                .to_owned(),
            format!("Attach it again: {attach}"),
        );
    }
}

/// The gateway and the interceptor have to believe the same tokens.
fn authorizer(stack: &Stack, there: &GetGatewayOutput, deployment: &mut Deployment) {
    let Some(AuthorizerConfiguration::CustomJwtAuthorizer(jwt)) = &there.authorizer_configuration
    else {
        deployment.found(
            "authorizer",
            format!("the gateway's authorizer is {}", there.authorizer_type.as_str()),
            "Use a gateway whose authorizer is CUSTOM_JWT: with another one no caller brings a token \
             that says who they are, and all are refused.",
        );
        return;
    };
    let Some(issuer) = stack.parameter("IdpIssuer") else { return };
    let due = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    if jwt.discovery_url != due {
        deployment.found(
            "issuer",
            format!("the gateway believes tokens by {}, the deployment by {due}", jwt.discovery_url),
            "Deploy the stack with the IdpIssuer of the gateway, or give the gateway that of the stack.",
        );
    }
}

fn versions(stack: &Stack, there: &GetGatewayOutput, deployment: &mut Deployment) {
    let (spoken, id) = (spoken_at(there), &there.gateway_id);
    // To name some would take away those that it speaks.
    if spoken.is_empty() {
        deployment.notes.push(format!(
            "The gateway {id} names no versions of MCP, and speaks those that AgentCore chooses: who \
             speaks none of 2025-11-25 and 2026-07-28 with it gets the link as text."
        ));
        return;
    }
    let missing = ["2025-11-25", "2026-07-28"].into_iter();
    let missing: Vec<_> =
        missing.filter(|version| !spoken.iter().any(|it| it == version)).collect();
    if !missing.is_empty() {
        let missing = missing.join(",");
        deployment.found(
            "versions",
            format!("the gateway is not said to speak MCP {missing}: who speaks it gets the link as text"),
            format!(
                "If the gateway takes it: latchkey attach --gateway {} --versions {missing} --stack {}",
                id, stack.name
            ),
        );
    }
}
