//! Whatever the gateway sends, the interceptor gives one of the documented answers, and a token goes
//! only to the target and for the person that the event's own JWT and tool name say.
//!
//! An input that begins with `{` is a whole event. Any other is the body of an event of Alice's, so
//! that the fuzzer gets past the door. `<alice>` and `<bob>` stand for their JWTs, `<state>` for a
//! `requestState` of ours that is good for the same call.
#![no_main]

#[path = "../../../shared/tests/it/support/keys.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod keys;
#[path = "../../../functions/interceptor/tests/it/protocol.rs"]
mod protocol;
#[path = "../provider.rs"]
#[expect(dead_code, reason = "the other target uses more of it")]
mod provider;
#[path = "../store.rs"]
mod store;

use broker::breaker::Breakers;
use broker::clock::{Clock, SystemRandom};
use broker::config::BaseUrl;
use broker::connection::Connection;
use broker::http::{Http, Reach};
use broker::registry::Registry;
use broker::store::{ConnectionStore, TargetStore};
use broker::subject::Subject;
use broker::target::SecretName;
use broker::tokens::TokenSet;
use interceptor::{Event, Injected, Interceptor, Opened};
use libfuzzer_sys::fuzz_target;
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use protocol::{REQUEST_OUTPUT, RESPONSE_OUTPUT, check, check_answer};
use provider::{BASE, Provider, browser_keys, target, token_keys};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::Store;
use tokio::runtime::{Builder, Runtime};

type Secrets = BTreeMap<SecretName, ClientSecret>;

struct World {
    interceptor: Interceptor<Store, Store, Secrets, SystemTime>,
    /// Who can prove who they are, and how.
    people: Vec<(&'static str, String)>,
    runtime: Runtime,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// Who has a good token for what; the last has expired and cannot be renewed.
const CONNECTED: [(&str, &str, u64); 4] = [
    ("alice", "github", 3600),
    ("bob", "files", 3600),
    ("bob", "github", 3600),
    ("alice", "mail", 0),
];

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let world = &*WORLD;
    let whole = if text.starts_with('{') {
        text.to_owned()
    } else {
        let headers = r#"{"authorization":"Bearer <alice>","mcp-protocol-version":"2025-11-25"}"#;
        format!(r#"{{"mcp":{{"gatewayRequest":{{"headers":{headers},"body":{text}}}}}}}"#)
    };
    let event = world.fill_in(&whole);
    let Some(output) = world.send(&event) else { return };
    assert!(!output.contains("refresh-token"), "a refresh token is in {output}");
    if !text.starts_with('{') && !text.contains("<alice>") {
        let (_, jwt) = &world.people[0];
        assert!(!output.contains(jwt), "the inbound JWT is in {output}");
    }
    // What cannot be read as a whole, for it is too deep or a number is too large, was seen above.
    let (Ok(event), Ok(output)) = (serde_json::from_str(&event), serde_json::from_str(&output))
    else {
        return;
    };
    world.judge(&event, &output);
});

impl World {
    fn judge(&self, event: &Value, output: &Value) {
        let mcp = &event["mcp"];
        let (request, response) = (&mcp["gatewayRequest"], &mcp["gatewayResponse"]);
        let schema = if response.is_null() { &REQUEST_OUTPUT } else { &RESPONSE_OUTPUT };
        check(schema, output).unwrap_or_else(|error| panic!("{error}: {output}"));
        // A client that sends a JWT in its message sends it itself.
        let (headers, body) = (request["headers"].to_string(), request["body"].to_string());
        for (name, jwt) in &self.people {
            let headers_only = response.is_null() && headers.contains(jwt) && !body.contains(jwt);
            assert!(!headers_only || !output.to_string().contains(jwt), "{name}'s JWT: {output}");
        }
        let inner = request["body"].as_str().and_then(|text| serde_json::from_str(text).ok());
        let message = inner.as_ref().unwrap_or(&request["body"]);
        let onward = &output["mcp"]["transformedGatewayRequest"];
        if let Some(authorization) = onward["headers"]["Authorization"].as_str() {
            let (params, method) = (&onward["body"]["params"], onward["body"]["method"].as_str());
            let name = match method {
                Some("tools/call" | "prompts/get") => &params["name"],
                Some("resources/read") => &params["uri"],
                _ => panic!("a token for {onward}"),
            };
            let (target, _) = name.as_str().unwrap().split_once("___").unwrap();
            let person = self.caller(&request["headers"]);
            assert_eq!(authorization, format!("Bearer {person}-at-{target}"), "{onward}");
            let state = params["requestState"].as_str().unwrap_or_default();
            assert!(!state.starts_with("latchkey."), "our state goes to the target: {onward}");
            assert!(params["inputResponses"]["latchkey.connect"].is_null(), "{onward}");
        }
        let answer = &output["mcp"]["transformedGatewayResponse"]["body"];
        if response.is_null() && answer.is_object() && !message["id"].is_f64() {
            check_answer(message, answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        }
    }

    /// Whose JWT the one `Authorization` header holds.
    fn caller(&self, headers: &Value) -> &str {
        let mut found =
            headers.as_object().unwrap().iter().filter(|(name, value)| {
                name.eq_ignore_ascii_case("authorization") && !value.is_null()
            });
        let (_, value) = found.next().unwrap();
        assert!(found.next().is_none(), "a token for one of two headers");
        let jwt = value.as_str().unwrap().trim().split_once(' ').unwrap().1.trim();
        self.people.iter().find(|(_, known)| known == jwt).map(|(name, _)| *name).unwrap()
    }

    fn fill_in(&self, event: &str) -> String {
        let mut event = event.to_owned();
        for (name, jwt) in &self.people {
            event = event.replace(&format!("<{name}>"), jwt);
        }
        if event.contains("<state>") {
            let state = self.state(&event).unwrap_or_default();
            event = event.replace("<state>", &state);
        }
        event
    }

    /// A state as a client gets it: from the answer to the same call, if it is one for a challenge.
    fn state(&self, event: &str) -> Option<String> {
        let mut event: Value = serde_json::from_str(event).ok()?;
        let body = event.get_mut("mcp")?.get_mut("gatewayRequest")?.get_mut("body")?;
        let params = body.get_mut("params")?.as_object_mut()?;
        params.remove("requestState");
        params.remove("inputResponses");
        let capabilities = json!({ "elicitation": { "url": {} } });
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        });
        params.insert("_meta".into(), meta);
        let output: Value = serde_json::from_str(&self.send(&event.to_string())?).ok()?;
        let body = &output["mcp"]["transformedGatewayResponse"]["body"];
        body["result"]["requestState"].as_str().map(str::to_owned)
    }

