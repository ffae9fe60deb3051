//! A server that nobody connected before.

use super::world::{SECRET, World, now};
use broker::clock::SystemRandom;
use broker::target::Way;
use latchkey::answer::Exit;
use latchkey::connect::{ByHand, Moment, Wish};
use latchkey::operator::{Access, Operator};
use latchkey::verdict::Outcome;
use oauth2::ClientSecret;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use tokio::sync::Barrier;

#[tokio::test]
async fn an_address_is_enough_and_each_step_is_told() {
    let world = World::new().await;
    let operator = world.operator().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let moment = Moment { now: now(), random: &SystemRandom };

    let mut tell = move |attempt: &broker::discovery::attempt::Attempt| {
        telling.lock().unwrap().push(attempt.to_string());
    };
    let verdict = operator.connect(&world.wish(), moment, &mut tell).await.unwrap();
    operator.close().await;

    assert_eq!(verdict.outcome, Outcome::Connected);
    assert_eq!(verdict.tried, *told.lock().unwrap());
    let ends = ["wants a token (401 Unauthorized)", "is used", "is used"];
    assert!(verdict.tried.iter().zip(ends).all(|(told, end)| told.ends_with(end)));
    let target = world.target().await.unwrap();
    assert_eq!(target.client.issuer.as_deref(), Some(world.issuer.as_str()));
    assert_eq!(target.scopes, ["notes", "offline_access"]);
    assert_eq!(target.resource.as_str(), world.mcp);
}

#[tokio::test]
async fn the_verdict_says_what_the_servers_offer_and_lack() {
    let world = World::new().await;
    let verdict = serde_json::to_value(world.connect(&world.wish()).await.unwrap()).unwrap();
    assert_eq!(
        verdict["protections"],
        json!({
            "pkce_s256": true,
            "iss_in_answers": false,
            "resource_metadata": true,
            "revocation": false,
            "refresh_tokens": true,
        })
    );
    assert_eq!(verdict["resource"]["identity"], "exact");
    assert_eq!(verdict["resource"]["published_at"], "path");
    assert_eq!(verdict["registration"]["way"], "dynamic");
    assert_eq!(verdict["person"]["opens"], "http://127.0.0.1:8700/authorize/notes");
    assert_eq!(verdict["quirks"], json!({}));
    // As the record has it.
    let target = world.target().await.unwrap();
    let record = serde_json::to_value(&target.authorization_server).unwrap();
    assert_eq!(verdict["authorization_server"], record);
    assert_eq!(record["token_endpoint"], format!("{}/token", world.issuer));
    let notes = verdict["notes"].to_string();
    assert!(notes.contains("has not run with this data folder yet"), "{notes}");
}

#[tokio::test]
async fn r6_secrets_are_kept_apart_readable_by_their_owner_only_and_never_shown() {
    let world = World::new().await;
    world.says().registration.1["registration_client_uri"] =
        format!("{}/register/made", world.issuer).into();
    world.says().registration.1["registration_access_token"] = "the-management-token".into();

    let verdict = world.connect(&world.wish()).await.unwrap();

    let secrets = world.secrets();
    assert_eq!(secrets.len(), 2);
    assert!(secrets.iter().any(|secret| secret == SECRET));
    assert!(secrets.iter().any(|secret| secret.contains("the-management-token")));
    for file in std::fs::read_dir(world.folder.join("client-secrets")).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let record = serde_json::to_string(&world.target().await).unwrap();
    let json = serde_json::to_string(&verdict).unwrap();
    for shown in [record, json, verdict.to_string(), format!("{verdict:?}")] {
        assert!(!shown.contains(SECRET) && !shown.contains("the-management-token"));
    }
}

#[tokio::test]
async fn a_dry_run_registers_nobody_and_leaves_no_file() {
    let world = World::new().await;
    let wish = Wish { dry_run: true, tools: Some(vec![json!({ "name": "add" })]), ..world.wish() };

    let verdict = world.connect(&wish).await.unwrap();

    assert_eq!(
        (verdict.outcome, verdict.dry_run, verdict.tools),
        (Outcome::Connected, true, Some(1))
    );
    assert_eq!(verdict.registration.way, Way::Dynamic);
    assert_eq!(verdict.registration.client_id, None);
    assert_eq!(world.times("POST /register") + world.times("POST /token"), 0);
    assert!(!world.folder.exists());
}

