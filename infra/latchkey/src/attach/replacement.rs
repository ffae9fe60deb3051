//! The configuration that takes the place of a gateway's own.

use super::Wish;
use crate::answer::Refusal;
use crate::stack::gateway::Gateway;
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway::GetGatewayOutput;
use aws_sdk_bedrockagentcorecontrol::operation::update_gateway::builders::UpdateGatewayFluentBuilder;
use aws_sdk_bedrockagentcorecontrol::types::{
    GatewayInterceptionPoint, GatewayInterceptorConfiguration, GatewayProtocolConfiguration,
    InterceptorConfiguration, InterceptorInputConfiguration, LambdaInterceptorConfiguration,
    McpGatewayConfiguration,
};

/// All of a gateway's configuration, with the interceptor attached or taken off.
pub(super) struct Replacement {
    found: GetGatewayOutput,
    interceptors: Vec<GatewayInterceptorConfiguration>,
    protocol: Option<GatewayProtocolConfiguration>,
}

impl Replacement {
    pub(super) fn of(found: &GetGatewayOutput, ours: &str, wish: &Wish) -> Result<Self, Refusal> {
        let there = found.interceptor_configurations();
        let others: Vec<_> = there
            .iter()
            .filter(|there| !arn(there).is_some_and(|arn| is_same(arn, ours)))
            .collect();
        let interceptors = if wish.remove {
            others.into_iter().cloned().collect()
        } else if let (Some(other), false) = (others.first(), wish.replace) {
            return Err(Refusal::new(
                "another_interceptor",
                format!(
                    "the gateway has another interceptor: {}",
                    arn(other).unwrap_or("one that is no Lambda function")
                ),
                "A gateway has one for requests and one for responses. If that one is not needed, \
                 take it off with --replace; it is saved with the former configuration.",
            ));
        } else {
            vec![attached(ours)?]
        };
        if !wish.versions.is_empty() && versions(found).is_empty() {
            return Err(chooses_by_itself(&found.gateway_id));
        }
        let protocol = with_versions(found.protocol_configuration.as_ref(), &wish.versions);
        Ok(Self { found: found.clone(), interceptors, protocol })
    }

    /// The request that writes it.
    pub(super) fn request(&self, gateway: &Gateway) -> UpdateGatewayFluentBuilder {
        let found = self.found.clone();
        // A list of none is refused.
        let interceptors = Some(self.interceptors.clone()).filter(|list| !list.is_empty());
        gateway
            .client
            .update_gateway()
            .gateway_identifier(&gateway.id)
            .name(found.name)
            .set_description(found.description)
            .set_role_arn(found.role_arn)
            .set_protocol_type(Some(found.protocol_type).filter(|kind| !kind.as_str().is_empty()))
            .set_protocol_configuration(self.protocol.clone())
            .authorizer_type(found.authorizer_type)
            .set_authorizer_configuration(found.authorizer_configuration)
            .set_kms_key_arn(found.kms_key_arn)
            .set_custom_transform_configuration(found.custom_transform_configuration)
            .set_interceptor_configurations(interceptors)
            .set_policy_engine_configuration(found.policy_engine_configuration)
            .set_exception_level(found.exception_level)
            .set_waf_configuration(found.waf_configuration)
    }
}

/// Ours, at both points, with the headers: without them nobody can be told from anybody.
fn attached(ours: &str) -> Result<GatewayInterceptorConfiguration, Refusal> {
    let lambda = LambdaInterceptorConfiguration::builder().arn(ours).build();
    let input = InterceptorInputConfiguration::builder().pass_request_headers(true).build();
    let (Ok(lambda), Ok(input)) = (lambda, input) else { return Err(unwritable()) };
    GatewayInterceptorConfiguration::builder()
        .interceptor(InterceptorConfiguration::Lambda(lambda))
        .interception_points(GatewayInterceptionPoint::Request)
        .interception_points(GatewayInterceptionPoint::Response)
        .input_configuration(input)
        .build()
        .map_err(|_| unwritable())
}

fn unwritable() -> Refusal {
    Refusal::new(
        "not_written",
        "the interceptor's configuration cannot be written",
        "It may be newer than this command: use a newer one.",
    )
}

/// The versions of MCP that a gateway names.
pub(crate) fn versions(found: &GetGatewayOutput) -> &[String] {
    match &found.protocol_configuration {
        Some(GatewayProtocolConfiguration::Mcp(mcp)) => mcp.supported_versions(),
        _ => &[],
    }
}

fn chooses_by_itself(id: &str) -> Refusal {
    Refusal::new(
        "versions_not_named",
        format!(
            "the gateway {id} names no versions of MCP: it speaks those that AgentCore chooses, and \
             would lose them if some were named"
        ),
        "Leave --versions out. If you know all versions that it is to speak, name them all with AWS's \
         own tools; more can be added here then.",
    )
}

/// Those that are there stay.
fn with_versions(
    found: Option<&GatewayProtocolConfiguration>,
    more: &[String],
) -> Option<GatewayProtocolConfiguration> {
    if more.is_empty() {
        return found.cloned();
    }
    let mut mcp = match found {
        Some(GatewayProtocolConfiguration::Mcp(mcp)) => mcp.clone(),
        Some(other) => return Some(other.clone()),
        None => McpGatewayConfiguration::builder().build(),
    };
    let versions = mcp.supported_versions.get_or_insert_default();
    for version in more {
        if !versions.contains(version) {
            versions.push(version.clone());
        }
    }
    Some(GatewayProtocolConfiguration::Mcp(mcp))
}

/// The Lambda function of an interceptor.
pub(crate) fn arn(interceptor: &GatewayInterceptorConfiguration) -> Option<&str> {
    match interceptor.interceptor.as_ref()? {
        InterceptorConfiguration::Lambda(lambda) => Some(&lambda.arn),
        _ => None,
    }
}

/// Whether two ARNs name one function, whatever the version or alias.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let function = |arn: &str| arn.split(':').take(7).map(str::to_owned).collect::<Vec<_>>();
    function(one) == function(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_the_same_whatever_its_alias_and_another_is_not() {
        let function = "arn:aws:lambda:us-east-1:123456789012:function:ours";
        assert!(is_same(function, &format!("{function}:live")));
        assert!(is_same(&format!("{function}:1"), &format!("{function}:live")));
        assert!(!is_same(function, "arn:aws:lambda:us-east-1:123456789012:function:ours2"));
        assert!(!is_same(function, "arn:aws:lambda:us-east-1:210987654321:function:ours"));
    }
}
