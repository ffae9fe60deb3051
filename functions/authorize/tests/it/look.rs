//! `GET`: it shows, and changes nothing.

use crate::support::browser::{FLOW, NOW, SESSION, SIGN_IN, at, person, session, set_cookie};
use crate::world::{BASE, World, field, onward, query};
use broker::seal::KeyRing;
use http::{StatusCode, header};
use std::time::Duration;

#[tokio::test]
async fn w6_without_a_session_the_browser_signs_in_first() {
    let world = World::new().await;
    let answer = world.get("/authorize/notes", "").await;

    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let url = onward(&answer);
    assert!(url.as_str().starts_with(&format!("{}/authorize?", world.idp.issuer())));
    let asked = query(&url);
    assert_eq!(asked["redirect_uri"], format!("{BASE}/login/callback"));
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!((asked["state"].len(), asked["nonce"].len()), (43, 43));
    assert!(!asked.contains_key("prompt"));
    let cookie = set_cookie(&answer, SIGN_IN).unwrap();
    for told in [&asked["state"], &asked["nonce"], "notes"] {
        assert!(!cookie.contains(told), "the cookie is not sealed");
    }
    assert!(set_cookie(&answer, SESSION).is_none() && set_cookie(&answer, FLOW).is_none());
}

#[tokio::test]
async fn e11_to_look_changes_nothing() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let ticket = world.ticket("alice", "notes", at(NOW));
    for (cookie, read) in
        [("", &["find_target"][..]), (&alice, &["find_target", "find_connection"])]
    {
        for path in ["/authorize/notes".to_owned(), format!("/authorize/notes?ticket={ticket}")] {
            for method in ["GET", "HEAD"] {
                world.send(method, &path, &[("cookie", cookie)], vec![]).await;
                assert_eq!(world.store.calls(), read);
            }
        }
    }
    let page = world.get("/authorize/notes?decision=connect", &alice).await;
    assert!(page.headers().get(header::SET_COOKIE).is_none());
    assert_eq!(world.store.calls(), ["find_target", "find_connection"]);
}

