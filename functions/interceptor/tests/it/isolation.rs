//! U2: a token is for one person at one target as it was when they consented.

use crate::support::store::FaultyStore;
use crate::world::{
    NOW, World, answered, asks_to_connect, at, event, forwarded, get_me, target, token_keys, tokens,
};
use broker::connection::{Attempt, Connection, Lineage, Reason, SealedTokens, Status};
use broker::step_up::StepUp;
use broker::store::{ConnectionStore, Lease, StoreError, UsedConnections};
use broker::subject::{Subject, SubjectId};
use broker::target::TargetName;
use interceptor::{Event, Interceptor};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::SystemTime;

#[tokio::test]
async fn u2_nobody_gets_anothers_token() {
    let world = World::new().await;
    let github = world.target("github").await;
    world.connect("alice", &github, 3600).await;

    asks_to_connect(&world.call(&world.jwt(&json!({ "sub": "bob" })), &get_me()).await);
    for impostor in ["Alice", "alice ", "alice\u{0}", "alic", "alice,", "\u{430}lice"] {
        let output = world.call(&world.jwt(&json!({ "sub": impostor })), &get_me()).await;
        assert!(forwarded(&output).is_none(), "{impostor:?}");
    }
}

#[tokio::test]
async fn u2_the_same_sub_at_another_issuer_is_somebody_else() {
    let world = World::new().await;
    let github = world.target("github").await;
    let subject = Subject::new("https://other.example", vec!["alice".into()]).unwrap().id();
    put(
        &world,
        Connection::active(&token_keys(), subject, &github, &tokens("alice", 3600), at(NOW))
            .unwrap(),
    )
    .await;

    asks_to_connect(&world.alice_calls().await);
}

