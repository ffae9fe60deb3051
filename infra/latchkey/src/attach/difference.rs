//! What is different between two JSON documents.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// One value that is another, or is not there, in one of the two.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// Where, in names with dots between.
    pub path: String,
    /// What is there before.
    pub before: Option<Value>,
    /// What is there after.
    pub after: Option<Value>,
}

impl Difference {
    /// Whether it is at `path` or below.
    pub(super) fn is_within(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| match value {
            Some(value) => value.to_string(),
            None => "nothing".to_owned(),
        };
        writeln!(f, "{}", self.path)?;
        writeln!(f, "    was      {}", shown(&self.before))?;
        write!(f, "    becomes  {}", shown(&self.after))
    }
}

/// The smallest that there are. A list is one value: its order means something.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(before), Some(after), &mut found);
    found
}

fn compare(
    path: String,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    if before == after {
        return;
    }
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after) {
        let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for name in names {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            compare(path, before.get(name), after.get(name), found);
        }
        return;
    }
    found.push(Difference { path, before: before.cloned(), after: after.cloned() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_value_that_is_lost_changed_or_new_is_named_by_its_path() {
        let before = json!({ "a": { "b": 1, "c": [1, 2] }, "d": "kept", "e": { "f": true } });
        let after = json!({ "a": { "b": 2, "c": [2, 1] }, "d": "kept", "g": {} });
        let found = differences(&before, &after);
        let paths: Vec<_> = found.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(paths, ["a.b", "a.c", "e", "g"]);
        assert_eq!(found[2].before, Some(json!({ "f": true })));
        assert_eq!((&found[2].after, &found[3].before), (&None, &None));
        assert_eq!(differences(&before, &before), []);
        assert!(found[0].is_within("a") && found[0].is_within("a.b"));
        assert!(
            !found[0].is_within("a.c")
                && !differences(&json!({ "ab": 1 }), &json!({}))[0].is_within("a")
        );
    }
}
