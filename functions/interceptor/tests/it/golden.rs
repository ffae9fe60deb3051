//! `golden/SITUATION/NAME.in.json` must yield `golden/SITUATION/NAME.out.json`.
//!
//! An event is written as the gateway sends it, but for what differs each time:
//!
//! | In an event | Stands for |
//! |---|---|
//! | `<jwt>` | Alice's, as it should be. `<jwt expired>` and others: see [`claims`]. |
//! | `<state>` | Our `requestState` for this very call. `<state of bob>` and others: see [`State`]. |
//!
//! In an output, `<ticket>`, `<state>` and `<elicitation>` stand for what was checked to be good.

use crate::protocol::{REQUEST_OUTPUT, RESPONSE_OUTPUT, check, check_answer};
use crate::world::{
    BASE, NOW, World, answered, at, browser_keys, event, modern, said, target, tokens,
};
use broker::catalog::Recipe;
use broker::clock::Clock;
use broker::connection::Connection;
use broker::store::ConnectionStore;
use broker::target::TargetName;
use broker::ticket::Ticket;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How things stand when the event arrives.
#[derive(Clone, Copy)]
enum Situation {
    /// Alice is connected, and was asked for more on behalf of `github___get_me` three times.
    AskedEnough,
    /// Alice is connected to `github`, with a fresh token.
    Connected,
    /// The same, and Alice's client is known to understand `-32042`.
    ConnectedKnownClient,
    /// Alice connects while her call is held.
    ConnectsMeanwhile,
    /// Alice is connected to `github`, the only target, which is listed live.
    DynamicConnected,
    /// The same, but for another target beside it.
    DynamicConnectedBesideAnother,
    /// The same, but for another target beside it whose record nobody can read.
    DynamicConnectedBesideUnreadable,
    /// Nobody is connected to `github`, the only target, which is listed live.
    DynamicNotConnected,
    /// The same, and Alice's client is known to understand `-32042`.
    DynamicNotConnectedKnownClient,
    /// It is listed live, and connections cannot be read.
    DynamicStoreDown,
    /// Alice's token has expired, and our client's record is incomplete.
    Misconfigured,
    /// Nobody is connected.
    NotConnected,
    /// Nobody is connected, and Alice's client is known to understand `-32042`.
    NotConnectedKnownClient,
    /// The identity provider does not answer and never did.
    ProviderDown,
    /// Targets cannot be read and never could.
    RegistryDown,
    /// Alice is connected to `github`, the only target, whose tools the gateway was told.
    StaticConnected,
    /// Connections cannot be read.
    StoreDown,
}

const SITUATIONS: [(&str, Situation); 17] = [
    ("asked-enough", Situation::AskedEnough),
    ("connected", Situation::Connected),
    ("connected-known-client", Situation::ConnectedKnownClient),
    ("connects-meanwhile", Situation::ConnectsMeanwhile),
    ("dynamic-connected", Situation::DynamicConnected),
    ("dynamic-connected-beside-another", Situation::DynamicConnectedBesideAnother),
    ("dynamic-connected-beside-unreadable", Situation::DynamicConnectedBesideUnreadable),
    ("dynamic-not-connected", Situation::DynamicNotConnected),
    ("dynamic-not-connected-known-client", Situation::DynamicNotConnectedKnownClient),
    ("dynamic-store-down", Situation::DynamicStoreDown),
    ("misconfigured", Situation::Misconfigured),
    ("not-connected", Situation::NotConnected),
    ("not-connected-known-client", Situation::NotConnectedKnownClient),
    ("provider-down", Situation::ProviderDown),
    ("registry-down", Situation::RegistryDown),
    ("static-connected", Situation::StaticConnected),
    ("store-down", Situation::StoreDown),
];

