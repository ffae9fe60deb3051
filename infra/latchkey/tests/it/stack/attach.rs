//! The interceptor at a gateway that is there already.

use super::world::{GATEWAY, INTERCEPTOR, QUICK, World, gateway};
use latchkey::answer::{Exit, Refusal};
use latchkey::attach::{Attached, Wish};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A gateway that calls nobody.
async fn bare() -> World {
    let world = World::new().await;
    world.aws.account().gateway["interceptorConfigurations"] = Value::Null;
    world
}

async fn attach(world: &World, wish: &Wish) -> Result<Attached, Refusal> {
    world.stack().await.unwrap().attach(wish, QUICK).await
}

/// Done, and not only shown.
fn done() -> Wish {
    Wish { backup: Some(file()), role_allowed: true, ..Wish::default() }
}

#[tokio::test]
async fn all_that_the_gateway_has_is_sent_back_with_the_interceptor() {
    let world = bare().await;
    let wish = done();

    let attached = attach(&world, &wish).await.unwrap();

    assert!(attached.done);
    let mut due = gateway();
    for reported in [
        "gatewayArn",
        "gatewayId",
        "gatewayUrl",
        "createdAt",
        "updatedAt",
        "status",
        "statusReasons",
        "workloadIdentityDetails",
        "webAclArn",
        "exceptionLevel",
    ] {
        due.as_object_mut().unwrap().remove(reported);
    }
    let [sent] = <[Value; 1]>::try_from(world.aws.account().updates.clone()).unwrap();
    assert_eq!(sent, due);
    let paths: Vec<_> = attached.differences.iter().map(|found| found.path.clone()).collect();
    assert_eq!(paths, ["interceptorConfigurations"]);

    // What it was is saved, to the letter.
    let saved = std::fs::read_to_string(wish.backup.unwrap()).unwrap();
    let mut former = gateway();
    former["interceptorConfigurations"] = Value::Null;
    assert_eq!(serde_json::from_str::<Value>(&saved).unwrap(), former);
    let text = attached.to_string();
    assert!(text.contains("lambda:InvokeFunction") && text.contains(INTERCEPTOR), "{text}");
    assert!(text.contains("--role-name gateway-role"), "{text}");

    // Again, it is there already, and nothing is written.
    let again = attach(&world, &done()).await.unwrap();
    assert!(again.differences.is_empty() && again.to_string().contains("already"));
    assert_eq!(world.aws.account().updates.len(), 1);
}

#[tokio::test]
async fn without_yes_it_is_only_shown() {
    let world = bare().await;
    let attached = attach(&world, &Wish::default()).await.unwrap();
    assert!(!attached.done && attached.backup.is_none());
    let text = attached.to_string();
    assert!(text.contains("nothing was changed") && text.contains("passRequestHeaders"), "{text}");
    assert_eq!(world.aws.times("PUT"), 0);
}

/// Otherwise each message of all the gateway's targets would be an error from then on.
#[tokio::test]
async fn nothing_is_written_before_the_role_is_said_to_be_allowed() {
    let world = bare().await;
    let wish = Wish { role_allowed: false, ..done() };
    for other in [Value::Null, json!(INTERCEPTOR.replace(":live", ":7"))] {
        let mut found = gateway()["interceptorConfigurations"].clone();
        found[0]["interceptor"]["lambda"]["arn"] = other.clone();
        let found = if other.is_null() { Value::Null } else { found };
        world.aws.account().gateway["interceptorConfigurations"] = found;
        let refusal = attach(&world, &wish).await.unwrap_err();
        assert_eq!((refusal.kind, refusal.exit), ("role_not_allowed", Exit::Usage));
        assert!(refusal.problem.contains("lambda:InvokeFunction"), "{refusal}");
        assert!(refusal.problem.contains(INTERCEPTOR), "{refusal}");
        assert!(refusal.remedy.contains("--role-name gateway-role"), "{refusal}");
        assert!(refusal.remedy.contains("--role-allowed"), "{refusal}");
        let shown = attach(&world, &Wish::default()).await.unwrap().to_string();
        assert!(shown.contains("--yes --role-allowed"), "{shown}");
    }
    assert_eq!(world.aws.times("PUT"), 0);
    assert!(!wish.backup.unwrap().exists());
}

