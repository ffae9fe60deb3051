//! An authorization server's answer: taken once, checked in order, exchanged, connected.

use crate::support::browser::{FLOW, NOW, at, ends_cookie};
use crate::world::{BASE, QueueMood, VERIFIER, World, location, token_keys};
use broker::connection::Status;
use broker::queue::Message;
use broker::seal::KeyRing;
use broker::step_up::StepUp;
use broker::store::ConnectionStore;
use broker::target::SecretName;
use http::{Response, StatusCode};
use oauth2::ClientSecret;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const DONE: &str = "This step was done already";
const WRONG_PLACE: &str = "The answer came from the wrong place";
const SOMEBODY_ELSE: &str = "You are not signed in as the person who agreed";
const DISAGREED: &str = "The authorization server did not agree";

#[tokio::test]
async fn a11_a_good_answer_is_exchanged_once_and_connected_for_who_consented() {
    let world = World::new().await;
    let flow = world.consent().await;
    let path = format!("/callback/notes?code=the-code&state={}", flow.state);
    let cookies = [flow.cookie.as_str(), &world.signed_in("alice")];

    let answer = world.get(&path, &cookies).await;

    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&answer), "/connected/notes");
    assert!(ends_cookie(&answer, FLOW));
    assert_eq!(world.store.calls(), ["find_target", "take_pending", "connect", "widen"]);
    let [asked] = &world.server.asked()[..] else { panic!() };
    assert_eq!(asked.fields("code"), ["the-code"]);
    assert_eq!(asked.fields("code_verifier"), [VERIFIER]);
    assert_eq!(asked.fields("redirect_uri"), [format!("{BASE}/callback/notes")]);
    assert_eq!(asked.fields("resource"), ["https://notes.example"]);

    let target = world.change(&json!({})).await;
    let connection = world.connection().await.unwrap();
    let tokens = connection.open(&token_keys(), &world.alice(), &target).unwrap();
    assert_eq!(tokens.access.into_secret(), "a1");
    assert_eq!(tokens.refresh.unwrap().into_secret(), "r1");
    assert_eq!(tokens.scopes, ["notes:read"]);
    assert_eq!(connection.issuer, world.server.url);
    let browsers = KeyRing::for_browsers(&format!(r#"{{"1":"{}"}}"#, "t".repeat(64))).unwrap();
    assert!(connection.open(&browsers, &world.alice(), &target).is_err());
    let Status::Active { sealed, .. } = &connection.status else { panic!() };
    assert!(!sealed.0.windows(2).any(|bytes| bytes == b"a1" || bytes == b"r1"));

    let again = world.get(&path, &cookies).await;
    refused(&again, StatusCode::BAD_REQUEST, DONE);
    assert_eq!(world.server.asked().len(), 1);
    let page = world.get("/connected/notes", &[]).await;
    assert!(page.body().contains("Our Notes"));
}

/// Who was asked for what is wanted is not asked again; whatever else is wanted by now still is.
#[tokio::test]
async fn u5_a_wider_consent_takes_what_it_asked_for_off_the_list_and_keeps_the_count() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let connect = async |flow: &crate::world::Flow| {
        let path = format!("/callback/notes?code=the-code&state={}", flow.state);
        let answer = world.get(&path, &[&flow.cookie, &alice]).await;
        assert_eq!(location(&answer), "/connected/notes");
        world.store.calls();
    };
    connect(&world.consent().await).await;
    let history = |wanted: &[&str], widened: &[&str]| StepUp {
        wanted: set(wanted),
        widened: set(widened),
        attempts: set(&["x:1", "y:1"]),
    };
    let before = world.connection().await.unwrap();
    assert_eq!(before.step_up, StepUp::default());
    let more = history(&["mail:send", "admin", "notes:write"], &[]);
    assert!(world.store.step_up(&before, &more).await.unwrap());

    let asked = ["notes:read", "notes:write", "mail:send"];
    connect(&world.consent_for(false, &asked).await).await;
    assert_eq!(world.connection().await.unwrap().step_up, history(&["admin"], &["mail:send"]));

    // A consent that was begun before all that takes nothing off.
    connect(&world.consent().await).await;
    assert_eq!(world.connection().await.unwrap().step_up, history(&["admin"], &["mail:send"]));
}

