//! Where work waits, so that it can be spread over as many as it needs, and nobody waits for it: what is
//! due to be renewed, and targets that somebody has just consented to.

mod batch;

pub use batch::{Answer, Delivery};

use crate::due::Due;
use crate::subject::SubjectId;
use crate::target::TargetName;
use serde::{Deserialize, Serialize};

/// A queue. What was sent is delivered at least once, in any order.
pub trait Queue: Send + Sync {
    /// Sends up to [`QUEUE_BATCH`] messages at once. The answer is the places, in `messages`, of those
    /// that the queue did not take.
    fn send(
        &self,
        messages: &[Message],
    ) -> impl Future<Output = Result<Vec<usize>, QueueError>> + Send;
}

/// Where there is no queue, nobody waits for what is sent.
impl<Q: Queue> Queue for Option<Q> {
    async fn send(&self, messages: &[Message]) -> Result<Vec<usize>, QueueError> {
        match self {
            Some(queue) => queue.send(messages).await,
            None => Ok(Vec::new()),
        }
    }
}

/// What a queue carries: whose connection this is about, and where. No token, and nobody's name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// Whose it is.
    pub subject: SubjectId,
    /// Where it acts.
    pub target: TargetName,
}

impl Message {
    /// The message as the queue carries it.
    pub fn to_body(&self) -> String {
        let Self { subject, target } = self;
        serde_json::json!(Body { subject: subject.key(), target: target.clone() }).to_string()
    }

    /// The inverse of [`Message::to_body`]. `None` for what we did not write.
    pub fn from_body(body: &str) -> Option<Self> {
        let Body { subject, target } = serde_json::from_str(body).ok()?;
        Some(Self { subject: SubjectId::from_key(&subject)?, target })
    }
}

/// What the catalog's queue carries: that a target is to be looked at again, and who has just consented
/// there, if that is why. A [`Message`] is one as well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogMessage {
    /// Who consented.
    pub subject: Option<SubjectId>,
    /// Where to look.
    pub target: TargetName,
}

impl CatalogMessage {
    /// The message as the queue carries it.
    pub fn to_body(&self) -> String {
        let Self { subject, target } = self;
        let subject = subject.map(|subject| subject.key());
        serde_json::json!(CatalogBody { subject, target: target.clone() }).to_string()
    }

    /// The inverse of [`CatalogMessage::to_body`]. `None` for what we did not write.
    pub fn from_body(body: &str) -> Option<Self> {
        let CatalogBody { subject, target } = serde_json::from_str(body).ok()?;
        let subject = match subject {
            Some(key) => Some(SubjectId::from_key(&key)?),
            None => None,
        };
        Some(Self { subject, target })
    }
}

impl From<&Due> for Message {
    fn from(due: &Due) -> Self {
        Self { subject: due.subject, target: due.target.clone() }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Body {
    subject: String,
    target: TargetName,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CatalogBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    target: TargetName,
}

/// The queue did not answer: try again.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not answer")]
pub struct QueueError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// How many messages are sent at once, at most.
pub const QUEUE_BATCH: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;

    #[test]
    fn a_message_names_a_connection_and_says_nothing_else() {
        let subject = Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id();
        let message = Message { subject, target: "notes".parse().unwrap() };
        let body = message.to_body();
        assert_eq!(body, format!(r#"{{"subject":"{}","target":"notes"}}"#, subject.key()));
        assert_eq!(Message::from_body(&body), Some(message));
    }

    #[test]
    fn who_consented_is_a_reason_to_look_and_so_is_nobody() {
        let subject = Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id();
        let target: TargetName = "notes".parse().unwrap();
        let sent = Message { subject, target: target.clone() }.to_body();
        let looked = CatalogMessage { subject: Some(subject), target: target.clone() };
        assert_eq!(looked.to_body(), sent);
        assert_eq!(CatalogMessage::from_body(&sent), Some(looked));
        let again = CatalogMessage { subject: None, target };
        assert_eq!(again.to_body(), r#"{"target":"notes"}"#);
        assert_eq!(CatalogMessage::from_body(r#"{"target":"notes"}"#), Some(again));
        for body in ["{}", r#"{"target":"no target"}"#, r#"{"subject":"a","target":"notes"}"#] {
            assert_eq!(CatalogMessage::from_body(body), None, "{body}");
        }
    }

    #[test]
    fn what_we_did_not_write_is_no_message() {
        let key = "A".repeat(43);
        assert!(
            Message::from_body(&format!(r#"{{"subject":"{key}","target":"notes"}}"#)).is_some()
        );
        for body in [
            String::new(),
            "null".into(),
            r#"{"subject":"short","target":"notes"}"#.into(),
            format!(r#"{{"subject":"{key}","target":"no target"}}"#),
            format!(r#"{{"subject":"{key}"}}"#),
            format!(r#"{{"subject":"{key}","target":"notes","more":1}}"#),
        ] {
            assert_eq!(Message::from_body(&body), None, "{body}");
        }
    }
}