/// It calls that function already, or is to call it no more.
#[tokio::test]
async fn nothing_need_be_said_of_a_role_that_is_allowed_already() {
    let world = World::new().await;
    world.aws.account().gateway["interceptorConfigurations"][0]["interceptionPoints"] =
        json!(["REQUEST"]);
    assert!(attach(&world, &Wish { role_allowed: false, ..done() }).await.unwrap().done);
    let off = Wish { role_allowed: false, remove: true, ..done() };
    assert!(attach(&world, &off).await.unwrap().done);
}

/// It would be gone after an update that does not name it.
#[tokio::test]
async fn a_setting_that_is_not_known_here_keeps_the_gateway_from_being_updated() {
    for (member, value) in [
        ("domainOverride", json!({ "defaultDomain": "tools.example" })),
        ("protocolConfiguration", json!({ "mcp": { "newer": { "of": 1 } } })),
        ("authorizerConfiguration", json!({ "newer": {} })),
    ] {
        let world = bare().await;
        world.aws.account().gateway[member] = value;
        let wish = done();
        let refusal = attach(&world, &wish).await.unwrap_err();
        assert!(["settings_unknown", "not_written"].contains(&refusal.kind), "{refusal}");
        assert_eq!(world.aws.times("PUT"), 0, "{member}");
        assert!(!wish.backup.unwrap().exists());
    }
}

#[tokio::test]
async fn another_interceptor_stays_unless_it_is_to_be_replaced() {
    let world = bare().await;
    let other = json!([{
        "interceptor": { "lambda": { "arn": "arn:aws:lambda:us-east-1:123456789012:function:other" } },
        "interceptionPoints": ["RESPONSE"],
    }]);
    world.aws.account().gateway["interceptorConfigurations"] = other.clone();
    let refusal = attach(&world, &done()).await.unwrap_err();
    assert_eq!(refusal.kind, "another_interceptor");
    assert!(refusal.problem.contains("function:other") && refusal.remedy.contains("--replace"));
    assert_eq!(world.aws.times("PUT"), 0);
    // Nor is it taken off with ours.
    let removed = attach(&world, &Wish { remove: true, ..done() }).await.unwrap();
    assert!(removed.differences.is_empty(), "{removed}");

    let attached = attach(&world, &Wish { replace: true, ..done() }).await.unwrap();
    assert_eq!(attached.differences[0].before, Some(other));
    let sent = world.aws.account().updates[0]["interceptorConfigurations"].clone();
    assert_eq!(sent, gateway()["interceptorConfigurations"]);
}

#[tokio::test]
async fn ours_without_headers_or_with_another_alias_is_attached_anew() {
    for (path, value) in [
        ("/0/inputConfiguration/passRequestHeaders", json!(false)),
        ("/0/interceptionPoints", json!(["REQUEST"])),
        ("/0/interceptor/lambda/arn", json!(INTERCEPTOR.replace(":live", ":7"))),
    ] {
        let world = World::new().await;
        let mut found = gateway()["interceptorConfigurations"].clone();
        *found.pointer_mut(path).unwrap() = value;
        world.aws.account().gateway["interceptorConfigurations"] = found;
        attach(&world, &done()).await.unwrap();
        let sent = world.aws.account().updates[0]["interceptorConfigurations"].clone();
        assert_eq!(sent, gateway()["interceptorConfigurations"], "{path}");
    }
}

#[tokio::test]
async fn versions_are_added_and_none_is_taken_away() {
    let world = World::new().await;
    world.aws.account().gateway["protocolConfiguration"]["mcp"]["supportedVersions"] =
        json!(["2025-06-18", "2025-11-25"]);
    let versions = vec!["2025-11-25".to_owned(), "2026-07-28".to_owned()];
    let attached = attach(&world, &Wish { versions, ..done() }).await.unwrap();
    assert_eq!(attached.differences.len(), 1, "{attached}");
    let sent = world.aws.account().updates[0]["protocolConfiguration"]["mcp"].clone();
    assert_eq!(sent["supportedVersions"], json!(["2025-06-18", "2025-11-25", "2026-07-28"]));
    assert_eq!(sent["instructions"], "be kind");
}

