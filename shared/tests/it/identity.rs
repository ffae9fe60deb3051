//! Inbound JWTs, through a real discovery and key set.

use crate::support::idp::Idp;
use crate::support::keys::{Key, jwt, text};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::http::{Http, Reach};
use broker::identity::{Caller, IdentityError, IdentityProvider, IdentitySettings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: u64 = 1_800_000_000;
const METADATA: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn u4_a_good_token_names_its_subject_and_its_client() {
    for key in [Key::rs256("k1"), Key::es256("k1")] {
        let idp = Idp::start(key).await;
        let claims = claims(&idp, &json!({ "client_id": "desktop" }));

        let caller = call(&idp.provider(), &idp.key.sign(&claims)).await.unwrap();

        assert_eq!(caller.subject, subject(&idp, &claims));
        assert_eq!(caller.client.as_deref(), Some("desktop"));
    }
}

#[tokio::test]
async fn the_scheme_is_bearer_in_any_case_and_nothing_else() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = idp.provider();
    let jwt = idp.key.sign(&claims(&idp, &json!({})));
    for good in [format!("bearer {jwt}"), format!(" BEARER  {jwt} ")] {
        assert!(provider.caller(&good, at(NOW)).await.is_ok(), "{good}");
    }
    for bad in [jwt.clone(), format!("Basic {jwt}"), format!("Bearer{jwt}"), "Bearer ".into()] {
        rejected(&provider.caller(&bad, at(NOW)).await);
    }
}

#[tokio::test]
async fn u4_a_token_counts_between_nbf_and_exp_give_or_take_half_a_minute() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = idp.provider();
    let with = |changes: Value| idp.key.sign(&claims(&idp, &changes));
    for good in [
        json!({ "exp": NOW - 29 }),
        json!({ "exp": NOW + 1, "nbf": NOW + 30 }),
        json!({ "exp": 1e15, "nbf": NOW }),
    ] {
        assert!(call(&provider, &with(good.clone())).await.is_ok(), "{good}");
    }
    for bad in [
        json!({ "exp": NOW - 30 }),
        json!({ "exp": 0 }),
        json!({ "exp": -1 }),
        json!({ "exp": null }),
        json!({ "exp": (NOW + 3600).to_string() }),
        json!({ "nbf": NOW + 31 }),
        json!({ "nbf": 1e300 }),
    ] {
        rejected(&call(&provider, &with(bad)).await);
    }
}

/// RFC 8725 §3.1: the algorithm is ours to choose, not the token's.
#[tokio::test]
async fn u4_no_token_is_believed_without_its_issuers_signature() {
    let idp = Idp::start(Key::rs256("k1")).await;
    let provider = idp.provider();
    let claims = claims(&idp, &json!({}));
    let good = idp.key.sign(&claims);
    assert!(call(&provider, &good).await.is_ok());

    for alg in ["none", "None", "nOnE"] {
        let header = json!({ "alg": alg, "kid": "k1" });
        rejected(&call(&provider, &jwt(&header, &claims, |_| vec![])).await);
    }
    let public = idp.key.public();
    let modulus = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
    for secret in [modulus, public["n"].as_str().unwrap().into(), public.to_string().into_bytes()] {
        let header = json!({ "alg": "HS256", "kid": "k1" });
        let sign = |message: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            hmac::sign(&key, message).as_ref().to_vec()
        };
        rejected(&call(&provider, &jwt(&header, &claims, sign)).await);
    }

    rejected(&call(&provider, &Key::rs256("k1").sign(&claims)).await);
    rejected(&call(&provider, &Key::es256("k1").sign(&claims)).await);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = text(claims_with(&claims, "sub", "bob").to_string());
    let header = good.split_once('.').unwrap().0;
    for forged in [
        format!("{header}.{other}.{signature}"),
        format!("{message}."),
        message.to_owned(),
        format!("{message}.{}", text("x".repeat(256))),
        format!("{good}.x"),
        String::new(),
        "..".to_owned(),
    ] {
        rejected(&call(&provider, &forged).await);
    }
}

#[tokio::test]
async fn u4_a_shared_secret_proves_nothing_even_if_the_key_set_holds_it() {
    let idp = Idp::start(Key::es256("k1")).await;
    let secret = [7; 32];
    idp.tell(|says| says.keys.push(json!({ "kty": "oct", "kid": "shared", "k": text(secret) })));
    let sign = |message: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::sign(&key, message).as_ref().to_vec()
    };
    for header in [json!({ "alg": "HS256", "kid": "shared" }), json!({ "alg": "HS256" })] {
        rejected(&call(&idp.provider(), &jwt(&header, &claims(&idp, &json!({})), sign)).await);
    }
}

