//! Servers that are not connected, each with a sentence that an operator can act on.

use super::world::World;
use crate::support::Place;
use latchkey::answer::{Exit, Refusal};
use latchkey::connect::{ByHand, Wish};
use oauth2::ClientSecret;
use serde_json::{Value, json};

/// Refused, with nothing written and nobody registered.
async fn refused(world: &World, wish: &Wish) -> Refusal {
    let refusal = world.connect(wish).await.unwrap_err();
    assert_eq!(world.target().await, None);
    assert_eq!(world.secrets(), [""; 0]);
    assert!(!refusal.problem.is_empty() && !refusal.remedy.is_empty(), "{refusal:?}");
    refusal
}

/// The same, where not even registration was tried.
async fn turned_away(world: &World, wish: &Wish) -> Refusal {
    let refusal = refused(world, wish).await;
    assert_eq!(world.times("POST /register"), 0, "{refusal:?}");
    refusal
}

#[tokio::test]
async fn d8_without_s256_nothing_is_connected() {
    for offered in [json!(null), json!([]), json!(["plain"])] {
        let world = World::new().await;
        world.server("code_challenge_methods_supported", offered.clone());
        let refusal = turned_away(&world, &world.wish()).await;
        assert_eq!((refusal.kind, refusal.exit), ("no_pkce", Exit::Refused), "{offered}");
        assert!(refusal.problem.contains(&world.issuer), "{}", refusal.problem);
        assert!(refusal.remedy.contains("code_challenge_methods_supported"));
        assert!(!refusal.tried.is_empty());
    }
}

#[tokio::test]
async fn d3_a_server_that_lies_about_its_resource_is_not_connected() {
    for lie in ["https://other.example/mcp", "http://127.0.0.1:1/mcp"] {
        let world = World::new().await;
        world.resource("resource", json!(lie));
        let refusal = turned_away(&world, &world.wish()).await;
        assert_eq!(refusal.kind, "another_resource");
        assert!(refusal.problem.contains(lie), "{}", refusal.problem);
    }
}

#[tokio::test]
async fn d3_a_resource_that_encloses_the_address_is_refused_by_the_strict_only() {
    let world = World::new().await;
    let origin = world.mcp.strip_suffix("/mcp").unwrap().to_owned();
    world.resource("resource", json!(origin));
    let refusal = turned_away(&world, &Wish { strict: true, ..world.wish() }).await;
    assert_eq!(refusal.kind, "another_resource");
    assert!(refusal.remedy.contains("--strict"));

    let verdict = world.connect(&world.wish()).await.unwrap();
    assert_eq!((verdict.resource.identifier, verdict.resource.identity), (origin, Some("prefix")));
}

#[tokio::test]
async fn d7_an_authorization_server_that_names_another_issuer_is_not_used() {
    let world = World::new().await;
    world.server("issuer", json!("https://victim.example"));
    let refusal = turned_away(&world, &world.wish()).await;
    assert_eq!(refusal.kind, "another_issuer");
    assert!(refusal.problem.contains("https://victim.example"), "{}", refusal.problem);
}

#[tokio::test]
async fn d4_a_challenge_that_leads_elsewhere_is_not_followed() {
    let (world, elsewhere) = (World::new().await, World::new().await);
    let origin = elsewhere.mcp.strip_suffix("/mcp").unwrap();
    world.says().challenge = format!("Bearer resource_metadata=\"{origin}/metadata\"");
    world.says().resource = None;
    assert_eq!(turned_away(&world, &world.wish()).await.kind, "another_origin");
    assert_eq!(elsewhere.says().asked, [""; 0]);
}

#[tokio::test]
async fn d5_an_issuer_that_the_server_does_not_list_is_not_used() {
    let world = World::new().await;
    let wish = Wish { issuer: Some("https://mine.example".into()), ..world.wish() };
    let refusal = turned_away(&world, &wish).await;
    assert_eq!(refusal.kind, "issuer_not_listed");
    assert!(refusal.problem.contains(&world.issuer));
}

