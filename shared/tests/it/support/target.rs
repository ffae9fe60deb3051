//! A target whose authorization server is on the loopback interface.

use broker::target::Target;
use serde_json::{Value, json};

/// The target `notes`, with these members in place of the usual ones.
pub(crate) fn target(authorization_server: &str, changes: &Value) -> Target {
    let mut target = json!({
        "name": "notes",
        "title": "Our Notes",
        "endpoint": "https://notes.example/mcp",
        // Without a path: a URL type would add a slash.
        "resource": "https://notes.example",
        "authorization_server": {
            "issuer": authorization_server,
            "authorization_endpoint": format!("{authorization_server}/authorize?tenant=a%2Fb"),
            "token_endpoint": format!("{authorization_server}/token"),
        },
        "client": { "client_id": "latchkey", "token_endpoint_auth_method": "none" },
        "scopes": ["notes:read", "notes:write"],
    });
    for (name, value) in changes.as_object().unwrap() {
        target[name] = value.clone();
    }
    serde_json::from_value(target).unwrap()
}
