//! The queue on SQS.

use super::{Aws, Lazily, lazily};
use crate::config::ConfigError;
use crate::queue::{Message, Queue, QueueError};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{SendMessageBatchRequestEntry, SendMessageBatchResultEntry};

/// A queue of SQS, in the account of its configuration.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Lazily<Client>,
    url: String,
}

impl SqsQueue {
    /// The queue at `url`.
    pub fn new(aws: &Aws, url: &str) -> Self {
        Self { client: lazily(aws, Client::new), url: url.to_owned() }
    }

    /// The queue that `QUEUE_URL` names.
    #[expect(clippy::disallowed_methods, reason = "the queue is named at deployment")]
    pub fn from_env(aws: &Aws) -> Result<Self, ConfigError> {
        let url = std::env::var("QUEUE_URL").map_err(|_| ConfigError::Missing("QUEUE_URL"))?;
        Ok(Self::new(aws, &url))
    }

    /// The queue that `QUEUE_URL` names. `None` if it names none.
    pub fn if_named(aws: &Aws) -> Option<Self> {
        Self::from_env(aws).ok().filter(|queue| !queue.url.trim().is_empty())
    }
}

impl Queue for SqsQueue {
    async fn send(&self, messages: &[Message]) -> Result<Vec<usize>, QueueError> {
        let entries = messages.iter().enumerate().map(|(place, message)| {
            let entry = SendMessageBatchRequestEntry::builder().id(place.to_string());
            entry.message_body(message.to_body()).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(unavailable)?;
        let request = self.client.send_message_batch().queue_url(&self.url);
        let output = request.set_entries(Some(entries)).send().await.map_err(unavailable)?;
        // Only what the answer calls sent was sent.
        let sent: Vec<&str> =
            output.successful().iter().map(SendMessageBatchResultEntry::id).collect();
        Ok((0..messages.len()).filter(|place| !sent.contains(&&*place.to_string())).collect())
    }
}

fn unavailable<E: std::error::Error + Send + Sync + 'static>(error: E) -> QueueError {
    QueueError(Box::new(error))
}