#[tokio::test]
async fn u5_a_consent_that_is_not_written_down_is_a_connection_all_the_same() {
    let world = World::new().await;
    let flow = world.consent().await;
    world.store.breaks("widen");
    let path = format!("/callback/notes?code=the-code&state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;
    assert_eq!(location(&answer), "/connected/notes");
    assert!(world.connection().await.unwrap().is_active());
}

/// What an MCP server wants and its authorization server does not know must lock nobody out.
#[tokio::test]
async fn u5_a_scope_that_is_not_granted_is_asked_for_once() {
    for at_token_endpoint in [false, true] {
        let world = World::new().await;
        let alice = world.signed_in("alice");
        let flow = world.consent().await;
        let path = format!("/callback/notes?code=c&state={}", flow.state);
        assert_eq!(location(&world.get(&path, &[&flow.cookie, &alice]).await), "/connected/notes");
        let before = world.connection().await.unwrap();
        wants(&world, &["bogus", "admin", "notes:write"], &["mail:send"]).await;

        let flow = world.consent_for(false, &["notes:read", "mail:send", "bogus"]).await;
        world.tokens(400, json!({ "error": "invalid_scope", "error_description": "to-find" }));
        let says = if at_token_endpoint { "code=c" } else { "error=invalid_scope" };
        let path = format!("/callback/notes?{says}&state={}&error_uri=to-find", flow.state);
        let answer = world.get(&path, &[&flow.cookie, &alice]).await;

        refused(&answer, StatusCode::BAD_REQUEST, "does not grant what this server needs");
        assert!(answer.body().contains("what was refused will not be asked for"));
        assert!(!answer.body().contains("to-find") && !answer.body().contains("bogus"));
        assert!(ends_cookie(&answer, FLOW));
        let connection = world.connection().await.unwrap();
        // What is the target's own is asked for anyway, and what came after was not refused.
        let left = StepUp { wanted: set(&["admin", "notes:write"]), ..StepUp::default() };
        assert_eq!(connection.step_up, StepUp { attempts: set(&["x:1"]), ..left });
        assert_eq!(connection.status, before.status, "what works still works");
        spent(&world, &flow, &alice).await;
    }
}

/// Whoever is not believed takes nothing off; nor does an answer about another server.
#[tokio::test]
async fn u5_a7_a8_a9_a_refusal_of_scopes_is_believed_after_every_check_only() {
    let mut world = World::new().await;
    let (alice, bob) = (world.signed_in("alice"), world.signed_in("bob"));
    let flow = world.consent().await;
    let path = format!("/callback/notes?code=c&state={}", flow.state);
    world.get(&path, &[&flow.cookie, &alice]).await;
    wants(&world, &["bogus"], &["mail:send"]).await;
    let history = world.connection().await.unwrap().step_up;
    let asked = ["notes:read", "bogus", "mail:send"];
    let elsewhere = json!({ "resource": "https://notes.example/" });
    let error = "error=invalid_scope";
    let wrong = "error=invalid_scope&iss=https%3A%2F%2Fevil.example";
    for (at_target, query, cookie, who, minutes, changes) in [
        ("notes", error, false, &alice, 0, json!({})),
        ("files", error, true, &alice, 0, json!({})),
        ("notes", error, true, &bob, 0, json!({})),
        ("notes", error, true, &alice, 10, json!({})),
        ("notes", wrong, true, &alice, 0, json!({})),
        ("notes", error, true, &alice, 0, elsewhere),
    ] {
        let flow = world.consent_for(false, &asked).await;
        world.change(&changes).await;
        world.callback.clock = at(NOW) + Duration::from_mins(minutes);
        let path = format!("/callback/{at_target}?{query}&state={}", flow.state);
        let cookies = if cookie { vec![flow.cookie.as_str(), who] } else { vec![who.as_str()] };
        let answer = world.get(&path, &cookies).await;
        assert!(answer.status().is_client_error(), "{}", answer.status());
        assert!(!answer.body().contains("does not grant"), "{}", answer.body());
        world.change(&json!({})).await;
        world.callback.clock = at(NOW);
        assert_eq!(world.connection().await.unwrap().step_up, history);
    }
}

#[tokio::test]
async fn u5_what_cannot_be_taken_off_is_no_promise() {
    let world = World::new().await;
    let flow = world.consent_for(false, &["notes:read", "bogus"]).await;
    world.store.breaks("narrow");
    let path = format!("/callback/notes?error=invalid_scope&state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;
    refused(&answer, StatusCode::SERVICE_UNAVAILABLE, "That did not work just now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_of_two_answers_at_once_one_is_exchanged() {
    let world = World::new().await;
    let flow = world.consent().await;
    let path = format!("/callback/notes?code=the-code&state={}", flow.state);
    let alice = world.signed_in("alice");
    let cookies = [flow.cookie.as_str(), &alice];
    let (one, two) = tokio::join!(world.get(&path, &cookies), world.get(&path, &cookies));
    let connected = [one, two].iter().filter(|a| location(a) == "/connected/notes").count();
    assert_eq!((connected, world.server.asked().len()), (1, 1));
}

#[tokio::test]
async fn a8_a9_a10_only_the_browser_the_person_and_the_address_that_asked_are_answered() {
    let mut world = World::new().await;
    let (alice, bob) = (world.signed_in("alice"), world.signed_in("bob"));
    let good = |flow: &crate::world::Flow| format!("code=the-code&state={}", flow.state);

    // Another browser comes first: nothing about the flow is told to it.
    let other = world.consent().await.cookie;
    let renamed = |flow: &crate::world::Flow| {
        let name = flow.cookie.split_once('=').unwrap().0.to_owned();
        format!("{name}={}", other.split_once('=').unwrap().1)
    };
    for who in [&alice, &bob, ""] {
        for path in ["notes", "files"] {
            for error in ["", "&error=access_denied&iss=https%3A%2F%2Fevil.example"] {
                let flow = world.consent().await;
                let path = format!("/callback/{path}?{}{error}", good(&flow));
                for cookies in [vec![who], vec![who, &other], vec![who, &renamed(&flow)]] {
                    let answer = world.get(&path, &cookies).await;
                    refused(&answer, StatusCode::BAD_REQUEST, DONE);
                }
                spent(&world, &flow, &alice).await;
            }
        }
    }

    // Then another address, another person, another time.
    let flow = world.consent().await;
    let path = format!("/callback/files?{}", good(&flow));
    let answer = world.get(&path, &[&flow.cookie, &bob]).await;
    refused(&answer, StatusCode::BAD_REQUEST, WRONG_PLACE);
    spent(&world, &flow, &alice).await;
    for who in [bob.as_str(), "", "__Host-latchkey-session=x"] {
        let flow = world.consent().await;
        let path = format!("/callback/notes?{}&iss=x", good(&flow));
        let answer = world.get(&path, &[&flow.cookie, who]).await;
        refused(&answer, StatusCode::FORBIDDEN, SOMEBODY_ELSE);
        assert!(!answer.body().contains("alice"));
        spent(&world, &flow, &alice).await;
    }
    let flow = world.consent().await;
    world.callback.clock = at(NOW) + Duration::from_mins(10);
    let path = format!("/callback/notes?{}&iss=x", good(&flow));
    let answer = world.get(&path, &[&flow.cookie, &alice]).await;
    refused(&answer, StatusCode::BAD_REQUEST, DONE);
    spent(&world, &flow, &alice).await;

    assert_eq!(world.server.asked().len(), 0);
    assert!(world.connection().await.is_none());
    let flow = world.consent().await;
    world.callback.clock = at(NOW) + Duration::from_secs(599);
    let path = format!("/callback/notes?{}", good(&flow));
    let answer = world.get(&path, &[&flow.cookie, &alice]).await;
    assert_eq!(location(&answer), "/connected/notes");
}

#[tokio::test]
async fn a7_every_row_of_the_iss_table() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let iss: String = url::form_urlencoded::byte_serialize(world.server.url.as_bytes()).collect();
    let rows = [
        (true, format!("&iss={iss}"), true),
        (true, String::new(), false),
        (true, "&iss=https%3A%2F%2Fevil.example".into(), false),
        (false, String::new(), true),
        (false, format!("&iss={iss}"), true),
        (false, format!("&iss={iss}%2F"), false),
        (false, format!("&iss={}", iss.replace("http", "HTTP")), false),
        (false, "&iss=https%3A%2F%2Fevil.example".into(), false),
        (false, "&iss=".into(), false),
    ];
    for (advertised, iss, good) in rows {
        for error in ["", "&error=access_denied&error_description=to-find"] {
            let flow = world.consent_to(advertised).await;
            let path = format!("/callback/notes?code=c&state={}{iss}{error}", flow.state);
            let before = world.server.asked().len();
            let answer = world.get(&path, &[&flow.cookie, &alice]).await;
            let exchanged = world.server.asked().len() - before;
            assert_eq!(exchanged, usize::from(good && error.is_empty()), "{advertised} {iss}");
            if good {
                let to = if error.is_empty() { "/connected/notes" } else { "/declined/notes" };
                assert_eq!(location(&answer), to, "{advertised} {iss}");
            } else {
                refused(&answer, StatusCode::BAD_REQUEST, WRONG_PLACE);
                spent(&world, &flow, &alice).await;
            }
            assert!(ends_cookie(&answer, FLOW));
        }
    }
}

#[tokio::test]
async fn a12_an_error_spends_the_state_and_none_of_its_words_are_shown() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let words = "error_description=%3Cscript%3Eto-find&error_uri=https%3A%2F%2Fto-find.example";
    for error in ["server_error", "invalid_scope", "to-find", ""] {
        let flow = world.consent().await;
        let query = format!("state={}&error={error}&{words}", flow.state);
        let answer = world.get(&format!("/callback/notes?{query}"), &[&flow.cookie, &alice]).await;
        refused(&answer, StatusCode::BAD_REQUEST, DISAGREED);
        assert!(!answer.body().contains("to-find"));
        assert!(ends_cookie(&answer, FLOW));
        spent(&world, &flow, &alice).await;
    }
    let flow = world.consent().await;
    let path = format!("/callback/notes?state={}&error=access_denied&code=c", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &alice]).await;
    assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, "/declined/notes"));
    assert!(ends_cookie(&answer, FLOW));
    spent(&world, &flow, &alice).await;
    let flow = world.consent().await;
    let path = format!("/callback/notes?state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &alice]).await;
    refused(&answer, StatusCode::BAD_REQUEST, DISAGREED);

    assert_eq!(world.server.asked().len(), 0);
    assert!(world.connection().await.is_none());
    assert!(world.get("/declined/notes", &[]).await.body().contains("Our Notes"));
}

