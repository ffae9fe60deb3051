//! SQS, as far as a sweep sends: it takes every message of a batch.

use crate::Failure;
use crate::server::{Request, Response, serve};
use serde::Deserialize;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// The queue of what is due.
pub(crate) struct DueQueue {
    pub(crate) endpoint: String,
    taken: Arc<Mutex<Taken>>,
}

/// What was sent.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Taken {
    pub(crate) batches: usize,
    pub(crate) bodies: Vec<String>,
}

impl DueQueue {
    /// An empty one.
    pub(crate) fn start() -> Result<Self, Failure> {
        let taken = Arc::<Mutex<Taken>>::default();
        let taking = Arc::clone(&taken);
        let port = serve(None, move |request| Some(answer(&request, &taking)))?;
        Ok(Self { endpoint: format!("http://localhost:{port}"), taken })
    }

    /// Its address, as a deployment is told it.
    pub(crate) fn url(&self) -> String {
        format!("{}/123456789012/due", self.endpoint)
    }

    /// What was sent since it was last looked at.
    pub(crate) fn taken(&self) -> Taken {
        std::mem::take(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn answer(request: &Request, taken: &Mutex<Taken>) -> Response {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Batch {
        entries: Vec<Entry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Entry {
        id: String,
        message_body: String,
    }
    let signed = request.header("authorization").is_some_and(|a| a.contains("Signature="));
    if !signed || request.header("x-amz-target") != Some("AmazonSQS.SendMessageBatch") {
        return Response::refusal(400, r#"{"__type":"com.amazonaws.sqs#UnsupportedOperation"}"#);
    }
    let Ok(Batch { entries }) = serde_json::from_slice::<Batch>(&request.body) else {
        return Response::refusal(
            400,
            r#"{"__type":"com.amazon.coral.service#SerializationException"}"#,
        );
    };
    if entries.is_empty() {
        return Response::refusal(400, r#"{"__type":"com.amazonaws.sqs#EmptyBatchRequest"}"#);
    }
    if entries.len() > 10 {
        return Response::refusal(
            400,
            r#"{"__type":"com.amazonaws.sqs#TooManyEntriesInBatchRequest"}"#,
        );
    }
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    taken.batches += 1;
    let sent: Vec<_> = entries
        .into_iter()
        .map(|Entry { id, message_body }| {
            taken.bodies.push(message_body);
            // The SDK does not look at the digest.
            json!({ "Id": id, "MessageId": format!("m-{}", taken.bodies.len()), "MD5OfMessageBody": "" })
        })
        .collect();
    let answer = json!({ "Successful": sent, "Failed": [] });
    Response::json("application/x-amz-json-1.0", answer.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(entries: usize, authorization: &str) -> (u16, Taken) {
        let entries: Vec<_> = (0..entries)
            .map(|n| json!({ "Id": n.to_string(), "MessageBody": format!("body {n}") }))
            .collect();
        let body = json!({ "QueueUrl": "http://localhost/1/due", "Entries": entries }).to_string();
        let target = ("x-amz-target", "AmazonSQS.SendMessageBatch");
        let request = Request::of(&[target, ("authorization", authorization)], body.as_bytes());
        let taken = Mutex::default();
        let status = answer(&request, &taken).status;
        (status, taken.into_inner().unwrap())
    }

    #[test]
    fn a_batch_is_taken_whole_and_what_sqs_refuses_is_refused() {
        let bodies = vec!["body 0".to_owned(), "body 1".to_owned()];
        assert_eq!(send(2, "Signature=1"), (200, Taken { batches: 1, bodies }));
        for (entries, authorization) in [(0, "Signature=1"), (11, "Signature=1"), (2, "")] {
            assert_eq!(send(entries, authorization), (400, Taken::default()));
        }
    }
}
