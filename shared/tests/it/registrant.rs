//! A plan, carried out once or not at all.

use crate::support::server::{Asked, Server, json};
use crate::support::store::FaultyStore;
use crate::support::target::target;
use axum::body::Body;
use broker::clock::SystemRandom;
use broker::config::BaseUrl;
use broker::discovery::authorization_server::ServerMetadata;
use broker::http::{Http, Reach};
use broker::memory::MemorySecrets;
use broker::oauth::assertion::SigningKey;
use broker::oauth::token::TokenError;
use broker::registration::{
    Applicant, EstablishError, Plan, Registrant, Registration, RegistrationError, Situation,
    Standing, StandingError, WithdrawError,
};
use broker::store::{ClientSecrets, SecretStore, StoreError, TargetStore};
use broker::target::{Client, ClientAuthentication, SecretName, Target, TargetName, Unusable, Way};
use http::Response;
use oauth2::ClientSecret;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: SystemTime = UNIX_EPOCH;

/// An operator's stores, and an authorization server that registers everybody.
struct World {
    store: FaultyStore,
    secrets: FaultySecrets,
    http: Http,
    server: Server,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| None).await
    }

    /// With a server that answers otherwise where `says` does.
    async fn with(
        says: impl Fn(&Asked) -> Option<Response<Body>> + Clone + Send + Sync + 'static,
    ) -> Self {
        let server = Server::start(move |asked: Asked| {
            let answer = says(&asked).unwrap_or_else(|| registrar(&asked));
            async { answer }
        })
        .await;
        let (store, secrets) = (FaultyStore::default(), FaultySecrets::default());
        Self { store, secrets, http: Http::new(Reach::Loopback), server }
    }

    fn metadata(&self) -> ServerMetadata {
        ServerMetadata {
            server: self.target(client()).authorization_server,
            registration_endpoint: Some(format!("{}/register", self.server.url).parse().unwrap()),
            client_id_metadata_document_supported: false,
            token_endpoint_auth_methods_supported: None,
            token_endpoint_auth_signing_alg_values_supported: None,
            scopes_supported: vec![],
            grant_types_supported: None,
        }
    }

    fn target(&self, client: Client) -> Target {
        Target { client, ..target(&self.server.url, &json!({})) }
    }

    fn registrant(&self) -> Registrant<'_, FaultyStore, FaultySecrets> {
        Registrant {
            http: &self.http,
            targets: &self.store,
            secrets: &self.secrets,
            secret_prefix: "ours/",
            random: &SystemRandom,
        }
    }

    fn plan(&self, known: Option<&Client>, refused: bool) -> Result<Plan, RegistrationError> {
        let (server, applicant) = (&self.metadata(), &us());
        Situation { server, applicant, known, refused, now: NOW }.plan(None)
    }

    async fn establish(
        &self,
        plan: &Plan,
        found: Option<&Target>,
    ) -> Result<Target, EstablishError> {
        let of = |client| self.target(client);
        self.registrant().establish(plan, &us(), found, &notes(), of).await
    }

    /// The ids of the clients that were ended, in order.
    fn ended(&self) -> Vec<String> {
        let asked = self.server.asked().into_iter();
        let mut ended: Vec<_> =
            asked.filter_map(|a| a.path.strip_prefix("/register/").map(str::to_owned)).collect();
        ended.sort();
        ended
    }
}

/// Clients are called after the time at which they came.
fn registrar(asked: &Asked) -> Response<Body> {
    static COUNT: Mutex<u32> = Mutex::new(0);
    if asked.path != "/register" {
        return Response::builder().status(204).body(Body::empty()).unwrap();
    }
    let mut count = COUNT.lock().unwrap();
    *count += 1;
    let members = json!({
        "client_id": format!("c{count}"),
        "client_secret": format!("s3cret-c{count}"),
        "client_secret_expires_at": 3600,
        "registration_client_uri": format!("http://{}/register/c{count}", asked.header("host").unwrap()),
        "registration_access_token": format!("s3cret-t{count}"),
    });
    json(201, &members)
}

#[derive(Default)]
struct FaultySecrets {
    memory: MemorySecrets,
    /// Names that end like this cannot be written.
    broken: Mutex<Option<&'static str>>,
    /// The next one cannot be removed.
    stuck: Mutex<bool>,
}

impl ClientSecrets for FaultySecrets {
    async fn client_secret(&self, name: &SecretName) -> Result<ClientSecret, StoreError> {
        self.memory.client_secret(name).await
    }
}