/// Two people at once, in one instance, over and over: each gets their own or nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u2_people_who_call_at_once_get_their_own() {
    let world = Arc::new(World::new().await);
    let github = world.target("github").await;
    let people = ["alice", "bob", "carol", "dave"];
    for name in &people[..3] {
        world.connect(name, &github, 3600).await;
    }
    let calls = (0..200).map(|number| {
        let (world, name) = (Arc::clone(&world), people[number % people.len()]);
        tokio::spawn(async move {
            let mut call = get_me();
            call["id"] = number.into();
            call["params"]["arguments"] = json!({ "of": name });
            let output = world.call(&world.jwt(&json!({ "sub": name })), &call).await;
            if name == "dave" {
                asks_to_connect(&output);
                assert_eq!(answered(&output)["id"], number);
            } else {
                assert_eq!(forwarded(&output), Some(&*format!("Bearer gho_{name}")));
                assert_eq!(output["mcp"]["transformedGatewayRequest"]["body"], call);
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn u2_a_target_that_changed_since_consent_is_connected_anew() {
    for change in [
        json!({ "resource": "https://elsewhere.example" }),
        json!({ "resource": "https://mcp.github.example/" }),
        json!({ "authorization_server": {
            "issuer": "https://other-as.example",
            "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token",
        } }),
    ] {
        let world = World::new().await;
        world.connect("alice", &world.target("github").await, 3600).await;
        world.change_target(&target("https://as.example", &change)).await;
        asks_to_connect(&world.alice_calls().await);
    }
    let world = World::new().await;
    world.connect("alice", &world.target("github").await, 3600).await;
    world.change_target(&target("https://as.example", &json!({ "title": "Git Hub" }))).await;
    assert!(forwarded(&world.alice_calls().await).is_some());
}

/// Whoever can write to the table still cannot make one person's token another's.
#[tokio::test]
async fn u2_a_row_that_does_not_open_is_a_question_and_not_a_token() {
    let world = World::new().await;
    let (github, files) = (world.target("github").await, world.target("files").await);
    let sealed = |name: &str, target| {
        let tokens = tokens(name, 3600);
        Connection::active(&token_keys(), world.subject(name), target, &tokens, at(NOW)).unwrap()
    };
    let alice = world.subject("alice");
    let right = sealed("alice", &github);
    let bobs = Connection { subject: alice, ..sealed("bob", &github) };
    let of_files = Connection { target: github.name.clone(), ..sealed("alice", &files) };
    let with = |bytes: Vec<u8>| {
        let status = Status::Active {
            consented_at: at(NOW),
            used_at: at(NOW),
            due_at: None,
            sealed: SealedTokens(bytes),
            expires_at: at(NOW + 3600),
            obtained_at: at(NOW),
            renewable: true,
            attempt: None,
        };
        Connection { status, ..right.clone() }
    };
    let Status::Active { sealed: SealedTokens(bytes), .. } = &right.status else { unreachable!() };
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    for wrong in [bobs, of_files, with(changed), with(vec![]), with(b"gho_alice".to_vec())] {
        put(&world, wrong).await;
        asks_to_connect(&world.alice_calls().await);
    }
    put(&world, right.clone()).await;
    assert!(forwarded(&world.alice_calls().await).is_some());

    put(&world, right.disconnected(Reason::InvalidGrant, at(NOW))).await;
    asks_to_connect(&world.alice_calls().await);
}

/// A store that is confused, or was tampered with: it gives everybody Bob's row.
struct Bobs(FaultyStore, SubjectId);

impl UsedConnections for Bobs {
    async fn note_use(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        self.0.note_use(connection, now).await
    }
}

impl ConnectionStore for Bobs {
    async fn find_connection(
        &self,
        _: &SubjectId,
        target: &TargetName,
    ) -> Result<Option<Connection>, StoreError> {
        self.0.find_connection(&self.1, target).await
    }

    async fn connect(&self, connection: &Connection) -> Result<(), StoreError> {
        self.0.connect(connection).await
    }

    async fn lease(
        &self,
        _: &SubjectId,
        target: &TargetName,
        now: SystemTime,
        until: SystemTime,
    ) -> Result<Option<Lease>, StoreError> {
        self.0.lease(&self.1, target, now, until).await
    }

    async fn journal(&self, lease: &Lease, attempt: Attempt) -> Result<bool, StoreError> {
        self.0.journal(lease, attempt).await
    }

    async fn settle(&self, lease: Lease, connection: &Connection) -> Result<bool, StoreError> {
        self.0.settle(lease, connection).await
    }

    async fn release(&self, lease: Lease, attempt: Option<Attempt>) -> Result<bool, StoreError> {
        self.0.release(lease, attempt).await
    }

    async fn amend(&self, spent: &Lineage, connection: &Connection) -> Result<bool, StoreError> {
        self.0.amend(spent, connection).await
    }

    async fn expire(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        self.0.expire(connection, now).await
    }

    async fn note_refusal(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        self.0.note_refusal(connection, now).await
    }

    async fn step_up(&self, connection: &Connection, more: &StepUp) -> Result<bool, StoreError> {
        self.0.step_up(connection, more).await
    }

    async fn widen(
        &self,
        _: &SubjectId,
        target: &TargetName,
        asked: &[String],
        beyond: &[String],
    ) -> Result<(), StoreError> {
        self.0.widen(&self.1, target, asked, beyond).await
    }

    async fn narrow(
        &self,
        _: &SubjectId,
        target: &TargetName,
        refused: &[String],
    ) -> Result<(), StoreError> {
        self.0.narrow(&self.1, target, refused).await
    }

    async fn disconnect(
        &self,
        _: &SubjectId,
        target: &TargetName,
        now: SystemTime,
    ) -> Result<Option<Connection>, StoreError> {
        self.0.disconnect(&self.1, target, now).await
    }

    async fn connections_of(&self, _: &SubjectId) -> Result<Vec<Connection>, StoreError> {
        self.0.connections_of(&self.1).await
    }
}

#[tokio::test]
async fn u2_a_store_that_gives_anothers_row_gives_nothing_away() {
    for seconds in [3600, 30, 0] {
        let world = World::new().await;
        world.connect("bob", &world.target("github").await, seconds).await;
        let (bob, store) = (world.subject("bob"), world.store.clone());
        let of = |name: &str| {
            event(&format!("Bearer {}", world.jwt(&json!({ "sub": name }))), &get_me())
        };
        let (alices, bobs) = (of("alice").to_string(), of("bob").to_string());
        let World { interceptor: it, .. } = world;
        let interceptor = Interceptor {
            connections: Bobs(store, bob),
            targets: it.targets,
            secrets: it.secrets,
            identity: it.identity,
            http: it.http,
            breakers: it.breakers,
            browser_keys: it.browser_keys,
            token_keys: it.token_keys,
            base_url: it.base_url,
            url_elicitation_clients: it.url_elicitation_clients,
            injected: it.injected,
            opened: it.opened,
            clock: it.clock,
        };
        asks_to_connect(
            &serde_json::to_value(interceptor.handle(Event::read(alices.as_bytes())).await)
                .unwrap(),
        );
        if seconds > 0 {
            let output =
                serde_json::to_value(interceptor.handle(Event::read(bobs.as_bytes())).await)
                    .unwrap();
            assert_eq!(forwarded(&output), Some("Bearer gho_bob"));
        }
    }
}

/// A token that could end its header and begin another goes nowhere.
#[tokio::test]
async fn u1_a_token_that_is_no_header_value_is_a_question() {
    let world = World::new().await;
    let github = world.target("github").await;
    for evil in ["alice\r\nHost: evil.example", "alice evil", "\u{e9}", "alice\u{0}"] {
        let tokens = tokens(evil, 3600);
        let subject = world.subject("alice");
        put(&world, Connection::active(&token_keys(), subject, &github, &tokens, at(NOW)).unwrap())
            .await;
        asks_to_connect(&world.alice_calls().await);
    }
}

/// A person's headers, arguments and client name change nothing about who they are.
#[tokio::test]
async fn u4_what_a_client_says_of_itself_is_not_who_is_calling() {
    let world = World::new().await;
    world.connect("bob", &world.target("github").await, 3600).await;
    let mut call = get_me();
    call["params"]["arguments"] = json!({ "sub": "bob", "user": "bob" });
    call["params"]["_meta"] = json!({ "sub": "bob", "clientInfo": { "name": "bob" } });
    let mut event = event(&format!("Bearer {}", world.jwt(&json!({}))), &call);
    for header in ["x-user-id", "x-amzn-oidc-identity", "x-forwarded-user", "cookie"] {
        event["mcp"]["gatewayRequest"]["headers"][header] = "bob".into();
    }
    let output: Value = serde_json::from_str(&world.send(&event.to_string()).await).unwrap();
    asks_to_connect(&output);
}

async fn put(world: &World, connection: Connection) {
    world.store.connect(&connection).await.unwrap();
}