/// RFC 7515 §4.1.11: who does not understand a critical extension must not accept the token.
#[tokio::test]
async fn a_critical_extension_that_we_do_not_know_is_refused() {
    let idp = Idp::start(Key::es256("k1")).await;
    let header = json!({ "alg": "ES256", "kid": "k1", "crit": ["exp"], "exp": 1 });
    let token = idp.key.sign_as(&header, &claims(&idp, &json!({})));
    rejected(&call(&idp.provider(), &token).await);
}

#[tokio::test]
async fn a_token_without_a_key_id_is_tried_with_the_keys_of_its_kind() {
    let idp = Idp::start(Key::es256("k1")).await;
    let other = Key::rs256("k2");
    idp.tell(|says| says.keys = vec![other.public(), idp.key.public()]);
    let claims = claims(&idp, &json!({}));
    let provider = idp.provider();

    let token = idp.key.sign_as(&json!({ "alg": "ES256" }), &claims);
    assert!(call(&provider, &token).await.is_ok());
    let stranger = Key::es256("k3").sign_as(&json!({ "alg": "ES256" }), &claims);
    rejected(&call(&provider, &stranger).await);
    assert_eq!(idp.server.times("/keys"), 1);
}

#[tokio::test]
async fn a_key_of_a_kind_that_we_do_not_know_spoils_no_other() {
    let idp = Idp::start(Key::es256("k1")).await;
    idp.tell(|says| {
        says.keys.insert(0, json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "new", "pub": "x" }));
        says.keys.insert(0, json!({ "kty": "RSA", "use": "enc", "kid": "enc", "n": "!", "e": "" }));
        says.keys.insert(0, json!("not even an object"));
    });
    assert!(call(&idp.provider(), &idp.key.sign(&claims(&idp, &json!({})))).await.is_ok());
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_in_half_a_minute_then_refused() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = idp.provider();
    provider.prepare(at(NOW)).await.unwrap();
    let made_up = Key::es256("made-up").sign(&claims(&idp, &json!({})));

    for (seconds, times) in [(29, 1), (30, 2), (31, 2), (59, 2), (60, 3)] {
        let answer = provider.caller(&format!("Bearer {made_up}"), at(NOW + seconds)).await;
        rejected(&answer);
        assert_eq!(idp.server.times("/keys"), times, "after {seconds} s");
    }
}

#[tokio::test]
async fn a_new_key_is_picked_up_and_a_withdrawn_one_dropped() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = idp.provider();
    let claims = claims(&idp, &json!({}));
    let old = format!("Bearer {}", idp.key.sign(&claims));
    assert!(provider.caller(&old, at(NOW)).await.is_ok());

    let new = Key::rs256("k2");
    idp.tell(|says| says.keys = vec![new.public()]);
    let token = format!("Bearer {}", new.sign(&claims));
    assert!(provider.caller(&token, at(NOW + 30)).await.is_ok());
    rejected(&provider.caller(&old, at(NOW + 60)).await);
}

#[tokio::test]
async fn a_withdrawn_key_is_good_for_an_hour_at_most() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = idp.provider();
    let token = idp.key.sign(&claims(&idp, &json!({ "exp": NOW + 10_000 })));
    let token = format!("Bearer {token}");
    assert!(provider.caller(&token, at(NOW)).await.is_ok());
    idp.tell(|says| says.keys.clear());
    assert!(provider.caller(&token, at(NOW + 3599)).await.is_ok());
    rejected(&provider.caller(&token, at(NOW + 3600)).await);
}

