//! What `local` makes of targets that came and went.

use super::world::World;
use broker::config::TOKEN_MEMORY;
use broker::identity::IdentitySettings;
use broker::store::TargetStore;
use broker::target::Target;
use latchkey::local::{Local, LocalTarget, Settings};
use std::path::Path;

fn settings(data: &Path, targets: &[Target]) -> Settings {
    let local = |target: &Target| LocalTarget {
        target: target.clone(),
        client_secret: None,
        tools: Vec::new(),
    };
    Settings {
        listen: "127.0.0.1:8799".parse().unwrap(),
        base_url: None,
        data: data.to_owned(),
        identity: IdentitySettings {
            issuer: "https://idp.example".to_owned(),
            client_id: "latchkey".to_owned(),
            client_secret: None,
            audiences: vec!["http://127.0.0.1:8799/mcp".to_owned()],
            clients: Vec::new(),
            subject_claims: vec!["sub".to_owned()],
        },
        url_elicitation_clients: Vec::new(),
        token_memory: TOKEN_MEMORY,
        targets: targets.iter().map(local).collect(),
    }
}

async fn names(world: &World) -> Vec<String> {
    let operator = world.operator().await;
    let targets = operator.store.targets().await.unwrap().targets;
    operator.close().await;
    targets.into_iter().map(|target| target.name.to_string()).collect()
}

#[tokio::test]
async fn the_files_targets_come_and_go_with_it_and_connected_ones_stay() {
    let world = World::new().await;
    world.connect(&world.wish()).await.unwrap();
    let mut configured = world.target().await.unwrap();
    configured.client.issuer = None;
    configured.name = "files".parse().unwrap();

    let run = async |targets: &[Target]| {
        Local::open(settings(&world.folder, targets)).await.unwrap().close().await;
        names(&world).await
    };
    assert_eq!(run(&[configured]).await, ["files", "notes"]);
    assert_eq!(run(&[]).await, ["notes"]);

    // Whoever connects now knows where browsers reach us.
    let verdict = world.connect(&world.wish()).await.unwrap();
    assert_eq!(verdict.registration.redirect_uri, "http://127.0.0.1:8799/callback/notes");
    assert!(!verdict.registration.kept, "it was made for another redirect URI");
}

#[tokio::test]
async fn r6_a_connected_target_is_not_replaced_by_the_files() {
    let world = World::new().await;
    world.connect(&world.wish()).await.unwrap();
    let connected = world.target().await.unwrap();
    let mut configured = connected.clone();
    configured.client.issuer = None;

    let opened = Local::open(settings(&world.folder, &[configured])).await;

    let refused = opened.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("latchkey targets remove notes"), "{refused}");
    assert_eq!(world.target().await, Some(connected));
}

#[test]
fn a_file_that_is_no_configuration_is_told_by_its_line_without_quoting_it() {
    let file = std::env::temp_dir().join(format!("latchkey-settings-{}.toml", std::process::id()));
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Settings::read(&file).map(|_| ()).unwrap_err().to_string()
    };
    let table = "[identity_provider]\nissuer = \"https://idp.example\"\nclient_id = \"latchkey\"\n";
    let broken = told(&format!("{table}client_secret = \"s3cret\n"));
    assert!(broken.contains("line 4: ") && !broken.contains("s3cret"), "{broken}");
    let mistyped = told(&format!("{table}client_sceret = \"s3cret\"\n"));
    assert!(mistyped.contains("line 4: ") && mistyped.contains("client_sceret"), "{mistyped}");
    assert!(!mistyped.contains("s3cret"), "{mistyped}");
    let bare = told(&format!("{table}client_secret = s3cret\n"));
    assert!(bare.contains("line 4: ") && !bare.contains("s3cret"), "{bare}");
    let number = told(&format!("{table}client_secret = 1234567\n"));
    std::fs::remove_file(&file).unwrap();
    assert!(number.ends_with("line 4: expected a string"), "{number}");
}
