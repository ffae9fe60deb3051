//! `latchkey story`: one tool call, from "please connect" to its answer, told in the terminal.
//!
//! It is an MCP 2026-07-28 client of the gateway and sees what every such client sees. The person
//! clicks in the browser; nothing is clicked for them.

use crate::demo::Person;
use crate::gateway::{Outbound, whole};
use crate::local::Demo;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// Tells the story of `person` at the gateway `url`.
pub async fn tell(url: &str, person: Person, open_browser: bool) -> Result<(), Error> {
    let client = Client { outbound: Outbound::new(), url };
    let token = client.token(person).await?;
    say(1, "An agent that works for you has your token for the gateway, and calls a tool.");
    println!("     tools/call {TOOL}");
    let mut round = client.call(&token, &Map::new()).await?;
    if let Some(link) = link(&round) {
        say(
            2,
            "The gateway asked Latchkey. You have not connected the server, so the agent is told to ask you:",
        );
        println!("     {link}");
        say(3, "Open it, sign in as the same person, and agree.");
        if open_browser {
            open(link);
        }
        round = client.wait(&token, round).await?;
        say(4, "You agreed, and the call that waited went on with a token of your own:");
    } else {
        say(2, "You connected the server before: the call went through at once.");
    }
    println!("     {}", answer(&round)?);
    let started = Instant::now();
    let again = client.call(&token, &Map::new()).await?;
    answer(&again)?;
    println!();
    println!(
        "Every further call goes straight through: this one took {} ms.",
        started.elapsed().as_millis()
    );
    println!(
        "Your token lies sealed in the table; neither agent nor gateway configuration holds it."
    );
    Ok(())
}

struct Client<'a> {
    outbound: Outbound,
    url: &'a str,
}

impl Client<'_> {
    /// The demo identity provider's shortcut for terminals.
    async fn token(&self, person: Person) -> Result<String, Error> {
        let form = serde_json::to_value(person)?;
        let form = format!("person={}", form.as_str().unwrap_or_default());
        let request = Request::post(format!("{}/demo/token", Demo::new().identity_provider))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from(form))?;
        let answer = self.send(request).await?;
        let token = answer.get("access_token").and_then(Value::as_str);
        Ok(token.ok_or("the demo identity provider gave no token")?.to_owned())
    }

    async fn call(&self, token: &str, more: &Map<String, Value>) -> Result<Value, Error> {
        let mut params = json!({
            "name": TOOL,
            "arguments": {},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": VERSION,
                "io.modelcontextprotocol/clientInfo": { "name": "latchkey-story", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "url": {} } },
            },
        });
        for (name, value) in more {
            params[name] = value.clone();
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = Request::post(self.url)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", "tools/call")
            .header("mcp-name", TOOL)
            .body(Full::from(body.to_string()))?;
        self.send(request).await
    }

    /// Answers that the person is on it, until the call gets through.
    async fn wait(&self, token: &str, asked: Value) -> Result<Value, Error> {
        let started = Instant::now();
        let mut round = asked;
        while started.elapsed() < PATIENCE {
            let state = round.pointer("/result/requestState").cloned();
            let mut more = Map::new();
            match state {
                Some(state) => {
                    more.insert("requestState".into(), state);
                    more.insert("inputResponses".into(), json!({ KEY: { "action": "accept" } }));
                }
                None if round.pointer("/result/isError") != Some(&Value::Bool(true)) => {
                    return Ok(round);
                }
                // The gateway stopped waiting for this call; the link is still good.
                None => {}
            }
            round = self.call(token, &more).await?;
        }
        Err("nobody connected the server in ten minutes; run the story again".into())
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Value, Error> {
        let response: Response<Incoming> = self
            .outbound
            .send(request)
            .await
            .map_err(|_| "nothing answers: start `latchkey local` in another terminal first")?;
        let status = response.status();
        let body = whole(response.into_body()).await?;
        let text = String::from_utf8_lossy(&body);
        let json = text.lines().find_map(|line| line.strip_prefix("data:")).unwrap_or(&text);
        serde_json::from_str(json)
            .map_err(|_| format!("{status}: an answer that is not JSON").into())
    }
}

fn link(round: &Value) -> Option<&str> {
    round.pointer("/result/inputRequests")?.get(KEY)?.pointer("/params/url")?.as_str()
}

fn answer(round: &Value) -> Result<&str, Error> {
    let text = round.pointer("/result/content/0/text").and_then(Value::as_str);
    text.ok_or_else(|| format!("an unexpected answer: {round}").into())
}

fn say(step: u8, text: &str) {
    println!();
    println!("{step}.  {text}");
}

/// As well as it can be done; the link is in the terminal anyway.
fn open(link: &str) {
    for opener in ["xdg-open", "open"] {
        let mut command = std::process::Command::new(opener);
        let quiet = command.arg(link).stdin(Stdio::null()).stdout(Stdio::null());
        if quiet.stderr(Stdio::null()).spawn().is_ok() {
            return;
        }
    }
}

const TOOL: &str = "notes___whoami";
const VERSION: &str = "2026-07-28";
/// The key under which Latchkey asks.
const KEY: &str = "latchkey.connect";
const PATIENCE: Duration = Duration::from_mins(10);
