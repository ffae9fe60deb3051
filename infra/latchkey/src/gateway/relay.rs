//! A target's stream on its way to the client.

use super::door::{Observer, Unusable, in_revision};
use super::fault::Fault;
use super::mcp::Message;
use super::sse::{Event, Events, Relayed};
use super::upstream::Session;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;
use tokio::sync::mpsc;

/// A stream that has begun.
pub(crate) struct Relay {
    /// What the target sends.
    pub(crate) events: Events,
    /// The session to end with the stream.
    pub(crate) session: Option<Session>,
    /// The client's message.
    pub(crate) message: Message,
}

impl Relay {
    /// Answers with the stream. Each event leaves as soon as it is whole.
    pub(crate) fn into_response(self, id: Option<Value>, observer: Option<Observer>) -> Response {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.run(sender, id, observer));
        let headers = [
            (CONTENT_TYPE, "text/event-stream"),
            (CACHE_CONTROL, "no-store"),
            (http::HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        (headers, Body::new(Relayed(receiver))).into_response()
    }

    async fn run(
        mut self,
        client: mpsc::Sender<Bytes>,
        id: Option<Value>,
        observer: Option<Observer>,
    ) {
        let mut observation = Observation { observer, first: true };
        loop {
            let next = tokio::select! {
                next = self.events.next() => next,
                // A client that hangs up cancels: the target's stream ends with this loop.
                () = client.closed() => break,
            };
            let Ok(Some(event)) = next else {
                let broken = Fault::internal().answering(id).body();
                _ = client.send(Event::of(&broken).into_bytes()).await;
                break;
            };
            let Passage { event, last } = self.pass(event, &mut observation).await;
            if let Some(event) = event
                && client.send(event.into_bytes()).await.is_err()
            {
                break;
            }
            if last {
                break;
            }
        }
        if let Some(session) = self.session {
            session.end();
        }
    }

    async fn pass(&self, event: Event, observation: &mut Observation) -> Passage {
        let Some(received) = event.message() else {
            return Passage { event: Some(event), last: false };
        };
        let (id, method) = (received.get("id").cloned(), received.get("method"));
        if id.is_some() && method.is_some() && self.message.revision().is_modern() {
            // 2026-07-28 clients take no requests, and could not answer one here.
            return Passage { event: None, last: false };
        }
        let last = id.is_some() && method.is_none();
        let mut sent = in_revision(&self.message, received.clone());
        if id.is_some() && method.is_none_or(|method| method != "ping") {
            sent = observation
                .of(sent)
                .await
                .unwrap_or_else(|Unusable| Fault::internal().answering(id).body());
        }
        let event = if sent == received { event } else { event.with_message(&sent) };
        Passage { event: Some(event), last }
    }
}

/// What becomes of one event.
struct Passage {
    event: Option<Event>,
    /// Whether it is the answer, after which nothing follows.
    last: bool,
}

/// The RESPONSE interception point along a stream. It sees whatever has an id.
struct Observation {
    observer: Option<Observer>,
    first: bool,
}

impl Observation {
    async fn of(&mut self, body: Value) -> Result<Value, Unusable> {
        let Some(observer) = &self.observer else { return Ok(body) };
        let first = std::mem::replace(&mut self.first, false);
        observer.streamed(&body, first).await
    }
}
