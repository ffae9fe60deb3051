//! Becoming a client: in which order, where, and for how long.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "it/support/server.rs"]
#[expect(dead_code, reason = "other tests ask for more")]
mod server;

use broker::config::BaseUrl;
use broker::discovery::authorization_server::ServerMetadata;
use broker::http::{Http, Reach};
use broker::oauth::assertion::SigningKey;
use broker::pending::PENDING_LIFETIME;
use broker::registration::{Applicant, Registration, RegistrationError, register};
use broker::target::{AuthorizationServer, ClientAuthentication, SecretName, Unusable, Way};
use oauth2::ClientSecret;
use serde_json::{Value, json};
use server::{Server, json as answer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: SystemTime = UNIX_EPOCH;
const REDIRECT_URI: &str = "https://broker.example/callback/notes";

/// An authorization server that registers everybody, for an hour.
async fn registrar() -> Server {
    Server::start(async |_| {
        let members = json!({
            "client_id": "dynamic",
            "client_secret": "s",
            "client_secret_expires_at": 3600,
        });
        answer(201, &members)
    })
    .await
}

fn metadata(at: &Server) -> ServerMetadata {
    let registration_endpoint = Some(format!("{}/register", at.url).parse().unwrap());
    ServerMetadata { registration_endpoint, ..without_registration() }
}

fn without_registration() -> ServerMetadata {
    ServerMetadata {
        server: AuthorizationServer {
            issuer: "https://as.example".into(),
            authorization_endpoint: "https://as.example/authorize".parse().unwrap(),
            token_endpoint: "https://as.example/token".parse().unwrap(),
            revocation_endpoint: None,
            authorization_response_iss_parameter_supported: false,
        },
        registration_endpoint: None,
        client_id_metadata_document_supported: true,
        token_endpoint_auth_methods_supported: None,
        token_endpoint_auth_signing_alg_values_supported: None,
        scopes_supported: vec![],
        grant_types_supported: None,
    }
}

fn us() -> Applicant {
    let base_url = BaseUrl::new("https://broker.example").unwrap();
    Applicant::of(&base_url, &"notes".parse().unwrap())
}

fn by_hand(server: &ServerMetadata) -> Registration {
    let secret = Some(ClientSecret::new("given".into()));
    Registration::by_hand(&server.server.issuer, "by-hand", secret, None, REDIRECT_URI, server)
        .unwrap()
}

async fn registered(
    server: &ServerMetadata,
    applicant: &Applicant,
    known: Option<Registration>,
) -> Result<Registration, RegistrationError> {
    register(&Http::new(Reach::Loopback), server, applicant, known, NOW).await
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn r1_what_an_operator_registered_comes_first() {
    let at = registrar().await;
    let server = metadata(&at);
    let ours = registered(&server, &us(), Some(by_hand(&server))).await.unwrap();
    assert_eq!((ours.way, &*ours.client_id), (Way::ByHand, "by-hand"));
    assert!(at.asked().is_empty());
}

#[tokio::test]
async fn r1_then_our_document() {
    let at = registrar().await;
    let ours = registered(&metadata(&at), &us(), None).await.unwrap();
    assert_eq!(ours.way, Way::Document);
    assert_eq!(ours.client_id, "https://broker.example/client/notes");
    assert_eq!((ours.method, ours.secret.is_none()), (ClientAuthentication::None, true));
    assert_eq!(ours.redirect_uri, REDIRECT_URI);
    assert!(at.asked().is_empty());
}

#[tokio::test]
async fn r1_r8_a_document_names_a_key_where_the_server_can_check_one() {
    use ClientAuthentication::{None as Public, PrivateKeyJwt};
    let methods = |methods: &[&str], algorithms: Option<&[&str]>| ServerMetadata {
        token_endpoint_auth_methods_supported: Some(list(methods)),
        token_endpoint_auth_signing_alg_values_supported: algorithms.map(list),
        ..without_registration()
    };
    let both = ["none", "private_key_jwt"];
    for (server, method) in [
        (methods(&both, None), PrivateKeyJwt),
        (methods(&both, Some(&["RS256", "ES256"])), PrivateKeyJwt),
        (methods(&both, Some(&["RS256"])), Public),
        (methods(&["private_key_jwt"], None), PrivateKeyJwt),
        (methods(&["none"], Some(&["ES256"])), Public),
    ] {
        let ours = registered(&server, &us(), None).await.unwrap();
        assert_eq!((ours.way, ours.method), (Way::Document, method));
        assert_eq!(ours.secret.is_some(), method == PrivateKeyJwt);
        assert_eq!(ours.public_keys.len(), usize::from(method == PrivateKeyJwt));
    }
    let neither = methods(&["private_key_jwt"], Some(&["RS256"]));
    let failed = registered(&neither, &us(), None).await.unwrap_err();
    assert!(matches!(failed, RegistrationError::ByHand { .. }), "{failed}");
}

#[test]
fn r1_a_client_made_by_hand_with_a_key_signs_and_one_with_a_password_does_not() {
    use ClientAuthentication::{ClientSecretBasic, PrivateKeyJwt};
    let server = ServerMetadata {
        token_endpoint_auth_methods_supported: Some(list(&[
            "client_secret_basic",
            "private_key_jwt",
        ])),
        ..without_registration()
    };
    let method = |secret: ClientSecret, method| {
        Registration::by_hand("i", "c", Some(secret), method, "r", &server)
            .map(|made| made.method)
            .ok()
    };
    let password = || ClientSecret::new("s".into());
    let key = || SigningKey::generate().unwrap().0;
    assert_eq!(method(key(), None), Some(PrivateKeyJwt));
    assert_eq!(method(password(), None), Some(ClientSecretBasic));
    // A key would be given away.
    assert_eq!(method(key(), Some(ClientSecretBasic)), None);
    assert_eq!(method(password(), Some(PrivateKeyJwt)), None);
}

#[tokio::test]
async fn r1_then_dynamic_registration() {
    let at = registrar().await;
    let understood = metadata(&at);
    let not_understood =
        ServerMetadata { client_id_metadata_document_supported: false, ..understood.clone() };
    let no_public_clients = ServerMetadata {
        token_endpoint_auth_methods_supported: Some(list(&["client_secret_basic"])),
        ..understood.clone()
    };
    let not_served = Applicant { document: None, ..us() };
    for (server, applicant) in
        [(&not_understood, &us()), (&no_public_clients, &us()), (&understood, &not_served)]
    {
        let ours = registered(server, applicant, None).await.unwrap();
        assert_eq!((ours.way, &*ours.client_id), (Way::Dynamic, "dynamic"));
        assert_eq!(ours.method, ClientAuthentication::ClientSecretBasic);
        assert_eq!(ours.issuer, "https://as.example");
    }
    let asked = at.asked().pop().unwrap();
    assert_eq!(asked.path, "/register");
    assert_eq!(asked.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body["redirect_uris"], json!([REDIRECT_URI]));
    assert_eq!(body["application_type"], "web");
}

#[tokio::test]
async fn r1_then_the_operator_is_told_what_to_do() {
    let server =
        ServerMetadata { client_id_metadata_document_supported: false, ..without_registration() };
    let told = registered(&server, &us(), None).await.unwrap_err().to_string();
    for needed in ["https://as.example", REDIRECT_URI, "refresh_token", "client_id"] {
        assert!(told.contains(needed), "{told}");
    }
}

#[tokio::test]
async fn r4_the_method_is_one_that_the_server_lists() {
    let at = registrar().await;
    for (listed, asked) in [
        (None, "client_secret_basic"),
        (Some(list(&["client_secret_post", "client_secret_basic"])), "client_secret_basic"),
        (Some(list(&["private_key_jwt", "client_secret_post", "none"])), "client_secret_post"),
        (Some(list(&["none", "private_key_jwt"])), "none"),
        (Some(list(&["tls_client_auth", "private_key_jwt"])), "private_key_jwt"),
    ] {
        let server =
            ServerMetadata { token_endpoint_auth_methods_supported: listed, ..metadata(&at) };
        registered(&server, &Applicant { document: None, ..us() }, None).await.unwrap();
        let body: Value = serde_json::from_str(&at.asked().pop().unwrap().body).unwrap();
        assert_eq!(body["token_endpoint_auth_method"], asked);
        assert_eq!(body.get("jwks").is_some(), asked == "private_key_jwt");
    }
    let before = at.asked().len();
    let server = ServerMetadata {
        token_endpoint_auth_methods_supported: Some(list(&["tls_client_auth"])),
        ..metadata(&at)
    };
    let failed = registered(&server, &us(), None).await.unwrap_err();
    assert!(matches!(failed, RegistrationError::NoMethod));
    assert_eq!(at.asked().len(), before);
}

#[test]
fn a_client_made_by_hand_proves_itself_as_the_server_likes() {
    use ClientAuthentication::{ClientSecretBasic, ClientSecretPost, None as Public};
    let server = |listed| ServerMetadata {
        token_endpoint_auth_methods_supported: listed,
        ..without_registration()
    };
    let method = |listed, secret: Option<&str>, method| {
        let secret = secret.map(|secret| ClientSecret::new(secret.into()));
        let made = Registration::by_hand("i", "c", secret, method, "r", &server(listed));
        made.map(|made| made.method).ok()
    };
    assert_eq!(method(None, Some("s"), None), Some(ClientSecretBasic));
    assert_eq!(method(None, None, None), Some(Public));
    assert_eq!(
        method(Some(list(&["client_secret_post", "none"])), Some("s"), None),
        Some(ClientSecretPost)
    );
    assert_eq!(method(Some(list(&["client_secret_post"])), None, None), Option::None);
    assert_eq!(method(Some(list(&["none"])), Some("s"), None), Option::None);
    // The operator knows better than the list.
    let post = Some(ClientSecretPost);
    assert_eq!(method(Some(list(&["client_secret_basic"])), Some("s"), post), post);
    assert_eq!(method(None, None, post), Option::None);
    assert_eq!(method(None, Some("s"), Some(Public)), Option::None);
}

#[tokio::test]
async fn r5_a_registration_is_good_at_its_own_issuer_only() {
    let at = registrar().await;
    let first = metadata(&at);
    let mut second = metadata(&at);
    second.server.issuer = "https://another.example".into();
    let dynamic = Applicant { document: None, ..us() };

    let ours = registered(&first, &dynamic, None).await.unwrap();
    assert_eq!(ours.usable("https://as.example", REDIRECT_URI, NOW), Ok(()));
    for issuer in ["https://another.example", "https://as.example/", "https://AS.example", ""] {
        assert_eq!(ours.usable(issuer, REDIRECT_URI, NOW), Err(Unusable::AnotherIssuer));
    }
    registered(&first, &dynamic, Some(ours.clone())).await.unwrap();
    assert_eq!(at.asked().len(), 1, "the one we have is used");
    let moved = registered(&second, &dynamic, Some(ours)).await.unwrap();
    assert_eq!(moved.issuer, "https://another.example");
    assert_eq!(at.asked().len(), 2, "another issuer makes another client");

    // A document is ours wherever it is understood.
    let ours = registered(&first, &us(), None).await.unwrap();
    let moved = registered(&second, &us(), Some(ours)).await.unwrap();
    assert_eq!(moved.way, Way::Document);
    assert_eq!(moved.issuer, "https://another.example");
}

#[tokio::test]
async fn r5_a_client_made_by_hand_is_not_replaced_behind_the_operators_back() {
    let at = registrar().await;
    let server = metadata(&at);
    let mut elsewhere = by_hand(&server);
    elsewhere.issuer = "https://another.example".into();
    let failed = registered(&server, &us(), Some(elsewhere)).await.unwrap_err();
    assert!(matches!(failed, RegistrationError::Stale(Unusable::AnotherIssuer)));
    assert!(at.asked().is_empty());
}

#[tokio::test]
async fn r5_another_redirect_uri_takes_another_client() {
    let at = registrar().await;
    let dynamic = Applicant { document: None, ..us() };
    let ours = registered(&metadata(&at), &dynamic, None).await.unwrap();
    let elsewhere = "https://broker.example/callback/files";
    let unusable = ours.usable("https://as.example", elsewhere, NOW);
    assert_eq!(unusable, Err(Unusable::AnotherRedirectUri));
}

#[tokio::test]
async fn r6_a_secret_that_is_about_to_expire_is_replaced() {
    let at = registrar().await;
    let server = metadata(&at);
    let dynamic = Applicant { document: None, ..us() };
    let ours = registered(&server, &dynamic, None).await.unwrap();
    assert_eq!(ours.expires_at, Some(NOW + Duration::from_hours(1)));

    let usable = |now| ours.usable("https://as.example", REDIRECT_URI, now);
    let last = NOW + Duration::from_hours(1) - PENDING_LIFETIME;
    assert_eq!(usable(last - Duration::from_secs(1)), Ok(()));
    assert_eq!(usable(last), Err(Unusable::Expired));

    let http = Http::new(Reach::Loopback);
    register(&http, &server, &dynamic, Some(ours.clone()), last).await.unwrap();
    assert_eq!(at.asked().len(), 2);
}

#[tokio::test]
async fn a_target_keeps_the_secrets_name_and_not_the_secret() {
    let at = registrar().await;
    let name = || SecretName("client/notes".into());
    let ours = registered(&metadata(&at), &us(), None).await.unwrap();
    assert_eq!(ours.client(name()).client_secret, None);
    let client = by_hand(&metadata(&at)).client(name());
    assert_eq!(client.client_secret, Some(name()));
    assert!(!serde_json::to_string(&client).unwrap().contains("given"));
}
