//! What the doctor says of a deployment.

use super::world::{INTERCEPTOR, World, later, name};
use broker::store::TargetStore;
use broker::target::Way;
use latchkey::answer::{Exit, Report};
use latchkey::doctor::Deployment;
use latchkey::operator::Access;
use serde_json::{Value, json};

fn kinds(deployment: &Deployment) -> Vec<&'static str> {
    assert!(deployment.findings.iter().all(|found| !found.remedy.is_empty()));
    deployment.findings.iter().map(|found| found.kind).collect()
}

/// A deployment with one target, ready at the gateway.
async fn sound() -> World {
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();
    world.at_gateway(&world.servers.mcp, "READY");
    let catalog =
        json!({ "steward": "A".repeat(43), "gateway_target": "TARGET0001", "recipe": "static" });
    world.catalog(&catalog).await;
    world
}

#[tokio::test]
async fn a_sound_deployment_has_no_findings() {
    let world = sound().await;
    let deployment = world.deployment().await;
    assert!(deployment.findings.is_empty() && deployment.unchecked.is_empty(), "{deployment}");
    let operator = world.operator(Access::Look).await.unwrap();
    let examination = operator.examine_all(None, true, later()).await.unwrap();
    assert_eq!(examination.targets.len(), 1);
    // An hour ahead.
    assert_eq!(kinds(examination.deployment.as_ref().unwrap()), ["clock"]);
    assert_eq!(examination.exit(), Exit::Refused);
}

#[tokio::test]
async fn each_fault_of_the_gateway_is_found_alone() {
    let faults: [(&str, Value, &str); 10] = [
        ("/status", json!("UPDATE_UNSUCCESSFUL"), "gateway_status"),
        ("/interceptorConfigurations", json!([]), "not_attached"),
        (
            "/interceptorConfigurations/0/interceptor/lambda/arn",
            json!("arn:aws:lambda:us-east-1:123456789012:function:other"),
            "not_attached",
        ),
        (
            "/interceptorConfigurations/0/interceptor/lambda/arn",
            json!(INTERCEPTOR.replace(":live", ":3")),
            "other_version",
        ),
        (
            "/interceptorConfigurations/0/interceptionPoints",
            json!(["RESPONSE"]),
            "no_request_point",
        ),
        (
            "/interceptorConfigurations/0/interceptionPoints",
            json!(["REQUEST"]),
            "no_response_point",
        ),
        (
            "/interceptorConfigurations/0/inputConfiguration/passRequestHeaders",
            json!(false),
            "no_headers",
        ),
        ("/authorizerConfiguration", Value::Null, "authorizer"),
        (
            "/authorizerConfiguration/customJWTAuthorizer/discoveryUrl",
            json!("https://other.example/.well-known/openid-configuration"),
            "issuer",
        ),
        ("/protocolConfiguration/mcp/supportedVersions", json!(["2025-11-25"]), "versions"),
    ];
    let world = sound().await;
    for (path, value, kind) in faults {
        let sound = world.aws.account().gateway.clone();
        *world.aws.account().gateway.pointer_mut(path).unwrap() = value;
        let deployment = world.deployment().await;
        assert_eq!(kinds(&deployment), [kind], "{path}: {deployment}");
        world.aws.account().gateway = sound;
    }
}

