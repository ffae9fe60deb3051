//! From a server's address to its tools at the gateway, and back.

use super::world::{GATEWAY, PREFIX, QUICK, World, later, name};
use crate::connect::world::SECRET;
use broker::clock::unix_seconds;
use latchkey::answer::{Exit, Report};
use latchkey::connect::Wish;
use latchkey::operator::Access;
use latchkey::verdict::Outcome;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_server_is_connected_seen_and_removed_in_a_deployment() {
    let world = World::new().await;

    let verdict = world.connect(&world.servers.wish()).await.unwrap();

    assert_eq!(verdict.outcome, Outcome::Connected);
    let target = world.target().await.unwrap();
    let redirect_uri = format!("{}/callback/notes", world.base_url);
    assert_eq!(target.client.redirect_uri.as_ref(), Some(&redirect_uri));
    assert_eq!(world.secrets(), world.named_secrets().await);
    let secret = target.client.client_secret.clone().unwrap().0;
    assert!(secret.starts_with(&format!("{PREFIX}notes/")), "{secret}");
    assert_eq!(world.aws.account().secrets[&secret].0, SECRET);
    let text = verdict.to_string();
    assert!(text.contains(&format!("{}/authorize/notes", world.base_url)), "{text}");
    assert!(text.contains(GATEWAY) && !text.contains("latchkey local"), "{text}");
    assert!(!text.contains(SECRET));

    // Nobody has consented yet.
    let operator = world.operator(Access::Look).await.unwrap();
    let listed = operator.targets().await.unwrap();
    assert!(listed.to_string().contains("nobody has consented yet"), "{listed}");

    // The catalog has done its work.
    world.at_gateway(&world.servers.mcp, "READY");
    world
        .catalog(&json!({
            "steward": STEWARD, "gateway_target": "TARGET0001", "recipe": "static",
            "created": true, "look": { "at": 1_800_000_000, "outcome": "unchanged" },
            "more": { "of": "its own" },
        }))
        .await;
    let listed = operator.targets().await.unwrap();
    let text = listed.to_string();
    for part in
        ["gateway target READY", "2 tools", "recipe static", STEWARD, "January 2027", "unchanged"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(json!(listed)["targets"][0]["catalog"]["recipe"], "static");

    // Connected again, it says how far that has come.
    let again = world.connect(&world.servers.wish()).await.unwrap();
    assert_eq!((again.outcome, again.registration.kept), (Outcome::Unchanged, true));
    assert!(again.to_string().contains("gateway target is READY (static)"), "{again}");

    let removed = world.remove().await.unwrap();

    assert_eq!(removed.gateway_target.as_deref(), Some("TARGET0001 is deleted"));
    assert!(removed.registration.contains("given back"), "{removed}");
    assert_eq!(world.target().await, None);
    assert_eq!(world.secrets(), [""; 0]);
    assert!(world.aws.account().gateway_targets.is_empty());
    assert_eq!(world.servers.times("DELETE /register/made"), 1);
    assert_eq!(world.remove().await.unwrap_err().kind, "unknown_target");
}

#[tokio::test]
async fn the_secrets_of_a_client_are_encrypted_with_the_key_of_the_stack() {
    for key in [None, Some("arn:aws:kms:us-east-1:123456789012:key/of-the-company")] {
        let world = World::new().await;
        let given = key.map(|key| ("KeyArn".to_owned(), key.to_owned()));
        world.aws.account().parameters.extend(given);
        world.connect(&world.servers.wish()).await.unwrap();
        let keys: Vec<_> = world.aws.account().keys.values().cloned().collect();
        assert_eq!(keys, [json!(key), json!(key)]);
    }
}

/// Its target would be made, or made anew, while the record goes.
#[tokio::test]
async fn a_target_is_not_removed_while_the_catalog_is_at_it() {
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();
    world.at_gateway(&world.servers.mcp, "READY");
    let until = |seconds| unix_seconds(later().now) + seconds;
    let held = |seconds| json!({ "created": true, "held_until": until(seconds) });

    world.catalog(&held(60)).await;
    let refusal = world.remove().await.unwrap_err();
    assert_eq!(refusal.exit, Exit::TryAgain, "{refusal}");
    assert_eq!(world.aws.times("DELETE"), 0);

    // It comes while the gateway target goes.
    world.catalog(&json!({ "created": true })).await;
    let state = held(60);
    let (comes, goes) = (Box::pin(world.catalog(&state)), Box::pin(world.remove()));
    let refusal = world.meanwhile("DELETE", comes, goes).await.unwrap_err();
    assert_eq!(refusal.exit, Exit::TryAgain, "{refusal}");
    assert!(world.target().await.is_some());

    // It was cut off, and its time is over.
    world.catalog(&json!({ "created": true, "held_until": until(0) - 60 })).await;
    world.remove().await.unwrap();
    assert!(world.target().await.is_none());
}

#[tokio::test]
async fn a_gateway_target_that_came_back_is_deleted_or_said_to_be_left() {
    for (catalog, note) in [
        (json!({ "created": true }), "TARGET0001 is deleted"),
        (json!({}), "TARGET0001 was not made by the catalog, and stays"),
    ] {
        let world = World::new().await;
        world.connect(&world.servers.wish()).await.unwrap();
        world.catalog(&catalog).await;
        let comes = async { world.at_gateway(&world.servers.mcp, "READY") };
        let goes = Box::pin(world.remove());
        let removed = world.meanwhile("DynamoDB.DeleteItem", comes, goes).await.unwrap();
        assert_eq!(removed.gateway_target.as_deref(), Some("there was none"));
        assert!(removed.notes.join(" ").contains(note), "{removed}");
    }
}

#[tokio::test]
async fn a_dry_run_writes_nothing_to_aws() {
    let world = World::new().await;
    let wish = Wish { dry_run: true, ..world.servers.wish() };
    let verdict = world.connect(&wish).await.unwrap();
    assert!(verdict.dry_run);
    assert_eq!(world.servers.times("POST /register"), 0);
    for write in ["DynamoDB.Put", "DynamoDB.Update", "secretsmanager.Create", "PUT", "DELETE"] {
        assert_eq!(world.aws.times(write), 0, "{write}");
    }
}

#[tokio::test]
async fn a_gateway_target_that_leads_elsewhere_is_left_alone() {
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();
    world.at_gateway("https://somebody.else.example/mcp", "READY");

    let removed = world.remove().await.unwrap();

    assert!(removed.gateway_target.unwrap().contains("leads to another server"));
    assert_eq!(world.aws.account().gateway_targets.len(), 1);
    assert_eq!(world.aws.times("DELETE"), 0);
    assert_eq!(world.target().await, None);
}

#[tokio::test]
async fn a_gateway_target_that_was_there_before_is_left_alone_and_one_being_made_is_not() {
    for (catalog, stays) in [
        (json!({ "gateway_target": "TARGET0001" }), true),
        (json!({ "under_way": { "creating": { "recipe": "static", "token": "t" } } }), false),
        (json!({ "under_way": "removing" }), true),
    ] {
        let world = World::new().await;
        world.connect(&world.servers.wish()).await.unwrap();
        world.at_gateway(&world.servers.mcp, "READY");
        world.catalog(&catalog).await;

        let removed = world.remove().await.unwrap();

        assert_eq!(world.aws.account().gateway_targets.len() == 1, stays, "{removed}");
        assert_eq!(world.target().await, None);
    }
}

#[tokio::test]
async fn the_catalog_is_told_to_look_again() {
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();
    let operator = world.operator(Access::Look).await.unwrap();

    operator.look_again(&name(), None).await.unwrap();

    let (queue, body) = world.aws.account().sent.remove(0);
    assert!(queue.ends_with("/catalog"), "{queue}");
    assert_eq!(body, r#"{"target":"notes"}"#);
    let refusal = operator.look_again(&"other".parse().unwrap(), None).await.unwrap_err();
    assert_eq!(refusal.kind, "unknown_target");
    assert!(world.aws.account().sent.is_empty());
}

#[tokio::test]
async fn it_is_waited_for_until_the_gateway_has_the_target() {
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();
    let operator = world.operator(Access::Look).await.unwrap();
    let target = world.target().await.unwrap();

    let progress = operator.wait_for(&target, QUICK).await.unwrap();
    assert!(!progress.is_ready() && progress.to_string().contains("nobody has consented"));

    world.catalog(&json!({ "steward": STEWARD, "recipe": "static" })).await;
    world.at_gateway(&world.servers.mcp, "CREATING");
    let ready = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.at_gateway(&world.servers.mcp, "READY");
    };
    let patient = latchkey::stack::Pace { at_most: Duration::from_secs(10), ..QUICK };
    let (progress, ()) = tokio::join!(operator.wait_for(&target, patient), ready);
    assert!(progress.unwrap().is_ready());

    world.at_gateway(&world.servers.mcp, "FAILED");
    world.aws.account().gateway_targets.get_mut("TARGET0001").unwrap()["statusReasons"] =
        json!(["it answered 401"]);
    let progress = operator.wait_for(&target, patient).await.unwrap();
    assert!(progress.to_string().contains("FAILED") && progress.to_string().contains("401"));
    let mut verdict = world.connect(&world.servers.wish()).await.unwrap();
    verdict.deployment.as_mut().unwrap().waited = true;
    assert_eq!(verdict.exit(), Exit::Refused);

    world.aws.account().outputs.remove("GatewayId");
    let operator = world.operator(Access::Look).await.unwrap();
    assert_eq!(operator.can_wait().unwrap_err().exit, Exit::Usage);
}

const STEWARD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
