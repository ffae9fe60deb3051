//! A small HTTP/1.1 server: connections are kept, one thread each, plain or TLS.

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What a client asks.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What it is answered.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Arc<[u8]>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
impl Request {
    pub(crate) fn of(headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (method, path) = ("POST".to_owned(), "/".to_owned());
        Self { method, path, headers: headers.collect(), body: body.to_vec() }
    }
}

impl Response {
    pub(crate) fn json(media_type: &str, body: impl Into<Arc<[u8]>>) -> Self {
        let headers = vec![("Content-Type", media_type.to_owned())];
        Self { status: 200, headers, body: body.into() }
    }

    pub(crate) fn refusal(status: u16, what: &str) -> Self {
        Self { status, ..Self::json("application/json", what.as_bytes()) }
    }
}

/// Answers on a free port of the loopback interface until the process ends. `answer` may block.
pub(crate) fn serve(
    tls: Option<Arc<ServerConfig>>,
    answer: impl Fn(Request) -> Option<Response> + Send + Sync + 'static,
) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (tls, answer) = (tls.clone(), Arc::clone(&answer));
            // A client that goes away in the middle is a child that was stopped.
            thread::spawn(move || drop(converse(stream, tls, answer.as_ref())));
        }
    });
    Ok(port)
}

fn converse(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    answer: &dyn Fn(Request) -> Option<Response>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => {
            let session = ServerConnection::new(tls).map_err(io::Error::other)?;
            exchanges(StreamOwned::new(session, stream), answer)
        }
        None => exchanges(stream, answer),
    }
}

fn exchanges(
    mut stream: impl Read + Write,
    answer: &dyn Fn(Request) -> Option<Response>,
) -> io::Result<()> {
    let mut received = Vec::new();
    while let Some(request) = read(&mut stream, &mut received)? {
        let Some(response) = answer(request) else { return Ok(()) };
        // One write: a head and a body that come apart would be two events for the client.
        let mut bytes = Vec::with_capacity(response.body.len() + 1024);
        write!(bytes, "HTTP/1.1 {} .\r\n", response.status)?;
        for (name, value) in &response.headers {
            write!(bytes, "{name}: {value}\r\n")?;
        }
        write!(bytes, "Content-Length: {}\r\n\r\n", response.body.len())?;
        bytes.extend_from_slice(&response.body);
        stream.write_all(&bytes)?;
        stream.flush()?;
    }
    Ok(())
}

/// The next request; `None` if the client is done.
fn read(stream: &mut impl Read, received: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        let status = request.parse(received).map_err(|error| bad(error.to_string()))?;
        if let httparse::Status::Complete(head) = status {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers = request.headers.iter();
            let headers = headers.map(|h| (h.name.to_owned(), text(h.value))).collect();
            let mut request = Request {
                method: request.method.unwrap_or_default().to_owned(),
                path: request.path.unwrap_or_default().to_owned(),
                headers,
                body: Vec::new(),
            };
            if request.header("expect").is_some() || request.header("transfer-encoding").is_some() {
                return Err(bad("only bodies of a known length are read".to_owned()));
            }
            let length = request.header("content-length").and_then(|length| length.parse().ok());
            let end = head + length.unwrap_or(0);
            let there = received.len();
            if there < end {
                received.resize(end, 0);
                stream.read_exact(&mut received[there..])?;
            }
            request.body = received[head..end].to_vec();
            received.drain(..end);
            return Ok(Some(request));
        }
        let there = received.len();
        received.resize(there + READ, 0);
        let read = stream.read(&mut received[there..])?;
        received.truncate(there + read);
        if read == 0 {
            return Ok(None);
        }
    }
}

const READ: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_wherever_they_are_cut() {
        let bytes =
            b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nX-Y: z\r\n\r\n";
        for cut in 1..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let mut stream = first.chain(second);
            let mut received = Vec::new();
            let a = read(&mut stream, &mut received).unwrap().unwrap();
            assert_eq!((a.method.as_str(), a.path.as_str(), &*a.body), ("POST", "/a", &b"abc"[..]));
            let b = read(&mut stream, &mut received).unwrap().unwrap();
            assert_eq!((b.path.as_str(), b.header("x-y"), &*b.body), ("/b", Some("z"), &b""[..]));
            assert!(read(&mut stream, &mut received).unwrap().is_none());
        }
    }
}