#[tokio::test]
async fn what_is_no_answer_to_a_question_of_ours_is_refused() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let flow = world.consent().await;
    for (query, heading) in [
        (String::new(), DONE),
        ("code=c".into(), DONE),
        ("code=c&state=".into(), DONE),
        (format!("code=c&state={}x", flow.state), DONE),
        (format!("code=c&state={}%00", flow.state), DONE),
        (format!("code=c&state={}", "x".repeat(8000)), DONE),
        ("error=access_denied".into(), DONE),
        ("code=%ff&state=%ff".into(), DONE),
        (format!("code=c&code=d&state={}", flow.state), DISAGREED),
        (format!("code=c&state={0}&state={0}", flow.state), DISAGREED),
    ] {
        let path = format!("/callback/notes?{query}");
        let answer = world.get(&path, &[&flow.cookie, &alice]).await;
        refused(&answer, StatusCode::BAD_REQUEST, heading);
    }
    for path in [
        "/",
        "/callback",
        "/callback/",
        "/callback/nobody",
        "/callback/notes/",
        "/callback/%6eotes",
        "/callback/%ff",
        "/login",
        "/login/",
        "/login/notes",
        "/elsewhere/notes",
        "/connected/nobody",
        "/declined/..%2f",
    ] {
        let path = format!("{path}?code=c&state={}", flow.state);
        let answer = world.get(&path, &[&flow.cookie, &alice]).await;
        refused(&answer, StatusCode::NOT_FOUND, "There is nothing here");
    }
    // None of it was the answer that is waited for.
    let path = format!("/callback/notes?code=c&state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &alice]).await;
    assert_eq!(location(&answer), "/connected/notes");
}