#[tokio::test]
async fn every_event_yields_its_output() {
    let mut report = String::new();
    for (name, situation) in SITUATIONS {
        let directory = golden().join(name);
        let (events, outputs) = (names(&directory, ".in.json"), names(&directory, ".out.json"));
        assert!(!events.is_empty(), "{name} has no golden");
        for orphan in outputs.difference(&events) {
            writeln!(report, "{name}/{orphan}.out.json has no event").unwrap();
        }
        for event in &events {
            let golden = fs::read_to_string(directory.join(format!("{event}.in.json"))).unwrap();
            let path = directory.join(format!("{event}.out.json"));
            match run(situation, &golden).await {
                Ok(output) => compare(&path, &format!("{name}/{event}"), &output, &mut report),
                Err(wrong) => writeln!(report, "{name}/{event}: {wrong}").unwrap(),
            }
        }
    }
    assert!(report.is_empty(), "\n{report}\nTo accept all of this: {ACCEPT}\n");
}

/// A situation of no name would never run.
#[test]
fn every_directory_is_a_situation() {
    let found: BTreeSet<_> = names(&golden(), "");
    assert_eq!(found, SITUATIONS.iter().map(|(name, _)| (*name).to_owned()).collect());
}

/// The output, if it is one that is allowed at all.
async fn run(situation: Situation, golden: &str) -> Result<Value, String> {
    let mut world = World::new().await;
    if matches!(
        situation,
        Situation::ConnectedKnownClient
            | Situation::DynamicNotConnectedKnownClient
            | Situation::NotConnectedKnownClient
    ) {
        world.interceptor.url_elicitation_clients = vec!["desktop".into()];
    }
    let event = with_states(&world, &with_jwts(&world, golden)).await;
    world.interceptor.clock.set(at(NOW));
    let text = arrange(&mut world, situation, &event).await;

    keeps_secrets(&world, &text)?;
    let event: Value = serde_json::from_str(&event).map_err(|error| error.to_string())?;
    let mut output: Value = serde_json::from_str(&text).unwrap();
    let response_phase =
        ["mcp", "http"].iter().any(|envelope| event[envelope]["gatewayResponse"].is_object());
    let schema = if response_phase { &RESPONSE_OUTPUT } else { &REQUEST_OUTPUT };
    check(schema, &output).map_err(|error| format!("{error}\n  {text}"))?;
    let body = &event["mcp"]["gatewayRequest"]["body"];
    passes_bytes_on(golden, body, &text, &output)?;
    if is_ours(&event, &output) {
        // An id with a fraction is in no MCP schema, but JSON-RPC allows it.
        if !body["id"].is_f64() {
            check_answer(body, answered(&output)).map_err(|error| format!("{error}\n  {text}"))?;
        }
        replace_random(&world, &event, &mut output).await;
    }
    Ok(output)
}