#[tokio::test]
async fn a_token_that_was_verified_before_expires_and_is_not_taken_for_another() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = idp.provider();
    let good = idp.key.sign(&claims(&idp, &json!({ "exp": NOW + 100, "nbf": NOW })));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let begun = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{begun}{}", &signature[1..]);
    let call =
        async |jwt: &str, seconds| provider.caller(&format!("Bearer {jwt}"), at(seconds)).await;
    for seconds in [NOW, NOW, NOW + 129] {
        assert!(call(&good, seconds).await.is_ok());
        rejected(&call(&forged, seconds).await);
    }
    for seconds in [NOW + 130, NOW - 31] {
        rejected(&call(&good, seconds).await);
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_used() {
    let idp = Idp::start(Key::es256("k1")).await;
    let slash = format!("{}/", idp.issuer());
    for other in ["https://evil.example", slash.as_str(), ""] {
        idp.tell(|says| says.metadata = json!({ "issuer": other }));
        let answer = call(&idp.provider(), &idp.key.sign(&claims(&idp, &json!({})))).await;
        assert!(matches!(answer, Err(IdentityError::AnotherIssuer)), "{answer:?}");
    }
    assert_eq!(idp.server.times("/keys"), 0);
}

#[tokio::test]
async fn an_issuer_with_a_final_slash_is_found_and_compared_with_it() {
    let idp = Idp::start(Key::es256("k1")).await;
    let slash = format!("{}/", idp.issuer());
    idp.tell(|says| says.metadata = json!({ "issuer": slash }));
    let settings = IdentitySettings { issuer: slash.clone(), ..idp.settings() };
    let provider = IdentityProvider::new(settings, Http::new(Reach::Loopback));
    let token = |iss: &str| idp.key.sign(&claims(&idp, &json!({ "iss": iss })));
    assert!(call(&provider, &token(&slash)).await.is_ok());
    rejected(&call(&provider, &token(idp.issuer())).await);
}

#[tokio::test]
async fn u4_a_token_for_another_audience_or_from_another_issuer_is_refused() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = idp.provider();
    let with = |changes: Value| idp.key.sign(&claims(&idp, &changes));
    for good in [json!("gateway"), json!(["other", "gateway"])] {
        assert!(call(&provider, &with(json!({ "aud": good }))).await.is_ok());
    }
    for bad in [
        json!(null),
        json!("other"),
        json!("Gateway"),
        json!("gateway "),
        json!([]),
        json!(["other"]),
        json!([["gateway"]]),
        json!({ "gateway": true }),
        json!(""),
    ] {
        rejected(&call(&provider, &with(json!({ "aud": bad }))).await);
    }
    for iss in [json!(null), json!("https://evil.example"), json!([idp.issuer()])] {
        rejected(&call(&provider, &with(json!({ "iss": iss }))).await);
    }
}

#[tokio::test]
async fn u4_clients_are_known_by_the_claim_that_their_provider_uses() {
    let idp = Idp::start(Key::es256("k1")).await;
    let admits = |audiences: &[&str], clients: &[&str]| {
        let own = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
        let (audiences, clients) = (own(audiences), own(clients));
        let settings = IdentitySettings { audiences, clients, ..idp.settings() };
        IdentityProvider::new(settings, Http::new(Reach::Loopback))
    };
    let with = |changes: Value| idp.key.sign(&claims(&idp, &changes));

    let by_client = admits(&[], &["desktop", "phone"]);
    for claim in ["client_id", "azp", "appid", "cid"] {
        let token = with(json!({ "aud": null, claim: "phone" }));
        assert!(call(&by_client, &token).await.is_ok(), "{claim}");
        rejected(&call(&by_client, &with(json!({ claim: "stranger" }))).await);
        rejected(&call(&by_client, &with(json!({ claim: ["phone"] }))).await);
    }
    rejected(&call(&by_client, &with(json!({}))).await);

    let by_both = admits(&["gateway"], &["desktop"]);
    assert!(call(&by_both, &with(json!({ "azp": "desktop" }))).await.is_ok());
    rejected(&call(&by_both, &with(json!({ "azp": "phone" }))).await);
    rejected(&call(&by_both, &with(json!({ "azp": "desktop", "aud": "other" }))).await);

    rejected(&call(&admits(&[], &[]), &with(json!({ "azp": "desktop" }))).await);
}

#[tokio::test]
async fn the_same_sub_at_another_issuer_is_somebody_else() {
    let (here, there) = (Idp::start(Key::es256("k1")).await, Idp::start(Key::es256("k1")).await);
    let of = |idp: &Idp| idp.key.sign(&claims(idp, &json!({})));
    let alice = call(&here.provider(), &of(&here)).await.unwrap().subject;
    assert_ne!(call(&there.provider(), &of(&there)).await.unwrap().subject, alice);
    rejected(&call(&here.provider(), &of(&there)).await);
}