impl SecretStore for FaultySecrets {
    async fn put_secret(&self, name: &SecretName, secret: &ClientSecret) -> Result<(), StoreError> {
        if self.broken.lock().unwrap().is_some_and(|ending| name.0.ends_with(ending)) {
            return Err(StoreError::Unavailable("told to".into()));
        }
        self.memory.put_secret(name, secret).await
    }

    async fn remove_secret(&self, name: &SecretName) -> Result<(), StoreError> {
        if std::mem::take(&mut *self.stuck.lock().unwrap()) {
            return Err(StoreError::Unavailable("told to".into()));
        }
        self.memory.remove_secret(name).await
    }
}

#[tokio::test]
async fn r7_of_operators_who_connect_at_once_one_has_a_client_and_the_others_undo_theirs() {
    let world = World::new().await;
    let plan = world.plan(None, false).unwrap();
    let (a, b, c, d) = tokio::join!(
        world.establish(&plan, None),
        world.establish(&plan, None),
        world.establish(&plan, None),
        world.establish(&plan, None)
    );
    let (won, lost): (Vec<_>, Vec<_>) = [a, b, c, d].into_iter().partition(Result::is_ok);
    let [won] = <[_; 1]>::try_from(won).unwrap().map(Result::unwrap);
    for lost in lost {
        let why = lost.unwrap_err();
        assert!(matches!(why, EstablishError::Overtaken), "{why}");
        assert!(why.to_string().contains("somebody else changed this target"));
    }
    assert_eq!(world.store.find_target(&notes()).await.unwrap(), Some(won.clone()));
    assert_eq!(world.server.times("/register"), 4);
    assert_eq!(world.ended().len(), 3);
    assert!(!world.ended().contains(&won.client.client_id));
    let kept = [won.client.client_secret.unwrap(), won.client.management.unwrap()];
    assert_eq!(world.secrets.memory.names(), kept);
    let secret = world.secrets.client_secret(&kept[0]).await.unwrap().into_secret();
    assert_eq!(secret, format!("s3cret-{}", won.client.client_id), "it is another one's");
}

#[tokio::test]
async fn r7_who_has_a_client_registers_no_other() {
    let world = World::new().await;
    let first = world.establish(&world.plan(None, false).unwrap(), None).await.unwrap();
    let plan = world.plan(Some(&first.client), false).unwrap();
    assert!(matches!(plan, Plan::Keep(_)), "{plan}");
    let again = world.establish(&plan, Some(&first)).await.unwrap();
    assert_eq!((&again, world.server.times("/register")), (&first, 1));
    // What was kept meanwhile is not what was found.
    let theirs = Target { title: "Another".into(), ..first.clone() };
    world.store.put_target(&theirs).await.unwrap();
    let overtaken = world.establish(&plan, Some(&first)).await.unwrap_err();
    assert!(matches!(overtaken, EstablishError::Overtaken));
    assert_eq!(world.store.find_target(&notes()).await.unwrap(), Some(theirs));
    assert_eq!(world.secrets.memory.names().len(), 2);
}

#[tokio::test]
async fn r1_a_client_by_document_is_replaced_where_its_document_is_no_longer_taken() {
    let world = World::new().await;
    let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let documents = |methods: &[&str]| ServerMetadata {
        client_id_metadata_document_supported: true,
        token_endpoint_auth_methods_supported: list(methods),
        ..world.metadata()
    };
    let plan = |server: &ServerMetadata, known: Option<&Client>| {
        let applicant = &us();
        Situation { server, applicant, known, refused: false, now: NOW }.plan(None).unwrap()
    };
    let public = documents(&["none"]);
    let made = world.establish(&plan(&public, None), None).await.unwrap().client;
    assert_eq!(made.way, Way::Document);
    assert!(matches!(plan(&public, Some(&made)), Plan::Keep(_)));
    // It would do with a key, but does without.
    let both = documents(&["none", "private_key_jwt"]);
    assert!(matches!(plan(&both, Some(&made)), Plan::Keep(_)));
    assert!(matches!(plan(&documents(&["private_key_jwt"]), Some(&made)), Plan::Document(_)));
    assert!(matches!(plan(&world.metadata(), Some(&made)), Plan::Dynamic(_)));
}

