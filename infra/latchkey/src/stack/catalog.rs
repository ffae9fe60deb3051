//! What the catalog says of a target: it keeps its state beside the target's record.

use super::Stack;
use crate::answer::Refusal;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use broker::target::TargetName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// As far as an operator wants to know it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Catalog {
    /// With whose connection it looks: a subject's key.
    pub steward: Option<String>,
    /// What the gateway calls its target.
    pub gateway_target: Option<String>,
    /// Whether it made that. Another was found there, and is never removed.
    pub created: bool,
    /// In which way the gateway took it.
    pub recipe: Option<String>,
    /// The tools that the gateway has.
    pub listed: Option<Count>,
    /// What the last look came to.
    pub look: Option<Look>,
    /// What was begun at the gateway and is not known to have ended.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub under_way: Value,
}

/// Some tools.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Count {
    /// How many they are.
    pub count: u64,
}

/// A look at a server and the gateway.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Look {
    /// When it was, in seconds since 1970.
    pub at: u64,
    /// What it came to.
    pub outcome: String,
    /// What an operator should know.
    #[serde(default)]
    pub why: Option<String>,
}

impl Catalog {
    /// What an operator should know, if there is anything.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.look.as_ref()?.why.as_deref()
    }

    /// Whether the gateway target is its own, or about to be.
    pub(crate) fn made_it(&self) -> bool {
        self.created || self.under_way.get("creating").is_some()
    }
}

impl Stack {
    /// What it says of one target; nothing, if it has not looked yet.
    pub(crate) async fn catalog_of(&self, name: &TargetName) -> Result<Catalog, Refusal> {
        let request = Client::new(self.config()).get_item().table_name(&self.tables().targets);
        let request = request.key("name", AttributeValue::S(name.to_string()));
        let answer = request.consistent_read(true).send().await;
        let item = answer.map_err(|error| super::fault::of("DynamoDB", &error))?.item;
        item.as_ref().map_or_else(|| Ok(Catalog::default()), |item| read(item, name.as_str()))
    }

    /// What it says of each.
    pub(crate) async fn catalogs(&self) -> Result<BTreeMap<String, Catalog>, Refusal> {
        let scan = Client::new(self.config()).scan().table_name(&self.tables().targets);
        let mut items = scan.into_paginator().items().send();
        let mut catalogs = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| super::fault::of("DynamoDB", &error))?;
            if let Some(name) = item.get("name").and_then(|name| name.as_s().ok()) {
                catalogs.insert(name.clone(), read(&item, name)?);
            }
        }
        Ok(catalogs)
    }
}

fn read(item: &HashMap<String, AttributeValue>, name: &str) -> Result<Catalog, Refusal> {
    let Some(text) = item.get("catalog").and_then(|text| text.as_s().ok()) else {
        return Ok(Catalog::default());
    };
    serde_json::from_str(text).map_err(|_| {
        Refusal::new(
            "unreadable",
            format!("what the catalog says of {name} cannot be read"),
            "It may be of another version of Latchkey: use that one.",
        )
    })
}