#[tokio::test]
async fn what_may_be_on_purpose_is_a_note() {
    let world = sound().await;
    world.aws.account().gateway["policyEngineConfiguration"]["mode"] = "ENFORCE".into();
    world.aws.account().gateway["exceptionLevel"] = "DEBUG".into();
    let mut foreign = world.aws.account().gateway_targets["TARGET0001"].clone();
    foreign["targetId"] = "FOREIGN001".into();
    foreign["name"] = "weather".into();
    world.aws.account().gateway_targets.insert("FOREIGN001".into(), foreign);
    world.aws.account().outputs.insert("Version".into(), "0.0.1".into());
    let deployment = world.deployment().await;
    assert!(deployment.findings.is_empty(), "{deployment}");
    let notes = deployment.notes.join("\n");
    for part in ["policy engine", "DEBUG", "weather", "0.0.1", "0 connections"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

/// They are not known, and `attach` could not add to them.
#[tokio::test]
async fn a_gateway_that_names_no_versions_is_not_said_to_lack_some() {
    let world = sound().await;
    for (path, value) in [
        ("/protocolConfiguration/mcp/supportedVersions", json!([])),
        ("/protocolConfiguration", Value::Null),
    ] {
        *world.aws.account().gateway.pointer_mut(path).unwrap() = value;
        let deployment = world.deployment().await;
        assert!(deployment.findings.is_empty(), "{deployment}");
        assert!(deployment.notes.join("\n").contains("names no versions"), "{deployment}");
        assert!(!deployment.to_string().contains("--versions"), "{deployment}");
    }
}

#[tokio::test]
async fn each_fault_of_a_gateway_target_is_found_alone() {
    let provider = json!([{ "credentialProviderType": "OAUTH" }]);
    let server = "/targetConfiguration/mcp/mcpServer";
    let faults = [
        ("/status".to_owned(), json!("FAILED"), "gateway_target_status"),
        ("/status".to_owned(), json!("CREATE_PENDING_AUTH"), "pending_auth"),
        ("/credentialProviderConfigurations".to_owned(), provider, "credential_provider"),
        (format!("{server}/endpoint"), json!("https://other.example/mcp"), "another_endpoint"),
        (format!("{server}/listingMode"), json!("DYNAMIC"), "dynamic"),
    ];
    let world = sound().await;
    let sound = world.aws.account().gateway_targets["TARGET0001"].clone();
    for (path, value, kind) in faults {
        let mut target = sound.clone();
        let (parent, member) = path.rsplit_once('/').unwrap();
        target.pointer_mut(parent).unwrap()[member] = value;
        world.aws.account().gateway_targets.insert("TARGET0001".into(), target);
        let deployment = world.deployment().await;
        assert_eq!(kinds(&deployment), [kind], "{path}: {deployment}");
    }
    world.aws.account().gateway_targets.clear();
    assert_eq!(kinds(&world.deployment().await), ["no_gateway_target"]);
    world.catalog(&json!({})).await;
    let deployment = world.deployment().await;
    assert!(deployment.findings.is_empty(), "{deployment}");
    assert!(deployment.notes.join("\n").contains("nobody has consented yet"), "{deployment}");
}

#[tokio::test]
async fn pages_stack_queue_and_rows_are_looked_at_whatever_is_wrong_with_another() {
    let world = sound().await;
    *world.served.lock().unwrap() = "another site";
    world.aws.account().dead = 3;
    world.aws.account().status = "UPDATE_ROLLBACK_FAILED".into();
    world.aws.account().outputs.remove("CatalogQueueUrl");
    unreadable(&world).await;
    let found = kinds(&world.deployment().await);
    let due = [
        "stack_failed",
        "output_missing",
        "not_served",
        "not_served",
        "not_served",
        "unreadable",
        "dead_letters",
    ];
    assert_eq!(found, due);
}

/// It is read by authorization servers: the deployment itself need not be able to.
#[tokio::test]
async fn our_own_document_is_read_though_the_functions_may_not_speak_to_the_deployment() {
    let world = sound().await;
    let ours = world.base_url.replace("127.0.0.1", "localhost");
    let mut target = world.target().await.unwrap();
    target.client.way = Way::Document;
    target.client.client_id = format!("{ours}/client/notes");
    world.store().await.put_target(&target).await.unwrap();
    world.aws.account().outputs.insert("BaseUrl".into(), ours);
    world.aws.account().parameters.insert("OutboundHosts".into(), "127.0.0.1".into());

    let operator = world.operator(Access::Look).await.unwrap();
    let examination = operator.examine(Some(&name()), later()).await.unwrap();

    let drift = &examination.targets[0].drift;
    let found = drift.iter().find(|drift| drift.kind == "document_unreachable").unwrap();
    assert!(found.what.contains("answered 404"), "{examination}");
}

#[tokio::test]
async fn what_may_not_be_looked_at_is_not_called_sound() {
    let world = sound().await;
    world.aws.account().refused = Some(("GET /gateways".into(), "AccessDeniedException"));
    let operator = world.operator(Access::Look).await.unwrap();
    let moment = latchkey::connect::Moment {
        now: broker::clock::Clock::now(&broker::clock::SystemClock),
        random: &broker::clock::SystemRandom,
    };
    let examination = operator.examine_all(None, false, moment).await.unwrap();
    let deployment = examination.deployment.as_ref().unwrap();
    assert!(deployment.findings.is_empty(), "{deployment}");
    assert_eq!(deployment.unchecked.len(), 2, "{deployment}");
    assert_eq!(examination.exit(), Exit::TryAgain);
}

pub(crate) async fn unreadable(world: &World) {
    use aws_sdk_dynamodb::types::AttributeValue;
    let aws = broker::aws::Aws::at(&world.aws.url).await;
    let request = aws_sdk_dynamodb::Client::new(aws.sdk()).put_item();
    request
        .table_name(broker::aws::Tables::named("broker").connections)
        .item("subject", AttributeValue::S("somebody".into()))
        .item("target", AttributeValue::S("notes".into()))
        .send()
        .await
        .unwrap();
}
