//! E6, E7, E8, E11: the rounds of one call, until its person has connected or its time is up.

use crate::world::{
    BASE, NOW, World, answered, asks_to_connect, at, event, forwarded, get_me, modern,
    modern_get_me, said,
};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn e7_a_person_who_takes_long_is_asked_once_and_told_the_same_link_in_the_end() {
    let world = World::new().await;
    tokio::time::pause();
    let first = call(&world, &modern_get_me()).await;
    let asked = &answered(&first)["result"];
    let link = asked["inputRequests"]["latchkey.connect"]["params"]["url"].as_str().unwrap();
    let mut state = asked["requestState"].clone();
    // Clients give up after ten calls.
    for number in 2..=10 {
        let before = tokio::time::Instant::now();
        let output = call(&world, &retry(&state, Some("accept"), number)).await;
        let held = before.elapsed();
        assert!((Duration::from_secs(6)..Duration::from_secs(8)).contains(&held), "{held:?}");
        let result = &answered(&output)["result"];
        assert_eq!(answered(&output)["id"], number);
        if number < 10 {
            assert_eq!(result["resultType"], "input_required");
            assert!(result.get("inputRequests").is_none(), "the person is asked twice");
            state = result["requestState"].clone();
        } else {
            assert_eq!(result["resultType"], "complete");
            assert!(said(&output).ends_with(link), "{output}");
        }
    }
}

#[tokio::test]
async fn e7_whenever_the_person_is_done_the_held_call_goes_on() {
    for seconds in [1, 8, 30, 59] {
        let world = World::new().await;
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        let mut state = ask(&world).await;
        let connects = async {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            world.connect("alice", &world.target("github").await, 36_000).await;
        };
        let agent = async {
            for number in 2.. {
                let output = call(&world, &retry(&state, Some("accept"), number)).await;
                if let Some(authorization) = forwarded(&output) {
                    return authorization.to_owned();
                }
                state = answered(&output)["result"]["requestState"].clone();
            }
            unreachable!()
        };
        let ((), authorization) = tokio::join!(connects, agent);
        assert_eq!(authorization, "Bearer gho_alice");
        let latest = Duration::from_secs(seconds) + Duration::from_millis(500);
        assert!(began.elapsed() <= latest, "{:?}", began.elapsed());
        tokio::time::resume();
    }
}

#[tokio::test]
async fn e7_what_a_person_connects_elsewhere_does_not_end_the_wait() {
    let world = World::new().await;
    let state = ask(&world).await;
    world.connect("alice", &world.target("files").await, 3600).await;
    world.connect("bob", &world.target("github").await, 3600).await;
    tokio::time::pause();
    let output = call(&world, &retry(&state, Some("accept"), 2)).await;
    assert_eq!(answered(&output)["result"]["resultType"], "input_required");
}

