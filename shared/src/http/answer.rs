//! An answer that is read as it comes.

use super::HttpError;
use http::response::Parts;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use tokio::time::Instant;

/// An answer of which only the head has been read. Some servers keep a stream open after they have
/// said what they had to say.
#[derive(Debug)]
pub struct Answer {
    /// Its status and headers.
    pub head: Parts,
    body: Limited<Incoming>,
    /// When the whole of it is late.
    late: Instant,
}

impl Answer {
    pub(super) fn new(answer: http::Response<Incoming>, limit: usize, late: Instant) -> Self {
        let (head, body) = answer.into_parts();
        Self { head, body: Limited::new(body, limit), late }
    }

    /// What comes next of its body, or `None` at its end.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let frame = tokio::time::timeout_at(self.late, self.body.frame());
            match frame.await.map_err(|_| HttpError::TimedOut)? {
                None => return Ok(None),
                Some(frame) => {
                    // Trailers say nothing.
                    if let Ok(piece) = frame.map_err(HttpError::body)?.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// The rest of its body.
    pub async fn rest(&mut self) -> Result<Vec<u8>, HttpError> {
        let mut rest = Vec::new();
        while let Some(piece) = self.next_piece().await? {
            rest.extend_from_slice(&piece);
        }
        Ok(rest)
    }
}