#[tokio::test]
async fn u2_a_target_that_changed_meanwhile_is_not_what_was_consented_to() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let elsewhere = json!({
        "issuer": "https://other.example",
        "authorization_endpoint": "https://other.example/authorize",
        "token_endpoint": format!("{}/token", world.server.url),
    });
    let moved = json!({ "authorization_server": elsewhere });
    for changes in [json!({ "resource": "https://notes.example/" }), moved] {
        let flow = world.consent().await;
        world.change(&changes).await;
        let path = format!("/callback/notes?code=c&state={}", flow.state);
        let answer = world.get(&path, &[&flow.cookie, &alice]).await;
        refused(&answer, StatusCode::CONFLICT, "settings were changed meanwhile");
        assert!(ends_cookie(&answer, FLOW));
        world.change(&json!({})).await;
        spent(&world, &flow, &alice).await;
    }
    assert_eq!(world.server.asked().len(), 0);
}

#[tokio::test]
async fn t7_t8_a_code_that_is_not_exchanged_connects_nothing() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let bearer = |kind: &str| json!({ "access_token": "to-find", "token_type": kind });
    for (status, body, page) in [
        (400, json!({ "error": "invalid_grant", "error_description": "to-find" }), 400),
        (200, json!({ "error": "bad_verification_code" }), 400),
        (401, json!({ "error": "invalid_client" }), 500),
        (400, json!({ "error": "invalid_target" }), 500),
        (200, bearer("DPoP"), 500),
        (200, json!("to-find"), 503),
        (200, json!({ "token_type": "Bearer" }), 503),
        (302, json!({}), 503),
        (429, json!({ "error": "invalid_grant" }), 503),
        (500, json!("<html>to-find"), 503),
    ] {
        world.tokens(status, body.clone());
        let flow = world.consent().await;
        let path = format!("/callback/notes?code=to-find&state={}", flow.state);
        let before = world.server.asked().len();
        let answer = world.get(&path, &[&flow.cookie, &alice]).await;
        assert_eq!(answer.status().as_u16(), page, "{status} {body}");
        assert_eq!(world.server.asked().len() - before, 1, "a code is tried once");
        assert!(!answer.body().contains("to-find"));
        assert!(ends_cookie(&answer, FLOW), "{status} {body}: the flow is over");
        assert!(world.connection().await.is_none());
        spent(&world, &flow, &alice).await;
    }
}

