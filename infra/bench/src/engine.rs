//! A `DynamoDB`-compatible engine on a file: what a call costs among a million rows is not known from
//! a stand-in that holds one.

use crate::Failure;
use crate::server::{Request, Response, serve};
use dynoxide::{Database, DynoxideError, ImportOptions, Item};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The engine, answering on the loopback interface and counting what it is asked.
pub(crate) struct Engine {
    pub(crate) url: String,
    database: Database,
    asked: Arc<Mutex<Asked>>,
    file: Option<PathBuf>,
}

/// How often each operation was done. What was refused counts as `refused`.
pub(crate) type Asked = BTreeMap<String, usize>;

impl Engine {
    /// A new one at `file`, with a deployment's tables, which are empty.
    pub(crate) fn start(file: &Path) -> Result<Self, Failure> {
        remove(file)?;
        let database = Database::new(&file.with_extension("sqlite").to_string_lossy());
        Self::serve(database?, Some(file.to_owned()))
    }

    fn serve(database: Database, file: Option<PathBuf>) -> Result<Self, Failure> {
        for table in tables() {
            let table = serde_json::from_value(table).map_err(io::Error::other)?;
            database.create_table(table)?;
        }
        let (answering, asked) = (database.clone(), Arc::<Mutex<Asked>>::default());
        let counting = Arc::clone(&asked);
        let port = serve(None, move |request| {
            let (operation, response) = answer(&answering, &request);
            let mut asked = counting.lock().unwrap_or_else(PoisonError::into_inner);
            let counted = if response.status == 200 { operation } else { "refused" };
            *asked.entry(counted.to_owned()).or_default() += 1;
            Some(response)
        })?;
        Ok(Self { url: format!("http://localhost:{port}"), database, asked, file })
    }

    /// Writes `rows`, over what has the same key.
    pub(crate) fn write(&self, table: &str, rows: Vec<Item>) -> Result<(), Failure> {
        let options = ImportOptions::default();
        self.database.import_items(table, rows, options)?;
        Ok(())
    }

    /// Writes many `rows` without waiting for the disk: a machine that fails meanwhile loses a table
    /// that is made anew at the next run.
    pub(crate) fn fill(
        &self,
        table: &str,
        rows: impl Iterator<Item = Item>,
    ) -> Result<(), Failure> {
        self.database.enable_bulk_loading()?;
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            self.write(table, rows.by_ref().take(AT_ONCE).collect())?;
        }
        Ok(self.database.disable_bulk_loading()?)
    }

    /// How many rows `table` holds.
    pub(crate) fn rows(&self, table: &str) -> Result<u64, Failure> {
        let tables = self.database.table_stats()?;
        let found = tables.into_iter().find(|found| found.table_name == table);
        let rows = found.and_then(|found| u64::try_from(found.item_count).ok());
        rows.ok_or_else(|| Failure::Tool { tool: "dynoxide", what: format!("no table {table}") })
    }

    /// What it was asked since it was last looked at.
    pub(crate) fn asked(&self) -> Asked {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A million rows take most of a gigabyte. What cannot be removed now is, at the next start.
        let _ = self.file.as_deref().map(remove);
    }
}