/// Makes the situation, and sends the event into it.
async fn arrange(world: &mut World, situation: Situation, event: &str) -> String {
    let github = world.target("github").await;
    match situation {
        Situation::NotConnected | Situation::NotConnectedKnownClient => {}
        Situation::Connected | Situation::ConnectedKnownClient => {
            world.connect("alice", &github, 3600).await;
        }
        Situation::DynamicNotConnected | Situation::DynamicNotConnectedKnownClient => {
            world.alone(Recipe::Dynamic).await;
        }
        Situation::DynamicStoreDown => {
            world.alone(Recipe::Dynamic).await;
            world.store.breaks("find_connection");
        }
        Situation::DynamicConnected => {
            world.alone(Recipe::Dynamic).await;
            world.connect("alice", &github, 3600).await;
        }
        Situation::DynamicConnectedBesideAnother => {
            world.alone(Recipe::Dynamic).await;
            world.connect("alice", &github, 3600).await;
            let files = target("https://as.example", &json!({ "name": "files" }));
            world.change_target(&files).await;
        }
        Situation::DynamicConnectedBesideUnreadable => {
            world.alone(Recipe::Dynamic).await;
            world.connect("alice", &github, 3600).await;
            world.store.memory.spoil_target(&"files".parse().unwrap());
            world.interceptor.targets.prepare(at(NOW)).await.unwrap();
        }
        Situation::StaticConnected => {
            world.alone(Recipe::Static).await;
            world.connect("alice", &github, 3600).await;
        }
        Situation::AskedEnough => {
            world.connect("alice", &github, 3600).await;
            world.asked_enough("tools/call", "github___get_me").await;
            world.asked_enough("prompts/get", "github___review").await;
        }
        Situation::StoreDown => world.store.breaks("find_connection"),
        Situation::Misconfigured => {
            let client = json!({ "client_id": "latchkey", "token_endpoint_auth_method": "client_secret_post" });
            let github = target("https://as.example", &json!({ "client": client }));
            world.change_target(&github).await;
            world.connect("alice", &github, 0).await;
        }
        Situation::ProviderDown => {
            world.idp.tell(|says| says.down = true);
            world.interceptor.identity = world.idp.provider();
            return world.send(event).await;
        }
        Situation::RegistryDown => {
            world.store.breaks("targets");
            world.interceptor.targets = broker::registry::Registry::new(world.store.clone());
        }
        Situation::ConnectsMeanwhile => {
            let (store, subject) = (world.store.clone(), world.subject("alice"));
            let tokens = tokens("alice", 3600);
            let connection =
                Connection::active(&crate::world::token_keys(), subject, &github, &tokens, at(NOW))
                    .unwrap();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(3)).await;
                store.connect(&connection).await.unwrap();
            });
        }
    }
    // From here on nothing waits for a socket, and a call is held for seven seconds in no time.
    tokio::time::pause();
    let output = world.send(event).await;
    tokio::time::resume();
    output
}

/// Whether the client hears us, and not the target.
fn is_ours(event: &Value, output: &Value) -> bool {
    let (theirs, heard) = (&event["mcp"]["gatewayResponse"], &output["mcp"]);
    let heard = &heard["transformedGatewayResponse"]["body"];
    let parsed = theirs["body"].as_str().and_then(|text| serde_json::from_str(text).ok());
    let theirs = parsed.unwrap_or_else(|| theirs["body"].clone());
    heard.is_object() && *heard != theirs && *heard != json!({})
}

/// U1: whatever the event and the answer, these are in no output.
fn keeps_secrets(world: &World, output: &str) -> Result<(), String> {
    for name in JWTS {
        // A signature differs each time; header and claims do not.
        let jwt = world.jwt(&claims(name));
        if output.contains(jwt.split('.').nth(1).unwrap()) {
            return Err(format!("the inbound JWT is in {output}"));
        }
    }
    if output.contains("ghr_") {
        return Err(format!("a refresh token is in {output}"));
    }
    Ok(())
}

/// What goes on unchanged goes on byte for byte: the order of members, numbers too large to be one,
/// escapes.
fn passes_bytes_on(golden: &str, body: &Value, text: &str, output: &Value) -> Result<(), String> {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        mcp: BTreeMap<&'a str, &'a RawValue>,
    }
    #[derive(serde::Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        body: &'a RawValue,
    }
    if !body.is_object() || output["mcp"]["transformedGatewayRequest"]["body"] != *body {
        return Ok(());
    }
    let raw = |text, member| {
        let envelope: Envelope = serde_json::from_str(text).unwrap();
        let message: Message = serde_json::from_str(envelope.mcp[member].get()).unwrap();
        message.body.get().to_owned()
    };
    if raw(text, "transformedGatewayRequest") == raw(golden, "gatewayRequest") {
        return Ok(());
    }
    Err(format!("what was not changed was not passed on byte for byte: {text}"))
}

// -- what stands in an event ----------------------------------------------------------------------

const JWTS: [&str; 5] = [
    "<jwt>",
    "<jwt expired>",
    "<jwt of bob>",
    "<jwt of a machine>",
    "<jwt through another client>",
];