#[tokio::test]
async fn e13_the_page_names_all_that_is_asked_and_offers_to_decline() {
    let world = World::new().await;
    let page = world.get("/authorize/notes", &world.signed_in("alice")).await;
    assert_eq!(page.status(), StatusCode::OK);
    for fact in [
        "Our Notes",
        "https://notes.example/mcp",
        "https://as.example",
        "notes:read",
        "notes:write",
        "https://broker.example/callback/notes",
        "alice@corp.example",
        world.idp.issuer().trim_start_matches("http://"),
    ] {
        assert!(page.body().contains(fact), "{fact}");
    }
    for button in [r#"name="decision" value="connect""#, r#"name="decision" value="decline""#] {
        assert!(page.body().contains(button), "{button}");
    }
    assert!(page.body().contains(r#"method="post" action="/authorize/notes""#));
    assert!(field(page.body(), "csrf").is_some() && field(page.body(), "ticket").is_none());
}

#[tokio::test]
async fn e11_a_ticket_is_good_for_its_target_and_half_an_hour() {
    let mut world = World::new().await;
    let alice = world.signed_in("alice");
    let ticket = world.ticket("alice", "notes", at(NOW));
    let path = format!("/authorize/notes?ticket={ticket}");

    let page = world.get(&path, &alice).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(field(page.body(), "ticket"), Some(ticket.clone()));
    let elsewhere = world.ticket("alice", "files", at(NOW));
    let mut bad = vec![elsewhere, "x".repeat(64), "%00".into(), String::new(), "x".repeat(9000)];
    bad.push(ticket[..63].to_owned());
    bad.push(format!("{ticket}A"));
    for bad in bad {
        for cookie in ["", alice.as_str()] {
            let answer = world.get(&format!("/authorize/notes?ticket={bad}"), cookie).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{bad}");
            assert!(answer.body().contains("This link cannot be used"));
            assert!(answer.headers().get(header::SET_COOKIE).is_none());
        }
    }

    world.authorize.clock = at(NOW) + Duration::from_mins(30);
    for cookie in ["", alice.as_str()] {
        let answer = world.get(&path, cookie).await;
        assert_eq!(answer.status(), StatusCode::GONE);
        assert!(answer.headers().get(header::SET_COOKIE).is_none());
    }
}

#[tokio::test]
async fn e12_a_ticket_for_somebody_else_is_refused_and_tells_nothing_of_them() {
    let world = World::new().await;
    let ticket = world.ticket("bob", "notes", at(NOW));
    let path = format!("/authorize/notes?ticket={ticket}");
    let answer = world.get(&path, &world.signed_in("alice")).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.body().contains("alice@corp.example"));
    assert!(!answer.body().contains("bob"));
    assert!(answer.body().contains(r#"name="decision" value="switch""#));
    assert!(!answer.body().contains(r#"value="connect""#));
    assert_eq!(world.get(&path, &world.signed_in("bob")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn e12_the_same_name_at_another_provider_is_somebody_else() {
    let world = World::new().await;
    let ticket = world.ticket("alice", "notes", at(NOW));
    let other = person("https://other.example", "alice");
    let cookie = session(other, &world.authorize.browser_keys, at(NOW));
    let answer = world.get(&format!("/authorize/notes?ticket={ticket}"), &cookie).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn w3_a_session_that_was_tampered_with_or_ended_is_none() {
    let mut world = World::new().await;
    let good = world.signed_in("alice");
    assert_eq!(world.get("/authorize/notes", &good).await.status(), StatusCode::OK);
    let among = format!("a=b; {good}; {SESSION}x=y");
    assert_eq!(world.get("/authorize/notes", &among).await.status(), StatusCode::OK);

    let value = good.split_once('=').unwrap().1;
    let mut changed = good.clone();
    let last = changed.pop().unwrap();
    changed.insert(changed.len() / 2, if last == 'A' { 'B' } else { 'A' });
    let signing_in = set_cookie(&world.get("/authorize/notes", "").await, SIGN_IN).unwrap();
    let other_ring = KeyRing::for_browsers(&format!(r#"{{"1":"{}"}}"#, "x".repeat(64))).unwrap();
    let alice = || person(world.idp.issuer(), "alice");
    for bad in [
        format!("{SESSION}="),
        format!("{SESSION}={}", &value[1..]),
        format!("{SESSION}=alice"),
        // A value sealed for another purpose is no session.
        format!("{SESSION}={}", signing_in.split_once('=').unwrap().1),
        format!("{SESSION}x={value}"),
        format!("latchkey-session={value}"),
        changed,
        session(alice(), &other_ring, at(NOW)),
        session(alice(), &world.authorize.browser_keys, at(NOW) - Duration::from_hours(1)),
    ] {
        let answer = world.get("/authorize/notes", &bad).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{bad}");
    }
    world.authorize.clock = at(NOW) + Duration::from_hours(1);
    assert_eq!(world.get("/authorize/notes", &good).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    for path in [
        "/",
        "/authorize",
        "/authorize/",
        "/authorize/nobody",
        "/authorize/notes/",
        "/authorize/notes/x",
        "/authorize//notes",
        "/authorize/..%2fnotes",
        "/authorize/%6eotes",
        "/authorize/%00",
        "/authorize/%ff%fe",
        "/authorize/%3Cscript%3E",
        "/authorize/notes%20",
        "/Authorize/notes",
        "/authorize/Notes",
    ] {
        for method in ["GET", "POST"] {
            let answer = world.send(method, path, &[("cookie", &alice)], vec![]).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
            assert!(answer.body().contains("There is nothing to connect here"));
        }
    }
    let long = format!("/authorize/{}", "a".repeat(101));
    assert_eq!(world.get(&long, &alice).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_parameter_that_is_given_twice_is_refused() {
    let world = World::new().await;
    let ticket = world.ticket("alice", "notes", at(NOW));
    let path = format!("/authorize/notes?ticket={ticket}&ticket={ticket}");
    for cookie in ["", &world.signed_in("alice")] {
        assert_eq!(world.get(&path, cookie).await.status(), StatusCode::BAD_REQUEST);
    }
    let path = format!("/authorize/notes?x=1&ticket={ticket}&x=2&%ff=%");
    let alice = world.signed_in("alice");
    assert_eq!(world.get(&path, &alice).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_outage_is_a_page_that_says_to_try_again() {
    let world = World::new().await;
    world.idp.tell(|says| says.down = true);
    let answer = world.get("/authorize/notes", "").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().get(header::SET_COOKIE).is_none());
    // Who is signed in already needs no identity provider.
    let alice = world.signed_in("alice");
    assert_eq!(world.get("/authorize/notes", &alice).await.status(), StatusCode::OK);

    world.store.breaks("find_target");
    let answer = world.get("/authorize/notes", &alice).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.body().contains("told to"), "an internal error is shown");
}
