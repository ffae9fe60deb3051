//! What is wrong is said, with what to do about it, and nothing is changed.

use super::world::{World, name};
use latchkey::answer::{Exit, Refusal};
use latchkey::connect::Wish;
use latchkey::operator::{Access, Where};
use latchkey::stack::Account;
use serde_json::json;

fn told(refusal: Refusal) -> (&'static str, Exit, String) {
    assert!(!refusal.remedy.is_empty());
    (refusal.kind, refusal.exit, refusal.problem)
}

async fn of_stack(world: &World, name: &str) -> (&'static str, Exit, String) {
    told(world.stack_named(name).await.err().unwrap())
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_named_with_its_region() {
    let world = World::new().await;
    let (kind, exit, problem) = of_stack(&world, "other").await;
    assert_eq!((kind, exit), ("unknown_stack", Exit::Usage));
    assert!(problem.contains("other") && problem.contains("us-east-1"), "{problem}");
}

#[tokio::test]
async fn who_may_not_look_is_told_from_who_is_not_signed_in_and_from_a_busy_service() {
    let world = World::new().await;
    for (code, kind, exit) in [
        ("AccessDenied", "denied", Exit::Refused),
        ("ExpiredToken", "no_credentials", Exit::Refused),
        ("InvalidClientTokenId", "no_credentials", Exit::Refused),
    ] {
        world.aws.account().refused = Some(("CloudFormation".into(), code));
        let (found, ended, problem) = of_stack(&world, "broker").await;
        assert_eq!((found, ended), (kind, exit), "{problem}");
        assert!(problem.contains(code), "{problem}");
    }
    // The tables refuse as well, and are no "try again" then.
    world.aws.account().refused = Some(("DynamoDB.Scan".into(), "AccessDeniedException"));
    let operator = world.operator(Access::Look).await.unwrap();
    assert_eq!(told(operator.targets().await.unwrap_err()).0, "denied");
}

#[tokio::test]
async fn without_credentials_it_is_said_that_there_are_none() {
    let aws = broker::aws::Aws::at("http://127.0.0.1:9").await;
    let config = aws.sdk().to_builder().credentials_provider(nobody()).build();
    let refused = latchkey::stack::Stack::find(Account::with(config).unwrap(), "broker").await;
    let (kind, exit, problem) = told(refused.err().unwrap());
    assert_eq!((kind, exit), ("no_credentials", Exit::Refused), "{problem}");
}

#[tokio::test]
async fn without_a_region_it_is_said_that_none_is_named() {
    let aws = broker::aws::Aws::at("http://127.0.0.1:9").await;
    let config = aws.sdk().to_builder().region(None).build();
    assert_eq!(told(Account::with(config).err().unwrap()).1, Exit::Usage);
}

#[tokio::test]
async fn an_account_that_cannot_be_reached_is_tried_again() {
    let aws = broker::aws::Aws::at("http://127.0.0.1:9").await;
    let refused = latchkey::stack::Stack::find(Account::with(aws).unwrap(), "broker").await;
    assert_eq!(told(refused.err().unwrap()).1, Exit::TryAgain);
}

#[tokio::test]
async fn a_stack_that_is_being_changed_or_failed_is_looked_at_only() {
    let world = World::new().await;
    for (status, kind, exit) in [
        ("UPDATE_IN_PROGRESS", "unavailable", Exit::TryAgain),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "unavailable", Exit::TryAgain),
        ("UPDATE_ROLLBACK_FAILED", "stack_failed", Exit::Refused),
    ] {
        world.aws.account().status = status.into();
        let refusal = world.connect(&world.servers.wish()).await.unwrap_err();
        let (found, ended, problem) = told(refusal);
        assert_eq!((found, ended), (kind, exit));
        assert!(problem.contains(status), "{problem}");
        assert!(world.operator(Access::Look).await.is_ok());
    }
    for status in
        ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]
    {
        world.aws.account().status = status.into();
        assert!(world.operator(Access::Change).await.is_ok(), "{status}");
    }
    world.aws.account().status = "ROLLBACK_COMPLETE".into();
    world.aws.account().outputs.clear();
    assert_eq!(of_stack(&world, "broker").await.0, "not_deployed");
}

#[tokio::test]
async fn a_stack_that_is_older_than_the_command_is_named_with_what_it_lacks() {
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();
    world.aws.account().outputs.remove("CatalogQueueUrl");
    let operator = world.operator(Access::Look).await.unwrap();
    let (kind, _, problem) = told(operator.look_again(&name(), None).await.unwrap_err());
    assert_eq!(kind, "output_missing");
    assert!(problem.contains("CatalogQueueUrl"), "{problem}");
    for output in ["TargetsTable", "ConnectionsTable", "ClientSecretPrefix", "BaseUrl"] {
        let kept = world.aws.account().outputs.remove(output).unwrap();
        let (kind, _, problem) = of_stack(&world, "broker").await;
        assert_eq!(kind, "output_missing");
        assert!(problem.contains(output), "{problem}");
        world.aws.account().outputs.insert(output.into(), kept);
    }
}

