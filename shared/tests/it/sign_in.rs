//! Browser sign-in: <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>

use crate::support::idp::Idp;
use crate::support::keys::Key;
use broker::clock::SystemRandom;
use broker::http::{Http, Reach};
use broker::identity::{IdentityError, IdentityProvider, IdentitySettings, Person, SignIn};
use broker::oauth::response::AuthorizationResponse;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: u64 = 1_800_000_000;
const CALLBACK: &str = "https://broker.example/login/callback";

#[tokio::test]
async fn w6_a_sign_in_asks_with_state_nonce_and_s256_all_new_each_time() {
    let idp = Idp::start(Key::es256("k1")).await;
    let (first, second) = (begin(&idp, false).await, begin(&idp, false).await);

    assert_eq!(first.asked["realm"], "people", "the endpoint's own query is kept");
    assert_eq!(first.asked["response_type"], "code");
    assert_eq!(first.asked["client_id"], "latch key");
    assert_eq!(first.asked["redirect_uri"], CALLBACK);
    assert_eq!(first.asked["code_challenge_method"], "S256");
    assert!(first.asked["scope"].split(' ').any(|scope| scope == "openid"));
    assert!(!first.asked.contains_key("prompt"));
    for fresh in ["state", "nonce", "code_challenge"] {
        assert_eq!(first.asked[fresh].len(), 43);
        assert_ne!(first.asked[fresh], second.asked[fresh]);
    }
    assert_eq!(begin(&idp, true).await.asked["prompt"], "login");
}

#[tokio::test]
async fn w6_a_person_is_who_the_id_token_says() {
    let idp = Idp::start(Key::rs256("k1")).await;
    let begun = begin(&idp, false).await;
    let verifier_digest = begun.asked["code_challenge"].clone();
    id_token(&idp, &begun, &json!({ "name": "Alice Example" }));

    let person = finish(&idp, begun, "").await.unwrap();

    let alice = broker::subject::Subject::new(idp.issuer(), vec!["alice".into()]).unwrap();
    assert_eq!(person.subject.id(), alice.id());
    assert_eq!(person.display_name, "Alice Example");
    let asked = idp.server.asked().into_iter().find(|asked| asked.path == "/token").unwrap();
    // `latch key:idp-s3cret:+%`, each part form-encoded first.
    let basic = "Basic bGF0Y2gra2V5OmlkcC1zM2NyZXQlM0ElMkIlMjU=";
    assert_eq!(asked.header("authorization"), Some(basic));
    assert_eq!(asked.fields("client_id"), [""; 0], "one authentication method per request");
    assert_eq!(asked.fields("grant_type"), ["authorization_code"]);
    assert_eq!(asked.fields("code"), ["the-code"]);
    assert_eq!(asked.fields("redirect_uri"), [CALLBACK]);
    assert_eq!(s256(&asked.fields("code_verifier")[0]), verifier_digest);
}

#[tokio::test]
async fn a_public_client_sends_its_id_in_the_body() {
    let idp = Idp::start(Key::es256("k1")).await;
    let settings = IdentitySettings { client_secret: None, ..idp.settings() };
    let provider = IdentityProvider::new(settings, Http::new(Reach::Loopback));
    let begun = begin(&idp, false).await;
    id_token(&idp, &begun, &json!({}));
    finish_at(&provider, begun, "").await.unwrap();
    let asked = idp.server.asked().into_iter().find(|asked| asked.path == "/token").unwrap();
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(asked.fields("client_id"), ["latch key"]);
}

#[tokio::test]
async fn w6_an_id_token_of_another_nonce_client_issuer_key_or_time_is_refused() {
    let idp = Idp::start(Key::es256("k1")).await;
    let faults = [
        json!({ "nonce": null }),
        json!({ "nonce": "" }),
        json!({ "nonce": "another" }),
        json!({ "nonce": ["n"] }),
        json!({ "aud": null }),
        json!({ "aud": "gateway" }),
        json!({ "aud": ["another"] }),
        json!({ "azp": "another" }),
        json!({ "aud": ["latch key", "another"], "azp": "another" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "iss": null }),
        json!({ "exp": NOW - 30 }),
        json!({ "exp": null }),
        json!({ "nbf": NOW + 31 }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "sub": "latch key", "azp": "latch key" }),
    ];
    for fault in faults {
        let begun = begin(&idp, false).await;
        id_token(&idp, &begun, &fault);
        rejected(&finish(&idp, begun, "").await, &fault.to_string());
    }

    let begun = begin(&idp, false).await;
    let forged = Key::es256("k1").sign(&claims(&idp, &begun, &json!({})));
    idp.tell(|says| says.token = (200, json!({ "id_token": forged })));
    rejected(&finish(&idp, begun, "").await, "another key");

    let begun = begin(&idp, false).await;
    id_token(&idp, &begun, &json!({ "aud": ["latch key", "another"], "azp": "latch key" }));
    assert!(finish(&idp, begun, "").await.is_ok());
}

