//! U4, U6: whoever cannot prove who they are gets no token, and no link either.

use crate::support::keys::{Key, jwt, text};
use crate::world::{NOW, World, answered, event, forwarded, get_me, provider, said};
use aws_lc_rs::hmac;
use serde_json::{Value, json};

#[tokio::test]
async fn u4_a_jwt_of_either_algorithm_is_verified_and_forwarded() {
    let mut world = connected().await;
    for key in [Key::rs256("k2"), Key::es256("k3")] {
        world.idp.tell(|says| says.keys = vec![key.public()]);
        world.interceptor.identity = world.idp.provider();
        let output = world.call(&key.sign(&world.claims(&json!({}))), &get_me()).await;
        assert_eq!(forwarded(&output), Some("Bearer gho_alice"));
    }
}

#[tokio::test]
async fn u4_a_jwt_that_proves_nothing_gets_nothing() {
    let world = connected().await;
    let (key, claims) = (&world.idp.key, world.claims(&json!({})));
    let with = |changes: Value| world.jwt(&changes);
    let public = key.public();
    let hs256 = |secret: &[u8]| {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        jwt(&json!({ "alg": "HS256", "kid": "k1" }), &claims, |message| {
            hmac::sign(&secret, message).as_ref().to_vec()
        })
    };
    let without_exp = {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove("exp");
        key.sign(&claims)
    };
    let signed = key.sign(&claims);
    let (message, signature) = signed.rsplit_once('.').unwrap();
    let header = message.split_once('.').unwrap().0;
    let bobs = text(world.claims(&json!({ "sub": "bob" })).to_string());

    // What is remembered of the one that was signed is of no use to others.
    assert!(forwarded(&world.call(&signed, &get_me()).await).is_some());
    world.store.calls();
    for (what, jwt) in [
        ("expired", with(json!({ "exp": NOW - 60 }))),
        ("not yet valid", with(json!({ "nbf": NOW + 60 }))),
        ("without exp", without_exp),
        ("exp as text", with(json!({ "exp": (NOW + 3600).to_string() }))),
        ("another audience", with(json!({ "aud": "another" }))),
        ("no audience", with(json!({ "aud": null }))),
        ("another issuer", with(json!({ "iss": "https://evil.example" }))),
        ("nearly the issuer", with(json!({ "iss": format!("{}/", world.idp.issuer()) }))),
        ("nobody", with(json!({ "sub": null }))),
        ("a blank name", with(json!({ "sub": " " }))),
        ("a number for a name", with(json!({ "sub": 42 }))),
        ("a client", with(json!({ "sub": "desktop" }))),
        ("an app of Entra's", with(json!({ "idtyp": "app" }))),
        ("a machine of Auth0's", with(json!({ "sub": "x@clients" }))),
        ("alg none", jwt(&json!({ "alg": "none" }), &claims, |_| vec![])),
        ("HS256 with the public key", hs256(public.to_string().as_bytes())),
        ("HS256 with a coordinate", hs256(public["x"].as_str().unwrap().as_bytes())),
        ("a stranger's key of the same name", Key::es256("k1").sign(&claims)),
        ("a stranger's key", Key::es256("k9").sign(&claims)),
        ("another's claims", format!("{header}.{bobs}.{signature}")),
        ("no signature", format!("{message}.")),
        ("two parts", message.to_owned()),
        ("nothing", String::new()),
    ] {
        let output = world.call(&jwt, &get_me()).await;
        assert_eq!(answered(&output)["error"]["code"], -32603, "{what}: {output}");
        assert!(said(&output).starts_with("The connection broker cannot tell who"), "{what}");
        assert!(!output.to_string().contains("/authorize/"), "{what}: {output}");
    }
    assert!(forwarded(&world.call(&signed, &get_me()).await).is_some());
    // None of them was looked up.
    assert_eq!(world.store.calls(), ["find_connection"]);
}

/// The gateway might read the other one.
#[tokio::test]
async fn u4_a_caller_has_one_authorization_its_name_in_any_case() {
    let world = connected().await;
    let bearer = format!("Bearer {}", world.jwt(&json!({})));
    let event = event(&bearer, &get_me()).to_string();
    let usual = format!(r#""authorization":"{bearer}""#);
    for (headers, is_read) in [
        (usual.clone(), true),
        (format!(r#""a":[{{}}],"AUTHORIZATION":"{bearer}","b":1"#), true),
        (format!(r#""authorizatio\u006e":"{bearer}""#), true),
        (format!(r#""Authorization":null,{usual}"#), true),
        (format!("{usual},{usual}"), false),
        (format!(r#""Authorization":"Bearer x",{usual}"#), false),
        (format!(r#"{usual},"Authorization":1"#), false),
        (r#""authorization":null"#.to_owned(), false),
        (String::new(), false),
    ] {
        let output = world.send(&event.replace(&usual, &headers)).await;
        let output = serde_json::from_str(&output).unwrap();
        assert_eq!(forwarded(&output).is_some(), is_read, "{headers}: {output}");
    }
}

/// A second gateway at the same function, with clients of its own, gains nothing.
#[tokio::test]
async fn u4_another_gateways_callers_are_not_ours() {
    let mut world = connected().await;
    world.interceptor.identity = provider(&world.idp, &[], &["desktop"]);
    assert!(forwarded(&world.alice_calls().await).is_some());
    let output = world.call(&world.jwt(&json!({ "client_id": "evil" })), &get_me()).await;
    assert!(said(&output).contains("another client holds it"), "{output}");

    world.interceptor.identity = provider(&world.idp, &["gateway"], &["desktop"]);
    assert!(forwarded(&world.alice_calls().await).is_some());
    let output = world.call(&world.jwt(&json!({ "aud": "another" })), &get_me()).await;
    assert!(said(&output).contains("another audience"), "{output}");

    world.interceptor.identity = provider(&world.idp, &[], &[]);
    assert!(forwarded(&world.alice_calls().await).is_none());
}

async fn connected() -> World {
    let world = World::new().await;
    world.connect("alice", &world.target("github").await, 3600).await;
    world
}