#[tokio::test]
async fn r6_secrets_go_to_their_store_and_the_record_says_until_when_they_are_good() {
    let world = World::new().await;
    let made = world.establish(&world.plan(None, false).unwrap(), None).await.unwrap();
    let client = &made.client;
    assert_eq!((client.way, client.issuer.as_deref()), (Way::Dynamic, Some(&*world.server.url)));
    assert_eq!(client.client_secret_expires_at, Some(NOW + Duration::from_hours(1)));
    let record = serde_json::to_string(&made).unwrap();
    assert!(!record.contains("s3cret"), "{record}");
    for name in world.secrets.memory.names() {
        assert!(name.0.starts_with("ours/notes/"), "{name:?}");
    }
    let management = client.management.clone().unwrap();
    let kept = world.secrets.client_secret(&management).await.unwrap().into_secret();
    let uri = format!("{}/register/{}", world.server.url, client.client_id);
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["registration_client_uri"], uri);
    assert!(kept["registration_access_token"].as_str().unwrap().starts_with("s3cret-t"));
}

#[tokio::test]
async fn r7_a_client_that_cannot_be_kept_is_ended_at_once() {
    for secret in ["/registration", ""] {
        let world = World::new().await;
        *world.secrets.broken.lock().unwrap() = Some(secret);
        let plan = world.plan(None, false).unwrap();
        let failed = world.establish(&plan, None).await.unwrap_err();
        assert!(matches!(failed, EstablishError::Store(StoreError::Unavailable(_))), "{failed}");
        assert_eq!(world.ended().len(), 1);
        assert_eq!(world.secrets.memory.names(), []);
        assert_eq!(world.store.find_target(&notes()).await.unwrap(), None);
    }
}

/// Nobody knows whether it was written, or will be: a request may arrive long after its answer was
/// given up.
#[tokio::test]
async fn r7_a_client_that_may_be_in_use_is_left_alone_and_named() {
    for broken in [&["replace_target"] as &[_], &["replace_target", "find_target"]] {
        let world = World::new().await;
        for verb in broken {
            world.store.breaks(verb);
        }
        let plan = world.plan(None, false).unwrap();
        let unclear = world.establish(&plan, None).await.unwrap_err().to_string();
        assert!(world.ended().is_empty());
        assert_eq!(world.secrets.memory.names().len(), 2);
        assert!(unclear.contains(&world.server.url) && unclear.contains("client c"), "{unclear}");
    }
}

#[tokio::test]
async fn r7_a_client_whose_record_was_written_unnoticed_is_kept() {
    let world = World::new().await;
    let repeats = || *world.store.repeats.lock().unwrap() = true;
    repeats();
    let made = world.establish(&world.plan(None, false).unwrap(), None).await.unwrap();
    assert!(world.ended().is_empty());
    assert_eq!(world.secrets.memory.names().len(), 2);
    assert_eq!(world.store.find_target(&notes()).await.unwrap(), Some(made.clone()));

    repeats();
    let plan = world.plan(Some(&made.client), false).unwrap();
    let renamed = Target { title: "Renamed".into(), ..made.clone() };
    let of = |_| renamed.clone();
    let kept = world.registrant().establish(&plan, &us(), Some(&made), &notes(), of).await;
    assert_eq!(kept.unwrap(), renamed);
}

#[tokio::test]
async fn r7_a_client_whose_record_somebody_else_wrote_is_ended_in_spite_of_an_error() {
    let world = World::new().await;
    let other = world.target(client());
    world.store.put_target(&other).await.unwrap();
    world.store.breaks("replace_target");
    let overtaken = world.establish(&world.plan(None, false).unwrap(), None).await.unwrap_err();
    assert!(matches!(overtaken, EstablishError::Overtaken), "{overtaken}");
    assert_eq!((world.ended().len(), world.secrets.memory.names().len()), (1, 0));
}