#[tokio::test]
async fn nothing_is_registered_where_the_deployment_does_not_answer_at_its_address() {
    let world = World::new().await;
    for (served, kind, exit) in [
        ("API Gateway", "not_served", Exit::Refused),
        ("another site", "not_served", Exit::Refused),
        ("broken", "unavailable", Exit::TryAgain),
    ] {
        *world.served.lock().unwrap() = served;
        let refusal = world.connect(&world.servers.wish()).await.unwrap_err();
        let (found, ended, problem) = told(refusal);
        assert_eq!((found, ended), (kind, exit), "{problem}");
        assert!(problem.contains("/client/notes"), "{problem}");
    }
    world.aws.account().outputs.insert("BaseUrl".into(), "http://127.0.0.1:9".into());
    assert_eq!(world.connect(&world.servers.wish()).await.unwrap_err().kind, "not_served");
    assert_eq!(world.servers.times("POST"), 0);
    assert_eq!((world.target().await, world.secrets()), (None, vec![]));
}

#[tokio::test]
async fn a_deployment_that_may_not_speak_to_a_server_is_not_connected_to_it() {
    let world = World::new().await;
    world.aws.account().parameters.insert("OutboundHosts".into(), "elsewhere.example".into());
    let (kind, _, problem) = told(world.connect(&world.servers.wish()).await.unwrap_err());
    assert_eq!(kind, "not_asked");
    assert!(problem.contains("OUTBOUND_HOSTS"), "{problem}");
    assert_eq!(world.servers.times("POST"), 0);
}

#[tokio::test]
async fn hosts_and_roots_that_cannot_be_read_are_not_guessed_at() {
    let world = World::new().await;
    for (parameter, hosts) in [("OutboundHosts", "*"), ("OutboundPrivateHosts", "10.0.0.1")] {
        world.aws.account().parameters.insert(parameter.into(), hosts.into());
        let (kind, _, problem) = of_stack(&world, "broker").await;
        assert_eq!(kind, "outbound_hosts");
        assert!(problem.contains(parameter), "{problem}");
        world.aws.account().parameters.remove(parameter);
    }
    let place = Where {
        data: None,
        stack: Some("broker".to_owned()),
        region: None,
        profile: None,
        roots: Some("/nowhere/roots.pem".into()),
        json: false,
    };
    let (_, exit, problem) = told(place.stack().await.err().unwrap());
    assert_eq!(exit, Exit::Usage);
    assert_eq!(problem, "--roots names a file that cannot be read");
}

#[tokio::test]
async fn the_tools_of_a_deployment_are_not_given_by_hand() {
    let world = World::new().await;
    let wish = Wish { tools: Some(vec![]), ..world.servers.wish() };
    assert_eq!(world.connect(&wish).await.unwrap_err().exit, Exit::Usage);
}

#[tokio::test]
async fn a_record_that_was_written_by_hand_is_not_written_over_but_can_be_removed() {
    use broker::store::TargetStore;
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();
    let mut target = world.target().await.unwrap();
    target.client.issuer = None;
    world.store().await.put_target(&target).await.unwrap();
    let (kind, _, problem) = told(world.connect(&world.servers.wish()).await.unwrap_err());
    assert_eq!(kind, "configured");
    assert!(problem.contains("by hand"), "{problem}");
    world.remove().await.unwrap();
    assert_eq!(world.target().await, None);
}

#[tokio::test]
async fn another_servers_name_and_remedies_are_of_the_deployment() {
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();
    let wish =
        Wish { endpoint: "https://other.example/mcp".parse().unwrap(), ..world.servers.wish() };
    let refusal = world.connect(&wish).await.unwrap_err();
    assert_eq!(refusal.kind, "name_taken");
    assert!(refusal.remedy.contains("targets remove notes --stack broker"), "{}", refusal.remedy);
    let json = json!(refusal);
    assert!(json["do"].is_string() && json["kind"] == "name_taken");
}

/// As where no profile, no variable and no machine has any: whoever runs the tests may have some in
/// their environment, but hardly this kind.
fn nobody() -> aws_sdk_dynamodb::config::SharedCredentialsProvider {
    use aws_config::meta::credentials::CredentialsProviderChain;
    use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider as WebIdentity;
    let chain = CredentialsProviderChain::first_try("WebIdentity", WebIdentity::builder().build());
    aws_sdk_dynamodb::config::SharedCredentialsProvider::new(chain)
}