#[tokio::test]
async fn a_subject_is_named_by_all_configured_claims_or_not_at_all() {
    let idp = Idp::start(Key::es256("k1")).await;
    let subject_claims = vec!["tid".to_owned(), "oid".to_owned()];
    let settings = IdentitySettings { subject_claims, ..idp.settings() };
    let provider = IdentityProvider::new(settings, Http::new(Reach::Loopback));
    let with = |changes: Value| idp.key.sign(&claims(&idp, &changes));
    let id = |caller: Caller| caller.subject;
    let alice = json!({ "tid": "t1", "oid": "o1", "sub": "pairwise-1" });
    let alice = id(call(&provider, &with(alice)).await.unwrap());

    let elsewhere = json!({ "tid": "t1", "oid": "o1", "sub": "pairwise-2" });
    assert_eq!(id(call(&provider, &with(elsewhere)).await.unwrap()), alice);
    for other in [("t2", "o1"), ("t1", "o2"), ("o1", "t1"), ("t1o", "1")] {
        let other = json!({ "tid": other.0, "oid": other.1 });
        assert_ne!(id(call(&provider, &with(other)).await.unwrap()), alice);
    }
    for nobody in [
        json!({ "tid": "t1" }),
        json!({ "oid": "o1" }),
        json!({ "tid": "t1", "oid": "" }),
        json!({ "tid": "t1", "oid": " " }),
        json!({ "tid": "t1", "oid": 7 }),
        json!({ "tid": "t1", "oid": ["o1"] }),
    ] {
        rejected(&call(&provider, &with(nobody)).await);
    }
    for nobody in [json!(null), json!(""), json!(42)] {
        rejected(&call(&idp.provider(), &with(json!({ "sub": nobody }))).await);
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_believed_for_a_day_and_not_asked_at_every_call() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = idp.provider();
    provider.prepare(at(NOW)).await.unwrap();
    idp.tell(|says| says.down = true);
    let token = idp.key.sign(&claims(&idp, &json!({ "exp": NOW + 1_000_000 })));
    let token = format!("Bearer {token}");

    for (seconds, asked) in [(3599, 1), (3600, 2), (3601, 2), (3629, 2), (3630, 3), (86_399, 4)] {
        assert!(provider.caller(&token, at(NOW + seconds)).await.is_ok(), "after {seconds} s");
        assert_eq!(idp.server.times(METADATA), asked, "after {seconds} s");
    }
    unavailable(&provider.caller(&token, at(NOW + 86_400)).await);

    idp.tell(|says| says.down = false);
    assert!(provider.caller(&token, at(NOW + 86_460)).await.is_ok());
}

#[tokio::test]
async fn nobody_is_identified_before_the_provider_was_read_once() {
    let idp = Idp::start(Key::es256("k1")).await;
    idp.tell(|says| says.down = true);
    let provider = idp.provider();
    let token = format!("Bearer {}", idp.key.sign(&claims(&idp, &json!({}))));
    unavailable(&provider.caller(&token, at(NOW)).await);
    assert!(matches!(provider.prepare(at(NOW)).await, Err(IdentityError::Unavailable(_))));
    idp.tell(|says| says.down = false);
    assert!(provider.caller(&token, at(NOW)).await.is_ok());
}

#[tokio::test]
async fn many_first_calls_read_the_provider_once() {
    let idp = Idp::start(Key::es256("k1")).await;
    let provider = Arc::new(idp.provider());
    let token = Arc::new(format!("Bearer {}", idp.key.sign(&claims(&idp, &json!({})))));
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (provider, token) = (Arc::clone(&provider), Arc::clone(&token));
            tokio::spawn(async move { provider.caller(&token, at(NOW)).await.is_ok() })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!((idp.server.times(METADATA), idp.server.times("/keys")), (1, 1));
}

#[tokio::test]
async fn t10_no_refusal_prints_the_token() {
    let idp = Idp::start(Key::es256("k1")).await;
    let token = Key::es256("k1").sign(&claims(&idp, &json!({ "sub": "a-name-to-find" })));
    let (_, payload) = token.split_once('.').unwrap();
    let error = call(&idp.provider(), &token).await.unwrap_err();
    let printed = format!("{error} {error:?}");
    assert!(!printed.contains(&payload[..40]) && !printed.contains("a-name"), "{printed}");
}

/// Claims of a token that is as it should be, with `changes`.
fn claims(idp: &Idp, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": idp.issuer(),
        "sub": "alice",
        "aud": "gateway",
        "iat": NOW - 10,
        "exp": NOW + 3600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn claims_with(claims: &Value, name: &str, value: &str) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

fn subject(idp: &Idp, claims: &Value) -> broker::subject::SubjectId {
    let name = claims["sub"].as_str().unwrap().to_owned();
    broker::subject::Subject::new(idp.issuer(), vec![name]).unwrap().id()
}

async fn call(provider: &IdentityProvider, jwt: &str) -> Result<Caller, IdentityError> {
    provider.caller(&format!("Bearer {jwt}"), at(NOW)).await
}

#[track_caller]
fn rejected(answer: &Result<Caller, IdentityError>) {
    assert!(matches!(answer, Err(IdentityError::Rejected(_))), "{answer:?}");
}

#[track_caller]
fn unavailable(answer: &Result<Caller, IdentityError>) {
    assert!(matches!(answer, Err(IdentityError::Unavailable(_))), "{answer:?}");
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}