#[tokio::test]
async fn r8_a_client_with_a_key_has_the_private_half_among_the_secrets_only() {
    let world = World::new().await;
    let list = |name: &str| Some(vec![name.to_owned()]);
    for document in [true, false] {
        let server = ServerMetadata {
            client_id_metadata_document_supported: document,
            token_endpoint_auth_methods_supported: list("private_key_jwt"),
            token_endpoint_auth_signing_alg_values_supported: list("ES256"),
            ..world.metadata()
        };
        let applicant = &us();
        let situation =
            Situation { server: &server, applicant, known: None, refused: false, now: NOW };
        let plan = situation.plan(None).unwrap();
        let says = world.store.find_target(&notes()).await.unwrap();
        let made = world.establish(&plan, says.as_ref()).await.unwrap().client;
        assert_eq!(made.way, if document { Way::Document } else { Way::Dynamic });
        if !document {
            // The registrar gave a secret and named no method.
            let asked = world.server.asked().pop().unwrap();
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            assert_eq!(body["jwks"]["keys"], json!([made.public_keys[0].jwk()]));
            assert_eq!(body["token_endpoint_auth_signing_alg"], "ES256");
        }
        assert_eq!(made.token_endpoint_auth_method, ClientAuthentication::PrivateKeyJwt);
        assert_eq!(made.client_secret_expires_at, None);
        let secret = made.secret(&world.secrets).await.unwrap().unwrap();
        let key = SigningKey::read(&secret).unwrap();
        assert_eq!(made.public_keys, [key.public().unwrap()]);
        let private: Value = serde_json::from_str(&secret.into_secret()).unwrap();
        let record = serde_json::to_string(&made).unwrap();
        assert!(!record.contains(private["d"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn r6_to_withdraw_ends_the_registration_and_removes_its_secrets() {
    let world = World::new().await;
    let made = world.establish(&world.plan(None, false).unwrap(), None).await.unwrap().client;
    world.registrant().withdraw(&made).await.unwrap();
    assert_eq!(world.ended(), [made.client_id.as_str()]);
    let asked = world.server.asked().pop().unwrap();
    assert!(asked.header("authorization").unwrap().starts_with("Bearer s3cret-t"));
    assert_eq!(world.secrets.memory.names(), []);
}

#[tokio::test]
async fn r6_to_withdraw_goes_on_after_an_error_and_tells_it() {
    let world = World::new().await;
    let made = world.establish(&world.plan(None, false).unwrap(), None).await.unwrap().client;
    *world.secrets.stuck.lock().unwrap() = true;
    let told = world.registrant().withdraw(&made).await.unwrap_err();
    assert!(matches!(told, WithdrawError::Store(StoreError::Unavailable(_))), "{told}");
    assert_eq!(world.ended(), [made.client_id.as_str()]);
    assert_eq!(world.secrets.memory.names(), [made.client_secret.unwrap()]);
}

#[tokio::test]
async fn r6_a_registration_that_is_gone_is_as_good_as_ended_and_one_that_stays_is_told() {
    for (status, ended) in
        [(404, true), (401, true), (410, true), (200, true), (403, false), (503, false)]
    {
        let world = World::with(move |asked| {
            asked.path.starts_with("/register/").then(|| json(status, "{}"))
        })
        .await;
        let made = world.establish(&world.plan(None, false).unwrap(), None).await.unwrap().client;
        let withdrawn = world.registrant().withdraw(&made).await;
        assert_eq!(withdrawn.is_ok(), ended, "{status}");
        // What could still end it is kept.
        let kept: Vec<_> = made.management.filter(|_| !ended).into_iter().collect();
        assert_eq!(world.secrets.memory.names(), kept);
    }
}

#[tokio::test]
async fn r4_a_registration_that_we_cannot_be_is_ended_at_once() {
    for unfit in [
        json!({ "token_endpoint_auth_method": "tls_client_auth" }),
        json!({ "redirect_uris": ["https://broker.example/callback"] }),
        json!({ "client_id": "" }),
        json!({ "client_secret": "" }),
        json!({ "client_secret": 7 }),
    ] {
        let world = World::with(move |asked| {
            let host = asked.header("host").unwrap();
            let mut members = json!({
                "client_id": "unfit",
                "client_secret": "s3cret",
                "token_endpoint_auth_method": "client_secret_basic",
                "registration_client_uri": format!("http://{host}/register/unfit"),
                "registration_access_token": "s3cret-t",
            });
            members.as_object_mut().unwrap().extend(unfit.as_object().unwrap().clone());
            (asked.path == "/register").then(|| json(201, &members))
        })
        .await;
        let plan = world.plan(None, false).unwrap();
        let error = world.establish(&plan, None).await.unwrap_err();
        assert!(matches!(error, EstablishError::Registration(_)), "{error}");
        assert_eq!(world.ended(), ["unfit"]);
        assert_eq!(world.secrets.memory.names(), []);
    }
}

#[tokio::test]
async fn r6_what_is_not_ours_to_end_is_left_alone() {
    let world = World::new().await;
    let theirs = SecretName("theirs/notes".into());
    world.secrets.put_secret(&theirs, &ClientSecret::new("s".into())).await.unwrap();
    let by_hand = Client { client_secret: Some(theirs.clone()), ..client() };
    world.registrant().withdraw(&by_hand).await.unwrap();
    assert_eq!(world.secrets.memory.names(), [theirs]);

    let unmanaged = Client { way: Way::Dynamic, ..client() };
    let told = world.registrant().withdraw(&unmanaged).await.unwrap_err();
    assert!(matches!(told, WithdrawError::Unmanaged));
    assert_eq!(world.server.asked().len(), 0);
}

#[tokio::test]
async fn t8_a_client_that_the_server_no_longer_knows_is_registered_anew_by_the_operator_only() {
    let world = World::with(|asked| {
        let refused = || json(401, r#"{"error":"invalid_client"}"#);
        (asked.path == "/token").then(refused)
    })
    .await;
    let first = world.establish(&world.plan(None, false).unwrap(), None).await.unwrap();
    let standing = world.registrant().standing(&first, NOW).await.unwrap();
    assert_eq!((standing, world.server.times("/token")), (Standing::Refused, 1));
    assert_eq!(world.server.times("/register"), 1, "to ask is not to register");

    let plan = world.plan(Some(&first.client), true).unwrap();
    assert!(matches!(plan, Plan::Dynamic(_)), "{plan}");
    let second = world.establish(&plan, Some(&first)).await.unwrap();
    assert_ne!(second.client.client_id, first.client.client_id);
    assert_ne!(second.client.client_secret, first.client.client_secret);
    assert!(world.ended().is_empty());
    world.registrant().withdraw(&first.client).await.unwrap();
    assert_eq!(world.ended(), [first.client.client_id.as_str()]);
    let left = [second.client.client_secret.unwrap(), second.client.management.unwrap()];
    assert_eq!(world.secrets.memory.names(), left);

    let by_hand = Client { way: Way::ByHand, ..first.client };
    let told = world.plan(Some(&by_hand), true).unwrap_err();
    assert!(matches!(told, RegistrationError::Stale(Unusable::Refused)), "{told}");
}

#[tokio::test]
async fn t8_a_servers_trouble_says_nothing_of_our_client() {
    let answered = async |status, body: &'static str| {
        let world =
            World::with(move |asked| (asked.path == "/token").then(|| json(status, body))).await;
        world.registrant().standing(&world.target(client()), NOW).await
    };
    assert_eq!(answered(400, r#"{"error":"invalid_grant"}"#).await.unwrap(), Standing::Good);
    assert_eq!(answered(400, r#"{"error":"invalid_scope"}"#).await.unwrap(), Standing::Unknown);
    for (status, body) in [(503, ""), (429, r#"{"error":"invalid_client"}"#), (200, "<html>")] {
        let unknown = answered(status, body).await.unwrap_err();
        assert!(matches!(unknown, StandingError::Token(TokenError::Unavailable(_))), "{unknown}");
    }
    let world = World::new().await;
    let elsewhere = Client { issuer: Some("https://another.example".into()), ..client() };
    let refused = world.registrant().standing(&world.target(elsewhere), NOW).await.unwrap_err();
    assert!(matches!(refused, StandingError::Token(TokenError::Misconfigured)));
    assert_eq!(world.server.asked().len(), 0);
}

#[tokio::test]
async fn r1_a_plan_says_what_would_be_done_and_does_nothing() {
    let world = World::new().await;
    let url = &world.server.url;
    let planned = world.plan(None, false).unwrap().to_string();
    assert_eq!(planned, format!("register at {url}/register (client_secret_basic)"));
    let (server, applicant) = (&world.metadata(), &us());
    let given = |issuer: &str| {
        let secret = Some(ClientSecret::new("s3cret".into()));
        let uri = &applicant.redirect_uri;
        let given = Registration::by_hand(issuer, "by-hand", secret, None, uri, server).unwrap();
        Situation { server, applicant, known: None, refused: false, now: NOW }.plan(Some(given))
    };
    let planned = given(url).unwrap().to_string();
    assert_eq!(planned, "use the client by-hand, registered by hand");
    let refused = given("https://another.example").unwrap_err();
    assert!(matches!(refused, RegistrationError::Stale(Unusable::AnotherIssuer)));
    assert_eq!(world.server.asked().len(), 0);
    assert_eq!((world.store.calls().len(), world.secrets.memory.names().len()), (0, 0));

    let written = world.establish(&given(url).unwrap(), None).await.unwrap().client;
    assert_eq!((written.way, &*written.client_id), (Way::ByHand, "by-hand"));
    let secret = written.secret(&world.secrets).await.unwrap().unwrap();
    assert_eq!(secret.into_secret(), "s3cret");
}

fn client() -> Client {
    serde_json::from_value(json!({ "client_id": "us", "token_endpoint_auth_method": "none" }))
        .unwrap()
}

fn notes() -> TargetName {
    "notes".parse().unwrap()
}

fn us() -> Applicant {
    Applicant::of(&BaseUrl::new("https://broker.example").unwrap(), &notes())
}
