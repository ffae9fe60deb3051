//! What the catalog says of a target: it keeps its state beside the target's record.

use super::Stack;
use crate::answer::Refusal;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use broker::target::TargetName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// As far as an operator wants to know it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Catalog {
    /// With whose connection it looks: a subject's key.
    pub steward: Option<String>,
    /// The gateway target that it made.
    pub gateway_target: Option<String>,
    /// In which way the gateway took it.
    pub recipe: Option<String>,
    /// How many tools there were.
    pub tools: Option<u64>,
    /// When it last looked, in seconds since 1970.
    pub looked_at: Option<u64>,
    /// What was wrong then, if anything was.
    pub problem: Option<String>,
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