#[tokio::test]
async fn w6_an_answer_of_another_browser_or_issuer_is_not_exchanged() {
    let idp = Idp::start(Key::es256("k1")).await;
    let iss: String = url::form_urlencoded::byte_serialize(idp.issuer().as_bytes()).collect();
    for query in ["", "state=", "state=another", "code=the-code&state=x", "error=access_denied"] {
        let begun = begin(&idp, false).await;
        id_token(&idp, &begun, &json!({}));
        let answer = AuthorizationResponse::parse(query).unwrap();
        let ended = idp.provider().finish(begun.sign_in, answer, CALLBACK, at(NOW)).await;
        rejected(&ended, query);
    }
    for more in [
        "&iss=https%3A%2F%2Fevil.example",
        &format!("&iss={iss}%2F"),
        "&iss=",
        "&error=server_error",
    ] {
        let begun = begin(&idp, false).await;
        id_token(&idp, &begun, &json!({}));
        rejected(&finish(&idp, begun, more).await, more);
    }
    idp.tell(|says| {
        says.metadata = json!({ "authorization_response_iss_parameter_supported": true });
    });
    let begun = begin(&idp, false).await;
    id_token(&idp, &begun, &json!({}));
    rejected(&finish(&idp, begun, "").await, "a promised iss is missing");
    assert_eq!(idp.server.times("/token"), 0);

    let begun = begin(&idp, false).await;
    id_token(&idp, &begun, &json!({}));
    assert!(finish(&idp, begun, &format!("&iss={iss}")).await.is_ok());
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_not_the_persons_fault() {
    let idp = Idp::start(Key::es256("k1")).await;
    for (status, unavailable) in [(400, false), (401, false), (429, true), (500, true), (503, true)]
    {
        let begun = begin(&idp, false).await;
        idp.tell(|says| says.token = (status, json!({ "error": "x", "note": "body-to-find" })));
        let error = finish(&idp, begun, "").await.unwrap_err();
        assert_eq!(
            matches!(error, IdentityError::Unavailable(_)),
            unavailable,
            "{status}: {error}"
        );
        assert!(!format!("{error} {error:?}").contains("body-to-find"));
    }
    for answer in [json!({}), json!([]), json!({ "id_token": 7 }), json!({ "id_token": "x.y.z" })] {
        let begun = begin(&idp, false).await;
        idp.tell(|says| says.token = (200, answer));
        rejected(&finish(&idp, begun, "").await, "no ID token");
    }
}

/// A person is the same subject by either token of theirs; a machine is none.
#[tokio::test]
async fn u4_providers_people_are_recognised_and_their_machines_refused() {
    let providers = [
        ("auth0", include_str!("claims/auth0.json")),
        ("cognito", include_str!("claims/cognito.json")),
        ("entra-v1", include_str!("claims/entra-v1.json")),
        ("entra-v2", include_str!("claims/entra-v2.json")),
        ("keycloak", include_str!("claims/keycloak.json")),
        ("okta", include_str!("claims/okta.json")),
    ];
    for (name, golden) in providers {
        let golden: Value = serde_json::from_str(golden).unwrap();
        let idp = Idp::start(Key::rs256("k1")).await;
        let list = |member: &str| serde_json::from_value(golden[member].clone()).unwrap();
        let settings = IdentitySettings {
            audiences: list("audiences"),
            clients: list("clients"),
            subject_claims: list("subject_claims"),
            ..idp.settings()
        };
        let provider = IdentityProvider::new(settings, Http::new(Reach::Loopback));
        let inbound = |claims: &Value| {
            let mut claims = claims.clone();
            claims["iss"] = idp.issuer().into();
            claims["exp"] = (NOW + 3600).into();
            format!("Bearer {}", idp.key.sign(&claims))
        };

        let caller = provider.caller(&inbound(&golden["access"]), at(NOW)).await;
        let begun = begin(&idp, false).await;
        id_token(&idp, &begun, &golden["id"]);
        let person = finish_at(&provider, begun, "").await.unwrap();
        assert_eq!(person.subject.id(), caller.unwrap().subject, "{name}");

        for machine in golden["machines"].as_array().unwrap() {
            let answer = provider.caller(&inbound(machine), at(NOW)).await;
            let machine_refused = matches!(
                answer,
                Err(IdentityError::Rejected("it speaks for a machine, not for a person"))
            );
            assert!(machine_refused, "{name}: {answer:?} for {machine}");
        }
    }
}

/// A sign-in under way and what the browser was sent to the provider with.
struct Begun {
    sign_in: SignIn,
    asked: BTreeMap<String, String>,
}

async fn begin(idp: &Idp, prompt_login: bool) -> Begun {
    let sign_in = idp.provider().sign_in(CALLBACK, prompt_login, &SystemRandom, at(NOW)).await;
    let (sign_in, url) = sign_in.unwrap();
    assert!(url.as_str().starts_with(&format!("{}/authorize?", idp.issuer())));
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let asked: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(asked.len(), pairs.len(), "a parameter is given twice");
    Begun { sign_in, asked }
}

async fn finish(idp: &Idp, begun: Begun, more: &str) -> Result<Person, IdentityError> {
    finish_at(&idp.provider(), begun, more).await
}

async fn finish_at(
    provider: &IdentityProvider,
    begun: Begun,
    more: &str,
) -> Result<Person, IdentityError> {
    let query = format!("code=the-code&state={}{more}", begun.asked["state"]);
    let answer = AuthorizationResponse::parse(&query).unwrap();
    provider.finish(begun.sign_in, answer, CALLBACK, at(NOW)).await
}

/// Makes the token endpoint answer with a good ID token, but for `changes`.
fn id_token(idp: &Idp, begun: &Begun, changes: &Value) {
    let token = idp.key.sign(&claims(idp, begun, changes));
    idp.tell(|says| says.token = (200, json!({ "access_token": "a", "id_token": token })));
}

fn claims(idp: &Idp, begun: &Begun, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": idp.issuer(),
        "sub": "alice",
        "aud": "latch key",
        "nonce": begun.asked["nonce"],
        "exp": NOW + 300,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn s256(verifier: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    crate::support::keys::text(digest(&SHA256, verifier.as_bytes()))
}

#[track_caller]
fn rejected(answer: &Result<Person, IdentityError>, what: &str) {
    assert!(matches!(answer, Err(IdentityError::Rejected(_))), "{what}: {answer:?}");
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}