#[tokio::test]
async fn e8_no_is_heard_in_every_round_and_at_once() {
    for action in ["decline", "cancel"] {
        let world = World::new().await;
        tokio::time::pause();
        let state = ask(&world).await;
        let output = call(&world, &retry(&state, Some("accept"), 2)).await;
        let state = answered(&output)["result"]["requestState"].clone();
        let before = tokio::time::Instant::now();
        let output = call(&world, &retry(&state, Some(action), 3)).await;
        assert!(said(&output).contains("the user declined"), "{output}");
        assert!(!output.to_string().contains("/authorize/"), "{output}");
        assert_eq!(before.elapsed(), Duration::ZERO);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn e6_a_state_is_good_for_its_own_call_only() {
    let world = World::new().await;
    let deep = |leaf: &str| format!("{}{leaf}{}", "[".repeat(500), "]".repeat(500));
    let (deep_a, deep_b) = (deep("1"), deep("2"));
    // What the arguments are, and what is not the same.
    for (arguments, others) in [
        ("{}", vec!["null", "[]", r#"{"a":1}"#]),
        (r#"{"a":1,"b":[1,2]}"#, vec![r#"{"a":1,"b":[2,1]}"#, r#"{"a":"1","b":[1,2]}"#]),
        ("1e400", vec!["1e401", "null"]),
        (&deep_a, vec![&deep_b, "null"]),
    ] {
        let output = raw_call(&world, arguments, "").await;
        let state = answered(&output)["result"]["requestState"].as_str().unwrap().to_owned();
        let with_state = format!(r#","requestState":"{state}","inputResponses":{DECLINED}"#);
        assert!(said(&raw_call(&world, arguments, &with_state).await).contains("declined"));
        for other in others {
            let output = raw_call(&world, other, &with_state).await;
            assert_eq!(answered(&output)["error"]["code"], -32602, "{arguments} for {other}");
        }
    }
}

#[tokio::test]
async fn e6_members_in_another_order_are_the_same_call() {
    let world = World::new().await;
    let output = raw_call(&world, r#"{"a":{"x":1,"y":2},"b":[]}"#, "").await;
    let state = answered(&output)["result"]["requestState"].as_str().unwrap().to_owned();
    let with_state = format!(r#","requestState":"{state}","inputResponses":{DECLINED}"#);
    let output = raw_call(&world, "{ \"b\" : [],\n \"a\":{\"y\":2,\"x\":1}}", &with_state).await;
    assert!(said(&output).contains("declined"), "{output}");
}

#[tokio::test]
async fn e6_every_changed_character_of_a_state_is_noticed() {
    let world = World::new().await;
    world.connect("bob", &world.target("github").await, 3600).await;
    let state = ask(&world).await;
    let state = state.as_str().unwrap();
    let (prefix, sealed) = state.split_at("latchkey.".len());
    for at in 0..sealed.len() {
        let other = if &sealed[at..=at] == "A" { "B" } else { "A" };
        let forged = format!("{prefix}{}{other}{}", &sealed[..at], &sealed[at + 1..]);
        let output = call(&world, &retry(&forged.into(), Some("decline"), 2)).await;
        assert_eq!(answered(&output)["error"]["code"], -32602, "character {at}");
    }
    for cut in ["latchkey.", &state[..state.len() - 1], &state[..state.len() / 2]] {
        let output = call(&world, &retry(&cut.into(), Some("decline"), 2)).await;
        assert_eq!(answered(&output)["error"]["code"], -32602, "{cut}");
    }
    // Somebody who is connected cannot use another's state either.
    let bob = world.jwt(&json!({ "sub": "bob" }));
    let output = world.call(&bob, &retry(&state.into(), Some("accept"), 2)).await;
    assert_eq!(answered(&output)["error"]["code"], -32602);
}

#[tokio::test]
async fn e6_a_state_is_good_for_a_quarter_of_an_hour() {
    let world = World::new().await;
    let state = ask(&world).await;
    for (minutes, good) in [(14, true), (15, false), (60 * 24, false)] {
        world.interceptor.clock.set(at(NOW) + Duration::from_mins(minutes));
        let jwt = world.jwt(&json!({ "exp": NOW + 200_000 }));
        let output = world.call(&jwt, &retry(&state, Some("decline"), 2)).await;
        assert_eq!(said(&output).contains("declined"), good, "after {minutes} minutes: {output}");
    }
}

#[tokio::test]
async fn e11_a_link_holds_nothing_about_its_person_and_is_new_each_time() {
    let world = World::new().await;
    let mut links = vec![];
    for body in [get_me(), get_me(), modern_get_me()] {
        let output = call(&world, &body).await;
        asks_to_connect(&output);
        let text = answered(&output).to_string();
        let (_, rest) = text.split_once(&format!("{BASE}/authorize/github?ticket=")).unwrap();
        let ticket: String = rest.chars().take_while(|c| !"\" ".contains(*c)).collect();
        assert_eq!(ticket.len(), 64, "{text}");
        assert!(ticket.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert!(!text.contains("alice") && !text.contains(world.idp.issuer()), "{text}");
        links.push(ticket);
    }
    links.sort();
    links.dedup();
    assert_eq!(links.len(), 3);
}

#[tokio::test]
async fn e14_what_a_person_reads_names_the_server_and_nothing_else() {
    let world = World::new().await;
    let output = call(&world, &modern_get_me()).await;
    let asked = &answered(&output)["result"]["inputRequests"]["latchkey.connect"]["params"];
    assert_eq!(asked["message"], "Connect GitHub to continue.");
}

async fn ask(world: &World) -> Value {
    let output = call(world, &modern_get_me()).await;
    answered(&output)["result"]["requestState"].clone()
}

fn retry(state: &Value, action: Option<&str>, id: u64) -> Value {
    let mut call = modern_get_me();
    call["id"] = id.into();
    call["params"]["requestState"] = state.clone();
    if let Some(action) = action {
        call["params"]["inputResponses"] = json!({ "latchkey.connect": { "action": action } });
    }
    call
}

async fn call(world: &World, body: &Value) -> Value {
    world.call(&world.jwt(&json!({})), body).await
}

/// A call whose arguments are this very text, with more after its parameters.
async fn raw_call(world: &World, arguments: &str, more: &str) -> Value {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"github___x","arguments":{arguments},"_meta":{}{more}}}}}"#,
        modern()
    );
    let authorization = format!("Bearer {}", world.jwt(&json!({})));
    let event = event(&authorization, &"BODY".into()).to_string().replace("\"BODY\"", &body);
    serde_json::from_str(&world.send(&event).await).unwrap()
}

const DECLINED: &str = r#"{"latchkey.connect":{"action":"decline"}}"#;
