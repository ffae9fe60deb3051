//! An identity provider on the loopback interface, as honest as a test wants it.

use super::keys::Key;
use super::server::{Server, json};
use axum::body::Body;
use broker::http::{Http, Reach};
use broker::identity::{IdentityProvider, IdentitySettings};
use http::Response;
use oauth2::ClientSecret;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub(crate) struct Idp {
    pub(crate) server: Server,
    pub(crate) key: Key,
    says: Arc<Mutex<Says>>,
}

/// What it says of itself, and at its token endpoint.
pub(crate) struct Says {
    /// It answers 503 and nothing else.
    pub(crate) down: bool,
    /// Its metadata, with these members in place of the right ones.
    pub(crate) metadata: Value,
    pub(crate) keys: Vec<Value>,
    /// The token endpoint's next answers.
    pub(crate) token: (u16, Value),
}

impl Idp {
    pub(crate) async fn start(key: Key) -> Self {
        let says = Arc::new(Mutex::new(Says {
            down: false,
            metadata: json!({}),
            keys: vec![key.public()],
            token: (400, json!({ "error": "invalid_grant" })),
        }));
        let told = Arc::clone(&says);
        let server = Server::start(move |asked| {
            let says = told.lock().unwrap();
            let host = asked.header("host").unwrap();
            let answer = answer(&says, &asked.path, &format!("http://{host}"));
            async { answer }
        })
        .await;
        Self { server, key, says }
    }

    pub(crate) fn tell(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.server.url
    }

    /// Whom we are at it: tokens for the audience `gateway` count.
    pub(crate) fn settings(&self) -> IdentitySettings {
        IdentitySettings {
            issuer: self.issuer().to_owned(),
            client_id: "latch key".to_owned(),
            client_secret: Some(ClientSecret::new("idp-s3cret:+%".to_owned())),
            audiences: vec!["gateway".to_owned()],
            clients: vec![],
            subject_claims: vec!["sub".to_owned()],
        }
    }

    /// Our side of it.
    pub(crate) fn provider(&self) -> IdentityProvider {
        IdentityProvider::new(self.settings(), Http::new(Reach::Loopback))
    }
}

fn answer(says: &Says, path: &str, url: &str) -> Response<Body> {
    if says.down {
        return json(503, "{}");
    }
    match path {
        "/.well-known/openid-configuration" => {
            let mut metadata = json!({
                "issuer": url,
                "authorization_endpoint": format!("{url}/authorize?realm=people"),
                "token_endpoint": format!("{url}/token"),
                "jwks_uri": format!("{url}/keys"),
            });
            for (name, value) in says.metadata.as_object().unwrap() {
                metadata[name] = value.clone();
            }
            json(200, &metadata)
        }
        "/keys" => json(200, &json!({ "keys": says.keys })),
        "/token" => json(says.token.0, &says.token.1),
        _ => json(404, "{}"),
    }
}
