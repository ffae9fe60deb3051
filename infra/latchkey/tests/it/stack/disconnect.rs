//! An operator ends connections.

use super::world::{World, name};
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::connection::{Connection, Reason, Status};
use broker::seal::KeyRing;
use broker::store::ConnectionStore;
use broker::subject::{Subject, SubjectId};
use broker::target::Target;
use broker::tokens::TokenSet;
use latchkey::answer::{Exit, Refusal, Report};
use latchkey::connect::Moment;
use latchkey::disconnect::{Ended, Whose};
use latchkey::operator::Access;
use oauth2::{AccessToken, RefreshToken};
use serde_json::json;
use std::time::Duration;

/// A server that takes tokens back, to which so many people are connected.
async fn connected(people: usize) -> World {
    let world = World::new().await;
    world.servers.server("revocation_endpoint", json!(format!("{}/token", world.servers.issuer)));
    world.connect(&world.servers.wish()).await.unwrap();
    world.servers.says().token = (200, json!({}));
    let target = world.target().await.unwrap();
    for number in 0..people {
        add(&world, &target, number).await;
    }
    world.servers.says().asked.clear();
    world
}

async fn add(world: &World, target: &Target, number: usize) {
    add_with(world, target, number, &format!("access-{number}")).await;
}

async fn add_with(world: &World, target: &Target, number: usize, access: &str) {
    let ring = KeyRing::for_tokens(&json!({ "1": "k".repeat(64) }).to_string()).unwrap();
    let now = SystemClock.now();
    let tokens = TokenSet {
        access: AccessToken::new(access.to_owned()),
        refresh: Some(RefreshToken::new(format!("refresh-{number}"))),
        expires_at: now + Duration::from_hours(1),
        scopes: vec![],
    };
    let connection = Connection::active(&ring, person(number), target, &tokens, now).unwrap();
    world.store().await.connect(&connection).await.unwrap();
}

fn person(number: usize) -> SubjectId {
    Subject::new("https://idp.example", vec![number.to_string()]).unwrap().id()
}

async fn end(world: &World, whose: Whose) -> Result<Ended, Refusal> {
    let moment = Moment { now: SystemClock.now(), random: &SystemRandom };
    world.operator(Access::Look).await.unwrap().end(&name(), whose, moment).await
}

async fn status(world: &World, number: usize) -> Status {
    let store = world.store().await;
    store.find_connection(&person(number), &name()).await.unwrap().unwrap().status
}

fn is_ended(status: &Status) -> bool {
    matches!(status, Status::Disconnected { reason: Reason::BySubject, .. })
}

#[tokio::test]
async fn one_persons_connection_is_ended_and_nobody_elses() {
    let world = connected(2).await;

    let ended = end(&world, Whose::One(person(0))).await.unwrap();

    assert_eq!((ended.connections, ended.given_back), (1, 1));
    assert!(is_ended(&status(&world, 0).await) && !is_ended(&status(&world, 1).await));
    // Refresh token and access token.
    assert_eq!(world.servers.times("POST /token"), 2);
}

#[tokio::test]
async fn everybodys_are_ended_and_given_back_and_a_second_run_finds_nothing_to_do() {
    let world = connected(40).await;

    let ended = end(&world, Whose::Everyone).await.unwrap();

    assert_eq!((ended.connections, ended.given_back, ended.unreadable), (40, 40, 0));
    for number in 0..40 {
        assert!(is_ended(&status(&world, number).await), "{number}");
    }
    let again = end(&world, Whose::Everyone).await.unwrap();
    assert_eq!((again.connections, again.exit()), (0, Exit::Done));
    assert_eq!(world.servers.times("POST /token"), 80);
}

#[tokio::test]
async fn what_was_cut_off_is_taken_up_where_it_ended() {
    let world = connected(40).await;
    // The target, the key ring, a page of rows, and some of the rows.
    assert!(world.cut_off(12, true, Box::pin(end(&world, Whose::Everyone))).await);

    let ended = end(&world, Whose::Everyone).await.unwrap();

    assert!(ended.connections > 0 && ended.connections < 40, "{ended}");
    for number in 0..40 {
        assert!(is_ended(&status(&world, number).await), "{number}");
    }
}

#[tokio::test]
async fn rows_are_ended_while_the_authorization_server_is_silent_and_it_is_not_asked_for_each() {
    let world = connected(60).await;
    world.servers.says().token = (503, json!({}));

    let ended = end(&world, Whose::Everyone).await.unwrap();

    assert_eq!((ended.connections, ended.given_back), (60, 0));
    assert_eq!(ended.not_given_back.values().sum::<usize>(), 60);
    assert!(world.servers.times("POST /token") < 40, "{}", world.servers.times("POST /token"));
    let text = ended.to_string();
    assert!(text.contains("was asked no more"), "{text}");
}

#[tokio::test]
async fn rows_are_ended_though_no_token_can_be_opened() {
    let world = connected(3).await;
    world.aws.account().secrets.remove("token-keys");
    let ended = end(&world, Whose::Everyone).await.unwrap();
    assert_eq!((ended.connections, ended.given_back), (3, 0));
    assert!(ended.notes[0].contains("No token can be opened"), "{ended}");
    assert_eq!(world.servers.times("POST /token"), 0);
}

