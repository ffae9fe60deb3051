//! What is put off, left alone or not believed: nobody is the worse for somebody else's trouble.

use crate::control_plane::{Verdict, kind};
use crate::mcp_server::tool;
use crate::world::{MINUTE, World, notes, records, subject};
use broker::catalog::{Catalog, UnderWay};
use broker::gateway::Settings;
use broker::store::{CatalogStore, ConnectionStore, TargetStore};
use catalog::Report;
use serde_json::json;
use std::time::Duration;

fn kept() -> Report {
    Report { kept: 1, ..Report::default() }
}

async fn operator_asks(world: &World) -> Report {
    world.handle(&records(&[json!({ "target": "notes" })])).await.1
}

/// Made by us, good, and with this noted.
async fn with_noted(change: impl FnOnce(&mut Catalog)) -> World {
    let world = World::new().await;
    world.consented("alice").await;
    let found = world.noted().await;
    let mut noted = found.clone();
    change(&mut noted);
    assert!(world.store.put_catalog(&notes(), Some(&found), &noted).await.unwrap());
    world.gateway.writes();
    world
}

fn described(settings: &Settings, words: &str) -> Settings {
    let mut members = settings.members().clone();
    members.insert("description".into(), words.into());
    Settings::read(&members)
}

#[tokio::test]
async fn a_server_that_takes_too_long_keeps_nobody_waiting() {
    let mut world = World::new().await;
    world.keeper.patience = Duration::from_millis(300);
    world.server.tell(|mood| {
        (mood.takes, mood.page) = (Duration::from_millis(60), 1);
        mood.tools = (0..20).map(|number| tool(&format!("t{number}"))).collect();
    });
    let (answer, report) = world.consented("alice").await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(report, Report { failed: 1, ..Report::default() });
    assert!(world.noted().await.look.unwrap().why.unwrap().contains("took too long"));
}

#[tokio::test]
async fn whoever_died_at_a_target_comes_to_it_last() {
    let world = World::new().await;
    world.store.put_target(&world.target("papers")).await.unwrap();
    world.look().await;
    world.watch.forward(MINUTE);
    assert!(world.dies_at(5).await);
    world.watch.forward(10 * MINUTE);
    assert_eq!(world.looks_in_order().await, ["papers", "notes"]);
}

#[tokio::test]
async fn a_target_without_a_schema_is_told_another_way_only_where_the_first_is_unknown() {
    // What is put back after a change that failed is good again, as the gateway finds.
    for (verdict, due) in [
        (Verdict::Unsupported, (1, 0, 0)),
        (Verdict::Refused, (0, 1, 0)),
        (Verdict::Bad, (0, 0, 1)),
    ] {
        let world = World::new().await;
        world.server.tell(|mood| mood.accepts = None);
        let theirs = Settings::new(&notes(), &world.server.url().parse().unwrap());
        world.gateway.put("THEIRS0001", &theirs, "SYNCHRONIZE_UNSUCCESSFUL");
        world.gateway.judges(move |settings| match kind(settings) {
            "static" => verdict,
            _ => Verdict::Good,
        });
        let report = world.consented("alice").await.1;
        assert_eq!((report.updated, report.failed, report.kept), due, "{verdict:?}");
        let [(_, settings, _)] = &world.gateway.targets()[..] else { panic!() };
        assert_eq!(*settings, theirs);
    }
}

#[tokio::test]
async fn a_target_that_lists_for_each_reader_does_so_only_while_it_is_the_only_one() {
    let world = World::new().await;
    world.gateway.judges(|settings| match kind(settings) {
        "dynamic" => Verdict::Good,
        _ => Verdict::Unsupported,
    });
    assert_eq!(world.consented("alice").await.1.created, 1);
    assert_eq!(world.look().await, kept());
    world.store.put_target(&world.target("files")).await.unwrap();
    world.gateway.judges(|_| Verdict::Good);
    assert_eq!(world.look().await.updated, 1);
    assert_eq!(kind(&world.gateway.targets()[0].1), "static");
}

#[tokio::test]
async fn a_target_that_replaced_ours_is_not_removed() {
    let world = with_noted(|noted| noted.under_way = Some(UnderWay::Removing)).await;
    let (id, settings, _) = world.gateway.targets().remove(0);
    world.gateway.loses(&id);
    world.gateway.put("THEIRS0001", &settings, "READY");
    assert_eq!(world.look().await, kept());
    assert_eq!(world.gateway.writes(), [""; 0]);
    assert_eq!(world.gateway.targets()[0].0, "THEIRS0001");
    let noted = world.noted().await;
    assert_eq!((noted.under_way, noted.created), (None, false));

    // Nor is one that we did not make, whatever is noted.
    let world = with_noted(|noted| {
        (noted.under_way, noted.created) = (Some(UnderWay::Removing), false);
    })
    .await;
    assert_eq!(world.look().await, kept());
    assert_eq!(world.gateway.writes(), [""; 0]);
}