    fn send(&self, event: &str) -> Option<String> {
        let event = RawValue::from_string(event.to_owned()).ok()?;
        let output = self.runtime.block_on(self.interceptor.handle(Event::read(event.get().as_bytes())));
        Some(serde_json::to_string(&output).unwrap())
    }

    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (provider, store) = (Provider::start(), Store::default());
        let interceptor = Interceptor {
            targets: Registry::new(store.clone()),
            connections: store.clone(),
            secrets: Secrets::new(),
            identity: provider.identity(),
            http: Http::new(Reach::Public),
            breakers: Breakers::new(SystemRandom),
            browser_keys: browser_keys(),
            token_keys: token_keys(),
            base_url: BaseUrl::new(BASE).unwrap(),
            url_elicitation_clients: vec!["*".into()],
            injected: Injected::default(),
            opened: Opened::new(Duration::from_secs(5)),
            clock: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        };
        let now = interceptor.clock.now();
        runtime.block_on(async {
            for name in ["github", "files", "mail"] {
                store.put_target(&target(name, "https://as.example")).await.unwrap();
            }
            for (name, to, seconds) in CONNECTED {
                let tokens = TokenSet {
                    access: AccessToken::new(format!("{name}-at-{to}")),
                    refresh: (seconds > 0).then(|| RefreshToken::new("refresh-token".into())),
                    expires_at: now + Duration::from_secs(seconds),
                    scopes: vec![],
                };
                let subject = Subject::new(&provider.url, vec![name.into()]).unwrap().id();
                let target = target(to, "https://as.example");
                let connection = Connection::active(&token_keys(), subject, &target, &tokens, now);
                store.connect(&connection.unwrap()).await.unwrap();
            }
            interceptor.targets.prepare(now).await.unwrap();
            interceptor.identity.prepare(now).await.unwrap();
            // From here on nothing waits for anything real: a held call takes no time.
            tokio::time::pause();
        });
        let people =
            ["alice", "bob"].map(|name| (name, provider.jwt(name, &json!({ "azp": "desktop" }))));
        Self { interceptor, people: people.into(), runtime }
    }
}