#[tokio::test]
async fn p1_nothing_inward_is_asked() {
    let world = World::new().await;
    for inward in [
        "https://10.0.0.1/mcp",
        "https://169.254.169.254/latest",
        "https://[::ffff:127.0.0.1]/mcp",
        "https://[fd00:ec2::254]/mcp",
        "https://127.0.0.1/mcp",
        "https://localhost/mcp",
        "https://0x7f000001/mcp",
    ] {
        let wish = Wish { endpoint: inward.parse().unwrap(), ..world.wish() };
        let refusal = turned_away(&world, &wish).await;
        assert_eq!((refusal.kind, refusal.exit), ("not_asked", Exit::Refused), "{inward}");
    }
    world.resource("authorization_servers", json!(["https://192.168.0.1"]));
    let refusal = turned_away(&world, &world.wish()).await;
    assert_eq!(refusal.kind, "unfit_address");
    assert!(refusal.problem.contains("192.168.0.1"), "{}", refusal.problem);
}

#[tokio::test]
async fn d9_an_endpoint_that_is_no_https_url_is_refused() {
    let world = World::new().await;
    world.server("token_endpoint", json!("javascript:alert(1)"));
    let refusal = turned_away(&world, &world.wish()).await;
    assert_eq!(refusal.kind, "unfit_address");
    assert!(refusal.problem.contains("token_endpoint"), "{}", refusal.problem);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_named_for_what_it_lacks() {
    let world = World::new().await;
    world.says().resource = None;
    assert_eq!(turned_away(&world, &world.wish()).await.kind, "no_metadata");

    let world = World::new().await;
    world.says().server = None;
    assert_eq!(turned_away(&world, &world.wish()).await.kind, "no_authorization_server");

    let world = World::new().await;
    world.resource("authorization_servers", json!([]));
    assert_eq!(turned_away(&world, &world.wish()).await.kind, "malformed_metadata");
}

#[tokio::test]
async fn what_is_no_protected_mcp_server_is_said_to_be_none() {
    let world = World::new().await;
    let greet = |status, location: Option<&str>| {
        world.says().greeting = (status, json!("<html>"));
        world.says().location = location.map(str::to_owned);
        world.says().resource = None;
    };
    greet(404, None);
    assert_eq!(turned_away(&world, &world.wish()).await.kind, "not_mcp");
    greet(307, Some("https://elsewhere.example/mcp"));
    let refusal = turned_away(&world, &world.wish()).await;
    assert_eq!(refusal.kind, "moved");
    assert!(refusal.problem.contains("https://elsewhere.example/mcp"));
    greet(200, None);
    assert_eq!(turned_away(&world, &world.wish()).await.kind, "needs_no_token");
}

#[tokio::test]
async fn a_server_that_is_down_is_to_be_tried_again() {
    let world = World::new().await;
    world.says().greeting = (503, Value::Null);
    assert_eq!(turned_away(&world, &world.wish()).await.exit, Exit::TryAgain);

    // Nobody listens there any more.
    let gone = format!("{}/mcp", Place::new().await.url);
    let wish = Wish { endpoint: gone.parse().unwrap(), ..world.wish() };
    assert_eq!(turned_away(&world, &wish).await.exit, Exit::TryAgain);

    let world = World::new().await;
    world.says().registration.0 = 503;
    assert_eq!(refused(&world, &world.wish()).await.exit, Exit::TryAgain);
}

#[tokio::test]
async fn r1_where_nobody_registers_the_operator_is_told_what_to_register() {
    let world = World::new().await;
    world.server("registration_endpoint", json!(null));
    let refusal = turned_away(&world, &world.wish()).await;
    assert_eq!(refusal.kind, "register_by_hand");
    assert!(refusal.problem.contains("http://127.0.0.1:8700/callback/notes"));
    assert!(refusal.remedy.contains("--client-id"));
    // What its record needs was found all the same.
    for dry_run in [true, false] {
        let refusal = turned_away(&world, &Wish { dry_run, ..world.wish() }).await;
        let json = serde_json::to_value(&refusal).unwrap();
        assert_eq!(json["found"]["authorization_server"]["issuer"], world.issuer);
        assert_eq!(json["found"]["resource"], world.mcp);
        assert_eq!(json["found"]["scopes"], json!(["notes", "offline_access"]));
        assert_eq!(json["found"]["redirect_uri"], "http://127.0.0.1:8700/callback/notes");
    }
}

#[tokio::test]
async fn r4_a_refused_registration_is_told_in_the_servers_harmless_words() {
    let world = World::new().await;
    let words = "no loopback\u{1b}[2J here";
    world.says().registration =
        (400, json!({ "error": "invalid_redirect_uri", "error_description": words }));
    let refusal = refused(&world, &world.wish()).await;
    assert_eq!(refusal.kind, "registration_refused");
    assert!(refusal.problem.contains("invalid_redirect_uri: no loopback?[2J here"), "{refusal:?}");
}

#[tokio::test]
async fn r4_a_secret_and_a_method_that_do_not_fit_are_refused() {
    let world = World::new().await;
    world.server("token_endpoint_auth_methods_supported", json!(["none"]));
    let client_secret = Some(ClientSecret::new("secret".into()));
    let by_hand = ByHand { client_id: "ours".into(), client_secret, method: None };
    let refusal = turned_away(&world, &Wish { by_hand: Some(by_hand), ..world.wish() }).await;
    assert_eq!(refusal.kind, "no_method");
}

#[tokio::test]
async fn r1_a_given_client_that_the_server_does_not_believe_is_not_kept() {
    let world = World::new().await;
    world.says().token = (401, json!({ "error": "invalid_client" }));
    let client_secret = Some(ClientSecret::new("wrong".into()));
    let by_hand = ByHand { client_id: "ours".into(), client_secret, method: None };
    let issuer = Some(world.issuer.clone());
    let wish = Wish { by_hand: Some(by_hand), issuer, ..world.wish() };
    let refusal = turned_away(&world, &wish).await;
    assert_eq!(refusal.kind, "client_refused");
    assert!(refusal.problem.contains("ours") && !refusal.problem.contains("wrong"));
}

#[tokio::test]
async fn r5_a_given_secret_goes_to_no_issuer_that_only_the_mcp_server_names() {
    let methods = ["client_secret_basic", "client_secret_post"];
    for (dry_run, method) in [(false, methods[0]), (false, methods[1]), (true, methods[0])] {
        let world = World::new().await;
        world.server("token_endpoint_auth_methods_supported", json!([method]));
        let client_secret = Some(ClientSecret::new("secret".into()));
        let by_hand = ByHand { client_id: "ours".into(), client_secret, method: None };
        let wish = Wish { by_hand: Some(by_hand), dry_run, ..world.wish() };
        let refusal = turned_away(&world, &wish).await;
        assert_eq!((refusal.kind, refusal.exit), ("issuer_not_given", Exit::Refused));
        assert!(refusal.remedy.contains(&format!("--issuer {}", world.issuer)), "{refusal:?}");
        assert_eq!(world.times("POST /token"), 0);
    }
}

#[test]
fn a_refusal_reads_alone_and_answers_programs() {
    let refusal = Refusal::new("no_pkce", "It lacks PKCE.", "Ask its maker.");
    assert_eq!(refusal.to_string(), "It lacks PKCE.\n  Ask its maker.");
    let json = json!({ "kind": "no_pkce", "problem": "It lacks PKCE.", "do": "Ask its maker." });
    assert_eq!(serde_json::to_value(&refusal).unwrap(), json);
}
