//! A list of tools that a gateway target can have.
//!
//! What a server says of its tools is not trusted: it is compared, counted and handed on, and its names
//! alone are written to the log.

use crate::listing::{SIZE_LIMIT, TOOL_LIMIT};
use broker::catalog::{Drift, Listed};
use broker::target::TargetName;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Tools, by name, each in one form only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Tools(BTreeMap<String, Value>);

impl Tools {
    /// The tools that `target` may have, or why it may not.
    pub(crate) fn check(target: &TargetName, listed: Vec<Value>) -> Result<Self, Unfit> {
        if listed.is_empty() {
            return Err(Unfit::None);
        }
        if listed.len() > TOOL_LIMIT {
            return Err(Unfit::TooMany);
        }
        let mut tools = BTreeMap::new();
        for tool in listed {
            let Some(name) = tool.get("name").and_then(Value::as_str).map(str::to_owned) else {
                return Err(Unfit::Nameless);
            };
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
            if name.is_empty() || !name.bytes().all(allowed) {
                return Err(Unfit::Name(quoted(&name)));
            }
            if target.as_str().len() + SEPARATOR.len() + name.len() > NAME_LIMIT {
                return Err(Unfit::LongName(quoted(&name)));
            }
            if !tool.get("inputSchema").is_some_and(Value::is_object) {
                return Err(Unfit::InputSchema(quoted(&name)));
            }
            if tools.insert(name.clone(), ordered(tool)).is_some() {
                return Err(Unfit::Twice(quoted(&name)));
            }
        }
        let tools = Self(tools);
        if tools.schema().len() > SIZE_LIMIT {
            return Err(Unfit::TooLarge);
        }
        Ok(tools)
    }

    /// The list as a gateway target is told it: a `tools/list` result.
    pub(crate) fn schema(&self) -> String {
        let tools: Vec<_> = self.0.values().collect();
        serde_json::json!({ "tools": tools }).to_string()
    }

    /// Whether `schema` is the same list, in whatever order.
    pub(crate) fn are(&self, schema: &str) -> bool {
        let Ok(Value::Object(mut schema)) = serde_json::from_str(schema) else { return false };
        let Some(Value::Array(tools)) = schema.remove("tools") else { return false };
        let count = tools.len();
        let named = tools.into_iter().filter_map(|tool| {
            let name = tool.get("name")?.as_str()?.to_owned();
            Some((name, ordered(tool)))
        });
        let named: BTreeMap<_, _> = named.collect();
        named.len() == count && named == self.0
    }

    /// Whether two schemas are the same list, in whatever order.
    pub(crate) fn same(one: &str, other: &str) -> bool {
        let read = |schema: &str| serde_json::from_str::<Value>(schema).ok().map(ordered);
        one == other || matches!((read(one), read(other)), (Some(one), Some(other)) if one == other)
    }

    /// What is noted of the list.
    pub(crate) fn listed(&self) -> Listed {
        let digest_of = |tool: &Value| digest(&tool.to_string())[..SHORT].to_owned();
        let mut tools: BTreeMap<_, _> =
            self.0.iter().map(|(name, tool)| (name.clone(), digest_of(tool))).collect();
        let size: usize = tools.keys().map(|name| name.len() + SHORT + 6).sum();
        if size > NOTED_LIMIT {
            tools.clear();
        }
        Listed { digest: digest(&self.schema()), count: self.0.len(), tools }
    }
}

/// How `after` differs from `before`. `None` if it does not, or if nobody can say how.
pub(crate) fn drift(before: &Listed, after: &Listed, at: SystemTime) -> Option<Drift> {
    if before.digest == after.digest {
        return None;
    }
    let names = |these: &Listed, but: &Listed| -> Vec<String> {
        these.tools.keys().filter(|name| !but.tools.contains_key(*name)).cloned().collect()
    };
    let changed = after
        .tools
        .iter()
        .filter(|(name, digest)| before.tools.get(*name).is_some_and(|before| before != *digest));
    let changed = changed.map(|(name, _)| name.clone()).collect();
    if before.tools.is_empty() || after.tools.is_empty() {
        return Some(Drift { at, added: vec![], removed: vec![], changed: vec![] });
    }
    Some(Drift { at, added: names(after, before), removed: names(before, after), changed })
}

/// A digest as text.
pub(crate) fn digest(text: &str) -> String {
    let digest = broker::seal::fingerprint([text]);
    digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(hexadecimal).collect()
}

fn hexadecimal(digit: u8) -> Option<char> {
    char::from_digit(digit.into(), 16)
}

/// The same value with the members of its objects in order.
fn ordered(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> =
                members.into_iter().map(|(name, value)| (name, ordered(value))).collect();
            Value::Object(Map::from_iter(members))
        }
        Value::Array(values) => values.into_iter().map(ordered).collect(),
        other => other,
    }
}

/// A name as it may be shown and logged.
fn quoted(name: &str) -> String {
    let short: String = name.chars().take(80).collect();
    format!("{short:?}")
}

/// Why a gateway target cannot have these tools.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("the server lists no tools")]
    None,
    #[error("a tool has no name")]
    Nameless,
    #[error("the tool {0} has a name that the gateway does not take")]
    Name(String),
    #[error(
        "the tool {0} has a name that is too long behind its target's: {NAME_LIMIT} characters at most"
    )]
    LongName(String),
    #[error("the tool {0} has no object for its inputSchema")]
    InputSchema(String),
    #[error("the tool {0} is listed twice")]
    Twice(String),
    #[error("there are more than {TOOL_LIMIT} tools")]
    TooMany,
    #[error("the list of tools is larger than {SIZE_LIMIT} bytes")]
    TooLarge,
}

/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-tool-naming.html>
const SEPARATOR: &str = "___";
const NAME_LIMIT: usize = 256;
/// How much of a tool's digest is noted.
const SHORT: usize = 12;
/// An item of the table takes 400 KB, and has more in it than this: what a target was, and twice as much
/// of how its tools changed.
const NOTED_LIMIT: usize = 48 * 1024;

#[cfg(test)]
mod tests;
