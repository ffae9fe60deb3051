//! The tool list that the gateway holds for a target, and what is noted of keeping it.

use crate::clock::{unix, unix_option};
use crate::gateway::Settings;
use crate::subject::SubjectId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What is noted of a target's catalog, beside the target itself. Each step at the gateway is noted
/// before it is taken, so that whoever comes after a crash finds what it was.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Catalog {
    /// Whose connection lists the tools.
    #[serde(with = "subject_key", skip_serializing_if = "Option::is_none")]
    pub steward: Option<SubjectId>,
    /// What the gateway calls its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_target: Option<String>,
    /// Whether it was made here. Another was found, and is never removed.
    #[serde(skip_serializing_if = "is_false")]
    pub created: bool,
    /// How the gateway was brought to take the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
    /// What the gateway has refused since it last took one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// What was begun at the gateway and is not known to have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under_way: Option<UnderWay>,
    /// Until when somebody is at it. Others come later.
    #[serde(with = "unix_option", skip_serializing_if = "Option::is_none")]
    pub held_until: Option<SystemTime>,
    /// The tools that the gateway has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
    /// Whose connection listed those. Another's may be shown others.
    #[serde(with = "subject_key", skip_serializing_if = "Option::is_none")]
    pub listed_by: Option<SubjectId>,
    /// A digest of what the gateway showed when it had taken them: it may show them otherwise than they
    /// were told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<String>,
    /// How they last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// What the last look came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
}

/// How a gateway target is made for a server that lists its tools to people only. In the order in which
/// they are tried.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// No credential provider, and the tools as a schema.
    Static,
    /// No credential provider; the gateway lists the tools itself, as anybody may.
    Anonymous,
    /// A provider of client credentials, with which the gateway lists the tools itself.
    ClientCredentials,
    /// No credential provider; each list is asked for when it is needed, as its reader.
    Dynamic,
    /// An API key that means nothing, and the tools as a schema.
    Placeholder,
}

impl Recipe {
    /// All, in the order in which they are tried.
    pub const ALL: [Self; 5] =
        [Self::Static, Self::Anonymous, Self::ClientCredentials, Self::Dynamic, Self::Placeholder];

    /// As it is recorded.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Anonymous => "anonymous",
            Self::ClientCredentials => "client_credentials",
            Self::Dynamic => "dynamic",
            Self::Placeholder => "placeholder",
        }
    }

    /// Whether the gateway is given the tools, and does not ask the server itself.
    pub fn has_schema(self) -> bool {
        matches!(self, Self::Static | Self::Placeholder)
    }
}

/// A recipe that the gateway did not take.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Refused {
    /// Which.
    pub recipe: Recipe,
    /// Why, in its words.
    pub why: String,
    /// When.
    #[serde(with = "unix")]
    pub at: SystemTime,
}

/// A step at the gateway.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnderWay {
    /// A target is being made.
    Creating {
        /// How.
        recipe: Recipe,
        /// By which the service knows a repetition.
        token: String,
    },
    /// A target that was good is being changed.
    Updating {
        /// How.
        recipe: Recipe,
        /// What it was.
        former: Settings,
        /// Whether it was good.
        good: bool,
    },
    /// A change failed, and the target is being made what it was.
    Restoring {
        /// What it was.
        former: Settings,
        /// Whether it was good.
        good: bool,
    },
    /// A target that was made here and never became good is being removed.
    Removing,
}

/// The tools of a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listed {
    /// A digest of all of it.
    pub digest: String,
    /// How many they are.
    pub count: usize,
    /// A digest of each, by name; empty if they are too many to be noted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, String>,
}

/// How a list of tools differs from the one before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Drift {
    /// When it was noticed.
    #[serde(with = "unix")]
    pub at: SystemTime,
    /// Tools that are new.
    pub added: Vec<String>,
    /// Tools that are gone.
    pub removed: Vec<String>,
    /// Tools that are called as before and are not what they were.
    pub changed: Vec<String>,
}

/// A look at a server and the gateway.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Look {
    /// When it was.
    #[serde(with = "unix")]
    pub at: SystemTime,
    /// What it came to: a closed set.
    pub outcome: String,
    /// What an operator should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

mod subject_key {
    use super::SubjectId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "as serde wants it")]
    pub(super) fn serialize<S: Serializer>(
        subject: &Option<SubjectId>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        subject.map(|subject| subject.key()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SubjectId>, D::Error> {
        let key = Option::<String>::deserialize(from)?;
        let subject = |key: String| {
            SubjectId::from_key(&key).ok_or_else(|| D::Error::custom("not a subject's key"))
        };
        key.map(subject).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;
    use serde_json::json;

    #[test]
    fn a_catalog_is_written_as_operators_read_it() {
        let alice = Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id();
        let catalog = Catalog {
            steward: Some(alice),
            gateway_target: Some("ABCDEFGHIJ".into()),
            recipe: Some(Recipe::ClientCredentials),
            ..Catalog::default()
        };
        let written = json!({
            "steward": alice.key(),
            "gateway_target": "ABCDEFGHIJ",
            "recipe": "client_credentials",
        });

        assert_eq!(serde_json::to_value(&catalog).unwrap(), written);
        assert_eq!(serde_json::from_value::<Catalog>(written).unwrap(), catalog);
        assert_eq!(serde_json::from_str::<Catalog>("{}").unwrap(), Catalog::default());
    }

    #[test]
    fn recipes_are_recorded_by_the_names_that_they_go_by() {
        for recipe in Recipe::ALL {
            assert_eq!(serde_json::to_value(recipe).unwrap(), recipe.name());
        }
        assert!(Recipe::ALL.is_sorted());
    }
}
