//! The queue on SQS, in the words of its API.

use crate::support::server::{Asked, Server, json as answer};
use broker::aws::{Aws, SqsQueue};
use broker::queue::{Message, Queue};
use broker::subject::Subject;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn a_batch_is_one_request_and_only_what_is_called_sent_was() {
    let server = Server::start(async |_: Asked| {
        let sent = |id| json!({ "Id": id, "MessageId": "m", "MD5OfMessageBody": "" });
        let failed = json!({ "Id": "1", "SenderFault": false, "Code": "InternalError" });
        answer(200, &json!({ "Successful": [sent("2"), sent("0")], "Failed": [failed] }))
    })
    .await;
    let messages = ["alice", "bob", "carol", "dave"].map(message);
    let refused = queue(&server).await.send(&messages).await.unwrap();
    // Of the last, the answer says nothing.
    assert_eq!(refused, [1, 3]);

    let [request] = &server.asked()[..] else { panic!("{:?}", server.asked()) };
    assert_eq!(request.header("x-amz-target"), Some("AmazonSQS.SendMessageBatch"));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["QueueUrl"], format!("{}/000000000000/due", server.url));
    let entries = body["Entries"].as_array().unwrap();
    assert_eq!(entries.len(), 4);
    for (place, (entry, message)) in entries.iter().zip(&messages).enumerate() {
        assert_eq!(entry["Id"], place.to_string());
        assert_eq!(entry["MessageBody"], message.to_body());
    }
}

#[tokio::test]
async fn a_queue_that_refuses_altogether_is_an_outage() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let server = Server::start(move |_: Asked| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { answer(403, &json!({ "__type": "com.amazonaws.sqs#AccessDenied" })) }
    })
    .await;
    assert!(queue(&server).await.send(&[message("alice")]).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

async fn queue(server: &Server) -> SqsQueue {
    let aws = Aws::at(&server.url).await;
    SqsQueue::new(&aws, &format!("{}/000000000000/due", server.url))
}

fn message(sub: &str) -> Message {
    let subject = Subject::new("https://idp.example", vec![sub.into()]).unwrap().id();
    Message { subject, target: "notes".parse().unwrap() }
}
