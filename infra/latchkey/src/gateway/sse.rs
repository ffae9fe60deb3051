//! Server-sent events: cut out of a byte stream one by one, and passed on as they come.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>

use super::outbound::{PAYLOAD_LIMIT, Silence};
use axum::body::HttpBody;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// A stream that is still being written.
#[derive(Debug)]
pub(crate) struct Events {
    body: Incoming,
    unread: BytesMut,
}

impl Events {
    /// The events of an answer's body.
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body, unread: BytesMut::new() }
    }

    /// The next event, or `None` at the end. Half an event is none.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Silence> {
        loop {
            if let Some(length) = first_event(&self.unread) {
                return Ok(Some(Event(self.unread.split_to(length).freeze())));
            }
            if self.unread.len() > PAYLOAD_LIMIT {
                return Err(Silence);
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(more) = frame.map_err(|_| Silence)?.into_data() {
                        self.unread.extend_from_slice(&more);
                    }
                }
            }
        }
    }

    /// Reads on to the answer to the request `id`.
    pub(crate) async fn answer(&mut self, id: &Value) -> Result<Value, Silence> {
        while let Some(event) = self.next().await? {
            if let Some(message) = event.message()
                && message.get("id") == Some(id)
                && message.get("method").is_none()
            {
                return Ok(message);
            }
        }
        Err(Silence)
    }
}

/// One event, comments and all, up to and including the empty line that ends it.
#[derive(Clone, Debug)]
pub(crate) struct Event(Bytes);

impl Event {
    /// An event that holds a JSON-RPC message and nothing else.
    pub(crate) fn of(message: &Value) -> Self {
        Self(format!("event: message\ndata: {message}\n\n").into())
    }

    /// The JSON-RPC message in it, if there is one.
    pub(crate) fn message(&self) -> Option<Value> {
        let text = std::str::from_utf8(&self.0).ok()?;
        let data: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| data.strip_prefix(' ').unwrap_or(data))
            .collect();
        serde_json::from_str(&data.join("\n")).ok()
    }

    /// The same event around another message: its name and id stay.
    pub(crate) fn with_message(&self, message: &Value) -> Self {
        let text = String::from_utf8_lossy(&self.0);
        let kept: String = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("data:"))
            .flat_map(|line| [line, "\n"])
            .collect();
        Self(format!("{kept}data: {message}\n\n").into())
    }

    /// The event as bytes.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// The receiving end of a relay, as a response body. Dropping it tells the sender to stop.
#[derive(Debug)]
pub(crate) struct Relayed(pub(crate) mpsc::Receiver<Bytes>);

impl HttpBody for Relayed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Where the first event in `bytes` ends: after its first empty line.
fn first_event(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    for (end, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        let line = &bytes[start..end];
        if line.is_empty() || line == b"\r" {
            return Some(end + 1);
        }
        start = end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_ends_at_its_empty_line_whatever_the_line_ending() {
        assert_eq!(first_event(b"data: 1\n\ndata: 2\n\n"), Some(9));
        assert_eq!(first_event(b"data: 1\r\n\r\n"), Some(11));
        assert_eq!(first_event(b"data: 1\n"), None);
    }

    #[test]
    fn a_message_may_be_spread_over_lines() {
        let event = Event(Bytes::from_static(b": hello\ndata: {\"id\":\ndata:1}\n\n"));

        assert_eq!(event.message(), Some(json!({ "id": 1 })));
    }

    #[test]
    fn a_changed_message_keeps_the_name_and_id_of_its_event() {
        let event = Event(Bytes::from_static(b"event: message\nid: 7\ndata: {}\n\n"));

        let changed = event.with_message(&json!({ "a": 1 }));

        assert_eq!(changed.into_bytes(), "event: message\nid: 7\ndata: {\"a\":1}\n\n");
    }
}
