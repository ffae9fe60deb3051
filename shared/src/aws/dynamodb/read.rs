//! Items as they are read without the SDK.

use super::item::Item;
use crate::aws::Aws;
use crate::aws::endpoint::DYNAMODB;
use crate::aws::quick::Quick;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt;

/// Reads items, or says with `None` that the SDK must be asked.
#[derive(Debug)]
pub(super) struct Reads(Quick);

impl Reads {
    pub(super) fn new(aws: &Aws) -> Self {
        Self(Quick::new(aws, &DYNAMODB))
    }

    /// The item of `table` under `key` as of now, or that there is none.
    pub(super) async fn item(&self, table: &str, key: &[(&str, &str)]) -> Option<Option<Item>> {
        let key = key.iter().map(|(name, text)| (*name, Text { text })).collect();
        let query = GetItem { table, key, consistent: true };
        let found: Found = self.0.ask("GetItem", &query, parsed).await?;
        Some(found.item.map(|Attributes(item)| item))
    }

    /// All items of `table`.
    pub(super) async fn items(&self, table: &str) -> Option<Vec<Item>> {
        let (mut items, mut start) = (vec![], None);
        loop {
            let query = Scan { table, start };
            let page: Page = self.0.ask("Scan", &query, parsed).await?;
            items.extend(page.items.into_iter().map(|Attributes(item)| item));
            start = page.last;
            if start.is_none() {
                return Some(items);
            }
        }
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html>
#[derive(Serialize)]
struct GetItem<'a> {
    #[serde(rename = "TableName")]
    table: &'a str,
    #[serde(rename = "Key")]
    key: HashMap<&'a str, Text<'a>>,
    #[serde(rename = "ConsistentRead")]
    consistent: bool,
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(rename = "S")]
    text: &'a str,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default, rename = "Item")]
    item: Option<Attributes>,
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html>
#[derive(Serialize)]
struct Scan<'a> {
    #[serde(rename = "TableName")]
    table: &'a str,
    #[serde(rename = "ExclusiveStartKey", skip_serializing_if = "Option::is_none")]
    start: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "Items")]
    items: Vec<Attributes>,
    #[serde(default, rename = "LastEvaluatedKey")]
    last: Option<Box<RawValue>>,
}

struct Attributes(Item);

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Attributes, M::Error> {
                let mut item = Item::with_capacity(USUAL);
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    item.insert(name, value.into());
                }
                Ok(Attributes(item))
            }
        }
        from.deserialize_map(Reader)
    }
}

/// So many attributes need no second allocation.
const USUAL: usize = 24;

#[derive(Deserialize)]
enum Value {
    S(String),
    N(String),
    B(Bytes),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "SS")]
    Texts(Vec<String>),
    /// The kinds that we never write: whoever wants one of ours there finds none.
    #[serde(rename = "NULL", alias = "L", alias = "M", alias = "NS", alias = "BS")]
    Foreign(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Bytes(Vec<u8>);

impl TryFrom<String> for Bytes {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

impl From<Value> for AttributeValue {
    fn from(value: Value) -> Self {
        match value {
            Value::S(text) => Self::S(text),
            Value::N(number) => Self::N(number),
            Value::B(Bytes(bytes)) => Self::B(Blob::new(bytes)),
            Value::Bool(flag) => Self::Bool(flag),
            Value::Texts(texts) => Self::Ss(texts),
            Value::Foreign(IgnoredAny) => Self::Null(true),
        }
    }
}
