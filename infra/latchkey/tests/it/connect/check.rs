//! The doctor: what has changed since a server was connected.

use super::world::{NOW, World, now};
use latchkey::answer::{Exit, Report};
use latchkey::connect::Wish;
use latchkey::doctor::{Diagnosis, Examination};
use serde_json::json;
use std::time::Duration;

fn kinds(diagnosis: &Diagnosis) -> Vec<&'static str> {
    diagnosis.drift.iter().map(|drift| drift.kind).collect()
}

fn exit(diagnosis: Diagnosis) -> Exit {
    Examination { deployment: None, targets: vec![diagnosis], unreadable: vec![] }.exit()
}

async fn connected() -> World {
    let world = World::new().await;
    world.connect(&world.wish()).await.unwrap();
    world
}

#[tokio::test]
async fn what_did_not_change_is_as_it_was_and_stays_so() {
    let world = connected().await;
    let before = world.target().await;
    let asked = world.times("POST /register");

    let diagnosis = world.diagnosis(now()).await;

    assert_eq!(kinds(&diagnosis), [""; 0]);
    assert_eq!(diagnosis.to_string(), format!("notes is as it was  ({})", world.mcp));
    assert_eq!(exit(diagnosis), Exit::Done);
    assert_eq!(world.target().await, before);
    assert_eq!(world.times("POST /register"), asked);
}

#[tokio::test]
async fn each_change_has_a_name() {
    type Change = fn(&World);
    let changes: [(&str, Change); 12] = [
        ("no_pkce", |w| w.server("code_challenge_methods_supported", json!(["plain"]))),
        ("resource", |w| {
            w.resource("resource", json!(w.mcp.strip_suffix("/mcp").unwrap()));
        }),
        ("another_resource", |w| w.resource("resource", json!("https://other.example"))),
        ("another_issuer", |w| w.server("issuer", json!("https://other.example"))),
        ("endpoint", |w| w.server("authorization_endpoint", json!(format!("{}/new", w.issuer)))),
        ("iss", |w| w.server("authorization_response_iss_parameter_supported", json!(true))),
        ("scopes", |w| {
            w.says().challenge = "Bearer scope=\"read\"".into();
            w.server("scopes_supported", json!(["read", "offline_access"]));
        }),
        ("authentication", |w| {
            w.server("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]));
        }),
        ("client_refused", |w| w.says().token = (401, json!({ "error": "invalid_client" }))),
        ("secret_missing", |w| {
            std::fs::remove_dir_all(w.folder.join("client-secrets")).unwrap();
        }),
        ("not_mcp", |w| w.says().greeting = (404, json!({}))),
        ("no_authorization_server", |w| w.says().server = None),
    ];
    for (kind, change) in changes {
        let world = connected().await;
        change(&world);
        let diagnosis = world.diagnosis(now()).await;
        assert_eq!(kinds(&diagnosis), [kind]);
        assert!(!diagnosis.drift[0].remedy.is_empty());
        assert_eq!(exit(diagnosis), Exit::Refused, "{kind}");
    }
}

#[tokio::test]
async fn r5_a_changed_issuer_is_named() {
    let (world, other) = (connected().await, World::new().await);
    world.resource("authorization_servers", json!([other.issuer]));
    let diagnosis = world.diagnosis(now()).await;
    assert!(kinds(&diagnosis).contains(&"issuer"), "{diagnosis}");
}

#[tokio::test]
async fn r6_an_expiry_is_named_before_it_comes_and_after() {
    let world = World::new().await;
    world.says().registration.1["client_secret_expires_at"] = (NOW + 30 * 86_400).into();
    world.connect(&world.wish()).await.unwrap();
    let days = |days: u64| now() + Duration::from_hours(24 * days);
    assert_eq!(kinds(&world.diagnosis(days(22)).await), [""; 0]);
    let expiring = world.diagnosis(days(24)).await;
    assert_eq!(kinds(&expiring), ["registration_expiring"]);
    assert!(expiring.to_string().contains("14 February 2027, 08:00 UTC"), "{expiring}");
    assert_eq!(kinds(&world.diagnosis(days(30)).await), ["registration_expired"]);
}

#[tokio::test]
async fn r2_a_document_that_nobody_can_read_is_named() {
    let world = World::new().await;
    let operator = world.operator().await;
    // Its host is never asked: it is on this machine, and not meant for it.
    operator.folder().unwrap().keep_base_url("https://127.0.0.1:9").unwrap();
    operator.close().await;
    world.server("client_id_metadata_document_supported", json!(true));
    world.connect(&world.wish()).await.unwrap();
    assert_eq!(kinds(&world.diagnosis(now()).await), ["document_unreachable"]);
    world.server("client_id_metadata_document_supported", json!(false));
    let kinds = kinds(&world.diagnosis(now()).await);
    assert_eq!(kinds, ["documents_unread", "document_unreachable"]);
}

#[tokio::test]
async fn another_address_of_ours_is_named() {
    let world = connected().await;
    let operator = world.operator().await;
    operator.folder().unwrap().keep_base_url("http://127.0.0.1:9999").unwrap();
    operator.close().await;
    assert_eq!(kinds(&world.diagnosis(now()).await), ["registration"]);
}

#[tokio::test]
async fn a_server_that_is_down_is_unchecked_and_not_changed() {
    let world = connected().await;
    world.says().greeting = (503, json!({}));
    let diagnosis = world.diagnosis(now()).await;
    assert_eq!((kinds(&diagnosis).len(), diagnosis.unchecked.len()), (0, 1));
    assert_eq!(exit(diagnosis), Exit::TryAgain);
}

#[tokio::test]
async fn scopes_that_were_left_out_on_purpose_are_no_drift() {
    let world = World::new().await;
    world.says().challenge = "Bearer scope=\"notes admin\"".into();
    world.connect(&Wish { scopes: vec!["notes".into()], ..world.wish() }).await.unwrap();
    let diagnosis = world.diagnosis(now()).await;
    assert_eq!(kinds(&diagnosis), [""; 0]);
    assert_eq!(diagnosis.notes, ["the servers also name these scopes: admin offline_access"]);
}
