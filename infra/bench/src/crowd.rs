//! Those who do not call: the rows among which those of callers lie, and of which some are due.

use crate::Failure;
use crate::table;
use broker::due::Shard;
use broker::queue::Message;
use broker::subject::Subject;
use dynoxide::{AttributeValue, Item};

/// When a row is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    /// Long since.
    Now,
    /// Not in this run.
    Later,
}

impl When {
    fn seconds(self) -> u64 {
        match self {
            Self::Now => 1_600_000_000,
            Self::Later => 4_000_000_000,
        }
    }
}

/// The rows of the first `number` of them. They hold what an index needs, and no tokens: nobody asks
/// for those.
///
/// They come in the order of their keys, which are digests: an engine takes a million of those several
/// times faster in order than as they come.
pub(crate) fn rows(number: usize, when: When) -> Result<impl Iterator<Item = Item>, Failure> {
    let mut messages = (0..number).map(message).collect::<Result<Vec<_>, _>>()?;
    messages.sort_by_cached_key(|message| message.subject.key());
    Ok(messages.into_iter().map(move |message| row(&message, when)))
}

fn row(Message { subject, target }: &Message, when: When) -> Item {
    let seconds = when.seconds().to_string();
    let row = [
        ("due_shard", AttributeValue::S(Shard::of(subject, target).key())),
        ("subject", AttributeValue::S(subject.key())),
        ("target", AttributeValue::S(target.as_str().to_owned())),
        ("status", AttributeValue::S("active".to_owned())),
        ("due_at", AttributeValue::N(seconds)),
        ("version", AttributeValue::N("1".to_owned())),
    ];
    row.map(|(name, value)| (name.to_owned(), value)).into()
}

/// What a sweep queues of the first `number` of them when they are due, in order.
pub(crate) fn messages(number: usize) -> Result<Vec<String>, Failure> {
    let mut bodies: Vec<_> =
        (0..number).map(|n| Ok(message(n)?.to_body())).collect::<Result<_, Failure>>()?;
    bodies.sort_unstable();
    Ok(bodies)
}

fn message(number: usize) -> Result<Message, Failure> {
    let unusable = |what: &dyn std::fmt::Display| Failure::Keys(what.to_string());
    let names = vec![format!("crowd {number}")];
    let subject = Subject::new("https://idp.example", names).map_err(|e| unusable(&e))?.id();
    let target = table::name(0).parse().map_err(|e| unusable(&e))?;
    Ok(Message { subject, target })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_and_its_message_name_the_same_connection() {
        let row = rows(2, When::Now).unwrap().last().unwrap();
        let AttributeValue::S(subject) = &row["subject"] else { panic!("a subject is text") };
        let messages = messages(2).unwrap();
        assert!(messages.iter().any(|message| message.contains(subject)), "{messages:?}");
        assert_ne!(messages[0], messages[1]);
        assert_eq!(row["due_at"], AttributeValue::N("1600000000".to_owned()));
    }
}
