//! Server-sent events, passed on as they come.

use super::outbound::{PAYLOAD_LIMIT, Silence};
use axum::body::HttpBody;
pub(crate) use broker::http::sse::Event;
use broker::http::sse::Unread;
use bytes::Bytes;
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
    unread: Unread,
}

impl Events {
    /// The events of an answer's body.
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body, unread: Unread::default() }
    }

    /// The next event, or `None` at the end. Half an event is none.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Silence> {
        loop {
            if let Some(event) = self.unread.next_event() {
                return Ok(Some(event));
            }
            if self.unread.len() > PAYLOAD_LIMIT {
                return Err(Silence);
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(more) = frame.map_err(|_| Silence)?.into_data() {
                        self.unread.push(&more);
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