#[tokio::test]
async fn what_an_operator_mended_is_not_put_back() {
    let world = World::new().await;
    world.consented("alice").await;
    let (id, settings, _) = world.gateway.targets().remove(0);
    let found = world.noted().await;
    let former = described(&settings, "Before");
    let under_way = Some(UnderWay::Restoring { former, good: true });
    let noted = Catalog { under_way, ..found.clone() };
    assert!(world.store.put_catalog(&notes(), Some(&found), &noted).await.unwrap());
    world.gateway.put(&id, &described(&settings, "Mended"), "READY");
    world.gateway.writes();

    assert_eq!(world.look().await, kept());

    assert_eq!(world.gateway.writes(), [""; 0]);
    assert_eq!(world.gateway.targets()[0].1.members()["description"], "Mended");
    assert_eq!(world.noted().await.under_way, None);
}

#[tokio::test]
async fn what_an_operator_changed_in_the_meantime_is_not_overwritten() {
    let world = World::new().await;
    world.consented("alice").await;
    let theirs = described(&world.gateway.targets()[0].1, "Theirs");
    world.server.tell(|mood| mood.tools.push(tool("new")));
    world.gateway.writes();
    world.gateway.is_meddled_with(1, theirs);
    assert_eq!(world.look().await, Report { returned: 1, drifted: 1, ..Report::default() });
    assert_eq!(world.gateway.writes(), [""; 0]);
    assert_eq!(world.noted().await.under_way, None);
}

#[tokio::test]
async fn a_refusal_at_once_is_not_followed_by_another_change() {
    let world = World::new().await;
    world.consented("alice").await;
    world.server.tell(|mood| mood.tools.push(tool("new")));
    world.gateway.judges(|_| Verdict::Refused);
    world.gateway.writes();
    assert_eq!(world.look().await.failed, 1);
    assert_eq!(world.gateway.writes(), ["update static"]);
}

#[tokio::test]
async fn whoever_consents_while_the_steward_turns_out_to_be_gone_is_the_steward() {
    let world = World::new().await;
    world.consented("alice").await;
    world.connect("bob", "b1").await;
    // Hers is refused and, when it is to be renewed, ended.
    world.server.tell(|mood| {
        (mood.accepts, mood.ends) = (Some(vec!["Bearer b1"]), true);
    });
    world.watch.forward(6 * MINUTE);
    assert_eq!(world.consented("bob").await.1, kept());
    assert_eq!(world.noted().await.steward, Some(subject("bob")));
}

#[tokio::test]
async fn many_who_consent_at_once_are_one_look() {
    let world = World::new().await;
    world.connect("bob", "a1").await;
    let body = |person: &str| json!({ "subject": subject(person).key(), "target": "notes" });
    // The first of them is not connected: the next one is tried.
    let event = records(&[body("carol"), body("bob"), body("alice"), body("bob")]);
    let (answer, report) = world.handle(&event).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(report, Report { created: 1, ..Report::default() });
    assert_eq!(world.noted().await.steward, Some(subject("bob")));
    // All of them come again where it is not done.
    world.watch.forward(6 * MINUTE);
    world.store.breaks("put_catalog");
    let (answer, report) = world.handle(&event).await;
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 4);
    assert_eq!(report, Report { returned: 1, ..Report::default() });
}

#[tokio::test]
async fn a_consent_is_no_reason_to_ask_again_for_what_was_refused() {
    let world = World::new().await;
    world.store.put_target(&world.target("files")).await.unwrap();
    world.gateway.judges(|_| Verdict::Refused);
    world.consented("alice").await;
    assert_eq!(world.gateway.writes(), ["create static"]);
    world.watch.forward(6 * MINUTE);
    assert_eq!(world.consented("alice").await.1.failed, 1);
    assert_eq!(world.gateway.writes(), [""; 0]);
    operator_asks(&world).await;
    assert_eq!(world.gateway.writes(), ["create static"]);
}

#[tokio::test]
async fn most_tools_do_not_go_at_once_unless_an_operator_says_so() {
    let world = World::new().await;
    world.server.tell(|mood| mood.tools = ["a", "b", "c"].map(tool).into());
    world.consented("alice").await;
    let before = world.gateway.targets();
    world.server.tell(|mood| mood.tools.truncate(1));
    for _ in 0..2 {
        let report = world.look().await;
        assert_eq!(report, Report { failed: 1, drifted: 1, ..Report::default() });
        assert_eq!(world.gateway.targets(), before);
    }
    assert!(world.noted().await.look.unwrap().why.unwrap().contains("2 of 3 tools are gone"));
    assert_eq!(operator_asks(&world).await.updated, 1);
    assert_eq!(world.look().await, kept());
}

#[tokio::test]
async fn another_stewards_other_list_is_not_believed_unless_an_operator_says_so() {
    use broker::clock::Clock;
    let world = World::new().await;
    world.consented("alice").await;
    world.connect("bob", "a1").await;
    world.store.disconnect(&subject("alice"), &notes(), world.watch.now()).await.unwrap();
    world.server.tell(|mood| mood.tools.push(tool("new")));
    let before = world.gateway.targets();
    world.watch.forward(6 * MINUTE);
    assert_eq!(world.consented("bob").await.1.failed, 1);
    assert_eq!(world.look().await.failed, 1);
    assert_eq!(world.gateway.targets(), before);
    assert_eq!(operator_asks(&world).await.updated, 1);
    // From then on it is his.
    world.server.tell(|mood| mood.tools.push(tool("newer")));
    assert_eq!(world.look().await.updated, 1);
}
