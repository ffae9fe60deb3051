use super::*;
use crate::clock::from_unix_seconds;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

fn part(jwt: &str, index: usize) -> Vec<u8> {
    seal::bytes(jwt.split('.').nth(index).unwrap()).unwrap()
}

fn json_part(jwt: &str, index: usize) -> Value {
    serde_json::from_slice(&part(jwt, index)).unwrap()
}

/// Whether `public`, as it is published, verifies `jwt`.
fn verifies(public: &PublicKey, jwt: &str) -> bool {
    let jwk = public.jwk();
    let half = |member: &str| seal::bytes(jwk[member].as_str().unwrap()).unwrap();
    let point = [vec![4], half("x"), half("y")].concat();
    let message = jwt.rsplit_once('.').unwrap().0;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(message.as_bytes(), &part(jwt, 2))
        .is_ok()
}

fn changed(secret: &ClientSecret, member: &str, value: Value) -> ClientSecret {
    let mut jwk: Value = serde_json::from_str(&secret.clone().into_secret()).unwrap();
    if value.is_null() {
        jwk.as_object_mut().unwrap().remove(member);
    } else {
        jwk[member] = value;
    }
    ClientSecret::new(jwk.to_string())
}

#[test]
fn t1_an_assertion_is_for_one_issuer_and_one_minute_and_verifies_with_the_published_key() {
    let (secret, public) = SigningKey::generate().unwrap();
    let key = SigningKey::read(&secret).unwrap();
    let now = from_unix_seconds(1_800_000_000);
    let jwt = key.assertion("https://b.example/client/n", "https://as.example", "j1", now).unwrap();
    assert_eq!(
        json_part(&jwt, 0),
        json!({ "alg": "ES256", "typ": "client-authentication+jwt", "kid": public.kid })
    );
    assert_eq!(
        json_part(&jwt, 1),
        json!({
            "iss": "https://b.example/client/n",
            "sub": "https://b.example/client/n",
            "aud": "https://as.example",
            "jti": "j1",
            "iat": 1_800_000_000,
            "exp": 1_800_000_060,
        })
    );
    assert!(verifies(&public, &jwt));
    assert!(!verifies(&SigningKey::generate().unwrap().1, &jwt));
}

#[test]
fn r8_a_key_that_is_not_whole_and_on_its_curve_signs_nothing() {
    let (secret, public) = SigningKey::generate().unwrap();
    assert_eq!(SigningKey::read(&secret).unwrap().public(), Some(public.clone()));
    let (other, _) = SigningKey::generate().unwrap();
    let other: Value = serde_json::from_str(&other.into_secret()).unwrap();
    for (member, value) in [
        ("kty", json!("RSA")),
        ("crv", json!("P-384")),
        ("d", json!(null)),
        ("d", json!("")),
        ("d", json!("AAAA")),
        ("d", json!("not base64url!")),
        ("x", json!(null)),
        ("x", other["x"].clone()),
        ("d", other["d"].clone()),
    ] {
        assert!(SigningKey::read(&changed(&secret, member, value)).is_err(), "{member}");
    }
    for text in ["", "s3cret", "{}", "-----BEGIN PRIVATE KEY-----"] {
        assert!(SigningKey::read(&ClientSecret::new(text.into())).is_err(), "{text}");
    }
}

#[test]
fn r8_a_key_is_named_as_its_owner_says_or_by_its_digest() {
    let (secret, public) = SigningKey::generate().unwrap();
    let kid = |secret: &ClientSecret| SigningKey::read(secret).unwrap().public().unwrap().kid;
    assert_eq!(kid(&changed(&secret, "kid", json!("mine"))), "mine");
    assert_eq!(kid(&changed(&secret, "kid", Value::Null)), public.kid);
    // The key and the digest of <https://www.rfc-editor.org/rfc/rfc9449#section-6.1>
    let members = r#"{"crv":"P-256","kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, members.as_bytes());
    assert_eq!(seal::text(digest.as_ref()), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let named = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, public.x, public.y);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, named.as_bytes());
    assert_eq!(seal::text(digest.as_ref()), public.kid);
}

#[test]
fn t10_a_key_prints_its_name_and_what_is_published_holds_no_secret() {
    let (secret, public) = SigningKey::generate().unwrap();
    let jwk: Value = serde_json::from_str(&secret.clone().into_secret()).unwrap();
    let d = jwk["d"].as_str().unwrap();
    let key = SigningKey::read(&secret).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey({})", public.kid));
    assert!(!format!("{secret:?}").contains(d));
    assert!(!public.jwk().to_string().contains(d) && public.jwk().get("d").is_none());
    // A record that holds a private key by mistake is not read, let alone published.
    let record = json!({ "kid": "k", "x": jwk["x"], "y": jwk["y"], "d": d });
    assert!(serde_json::from_value::<PublicKey>(record).is_err());
}
