//! D12: what a target needs was found when it was connected. A call does not wait for it.

use crate::support::server::{Server, json as answer};
use crate::world::{World, asks_to_connect, forwarded, target};
use serde_json::json;

#[tokio::test]
async fn d12_no_call_asks_for_what_was_found_when_the_target_was_connected() {
    let server = Server::start(async |_| {
        answer(200, r#"{"access_token":"gho_new","token_type":"Bearer","expires_in":3600}"#)
    })
    .await;
    let world = World::at_authorization_server(&server.url).await;
    // Whatever were asked of the MCP server or of its authorization server would be asked here.
    let github = target(
        &server.url,
        &json!({ "name": "github", "endpoint": format!("{}/mcp", server.url) }),
    );
    world.change_target(&github).await;

    asks_to_connect(&world.alice_calls().await);
    world.connect("alice", &github, 3600).await;
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"));
    world.connect("alice", &github, 0).await;
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new"));

    let asked: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/token"]);
}
