//! The tables: one read of a connection, and the list of targets.

use crate::Failure;
use crate::connection::Connection;
use crate::settings::now;
use crate::sigv4::Signer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::HashMap;

/// The connection to the tables.
pub(crate) struct Table {
    connection: Connection,
    signer: Signer,
    connections: String,
    targets: String,
}

/// What a connection's item says.
#[derive(Deserialize)]
pub(crate) struct Item<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    sealed: Blob<'a>,
    #[serde(borrow)]
    expires_at: Number<'a>,
}

/// What a target is read for.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) resource: String,
    pub(crate) authorization_server: AuthorizationServer,
}

#[derive(Deserialize)]
pub(crate) struct AuthorizationServer {
    pub(crate) issuer: String,
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(rename = "S")]
    text: &'a str,
}

#[derive(Deserialize)]
struct Blob<'a> {
    #[serde(rename = "B")]
    text: &'a str,
}

#[derive(Deserialize)]
struct Number<'a> {
    #[serde(rename = "N")]
    text: &'a str,
}

impl Table {
    pub(crate) fn new(connection: Connection, settings: &crate::settings::Settings) -> Self {
        Self {
            connection,
            signer: Signer::new("dynamodb", "application/x-amz-json-1.0", settings),
            connections: settings.connections_table.clone(),
            targets: settings.targets_table.clone(),
        }
    }

    /// The sealed tokens of `subject` at `target`, if they are fresh.
    pub(crate) fn sealed(&mut self, subject: &str, target: &str) -> Result<Vec<u8>, Failure> {
        #[derive(Deserialize)]
        struct Output<'a> {
            #[serde(borrow, rename = "Item")]
            item: Item<'a>,
        }
        let table = &self.connections;
        let query = format!(
            r#"{{"TableName":"{table}","Key":{{"subject":{{"S":"{subject}"}},"target":{{"S":"{target}"}}}},"ConsistentRead":true}}"#
        );
        let answer = self.ask("DynamoDB_20120810.GetItem", &query)?;
        let Output { item } = serde_json::from_slice(answer)?;
        if item.status.text != "active" || item.expires_at.text.parse::<u64>()? <= now() + 60 {
            return Err("the connection is of no use".into());
        }
        Ok(STANDARD.decode(item.sealed.text)?)
    }

    /// Every target, by name.
    pub(crate) fn targets(&mut self) -> Result<HashMap<String, Target>, Failure> {
        #[derive(Deserialize)]
        struct Output {
            #[serde(rename = "Items")]
            items: Vec<Row>,
        }
        #[derive(Deserialize)]
        struct Row {
            record: Record,
        }
        #[derive(Deserialize)]
        struct Record {
            #[serde(rename = "S")]
            text: String,
        }
        let query = format!(r#"{{"TableName":"{}"}}"#, self.targets);
        let answer = self.ask("DynamoDB_20120810.Scan", &query)?;
        let output: Output = serde_json::from_slice(answer)?;
        read(output.items.iter().map(|row| row.record.text.as_str()))
    }

    fn ask(&mut self, operation: &str, query: &str) -> Result<&[u8], Failure> {
        let request = self.signer.request(&self.connection.host, operation, query, now());
        self.connection.ask(request.as_bytes())
    }
}

/// Targets by name, from their records.
pub(crate) fn read<'a>(
    records: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, Target>, Failure> {
    let targets = records.map(serde_json::from_str::<Target>);
    Ok(targets.map(|t| t.map(|t| (t.name.clone(), t))).collect::<Result<_, _>>()?)
}