/// Removes what an earlier run may have left.
fn remove(file: &Path) -> io::Result<()> {
    for part in ["sqlite", "sqlite-wal", "sqlite-shm"] {
        match fs::remove_file(file.with_extension(part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn answer<'r>(database: &Database, request: &'r Request) -> (&'r str, Response) {
    let operation = request.header("x-amz-target").unwrap_or_default();
    let operation = operation.strip_prefix("DynamoDB_20120810.").unwrap_or_default();
    if !request.header("authorization").is_some_and(|a| a.contains("Signature=")) {
        let refusal = r#"{"__type":"MissingAuthenticationTokenException"}"#;
        return (operation, Response::refusal(400, refusal));
    }
    let body = &request.body;
    let done = match operation {
        "GetItem" => done(body, |query| database.get_item(query)),
        "PutItem" => done(body, |row| database.put_item(row)),
        "Query" => done(body, |query| database.query(query)),
        "Scan" => done(body, |query| database.scan(query)),
        "UpdateItem" => done(body, |change| database.update_item(change)),
        _ => {
            let refusal = r#"{"__type":"UnknownOperationException"}"#;
            return (operation, Response::refusal(400, refusal));
        }
    };
    let response = match done {
        Ok(body) => Response::json("application/x-amz-json-1.0", body),
        Err(error) => Response::refusal(error.status_code(), &error.to_json()),
    };
    (operation, response)
}

fn done<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    act: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<Vec<u8>> {
    let unreadable =
        |error: serde_json::Error| DynoxideError::SerializationException(error.to_string());
    let answer = act(serde_json::from_slice(body).map_err(unreadable)?)?;
    serde_json::to_vec(&answer).map_err(unreadable)
}

/// The tables that a start, a call and a sweep look at, as `template.yaml` has them.
fn tables() -> [Value; 3] {
    let key = |name, kind| json!({ "AttributeName": name, "KeyType": kind });
    let attribute = |name, kind| json!({ "AttributeName": name, "AttributeType": kind });
    [
        json!({
            "TableName": TARGETS,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [key("name", "HASH")],
            "AttributeDefinitions": [attribute("name", "S")],
        }),
        json!({
            "TableName": "pending",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [key("id", "HASH")],
            "AttributeDefinitions": [attribute("id", "S")],
        }),
        json!({
            "TableName": CONNECTIONS,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [key("subject", "HASH"), key("target", "RANGE")],
            "AttributeDefinitions": [
                attribute("subject", "S"),
                attribute("target", "S"),
                attribute("due_shard", "S"),
                attribute("due_at", "N"),
            ],
            "GlobalSecondaryIndexes": [{
                "IndexName": "due",
                "KeySchema": [key("due_shard", "HASH"), key("due_at", "RANGE")],
                "Projection": { "ProjectionType": "KEYS_ONLY" },
            }],
        }),
    ]
}

/// The tables' names.
pub(crate) const TARGETS: &str = "targets";
pub(crate) const CONNECTIONS: &str = "connections";
/// Rows of one transaction.
const AT_ONCE: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        Engine::serve(Database::memory().unwrap(), None).unwrap()
    }

    fn row(subject: &str, due_at: u64) -> Item {
        let row = json!({
            "subject": { "S": subject },
            "target": { "S": "github" },
            "due_shard": { "S": "7" },
            "due_at": { "N": due_at.to_string() },
        });
        serde_json::from_value(row).unwrap()
    }

    fn ask(engine: &Engine, operation: &str, signature: &str, body: &Value) -> (u16, Value) {
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [("x-amz-target", &*target), ("authorization", signature)];
        let request = Request::of(&headers, body.to_string().as_bytes());
        let (_, response) = answer(&engine.database, &request);
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    #[test]
    fn a_row_is_found_by_its_key_and_by_when_it_is_due() {
        let engine = engine();
        let rows = (0..50_000).map(|n| row(&format!("person {n}"), 1_000 + n));
        engine.fill(CONNECTIONS, rows).unwrap();
        assert_eq!(engine.rows(CONNECTIONS).unwrap(), 50_000);
        let key = json!({ "subject": { "S": "person 41234" }, "target": { "S": "github" } });
        let get = json!({ "TableName": CONNECTIONS, "Key": key });
        let (status, found) = ask(&engine, "GetItem", "Signature=1", &get);
        assert_eq!((status, &found["Item"]["due_at"]["N"]), (200, &json!("42234")));

        // What is written over it leaves nothing behind in the index.
        engine.write(CONNECTIONS, vec![row("person 0", 90_000)]).unwrap();
        let query = json!({
            "TableName": CONNECTIONS,
            "IndexName": "due",
            "KeyConditionExpression": "due_shard = :shard AND due_at <= :now",
            "ExpressionAttributeValues": { ":shard": { "S": "7" }, ":now": { "N": "1002" } },
        });
        let (_, page) = ask(&engine, "Query", "Signature=1", &query);
        let subjects = page["Items"].as_array().unwrap().iter().map(|item| &item["subject"]["S"]);
        assert_eq!(subjects.collect::<Vec<_>>(), ["person 1", "person 2"]);
    }

    #[test]
    fn what_one_instance_puts_another_finds() {
        let engine = engine();
        let row = json!({ "id": { "S": "published.one" }, "sealed": { "B": "AAAA" } });
        let get = json!({ "TableName": "pending", "Key": { "id": row["id"] } });
        assert_eq!(ask(&engine, "GetItem", "Signature=1", &get), (200, json!({})));
        let put = json!({ "TableName": "pending", "Item": row });
        assert_eq!(ask(&engine, "PutItem", "Signature=1", &put).0, 200);
        assert_eq!(ask(&engine, "GetItem", "Signature=1", &get).1["Item"], row);
    }

    #[test]
    fn what_is_not_signed_not_known_or_not_so_is_refused() {
        let engine = engine();
        engine.write(CONNECTIONS, vec![row("alice", 1)]).unwrap();
        let update = |seen: &str| {
            json!({
                "TableName": CONNECTIONS,
                "Key": { "subject": { "S": "alice" }, "target": { "S": "github" } },
                "UpdateExpression": "SET due_at = :until",
                "ConditionExpression": "due_at = :seen",
                "ExpressionAttributeValues": { ":seen": { "N": seen }, ":until": { "N": "9" } },
            })
        };
        assert_eq!(ask(&engine, "UpdateItem", "", &update("1")).0, 400);
        assert_eq!(ask(&engine, "DeleteTable", "Signature=1", &update("1")).0, 400);
        let (status, why) = ask(&engine, "UpdateItem", "Signature=1", &update("2"));
        assert_eq!(status, 400);
        assert!(why["__type"].as_str().unwrap().ends_with("#ConditionalCheckFailedException"));
        assert_eq!(ask(&engine, "UpdateItem", "Signature=1", &update("1")).0, 200);
    }
}
