//! The Lambda Runtime API, as far as it takes to answer.

use crate::Failure;
use crate::connection::Connection;

/// The connection to the Runtime API.
pub(crate) struct Runtime(Connection);

/// One event and what to answer to.
pub(crate) struct Invocation {
    pub(crate) id: String,
    pub(crate) event: Vec<u8>,
}

impl Runtime {
    pub(crate) fn connect(address: &str) -> Result<Self, Failure> {
        Ok(Self(Connection::open(&format!("http://{address}"), None)?))
    }

    pub(crate) fn next(&mut self) -> Result<Invocation, Failure> {
        let host = &self.0.host;
        let request =
            format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = self.0.exchange(request.as_bytes())?;
        let id = answer.header("lambda-runtime-aws-request-id").ok_or("an event without an id")?;
        Ok(Invocation { id: id.to_owned(), event: answer.body.to_vec() })
    }

    pub(crate) fn answer(&mut self, id: &str, answer: &[u8]) -> Result<(), Failure> {
        let (host, length) = (&self.0.host, answer.len());
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: {host}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        self.0.exchange(&[head.as_bytes(), answer].concat())?;
        Ok(())
    }
}
