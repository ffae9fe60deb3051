//! The Lambda Runtime API for one process: it hands out events and takes answers.

use crate::server::{Request, Response, serve};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The side that the measurement holds.
pub(crate) struct RuntimeApi {
    /// Where the process finds it.
    pub(crate) address: String,
    events: Sender<Arc<[u8]>>,
    heard: Receiver<(Instant, Heard)>,
}

/// What the process said.
pub(crate) enum Heard {
    /// It asks for an event.
    Ready,
    /// It answers one.
    Answer(Vec<u8>),
    /// It gives up on one, or did not start.
    Failed(String),
}

impl RuntimeApi {
    /// A new one on a free port.
    pub(crate) fn start() -> io::Result<Self> {
        let (events, waiting) = channel();
        let (say, heard) = channel();
        let waiting = Mutex::new(waiting);
        let port = serve(None, move |request| answer(&request, &waiting, &say))?;
        Ok(Self { address: format!("127.0.0.1:{port}"), events, heard })
    }

    /// Hands out an event.
    pub(crate) fn send(&self, event: &Arc<[u8]>) -> Instant {
        let now = Instant::now();
        // A process that is gone will not be heard of either.
        let _ = self.events.send(Arc::clone(event));
        now
    }

    /// What the process says next, and when; `None` if it says nothing for that long.
    pub(crate) fn hear(&self, patience: Duration) -> Option<(Instant, Heard)> {
        self.heard.recv_timeout(patience).ok()
    }
}

fn answer(
    request: &Request,
    waiting: &Mutex<Receiver<Arc<[u8]>>>,
    say: &Sender<(Instant, Heard)>,
) -> Option<Response> {
    let now = Instant::now();
    let path = request.path.strip_prefix("/2018-06-01/runtime/")?;
    if request.method == "GET" && path == "invocation/next" {
        say.send((now, Heard::Ready)).ok()?;
        let event = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
        return Some(invocation(event));
    }
    let heard = if path.ends_with("/response") {
        Heard::Answer(request.body.clone())
    } else {
        Heard::Failed(String::from_utf8_lossy(&request.body).into_owned())
    };
    say.send((now, heard)).ok()?;
    let accepted = Response::json("application/json", *br#"{"status":"OK"}"#);
    Some(Response { status: 202, ..accepted })
}

#[expect(clippy::disallowed_methods, reason = "a deadline is told by the clock")]
fn invocation(event: Arc<[u8]>) -> Response {
    let deadline = SystemTime::now() + Duration::from_mins(10);
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let response = Response::json("application/json", event);
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:123456789012:function:interceptor".to_owned(),
        ),
        (
            "Lambda-Runtime-Trace-Id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    Response { headers: response.headers.into_iter().chain(headers).collect(), ..response }
}
