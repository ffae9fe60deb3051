//! Whether the gateway has what the registry has.

use super::Deployment;
use crate::answer::Refusal;
use crate::operator::Operator;
use crate::stack::gateway::{Gateway, is_ours, mcp_server};
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway_target::GetGatewayTargetOutput;
use aws_sdk_bedrockagentcorecontrol::types::{ListingMode, TargetSummary};
use broker::catalog::{Catalog, Recipe};
use broker::target::Target;

pub(super) async fn examine(
    operator: &Operator,
    gateway: &Gateway,
    targets: &[Target],
    deployment: &mut Deployment,
) -> Result<(), Refusal> {
    let there = gateway.targets().await?;
    let mut known = Vec::new();
    for target in targets {
        let catalog = operator.catalog_of(&target.name).await?;
        let found = there.iter().find(|found| match &catalog.gateway_target {
            Some(id) => found.target_id == *id,
            None => found.name == target.name.as_str(),
        });
        let look = operator.command(&format!("targets look {}", target.name));
        let Some(found) = found else {
            absent(target, &catalog, &look, deployment);
            continue;
        };
        known.push(&found.target_id);
        if let Some(found) = gateway.target(&found.target_id).await? {
            one(target, &catalog, &found, there.len(), &look, deployment);
        }
    }
    let foreign = there.iter().filter(|found| !known.contains(&&found.target_id));
    for TargetSummary { name, target_id, .. } in foreign {
        deployment.notes.push(format!(
            "The gateway target {name} ({target_id}) is not of this deployment: its calls get no token."
        ));
    }
    Ok(())
}

fn absent(target: &Target, catalog: &Catalog, look: &str, deployment: &mut Deployment) {
    let name = &target.name;
    if catalog.steward.is_none() {
        let note = format!("{name} is not at the gateway: nobody has consented yet.");
        deployment.notes.push(note);
        return;
    }
    let problem = catalog.look.as_ref().and_then(|look| look.why.as_ref());
    let problem = problem.map(|problem| format!(": {problem}")).unwrap_or_default();
    deployment.found(
        "no_gateway_target",
        format!("{name} is not at the gateway{problem}"),
        format!("Have the catalog look again, and read its log: {look}"),
    );
}

fn one(
    target: &Target,
    catalog: &Catalog,
    found: &GetGatewayTargetOutput,
    all: usize,
    look: &str,
    deployment: &mut Deployment,
) {
    let (name, status) = (&target.name, found.status.as_str());
    if !is_ours(found, target) {
        let leads = mcp_server(found).map_or("no MCP server", |server| server.endpoint.as_str());
        deployment.found(
            "another_endpoint",
            format!("the gateway target {name} leads to {leads}, and ours to {}", target.endpoint.as_str()),
            "Its calls get tokens for a server that they do not reach. Remove or rename one of the two.",
        );
        return;
    }
    let reasons = found.status_reasons().join("; ");
    if status.ends_with("_PENDING_AUTH") {
        deployment.found(
            "pending_auth",
            format!("the gateway target {name} is {status}: the gateway waits for a consent of its own"),
            "Delete it at the gateway, without a credential provider of the authorization code grant \
             it would not wait, then have the catalog make it again.",
        );
    } else if ["CREATING", "UPDATING", "SYNCHRONIZING", "DELETING"].contains(&status) {
        deployment.unchecked.push(format!("the gateway target {name} is {status}"));
    } else if status != "READY" {
        deployment.found(
            "gateway_target_status",
            format!("the gateway target {name} is {status}: {reasons}"),
            format!("Mend what it says, then have the catalog look again: {look}"),
        );
    }
    let recipe = catalog.recipe;
    let provided = found.credential_provider_configurations.first();
    if let Some(provided) =
        provided.filter(|_| !recipe.is_some_and(|recipe| WITH_PROVIDER.contains(&recipe)))
    {
        deployment.found(
            "credential_provider",
            format!(
                "the gateway target {name} has a credential provider: {}",
                provided.credential_provider_type.as_str()
            ),
            "Take it off: the token comes from the interceptor, and the two would be in each other's way.",
        );
    }
    let dynamic =
        mcp_server(found).is_some_and(|server| server.listing_mode == Some(ListingMode::Dynamic));
    if dynamic && (recipe != Some(Recipe::Dynamic) || all > 1) {
        deployment.found(
            "dynamic",
            format!("the gateway target {name} lists its tools per call, among {all} targets"),
            format!("Only the single target of a gateway may: have the catalog look again: {look}"),
        );
    }
}

/// Recipes in which a provider stands in for what the interceptor then overrides.
const WITH_PROVIDER: [Recipe; 2] = [Recipe::ClientCredentials, Recipe::Placeholder];