fn claims(jwt: &str) -> Value {
    match jwt {
        "<jwt>" => json!({}),
        "<jwt expired>" => json!({ "exp": NOW - 60 }),
        "<jwt of bob>" => json!({ "sub": "bob" }),
        "<jwt of a machine>" => json!({ "sub": "desktop" }),
        "<jwt through another client>" => json!({ "client_id": "another" }),
        _ => unreachable!("{jwt} is none"),
    }
}

fn with_jwts(world: &World, event: &str) -> String {
    JWTS.iter().fold(event.to_owned(), |event, name| event.replace(name, &world.jwt(&claims(name))))
}

/// How a `requestState` came about, if not for this very call of Alice's five seconds ago.
#[derive(Default)]
struct State {
    seconds_ago: Option<u64>,
    /// The target had one of its own when we interrupted it.
    around_theirs: bool,
    /// One of its characters is another.
    tampered: bool,
    of_bob: bool,
    /// The member of the call that differed, as a JSON pointer, and its value.
    other: Option<(&'static str, Value)>,
}

impl State {
    fn read(words: &str) -> Self {
        let of = |place, value| Self { other: Some((place, value)), ..Self::default() };
        match words {
            "" => Self::default(),
            "around theirs" => Self { around_theirs: true, ..Self::default() },
            "of another method" => of("/method", json!("prompts/get")),
            "of another target" => of("/params/name", json!("files___get_me")),
            "of another tool" => of("/params/name", json!("github___get_you")),
            "of other arguments" => of("/params/arguments", json!({ "of": "somebody else" })),
            "of bob" => Self { of_bob: true, ..Self::default() },
            "tampered" => Self { tampered: true, ..Self::default() },
            _ => {
                let seconds = words.strip_prefix("asked ").and_then(|w| w.strip_suffix(" s ago"));
                let seconds = seconds.unwrap_or_else(|| panic!("<state {words}> is none"));
                Self { seconds_ago: Some(seconds.parse().unwrap()), ..Self::default() }
            }
        }
    }