#[tokio::test]
async fn t1_a_confidential_client_proves_itself_or_nothing_is_sent() {
    let mut world = World::new().await;
    let alice = world.signed_in("alice");
    let client = json!({ "client_id": "latchkey", "client_secret": "arn" });
    world.change(&json!({ "client": client })).await;
    let flow = world.consent().await;
    let path = format!("/callback/notes?code=c&state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &alice]).await;
    refused(&answer, StatusCode::INTERNAL_SERVER_ERROR, "This is our fault");
    assert_eq!(world.server.asked().len(), 0);

    let secret = ClientSecret::new("s".into());
    world.callback.secrets = [(SecretName("arn".into()), secret)].into();
    let flow = world.consent().await;
    let path = format!("/callback/notes?code=c&state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &alice]).await;
    assert_eq!(location(&answer), "/connected/notes");
    let basic = world.server.asked()[0].header("authorization").unwrap().to_owned();
    assert_eq!(basic, "Basic bGF0Y2hrZXk6cw==");
}

#[tokio::test]
async fn an_outage_is_a_page_that_says_to_try_again_and_connects_nothing() {
    for (verb, exchanged) in [("find_target", 0), ("take_pending", 0)] {
        let world = World::new().await;
        let flow = world.consent().await;
        world.store.breaks(verb);
        let path = format!("/callback/notes?code=c&state={}", flow.state);
        let answer = world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;
        refused(&answer, StatusCode::SERVICE_UNAVAILABLE, "That did not work just now");
        assert!(!answer.body().contains("told to"), "an internal error is shown");
        assert_eq!(world.server.asked().len(), exchanged, "{verb}");
        assert!(world.connection().await.is_none());
    }
}

/// They are the only copy: neither the code nor the person's consent can be used again.
#[tokio::test]
async fn u6_tokens_that_were_just_won_are_not_lost_by_a_store_that_stumbles() {
    for failures in 0..=3 {
        let world = World::new().await;
        let flow = world.consent().await;
        for _ in 0..failures {
            world.store.breaks("connect once");
        }
        let path = format!("/callback/notes?code=c&state={}", flow.state);
        let answer = world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;
        assert_eq!(location(&answer), "/connected/notes", "{failures}");
        let connects = world.store.calls().iter().filter(|verb| **verb == "connect").count();
        assert_eq!((connects, world.server.asked().len()), (failures + 1, 1));
        assert!(world.connection().await.unwrap().is_active());
    }
}

#[tokio::test]
async fn u6_a_store_that_stays_away_leaves_it_open_whether_it_connected() {
    let world = World::new().await;
    let flow = world.consent().await;
    world.store.breaks("connect");
    let path = format!("/callback/notes?code=c&state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;
    refused(&answer, StatusCode::SERVICE_UNAVAILABLE, "That did not work just now");
    assert!(answer.body().contains("It is not known whether you are connected"));
    assert!(!answer.body().contains("Nothing was connected"), "nobody knows");
    assert!(!answer.body().contains("told to"), "an internal error is shown");
    assert!(ends_cookie(&answer, FLOW));
    assert_eq!(
        world.store.calls(),
        ["find_target", "take_pending", "connect", "connect", "connect", "connect"]
    );
    assert_eq!(world.server.asked().len(), 1);
}

#[tokio::test]
async fn a_consent_is_made_known_and_a_refusal_is_not() {
    let world = World::new().await;
    for code in ["code=c", "error=access_denied"] {
        let flow = world.consent().await;
        let path = format!("/callback/notes?{code}&state={}", flow.state);
        world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;
    }
    let message = Message { subject: world.alice(), target: "notes".parse().unwrap() };
    assert_eq!(world.queue.memory.take(), [message]);

    let flow = world.consent().await;
    world.store.breaks("connect");
    let path = format!("/callback/notes?code=c&state={}", flow.state);
    world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;
    assert_eq!(world.queue.memory.take(), [], "nobody knows whether it is connected");
}

#[tokio::test]
async fn a_queue_in_trouble_is_not_the_persons_business() {
    for mood in [QueueMood::Down, QueueMood::Full, QueueMood::Silent] {
        let world = World::new().await;
        *world.queue.mood.lock().unwrap() = mood;
        let flow = world.consent().await;
        let path = format!("/callback/notes?code=c&state={}", flow.state);
        let begun = Instant::now();

        let answer = world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;

        assert_eq!(location(&answer), "/connected/notes");
        assert!(world.connection().await.unwrap().is_active());
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

fn set(scopes: &[&str]) -> BTreeSet<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// An agent of Alice's, who is connected, needs more.
async fn wants(world: &World, wanted: &[&str], widened: &[&str]) {
    let more = StepUp { wanted: set(wanted), widened: set(widened), attempts: set(&["x:1"]) };
    let connection = world.connection().await.unwrap();
    assert!(world.store.step_up(&connection, &more).await.unwrap());
    world.store.calls();
}

#[track_caller]
fn refused(answer: &Response<String>, status: StatusCode, heading: &str) {
    assert_eq!(answer.status(), status, "{}", answer.body());
    assert!(answer.body().contains(heading), "{heading}: {}", answer.body());
    assert_eq!(location(answer), "");
}

/// A8: whatever came of it, the state is good for nothing any more.
async fn spent(world: &World, flow: &crate::world::Flow, alice: &str) {
    let before = world.server.asked().len();
    let path = format!("/callback/notes?code=c&state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, alice]).await;
    refused(&answer, StatusCode::BAD_REQUEST, DONE);
    assert_eq!(world.server.asked().len(), before);
}
