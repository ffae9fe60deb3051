//! An identity provider, and an authorization server, of one key on the loopback interface.

use crate::keys::Key;
use broker::http::{Http, Reach};
use broker::identity::{IdentityProvider, IdentitySettings};
use broker::seal::KeyRing;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub struct Provider {
    pub url: String,
    pub key: Arc<Key>,
    /// What its token endpoint gives for any code, if one is asked for at all.
    pub grants: Arc<Mutex<Value>>,
}

impl Provider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (key, grants) = (Arc::new(Key::es256("k1")), Arc::new(Mutex::new(json!({}))));
        let provider =
            Self { url: url.clone(), key: Arc::clone(&key), grants: Arc::clone(&grants) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (url, keys, grants) = (url.clone(), key.public(), Arc::clone(&grants));
                std::thread::spawn(move || answer(&stream, &url, &keys, &grants));
            }
        });
        provider
    }

    pub fn identity(&self) -> IdentityProvider {
        let settings = IdentitySettings {
            issuer: self.url.clone(),
            client_id: "browser".into(),
            client_secret: None,
            audiences: vec!["gateway".into()],
            clients: vec![],
            subject_claims: vec!["sub".into()],
        };
        IdentityProvider::new(settings, Http::new(Reach::Loopback))
    }

    /// A JWT that counts, for `name` and whatever these claims add.
    pub fn jwt(&self, name: &str, more: &Value) -> String {
        let mut claims =
            json!({ "iss": self.url, "sub": name, "aud": "gateway", "exp": 4_000_000_000_u64 });
        for (claim, value) in more.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        self.key.sign(&claims)
    }
}

/// Answers every request of one connection.
fn answer(mut stream: &TcpStream, url: &str, key: &Value, grants: &Mutex<Value>) -> Option<()> {
    let mut lines = BufReader::new(stream);
    loop {
        let (mut request, mut length) = (String::new(), 0);
        lines.read_line(&mut request).ok().filter(|read| *read > 0)?;
        loop {
            let mut header = String::new();
            lines.read_line(&mut header).ok().filter(|read| *read > 0)?;
            match header.trim().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().ok()?,
                Some(_) => {}
                None => break,
            }
        }
        lines.read_exact(&mut vec![0; length]).ok()?;
        let body = match request.split(' ').nth(1)? {
            "/keys" => json!({ "keys": [key] }),
            "/token" => grants.lock().unwrap().clone(),
            _ => json!({
                "issuer": url,
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "jwks_uri": format!("{url}/keys"),
            }),
        };
        let body = body.to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).ok()?;
    }
}

pub fn ring() -> String {
    format!(r#"{{"1":"{}"}}"#, "k".repeat(64))
}

pub fn token_keys() -> KeyRing {
    KeyRing::for_tokens(&ring()).unwrap()
}

pub fn browser_keys() -> KeyRing {
    KeyRing::for_browsers(&ring()).unwrap()
}

pub fn target(name: &str, authorization_server: &str) -> broker::target::Target {
    serde_json::from_value(json!({
        "name": name,
        "title": "<b>Notes</b>",
        "endpoint": "https://mcp.example/mcp",
        "resource": "https://mcp.example",
        "authorization_server": {
            "issuer": authorization_server,
            "authorization_endpoint": format!("{authorization_server}/authorize"),
            "token_endpoint": format!("{authorization_server}/token"),
        },
        "client": { "client_id": "broker", "token_endpoint_auth_method": "none" },
    }))
    .unwrap()
}

pub const BASE: &str = "https://broker.example";