    /// Gets one as a client does: by a call that is answered by a challenge.
    async fn get(self, world: &World, event: &str) -> String {
        let seconds_ago = self.seconds_ago.unwrap_or(5);
        world.interceptor.clock.set(at(NOW) - Duration::from_secs(seconds_ago));
        let event: Value = serde_json::from_str(event).unwrap();
        let mut call = event["mcp"]["gatewayRequest"]["body"].clone();
        let params = call["params"].as_object_mut().unwrap();
        params.remove("requestState");
        params.remove("inputResponses");
        params.insert("_meta".into(), modern());
        if self.around_theirs {
            params.insert("requestState".into(), "theirs".into());
        }
        if let Some((place, value)) = self.other {
            *call.pointer_mut(place).unwrap() = value;
        }
        let jwt = world.jwt(&claims(if self.of_bob { "<jwt of bob>" } else { "<jwt>" }));
        let output = world.call(&jwt, &call).await;
        let state = answered(&output)["result"]["requestState"].as_str().unwrap().to_owned();
        if self.tampered {
            let at = state.len() / 2;
            let other = if &state[at..=at] == "A" { "B" } else { "A" };
            return format!("{}{other}{}", &state[..at], &state[at + 1..]);
        }
        state
    }
}

async fn with_states(world: &World, event: &str) -> String {
    let Some((before, rest)) = event.split_once("<state") else { return event.to_owned() };
    let (words, after) = rest.split_once('>').unwrap();
    let state = State::read(words.trim_start()).get(world, event).await;
    format!("{before}{state}{after}")
}

// -- what stands in an output ---------------------------------------------------------------------

/// Checks what differs each time, and puts a name in its place.
async fn replace_random(world: &World, event: &Value, output: &mut Value) {
    let link = first(output, &|_, text| text.contains("?ticket=").then(|| text.to_owned()));
    if let Some(link) = link {
        let (_, link) = link.split_once(BASE).unwrap();
        let (name, ticket) =
            link.strip_prefix("/authorize/").unwrap().split_once("?ticket=").unwrap();
        assert_eq!(ticket.len(), 64);
        let (name, now) = (name.parse::<TargetName>().unwrap(), world.interceptor.clock.now());
        let ticket_says = Ticket::open(&browser_keys(), &name, ticket, now).unwrap();
        assert!(ticket_says.names(&world.subject("alice")));
        replace(output, &|_, text| Some(text.replace(ticket, "<ticket>")));
    }
    let state = |key: &str, text: &str| {
        (key == "requestState" && text.starts_with("latchkey.")).then(|| text.to_owned())
    };
    if let Some(state) = first(output, &state) {
        opens(world, event, &state).await;
    }
    replace(output, &|key, text| match key {
        "requestState" if text.starts_with("latchkey.") => Some("<state>".into()),
        "elicitationId" if text.len() == 43 => Some("<elicitation>".into()),
        "version" if text == env!("CARGO_PKG_VERSION") => Some("<version>".into()),
        _ => None,
    });
}

/// Our `requestState` is good for the same call: one that is not is refused before "no" is heard.
async fn opens(world: &World, event_: &Value, state: &str) {
    let request = &event_["mcp"]["gatewayRequest"];
    let mut call = request["body"].clone();
    call["params"]["requestState"] = state.into();
    call["params"]["inputResponses"] = json!({ "latchkey.connect": { "action": "decline" } });
    let retry = event(&format!("Bearer {}", world.jwt(&json!({}))), &call);
    let output: Value = serde_json::from_str(&world.send(&retry.to_string()).await).unwrap();
    assert!(said(&output).contains("the user declined"), "{output}");
}

fn first(of: &Value, wanted: &impl Fn(&str, &str) -> Option<String>) -> Option<String> {
    match of {
        Value::Object(members) => members.iter().find_map(|(key, member)| match member {
            Value::String(text) => wanted(key, text),
            member => first(member, wanted),
        }),
        Value::Array(items) => items.iter().find_map(|item| first(item, wanted)),
        _ => None,
    }
}

fn replace(of: &mut Value, by: &impl Fn(&str, &str) -> Option<String>) {
    match of {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) => *text = by(key, text).unwrap_or_else(|| text.clone()),
                    member => replace(member, by),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, by)),
        _ => {}
    }
}

// -- files ----------------------------------------------------------------------------------------

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The names of a directory's entries that end so, without that ending.
fn names(directory: &Path, ending: &str) -> BTreeSet<String> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries
        .filter_map(|entry| Some(name(entry.unwrap()).strip_suffix(ending)?.to_owned()))
        .collect()
}

/// A file that changes is a failure even when it is accepted: what is checked is what was committed.
fn compare(path: &Path, name: &str, output: &Value, report: &mut String) {
    let is = format!("{output:#}\n");
    let was = fs::read_to_string(path).unwrap_or_default();
    if is == was {
        return;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, &is).unwrap();
        writeln!(report, "{name}.out.json was rewritten: look at it, and run again").unwrap();
    } else {
        writeln!(report, "{name}.out.json is not what came out (- expected, + came out):").unwrap();
        difference(&was, &is, report);
    }
}

/// The lines that differ, with what they have in common at both ends left out.
fn difference(was: &str, is: &str, report: &mut String) {
    let (was, is): (Vec<_>, Vec<_>) = (was.lines().collect(), is.lines().collect());
    let start = was.iter().zip(&is).take_while(|(a, b)| a == b).count();
    let rest = was[start..].iter().rev().zip(is[start..].iter().rev());
    let end = rest.take_while(|(a, b)| a == b).count();
    for line in &was[start..was.len() - end] {
        writeln!(report, "  - {line}").unwrap();
    }
    for line in &is[start..is.len() - end] {
        writeln!(report, "  + {line}").unwrap();
    }
}

const ACCEPT: &str = "UPDATE_GOLDEN=1 cargo test -p interceptor --test it golden";
