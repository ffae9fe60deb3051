//! Whatever a browser brings to the callback, it gets a guarded page or a redirect to ourselves, and
//! nothing is connected, and nobody signed in, without all that it takes.
//!
//! The input's lines are path, query and cookies. Nobody can guess what is sealed, so it can be asked
//! for: `<state>`, `<flow>` and `<alice>` or `<bob>` for consent under way, the cookie of the browser
//! that gave it, and sessions; `<signing-in>` and `<sign-in-state>` for a sign-in.
#![no_main]

#[path = "../../../shared/tests/it/support/browser.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod browser;
#[path = "../../../shared/tests/it/support/keys.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod keys;
#[path = "../provider.rs"]
mod provider;
#[path = "../store.rs"]
mod store;

use broker::clock::SystemRandom;
use broker::config::BaseUrl;
use broker::http::{Http, Reach};
use broker::memory::MemoryQueue;
use broker::oauth::response::AuthorizationResponse;
use broker::pending::{BrowserBinding, PendingAuthorization, State};
use broker::session::{SigningIn, Wanted};
use broker::store::{PendingStore, TargetStore};
use broker::target::SecretName;
use browser::{NOW, SESSION, at, guarded, kept, person, session, set_cookie};
use callback::Callback;
use http::Request;
use libfuzzer_sys::fuzz_target;
use oauth2::{ClientSecret, PkceCodeVerifier};
use provider::{BASE, Provider, browser_keys, target, token_keys};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use store::Store;
use tokio::runtime::{Builder, Runtime};

type Secrets = BTreeMap<SecretName, ClientSecret>;

struct World {
    callback: Callback<Store, Store, Store, Secrets, Option<MemoryQueue>, SystemTime, SystemRandom>,
    store: Store,
    provider: Provider,
    state: State,
    binding: BrowserBinding,
    /// What stands for what.
    names: Vec<(&'static str, String)>,
    runtime: Runtime,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let world = &*WORLD;
    let filled_in =
        world.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let mut lines = filled_in.splitn(3, '\n');
    let [path, query, cookies] = [(); 3].map(|()| lines.next().unwrap_or_default());
    let uri = format!("{BASE}/{path}?{query}");
    let Ok(request) = Request::get(uri).header("cookie", cookies).body(()) else { return };
    let repeated = AuthorizationResponse::parse(query).is_err();

    let response = world.runtime.block_on(async {
        let sealed = world.pending().seal(&world.callback.browser_keys, &world.state).unwrap();
        world.store.put_pending(&world.state, &sealed).await.unwrap();
        world.callback.handle(request).await
    });

    assert!(
        matches!(response.status().as_u16(), 200 | 303 | 400 | 403 | 404 | 503),
        "{response:?}"
    );
    guarded(&response);
    assert!(!response.body().contains("<b>"), "a title is not escaped: {}", response.body());
    assert!(!format!("{response:?}").contains("zzcanary"), "what came in goes out: {response:?}");
    let asked_for = |names: &[&str]| names.iter().all(|name| text.contains(name));
    if let Some(location) = response.headers().get("location") {
        let location = location.to_str().unwrap();
        assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
        if location.starts_with("/connected") {
            assert!(asked_for(&["<state>", "<flow>", "<alice>"]) && !repeated, "{text}");
            assert_eq!(path.trim_start_matches('/'), "callback/notes", "{text}");
        }
    }
    if set_cookie(&response, SESSION).is_some() {
        assert!(asked_for(&["<sign-in-state>", "<signing-in>"]) && !repeated, "{text}");
        assert_eq!(path, "login/callback", "{text}");
    }
});

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (provider, store) = (Provider::start(), Store::default());
        let callback = Callback {
            targets: store.clone(),
            pending: store.clone(),
            connections: store.clone(),
            secrets: Secrets::new(),
            queue: None,
            identity: provider.identity(),
            http: Http::new(Reach::Loopback),
            browser_keys: browser_keys(),
            token_keys: token_keys(),
            base_url: BaseUrl::new(BASE).unwrap(),
            clock: at(NOW),
            random: SystemRandom,
        };
        let (state, binding) =
            (State::new(&SystemRandom).unwrap(), BrowserBinding::new(&SystemRandom).unwrap());
        let session = |name| session(person(&provider.url, name), &callback.browser_keys, at(NOW));
        let mut names = vec![
            ("<state>", state.as_str().to_owned()),
            ("<flow>", kept(binding.set_cookie(&state))),
            ("<alice>", session("alice")),
            ("<bob>", session("bob")),
            ("<issuer>", provider.url.clone()),
        ];
        runtime.block_on(async {
            for name in ["notes", "files"] {
                store.put_target(&target(name, &provider.url)).await.unwrap();
            }
            let redirect_uri = callback.base_url.sign_in_redirect_uri();
            let sign_in =
                callback.identity.sign_in(&redirect_uri, false, &SystemRandom, at(NOW)).await;
            let (sign_in, url) = sign_in.unwrap();
            let asked =
                |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
            let claims = json!({ "aud": "browser", "nonce": asked("nonce"), "name": "<b>Alice" });
            *provider.grants.lock().unwrap() = json!({
                "access_token": "access-token",
                "refresh_token": "refresh-token",
                "token_type": "Bearer",
                "id_token": provider.jwt("alice", &claims),
            });
            names.push(("<sign-in-state>", asked("state")));
            let wanted = Wanted::Authorize { target: "notes".parse().unwrap(), ticket: None };
            let signing_in = SigningIn::new(sign_in, wanted, at(NOW));
            let cookie = signing_in.set_cookie(&callback.browser_keys).unwrap();
            names.push(("<signing-in>", kept(cookie)));
        });
        Self { callback, store, provider, state, binding, names, runtime }
    }

    /// Alice's consent, which waits for its answer again in each run.
    fn pending(&self) -> PendingAuthorization {
        PendingAuthorization {
            code_verifier: PkceCodeVerifier::new("v".repeat(43)),
            subject: person(&self.provider.url, "alice").subject.id(),
            target: "notes".parse().unwrap(),
            issuer: self.provider.url.clone(),
            iss_advertised: false,
            redirect_uri: format!("{BASE}/callback/notes"),
            resource: "https://mcp.example".to_owned().try_into().unwrap(),
            scopes: vec![],
            browser: self.binding.digest(),
            expires: at(NOW) + Duration::from_secs(600),
        }
    }
}
