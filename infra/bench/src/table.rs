//! `DynamoDB`, as far as the hot path asks: the targets, the callers' connections,
//! a note of their use, and the writes of a renewal, which it confirms and forgets. Of the table of what
//! is pending it keeps what is put, for those that start later.

use crate::Failure;
use crate::caller::{Caller, Standing};
use crate::secrets;
use crate::server::{Request, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::clock::unix_seconds;
use broker::connection::{Connection, Status};
use broker::seal::KeyRing;
use broker::store::USE_NOTED_EVERY;
use broker::subject::Subject;
use broker::target::Target;
use broker::tokens::TokenSet;
use oauth2::{AccessToken, RefreshToken};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

/// The tables' content and manner.
pub(crate) struct Table {
    /// By subject, the connections at the first target.
    connections: HashMap<String, Row>,
    /// The whole answer to a `Scan`.
    targets: Arc<[u8]>,
    /// The whole answers to a `GetItem` of what is pending, by its id.
    pending: Mutex<HashMap<String, Arc<[u8]>>>,
    /// Whether what is put there is not found again.
    forgets: AtomicBool,
    /// The records of the targets, for those who need not ask.
    pub(crate) records: Vec<String>,
    /// How long an answer takes, in microseconds.
    delay: AtomicU64,
}

/// One connection, as it stands in whole answers.
struct Row {
    /// To a `GetItem`.
    found: Arc<[u8]>,
    /// To an `UpdateItem` that asks what it has changed.
    changed: Arc<[u8]>,
}

impl Table {
    /// Tables that hold `targets` targets, and a connection of each caller at the first of them, unless
    /// they are strangers.
    pub(crate) fn of(
        issuer: &str,
        callers: &[Caller],
        standing: Standing,
        targets: usize,
        now: SystemTime,
    ) -> Result<Self, Failure> {
        let unusable = |what: &dyn std::fmt::Display| Failure::Keys(what.to_string());
        let records: Vec<_> = (0..targets).map(|number| record(number, issuer)).collect();
        let first = records.first().ok_or_else(|| unusable(&"there is no target"))?;
        let target: Target = serde_json::from_str(first).map_err(|e| unusable(&e))?;
        let ring = secrets::ring(secrets::TOKEN_KEYS).unwrap_or_default();
        let ring = KeyRing::for_tokens(&ring).map_err(|e| unusable(&e))?;
        let mut connections = HashMap::with_capacity(callers.len());
        for Caller { sub, token, refresh, .. } in callers {
            let expires_at = match standing {
                Standing::Connected | Standing::Unused => now + Duration::from_hours(24),
                Standing::Expired => now - Duration::from_hours(1),
                Standing::Strangers => continue,
            };
            let subject = Subject::new(issuer, vec![sub.clone()]).map_err(|e| unusable(&e))?.id();
            let tokens = TokenSet {
                access: AccessToken::new(token.clone()),
                refresh: Some(RefreshToken::new(refresh.clone())),
                expires_at,
                scopes: vec!["repo".to_owned(), "read:org".to_owned(), "user:email".to_owned()],
            };
            let used_at = match standing {
                Standing::Unused => now - 2 * USE_NOTED_EVERY,
                Standing::Connected | Standing::Expired | Standing::Strangers => now,
            };
            let connection = Connection::active(&ring, subject, &target, &tokens, used_at);
            let item = item(&connection.map_err(|e| unusable(&e))?)?;
            let answer = |name: &str| json!({ name: item }).to_string().into_bytes().into();
            let row = Row { found: answer("Item"), changed: answer("Attributes") };
            connections.insert(subject.key(), row);
        }
        let items = records.iter().enumerate();
        let items: Vec<_> =
            items.map(|(i, r)| json!({ "name": { "S": name(i) }, "record": { "S": r } })).collect();
        let scan = json!({ "Count": items.len(), "ScannedCount": items.len(), "Items": items });
        Ok(Self {
            connections,
            targets: scan.to_string().into_bytes().into(),
            pending: Mutex::default(),
            forgets: AtomicBool::new(false),
            records,
            delay: AtomicU64::new(0),
        })
    }

    /// What another table must hold to answer the same: the rows of targets and those of connections.
    pub(crate) fn rows(&self) -> Result<[Vec<Value>; 2], Failure> {
        let read = |answer: &[u8]| serde_json::from_slice::<Value>(answer);
        let broken = |error: serde_json::Error| Failure::Keys(error.to_string());
        let targets = read(&self.targets).map_err(broken)?["Items"].take();
        let connections = self.connections.values().map(|row| Ok(read(&row.found)?["Item"].take()));
        let connections = connections.collect::<Result<_, _>>().map_err(broken)?;
        Ok([serde_json::from_value(targets).map_err(broken)?, connections])
    }

    /// From now on an answer takes that long.
    pub(crate) fn take(&self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.delay.store(micros, Ordering::Relaxed);
    }

    /// Whether an instance has put there what others find.
    pub(crate) fn is_shared(&self) -> bool {
        !self.pending().is_empty()
    }

    /// From now on, whether nobody finds what another instance has put there.
    pub(crate) fn forget(&self, forgets: bool) {
        self.forgets.store(forgets, Ordering::Relaxed);
    }

    /// Answers a request. What is asked for elsewhere is not there, so a variant that asks for the
    /// wrong row is noticed.
    pub(crate) fn answer(&self, request: &Request) -> Response {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Query {
            #[serde(default)]
            key: Value,
            #[serde(default)]
            item: Value,
            #[serde(default)]
            return_values: String,
        }
        let delay = self.delay.load(Ordering::Relaxed);
        if delay > 0 {
            thread::sleep(Duration::from_micros(delay));
        }
        let signed = request.header("authorization").is_some_and(|a| a.contains("Signature="));
        let Ok(query) = serde_json::from_slice::<Query>(&request.body) else {
            return Response::refusal(400, r#"{"__type":"SerializationException"}"#);
        };
        let at_first = query.key["target"]["S"].as_str() == Some(&name(0));
        let subject = query.key["subject"]["S"].as_str().filter(|_| at_first);
        let row = subject.and_then(|subject| self.connections.get(subject));
        let nothing = || Arc::from(*b"{}");
        let body = match request.header("x-amz-target").unwrap_or_default() {
            _ if !signed => {
                return Response::refusal(
                    400,
                    r#"{"__type":"MissingAuthenticationTokenException"}"#,
                );
            }
            "DynamoDB_20120810.GetItem" if query.key["id"].is_object() => {
                let found = self.pending().get(&id(&query.key)).map(Arc::clone);
                found.filter(|_| !self.forgets.load(Ordering::Relaxed)).unwrap_or_else(nothing)
            }
            "DynamoDB_20120810.PutItem" if query.item["id"].is_object() => {
                let answer = json!({ "Item": query.item }).to_string().into_bytes().into();
                self.pending().insert(id(&query.item), answer);
                nothing()
            }
            "DynamoDB_20120810.GetItem" => row.map_or_else(nothing, |row| Arc::clone(&row.found)),
            "DynamoDB_20120810.Scan" => Arc::clone(&self.targets),
            "DynamoDB_20120810.UpdateItem" if query.return_values == "ALL_NEW" => {
                row.map_or_else(nothing, |row| Arc::clone(&row.changed))
            }
            "DynamoDB_20120810.UpdateItem" | "DynamoDB_20120810.PutItem" => nothing(),
            _ => return Response::refusal(400, r#"{"__type":"UnknownOperationException"}"#),
        };
        Response::json("application/x-amz-json-1.0", body)
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, Arc<[u8]>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id(of: &Value) -> String {
    of["id"]["S"].as_str().unwrap_or_default().to_owned()
}

/// The name of the target with that number.
pub(crate) fn name(number: usize) -> String {
    if number == 0 { "github".to_owned() } else { format!("server-{number}") }
}

fn record(number: usize, issuer: &str) -> String {
    let name = name(number);
    json!({
        "name": name,
        "title": format!("Server {number}"),
        "endpoint": format!("https://{name}.example.com/mcp"),
        "resource": format!("https://{name}.example.com/mcp"),
        "authorization_server": {
            "issuer": "https://github.com/login/oauth",
            "authorization_endpoint": "https://github.com/login/oauth/authorize",
            "token_endpoint": format!("{issuer}/token"),
        },
        "client": { "client_id": "Iv1.8a61f9b3a7aba766", "token_endpoint_auth_method": "none" },
        "scopes": ["repo", "read:org", "user:email"],
    })
    .to_string()
}

/// As the broker's store writes it.
fn item(connection: &Connection) -> Result<Value, Failure> {
    let Status::Active {
        sealed,
        expires_at,
        obtained_at,
        consented_at,
        used_at,
        due_at,
        renewable,
        ..
    } = &connection.status
    else {
        return Err(Failure::Keys("the connection is not active".to_owned()));
    };
    let time = |moment: &SystemTime| json!({ "N": unix_seconds(*moment).to_string() });
    let mut item = json!({
        "subject": { "S": connection.subject.key() },
        "target": { "S": connection.target.as_str() },
        "status": { "S": "active" },
        "resource": { "S": connection.resource.as_str() },
        "issuer": { "S": connection.issuer },
        "sealed": { "B": STANDARD.encode(&sealed.0) },
        "lineage": { "S": "k0a6q5wUcfXb0Q5V3Zl4JmS1h2n3o4p5q6r7s8t9u0v" },
        "expires_at": time(expires_at),
        "obtained_at": time(obtained_at),
        "consented_at": time(consented_at),
        "used_at": time(used_at),
        "renewable": { "BOOL": renewable },
        "version": { "N": "3" },
    });
    if let Some(due_at) = due_at {
        item["due_shard"] = json!({ "S": "7" });
        item["due_at"] = time(due_at);
    }
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const ISSUER: &str = "https://idp.example";
    const GET: &str = "DynamoDB_20120810.GetItem";

    const NOW: u64 = 490_000 * 3_600;

    fn asked(operation: &str, sub: &str, authorization: &str) -> Response {
        of(Standing::Connected, operation, sub, authorization)
    }

    fn of(standing: Standing, operation: &str, sub: &str, authorization: &str) -> Response {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let callers = ["alice", "bob"].map(|sub| Caller {
            sub: sub.to_owned(),
            jwt: String::new(),
            token: sub.repeat(100),
            refresh: sub.repeat(20),
        });
        let table = Table::of(ISSUER, &callers, standing, 1, now).unwrap();
        let key = json!({ "subject": { "S": key(sub) }, "target": { "S": "github" } });
        let headers = [("x-amz-target", operation), ("authorization", authorization)];
        table.answer(&Request::of(&headers, json!({ "Key": key }).to_string().as_bytes()))
    }

    fn key(sub: &str) -> String {
        Subject::new(ISSUER, vec![sub.to_owned()]).unwrap().id().key()
    }

    #[test]
    fn each_caller_has_a_row_of_their_own_and_nobody_else_has_one() {
        for sub in ["alice", "bob"] {
            let found: Value =
                serde_json::from_slice(&asked(GET, sub, "Signature=1").body).unwrap();
            assert_eq!(found["Item"]["subject"]["S"], key(sub));
        }
        assert_eq!(&*asked(GET, "carol", "Signature=1").body, b"{}");
    }

    #[test]
    fn what_one_instance_puts_another_finds_unless_it_is_forgotten() {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let table = Table::of(ISSUER, &[], Standing::Connected, 1, now).unwrap();
        let ask = |operation: &str, body: Value| {
            let target = format!("DynamoDB_20120810.{operation}");
            let headers = [("x-amz-target", &*target), ("authorization", "Signature=1")];
            let answer = table.answer(&Request::of(&headers, body.to_string().as_bytes()));
            serde_json::from_slice::<Value>(&answer.body).unwrap()
        };
        let row = json!({ "id": { "S": "published.one" }, "sealed": { "B": "AAAA" } });
        let get = json!({ "TableName": "pending", "Key": { "id": row["id"] } });
        assert!(!table.is_shared());
        assert_eq!(ask("GetItem", get.clone()), json!({}));
        ask("PutItem", json!({ "TableName": "pending", "Item": row }));
        assert!(table.is_shared());
        for (forgets, found) in [(false, true), (true, false), (false, true)] {
            table.forget(forgets);
            assert_eq!(ask("GetItem", get.clone())["Item"] == row, found, "{forgets}");
        }
    }

    #[test]
    fn who_did_not_call_of_late_has_a_token_that_is_good_and_a_use_that_is_to_be_noted() {
        for (standing, used_at) in
            [(Standing::Connected, NOW), (Standing::Unused, NOW - 48 * 3_600)]
        {
            let found = of(standing, GET, "alice", "Signature=1").body;
            let found: Value = serde_json::from_slice(&found).unwrap();
            assert_eq!(found["Item"]["used_at"]["N"], used_at.to_string(), "{standing:?}");
            let good_until = (NOW + 24 * 3_600).to_string();
            assert_eq!(found["Item"]["expires_at"]["N"], good_until, "{standing:?}");
        }
    }

    #[test]
    fn what_is_not_signed_or_not_known_is_refused() {
        assert_eq!(asked(GET, "alice", "").status, 400);
        assert_eq!(asked("DynamoDB_20120810.DeleteItem", "alice", "Signature=1").status, 400);
    }
}
