//! Whose connections these are, and what keeps them.

use broker::seal::KeyRing;
use broker::subject::{Subject, SubjectId};
use broker::target::Target;
use serde_json::json;
use std::sync::OnceLock;

/// Two people, by number.
pub(crate) type Key = usize;

pub(crate) fn subject(key: Key) -> SubjectId {
    static PEOPLE: OnceLock<[SubjectId; 2]> = OnceLock::new();
    PEOPLE.get_or_init(|| {
        ["alice", "bob"]
            .map(|name| Subject::new("https://idp.example", vec![name.into()]).unwrap().id())
    })[key]
}

pub(crate) fn key_of(subject: &SubjectId) -> Key {
    usize::from(*subject != self::subject(0))
}

pub(crate) fn ring() -> &'static KeyRing {
    static RING: OnceLock<KeyRing> = OnceLock::new();
    RING.get_or_init(|| KeyRing::for_tokens(&json!({ "1": "k".repeat(64) }).to_string()).unwrap())
}

pub(crate) fn target(punished: bool) -> Target {
    let replay = if punished { "punished" } else { "tolerated" };
    serde_json::from_value(json!({
        "name": "notes",
        "title": "Our Notes",
        "endpoint": "https://notes.example/mcp",
        "resource": "https://notes.example",
        "authorization_server": {
            "issuer": "https://as.example",
            "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token",
        },
        "client": { "client_id": "latchkey", "token_endpoint_auth_method": "none" },
        "quirks": { "replay": replay },
    }))
    .unwrap()
}