/// Those that the service chooses would be gone.
#[tokio::test]
async fn none_are_added_where_the_gateway_names_none() {
    let world = World::new().await;
    let versions = vec!["2025-11-25".to_owned(), "2026-07-28".to_owned()];
    for (path, value) in [
        ("/protocolConfiguration/mcp/supportedVersions", json!([])),
        ("/protocolConfiguration/mcp/supportedVersions", Value::Null),
        ("/protocolConfiguration", Value::Null),
    ] {
        *world.aws.account().gateway.pointer_mut(path).unwrap() = value;
        let wish = Wish { versions: versions.clone(), ..done() };
        assert_eq!(attach(&world, &wish).await.unwrap_err().kind, "versions_not_named");
    }
    assert_eq!(world.aws.times("PUT"), 0);
    // Nor is that in the way of the interceptor.
    world.aws.account().gateway["interceptorConfigurations"] = Value::Null;
    assert!(attach(&world, &done()).await.unwrap().done);
}

#[tokio::test]
async fn it_is_taken_off_and_all_else_stays() {
    let world = World::new().await;
    let removed = attach(&world, &Wish { remove: true, ..done() }).await.unwrap();
    assert!(removed.done && removed.to_string().contains("is off"), "{removed}");
    let sent = world.aws.account().updates[0].clone();
    assert_eq!(sent.get("interceptorConfigurations"), None);
    assert_eq!(sent["authorizerConfiguration"], gateway()["authorizerConfiguration"]);
}

#[tokio::test]
async fn what_is_wrong_with_the_gateway_is_said() {
    let world = bare().await;
    world.aws.account().status = "UPDATE_IN_PROGRESS".into();
    assert_eq!(attach(&world, &done()).await.unwrap_err().exit, Exit::TryAgain);
    assert!(attach(&world, &Wish::default()).await.is_ok());
    world.aws.account().status = "UPDATE_COMPLETE".into();
    let other = Wish { gateway: Some("gw-9999999999".into()), ..done() };
    assert_eq!(attach(&world, &other).await.unwrap_err().kind, "unknown_gateway");
    for (status, exit) in [("UPDATING", Exit::TryAgain), ("DELETING", Exit::Refused)] {
        world.aws.account().gateway["status"] = status.into();
        world.aws.account().after_update = status.into();
        assert_eq!(attach(&world, &done()).await.unwrap_err().exit, exit, "{status}");
    }
    assert_eq!(world.aws.times("PUT"), 0);
    world.aws.account().gateway["status"] = "READY".into();
    world.aws.account().after_update = "UPDATE_UNSUCCESSFUL".into();
    assert_eq!(attach(&world, &done()).await.unwrap_err().kind, "not_updated");
    world.aws.account().outputs.remove("GatewayId");
    assert_eq!(attach(&world, &done()).await.unwrap_err().exit, Exit::Usage);
    let named = Wish { gateway: Some(GATEWAY.into()), ..Wish::default() };
    assert!(attach(&world, &named).await.is_ok());
}

#[tokio::test]
async fn no_file_is_written_over_and_without_one_nothing_is_changed() {
    let world = bare().await;
    let wish = done();
    std::fs::write(wish.backup.as_ref().unwrap(), "an earlier configuration").unwrap();
    assert_eq!(attach(&world, &wish).await.unwrap_err().exit, Exit::Usage);
    assert_eq!(world.aws.times("PUT"), 0);
    let kept = std::fs::read_to_string(wish.backup.unwrap()).unwrap();
    assert_eq!(kept, "an earlier configuration");
}

#[tokio::test]
async fn a_gateway_whose_callers_bring_no_token_is_warned_of() {
    let world = bare().await;
    world.aws.account().gateway["authorizerType"] = "AWS_IAM".into();
    world.aws.account().gateway["authorizerConfiguration"] = Value::Null;
    let attached = attach(&world, &Wish::default()).await.unwrap();
    assert!(attached.notes[0].contains("AWS_IAM"), "{attached}");
}

/// A file of its own, not there yet.
fn file() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let file =
        std::env::temp_dir().join(format!("latchkey-attach-{}-{number}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    file
}