#[tokio::test]
async fn r1_a_client_that_was_given_comes_before_any_other() {
    let world = World::new().await;
    let by_hand = ByHand {
        client_id: "ours".into(),
        client_secret: Some(ClientSecret::new(SECRET.into())),
        method: None,
    };
    let wish = Wish {
        by_hand: Some(by_hand),
        issuer: Some(world.issuer.clone()),
        title: Some("Notes!".into()),
        ..world.wish()
    };

    let verdict = world.connect(&wish).await.unwrap();

    assert_eq!(verdict.registration.way, Way::ByHand);
    assert_eq!(verdict.title, "Notes!");
    assert_eq!(world.times("POST /register"), 0);
    assert_eq!(world.secrets(), [SECRET]);

    // Its issuer is known now.
    let again = world.connect(&Wish { issuer: None, ..wish }).await.unwrap();
    assert_eq!(again.outcome, Outcome::Updated);
    assert_eq!(world.secrets(), [SECRET]);
}

#[tokio::test]
async fn r5_a_dry_run_shows_a_given_secret_to_nobody() {
    let world = World::new().await;
    let by_hand = ByHand {
        client_id: "ours".into(),
        client_secret: Some(ClientSecret::new(SECRET.into())),
        method: None,
    };
    let wish = Wish {
        by_hand: Some(by_hand),
        issuer: Some(world.issuer.clone()),
        dry_run: true,
        ..world.wish()
    };
    assert_eq!(world.connect(&wish).await.unwrap().registration.way, Way::ByHand);
    assert_eq!(world.times("POST /token"), 0);
}

#[tokio::test]
async fn r1_a_document_comes_before_dynamic_registration_where_it_can_be_read() {
    let world = World::new().await;
    world.server("client_id_metadata_document_supported", json!(true));
    let unreachable = world.connect(&Wish { dry_run: true, ..world.wish() }).await.unwrap();
    assert_eq!(unreachable.registration.way, Way::Dynamic);
    assert!(unreachable.registration.why.contains("could not read"));

    let operator = world.operator().await;
    operator.folder().unwrap().keep_base_url("https://broker.example").unwrap();
    operator.close().await;
    let verdict = world.connect(&world.wish()).await.unwrap();
    assert_eq!(verdict.registration.way, Way::Document);
    let id = "https://broker.example/client/notes";
    assert_eq!(verdict.registration.client_id.as_deref(), Some(id));
    assert_eq!(verdict.registration.redirect_uri, "https://broker.example/callback/notes");
    assert!(verdict.notes.is_empty(), "{:?}", verdict.notes);
    assert_eq!(world.times("POST /register"), 0);
}

#[tokio::test]
async fn what_the_operator_asks_for_comes_before_what_the_servers_say() {
    let world = World::new().await;
    let tools = vec![json!({ "name": "add" }), json!({ "name": "list" })];
    let wish = Wish { scopes: vec!["notes".into()], tools: Some(tools.clone()), ..world.wish() };

    let verdict = world.connect(&wish).await.unwrap();

    assert_eq!((verdict.scopes, verdict.tools), (vec!["notes".to_owned()], Some(2)));
    let operator = Operator::open(&world.folder, Access::Look).await.unwrap();
    assert_eq!(operator.folder().unwrap().tools(&"notes".parse().unwrap()).unwrap(), Some(tools));
    operator.close().await;
}

#[tokio::test]
async fn d2_a_server_without_metadata_is_connected_if_its_issuer_is_named() {
    let world = World::new().await;
    world.says().resource = None;
    let wish = Wish { issuer: Some(world.issuer.clone()), ..world.wish() };
    let verdict = world.connect(&wish).await.unwrap();
    assert_eq!(verdict.resource.published_at, None);
    assert!(!verdict.protections.resource_metadata);
    assert!(verdict.to_string().contains("not published: its own address"));
}

/// Two processes, each with an engine of its own at the same file.
#[tokio::test(flavor = "multi_thread")]
async fn r7_of_two_operators_at_once_one_connects_and_the_other_gives_his_client_back() {
    let world = World::new().await;
    world.says().registration.1["registration_client_uri"] =
        format!("{}/register/made", world.issuer).into();
    world.says().registration.1["registration_access_token"] = "token".into();
    world.says().meet = Some(Arc::new(Barrier::new(2)));
    let wish = world.wish();
    // The tables are there.
    world.operator().await.close().await;

    let (one, other) = tokio::join!(world.connect(&wish), world.connect(&wish));

    let (winners, losers): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
    assert_eq!((winners.len(), losers.len()), (1, 1));
    let refusal = losers.into_iter().next().unwrap().unwrap_err();
    assert_eq!((refusal.kind, refusal.exit), ("overtaken", Exit::TryAgain));
    assert_eq!((world.times("POST /register"), world.times("DELETE /register/made")), (2, 1));
    assert_eq!(world.secrets().len(), 2, "the winner's secret, and its registration's");
    assert!(world.target().await.is_some());
}