#[tokio::test]
async fn it_is_done_while_the_stack_is_being_changed_and_without_the_targets_record() {
    let world = connected(2).await;
    world.remove().await.unwrap();
    world.aws.account().status = "UPDATE_ROLLBACK_FAILED".into();
    let ended = end(&world, Whose::Everyone).await.unwrap();
    assert_eq!(ended.connections, 2);
    assert!(ended.to_string().contains("the target is gone"), "{ended}");
    assert_eq!(end(&world, Whose::Everyone).await.unwrap_err().kind, "unknown_target");
}

#[tokio::test]
async fn a_subject_is_found_by_what_logs_say_of_it() {
    let world = connected(3).await;
    let operator = world.operator(Access::Look).await.unwrap();
    let key = person(1).key();
    for known in [key.as_str(), &person(1).to_string()] {
        assert_eq!(operator.subject(&name(), known).await.unwrap(), person(1));
    }
    for unknown in [&key[..7], "", "AAAAAAAA", &format!("{key}A")] {
        assert_eq!(operator.subject(&name(), unknown).await.unwrap_err().exit, Exit::Usage);
    }
    // A key that nobody has is nobody's connection, and that is said when it is to be ended.
    let ended = end(&world, Whose::One(person(9))).await.unwrap();
    assert_eq!(ended.connections, 0);
}

/// More than the table answers at once.
#[tokio::test]
async fn rows_of_every_page_are_ended_and_those_that_cannot_be_read_are_counted() {
    let world = connected(0).await;
    let target = world.target().await.unwrap();
    for number in 0..30 {
        add_with(&world, &target, number, &"long".repeat(12_000)).await;
    }
    super::doctor::unreadable(&world).await;
    world.aws.account().asked.clear();
    let ended = end(&world, Whose::Everyone).await.unwrap();
    assert_eq!((ended.connections, ended.unreadable), (30, 1));
    assert_eq!(ended.exit(), Exit::Refused);
    assert!(world.aws.times("DynamoDB.Scan") > 1);
    // No token is given back before all are ended: each takes a secret of our client.
    let asked = world.aws.account().asked.clone();
    let last = asked.iter().rposition(|asked| asked.starts_with("DynamoDB")).unwrap();
    let secrets =
        |asked: &[String]| asked.iter().filter(|it| it.ends_with("GetSecretValue")).count();
    assert_eq!(secrets(&asked[..last]), 1, "that of the keys");
    assert!(secrets(&asked[last..]) >= 30);
    for number in 0..30 {
        assert!(is_ended(&status(&world, number).await), "{number}");
    }
}

#[tokio::test]
async fn without_yes_it_is_only_said_how_many() {
    let world = connected(3).await;
    let operator = world.operator(Access::Look).await.unwrap();
    let refusal = operator.would_end(&name(), Whose::Everyone).await.unwrap();
    assert_eq!((refusal.kind, refusal.exit), ("not_confirmed", Exit::Usage));
    assert!(refusal.problem.starts_with("3 connections"), "{refusal}");
    let refusal = operator.would_end(&name(), Whose::One(person(9))).await.unwrap();
    assert!(refusal.problem.starts_with("0 connections"), "{refusal}");
    assert!(!is_ended(&status(&world, 0).await));
}

#[tokio::test]
async fn a_table_that_refuses_is_said_with_what_was_done() {
    let world = connected(3).await;
    world.aws.account().refused = Some(("DynamoDB.UpdateItem".into(), "AccessDeniedException"));
    let refusal = end(&world, Whose::Everyone).await.unwrap_err();
    assert_eq!((refusal.kind, refusal.exit), ("denied", Exit::Refused));
    assert!(refusal.problem.starts_with("0 ended"), "{refusal}");
    assert!(refusal.remedy.contains("again"), "{refusal}");
}

#[tokio::test]
async fn tokens_of_those_that_were_ended_are_given_back_though_the_table_fails_then() {
    let world = connected(0).await;
    let target = world.target().await.unwrap();
    for number in 0..30 {
        add_with(&world, &target, number, &"long".repeat(12_000)).await;
    }
    // After the first page.
    let fails = async {
        world.aws.account().refused = Some(("DynamoDB.Scan".into(), "AccessDeniedException"));
    };
    world.aws.account().asked.clear();
    let ends = Box::pin(end(&world, Whose::Everyone));
    let refusal = world.meanwhile("DynamoDB.UpdateItem", fails, ends).await.unwrap_err();
    assert_eq!(refusal.kind, "denied");
    let so_far = refusal.problem.split(';').next().unwrap();
    let counts: Vec<usize> =
        so_far.split(|it: char| !it.is_ascii_digit()).filter_map(|it| it.parse().ok()).collect();
    assert!(counts[0] > 0 && counts[0] < 30 && counts[0] == counts[1], "{refusal}");
}
