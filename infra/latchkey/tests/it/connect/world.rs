//! An MCP server and its authorization server, whose every word can be changed, and an operator.

use crate::support::Place;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use broker::clock::SystemRandom;
use broker::target::{Endpoint, Target};
use http::{Method, StatusCode, Uri};
use latchkey::answer::Refusal;
use latchkey::connect::{Moment, Wish};
use latchkey::doctor::Diagnosis;
use latchkey::operator::{Access, Operator};
use latchkey::verdict::Verdict;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Barrier;

/// What the two servers say. `None` is 404.
pub(crate) struct Says {
    pub(crate) greeting: (u16, Value),
    pub(crate) challenge: String,
    pub(crate) location: Option<String>,
    pub(crate) resource: Option<Value>,
    pub(crate) server: Option<Value>,
    pub(crate) registration: (u16, Value),
    pub(crate) token: (u16, Value),
    /// Whether each registration is managed at an address of its own.
    pub(crate) distinct: bool,
    /// Registrations wait here until so many have come.
    pub(crate) meet: Option<Arc<Barrier>>,
    /// What was asked: method and path.
    pub(crate) asked: Vec<String>,
}

/// The servers, at one address each, and a data folder.
pub(crate) struct World {
    pub(crate) mcp: String,
    pub(crate) issuer: String,
    says: Arc<Mutex<Says>>,
    pub(crate) folder: PathBuf,
}

impl World {
    /// A server that can be connected by dynamic registration.
    pub(crate) async fn new() -> Self {
        let (mcp, server) = (Place::new().await, Place::new().await);
        let (mcp_url, issuer) = (mcp.url.clone(), server.url.clone());
        let says = Says {
            greeting: (401, json!({})),
            challenge: "Bearer scope=\"notes\"".to_owned(),
            location: None,
            resource: Some(json!({
                "resource": format!("{mcp_url}/mcp"),
                "authorization_servers": [issuer],
                "scopes_supported": ["notes"],
            })),
            server: Some(metadata(&issuer)),
            registration: (
                201,
                json!({ "client_id": "made", "client_secret": SECRET, "client_secret_expires_at": 0 }),
            ),
            token: (400, json!({ "error": "invalid_grant" })),
            distinct: false,
            meet: None,
            asked: Vec::new(),
        };
        let says = Arc::new(Mutex::new(says));
        for place in [mcp, server] {
            place.serve(Router::new().fallback(answer).with_state(Arc::clone(&says)));
        }
        Self { mcp: format!("{mcp_url}/mcp"), issuer, says, folder: folder() }
    }

    pub(crate) fn says(&self) -> MutexGuard<'_, Says> {
        self.says.lock().unwrap()
    }

    /// Changes the authorization server's metadata.
    pub(crate) fn server(&self, member: &str, value: Value) {
        change(self.says().server.as_mut().unwrap(), member, value);
    }

    /// Changes the MCP server's metadata.
    pub(crate) fn resource(&self, member: &str, value: Value) {
        change(self.says().resource.as_mut().unwrap(), member, value);
    }

    /// How often something was asked.
    pub(crate) fn times(&self, what: &str) -> usize {
        self.says().asked.iter().filter(|asked| asked.starts_with(what)).count()
    }

    pub(crate) fn wish(&self) -> Wish {
        Wish {
            endpoint: self.mcp.parse::<Endpoint>().unwrap(),
            name: "notes".parse().unwrap(),
            title: None,
            issuer: None,
            scopes: vec![],
            by_hand: None,
            strict: false,
            tools: None,
            dry_run: false,
        }
    }

    pub(crate) async fn operator(&self) -> Operator {
        Operator::open(&self.folder, Access::Change).await.unwrap()
    }

    pub(crate) async fn connect(&self, wish: &Wish) -> Result<Verdict, Refusal> {
        self.connect_at(wish, now()).await
    }

    pub(crate) async fn connect_at(
        &self,
        wish: &Wish,
        now: SystemTime,
    ) -> Result<Verdict, Refusal> {
        let access = if wish.dry_run { Access::Look } else { Access::Change };
        let operator = Operator::open(&self.folder, access).await.unwrap();
        let moment = Moment { now, random: &SystemRandom };
        let verdict = operator.connect(wish, moment, &mut |_| {}).await;
        operator.close().await;
        verdict
    }

    /// What the doctor says of the one target.
    pub(crate) async fn diagnosis(&self, now: SystemTime) -> Diagnosis {
        let operator = Operator::open(&self.folder, Access::Look).await.unwrap();
        let moment = Moment { now, random: &SystemRandom };
        let name = "notes".parse().unwrap();
        let mut examination = operator.examine(Some(&name), moment).await.unwrap();
        operator.close().await;
        examination.targets.remove(0)
    }

    /// The record.
    pub(crate) async fn target(&self) -> Option<Target> {
        use broker::store::TargetStore;
        let operator = Operator::open(&self.folder, Access::Look).await.unwrap();
        let target = operator.store.find_target(&"notes".parse().unwrap()).await.unwrap();
        operator.close().await;
        target
    }

    /// The secrets that are kept.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.folder.join("client-secrets")) else {
            return vec![];
        };
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn answer(
    State(says): State<Arc<Mutex<Says>>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> http::Response<String> {
    let path = uri.path();
    says.lock().unwrap().asked.push(format!("{method} {path}"));
    if path == "/register" {
        let meet = says.lock().unwrap().meet.clone();
        if let Some(meet) = meet {
            meet.wait().await;
        }
    }
    let mut response = http::Response::builder();
    let mut says = says.lock().unwrap();
    let found = |document: &Option<Value>| match document {
        Some(document) => (200, document.clone()),
        None => (404, json!({})),
    };
    let (status, body) = match (method.as_str(), path) {
        ("POST", "/mcp") => {
            response = response.header("www-authenticate", &says.challenge);
            if let Some(location) = &says.location {
                response = response.header("location", location);
            }
            says.greeting.clone()
        }
        ("GET", "/.well-known/oauth-protected-resource/mcp") => found(&says.resource),
        ("GET", "/.well-known/oauth-authorization-server") => found(&says.server),
        ("POST", "/register") => {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            let (status, mut made) = says.registration.clone();
            made["redirect_uris"] = asked["redirect_uris"].clone();
            if says.distinct {
                let uri = made["registration_client_uri"].as_str().unwrap();
                made["registration_client_uri"] = format!("{uri}/{}", says.asked.len()).into();
            }
            (status, made)
        }
        ("POST", "/token") => says.token.clone(),
        ("DELETE", path) if path.starts_with("/register/made") => (204, json!({})),
        _ => (404, json!({})),
    };
    says.asked.sort_unstable();
    let status = StatusCode::from_u16(status).unwrap();
    let response = response.status(status).header("content-type", "application/json");
    response.body(body.to_string()).unwrap()
}

/// What an authorization server says of itself.
pub(crate) fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "scopes_supported": ["notes", "offline_access"],
    })
}

fn change(document: &mut Value, member: &str, value: Value) {
    document[member] = value;
}

pub(crate) fn moment() -> Moment<'static> {
    Moment { now: now(), random: &SystemRandom }
}

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// A folder of its own, not made yet.
fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let name = format!("latchkey-connect-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

pub(crate) const SECRET: &str = "the secret of the client that was made";
pub(crate) const NOW: u64 = 1_800_000_000;
