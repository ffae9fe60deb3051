//! Server-sent events, cut out of a byte stream one by one.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>

use hyper::body::Bytes;
use serde_json::Value;

/// What was read of a stream and is not yet an event.
#[derive(Debug, Default)]
pub struct Unread {
    bytes: Vec<u8>,
    /// Where the line begins that has not ended yet.
    line: usize,
}

impl Unread {
    /// Takes what was read next.
    pub fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
    }

    /// How much it is.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next event. Half an event is none.
    pub fn next_event(&mut self) -> Option<Event> {
        while let Some(length) = self.bytes[self.line..].iter().position(|byte| *byte == b'\n') {
            let (start, end) = (self.line, self.line + length + 1);
            self.line = end;
            if matches!(&self.bytes[start..end], b"\n" | b"\r\n") {
                self.line = 0;
                return Some(Event(self.bytes.drain(..end).collect()));
            }
        }
        None
    }
}

/// One event, comments and all, up to and including the empty line that ends it.
#[derive(Clone, Debug)]
pub struct Event(Bytes);

impl Event {
    /// An event that holds a JSON-RPC message and nothing else.
    pub fn of(message: &Value) -> Self {
        Self(format!("event: message\ndata: {message}\n\n").into())
    }

    /// The JSON-RPC message in it, if there is one.
    pub fn message(&self) -> Option<Value> {
        let text = std::str::from_utf8(&self.0).ok()?;
        let data: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| data.strip_prefix(' ').unwrap_or(data))
            .collect();
        serde_json::from_str(&data.join("\n")).ok()
    }

    /// The same event around another message: its name and id stay.
    #[must_use]
    pub fn with_message(&self, message: &Value) -> Self {
        let text = String::from_utf8_lossy(&self.0);
        let kept: String = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("data:"))
            .flat_map(|line| [line, "\n"])
            .collect();
        Self(format!("{kept}data: {message}\n\n").into())
    }

    /// The event as bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_ends_at_its_empty_line_whatever_the_line_ending() {
        let lengths = |stream: &str, piece: usize| {
            let mut unread = Unread::default();
            let mut lengths = Vec::new();
            for piece in stream.as_bytes().chunks(piece) {
                unread.push(piece);
                while let Some(event) = unread.next_event() {
                    lengths.push(event.into_bytes().len());
                }
            }
            (lengths, unread.len())
        };
        for piece in [1, 2, 3, 100] {
            assert_eq!(lengths("data: 1\n\ndata: 2\n\n", piece), (vec![9, 9], 0));
            assert_eq!(lengths("data: 1\r\n\r\n", piece), (vec![11], 0));
            assert_eq!(lengths("data: 1\n", piece), (vec![], 8));
            assert_eq!(lengths("a: 1\nb: 2\n\n\nc", piece), (vec![11, 1], 1));
        }
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
