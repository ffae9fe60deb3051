//! U6: what is large, deep or much is passed on or refused, and breaks nothing.

use crate::protocol::{REQUEST_OUTPUT, check};
use crate::world::{World, event, modern};
use serde_json::{Value, json};
use std::fmt::Write;

/// The gateway's own limit.
const SIX_MEGABYTES: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn a_body_as_large_as_the_gateway_allows_goes_on_byte_for_byte() {
    let world = connected().await;
    let (text, list) = ("a\\u00e9".repeat(SIX_MEGABYTES / 7), "[1],".repeat(SIX_MEGABYTES / 4));
    for arguments in [format!(r#"{{"text":"{text}"}}"#), format!("[{list}[2]]")] {
        let body = call(&arguments, "");
        let output = send(&world, &body).await;
        assert!(output.contains(r#""Authorization":"Bearer gho_alice""#));
        assert!(output.contains(&body), "not byte for byte");
    }
}

#[tokio::test]
async fn a_large_body_without_a_call_passes_and_a_large_question_is_asked() {
    let world = World::new().await;
    let text = "a".repeat(SIX_MEGABYTES);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":"{text}"}}"#);
    assert!(send(&world, &body).await.contains(&body));

    let meta = format!(r#","_meta":{}"#, modern());
    let output = send(&world, &call(&format!(r#"{{"text":"{text}"}}"#), &meta)).await;
    assert!(output.contains("input_required") && output.len() < 2000, "{}", output.len());
}

/// Depth is what a parser's stack pays for. What we read is refused when it is too deep; what we only
/// pass on may be as deep as it likes.
#[tokio::test]
async fn a_thousand_levels_are_refused_where_we_read_and_passed_on_where_we_do_not() {
    let world = connected().await;
    for levels in [1000, 100_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let deep = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            for refused in [
                call("{}", &format!(r#","_meta":{{"a":{deep}}}"#)),
                call("{}", &format!(r#","inputResponses":{{"a":{deep}}}"#)),
                call("{}", &format!(r#","requestState":{deep}"#)),
                call("{}", &format!(r#","uri":{deep}"#)),
                call("{}", "").replace("\"github___x\"", &deep),
                call("{}", "").replace("\"id\":1", &format!(r#""id":{deep}"#)),
                call("{}", "").replace("\"tools/call\"", &deep),
                format!("[{}]", call(&deep, "")),
                format!("[[{deep}]]"),
            ] {
                let output = send(&world, &refused).await;
                assert!(output.contains(r#""error":{"code":-3260"#), "{}", &output[..200]);
                assert!(!output.contains("gho_"));
            }
            for passed in [call(&deep, ""), call("{}", &format!(r#","unknown":{deep}"#))] {
                let output = send(&world, &passed).await;
                assert!(output.contains("gho_alice") && output.contains(&passed));
            }
            // Nobody but the gateway writes this part; even so.
            for event in [deep.clone(), format!(r#"{{"mcp":{deep}}}"#)] {
                assert!(world.send(&event).await.contains(r#""error":{"code":-32600"#));
            }
            let headers = format!(r#"{{"mcp":{{"gatewayRequest":{{"headers":{{"a":{deep}}}}}}}}}"#);
            let output = world.send(&headers).await;
            assert!(output.ends_with(r#""transformedGatewayRequest":{"body":{}}}}"#), "{output}");
        }
    }
}

#[tokio::test]
async fn many_members_and_long_names_are_only_many_and_long() {
    let world = connected().await;
    let mut many = String::new();
    for number in 0..50_000 {
        write!(many, r#","m{number}":{number}"#).unwrap();
    }
    let output = send(&world, &call("{}", &many)).await;
    assert!(output.contains("gho_alice") && output.contains("\"m49999\":49999"));

    let long = "a".repeat(1_000_000);
    for name in [format!("{long}___x"), format!("github___{long}"), long.clone(), "_".repeat(99)] {
        let body = call("{}", "").replace("github___x", &name);
        let output = send(&world, &body).await;
        assert_eq!(output.contains("gho_"), name.starts_with("github"), "{}", &name[..99]);
        assert!(output.contains(&body));
    }
    let state = call("{}", &format!(r#","requestState":"latchkey.{long}""#));
    assert!(send(&world, &state).await.contains("-32602"));
}

async fn connected() -> World {
    let world = World::new().await;
    world.connect("alice", &world.target("github").await, 3600).await;
    world
}

fn call(arguments: &str, more: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"github___x","arguments":{arguments}{more}}}}}"#
    )
}

async fn send(world: &World, body: &str) -> String {
    let authorization = format!("Bearer {}", world.jwt(&json!({})));
    let event = event(&authorization, &"BODY".into()).to_string().replace("\"BODY\"", body);
    let output = world.send(&event).await;
    if let Ok(output) = serde_json::from_str::<Value>(&output) {
        check(&REQUEST_OUTPUT, &output).unwrap();
    }
    output
}
