//! HTTP/1.1 over one connection that is kept, plain or TLS.

use crate::Failure;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use url::Url;

/// A connection to one server.
pub(crate) struct Connection {
    stream: Stream,
    /// For the `Host` header.
    pub(crate) host: String,
    received: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// One answer, in the connection's own buffer.
pub(crate) struct Answer<'a> {
    head: &'a str,
    pub(crate) body: &'a [u8],
}

/// Who trusts one root, read from a file.
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    pub(crate) fn read(path: &str) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(path)?)?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

impl Connection {
    /// Connects to the origin of `url`. `https` needs somebody to trust.
    pub(crate) fn open(url: &str, trust: Option<&Trust>) -> Result<Self, Failure> {
        let url = Url::parse(url)?;
        let name = url.host_str().ok_or("a URL without a host")?.to_owned();
        let port = url.port_or_known_default().ok_or("a URL without a port")?;
        let tcp = TcpStream::connect((name.as_str(), port))?;
        tcp.set_nodelay(true)?;
        let host = format!("{name}:{port}");
        let stream = match (url.scheme(), trust) {
            ("https", Some(trust)) => {
                let server = ServerName::try_from(name)?;
                let session = ClientConnection::new(Arc::clone(&trust.0), server)?;
                Stream::Tls(Box::new(StreamOwned::new(session, tcp)))
            }
            ("https", None) => return Err("nobody is trusted".into()),
            _ => Stream::Plain(tcp),
        };
        Ok(Self { stream, host, received: Vec::with_capacity(8 * 1024) })
    }

    /// Sends a whole request and reads the whole answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        let Self { stream, received, .. } = self;
        let stream: &mut dyn ReadWrite = match stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.as_mut(),
        };
        stream.write_all(request)?;
        stream.flush()?;
        received.clear();
        let head = loop {
            let before = received.len();
            received.resize(before + READ, 0);
            let read = stream.read(&mut received[before..])?;
            received.truncate(before + read);
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            let from = before.saturating_sub(END.len());
            if let Some(at) = received[from..].windows(END.len()).position(|end| end == END) {
                break from + at;
            }
        };
        let body = head + END.len();
        let length: usize = header(std::str::from_utf8(&received[..head])?, "content-length")
            .ok_or("an answer without a length")?
            .parse()?;
        let there = received.len();
        received.resize(body + length, 0);
        if there < body + length {
            stream.read_exact(&mut received[there..])?;
        }
        let head = std::str::from_utf8(&received[..head])?;
        Ok(Answer { head, body: &received[body..] })
    }

    /// The same, which must be answered by 200.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<&[u8], Failure> {
        let answer = self.exchange(request)?;
        if answer.head.get(9..12) != Some("200") {
            return Err(String::from_utf8_lossy(answer.body).into());
        }
        Ok(answer.body)
    }
}

impl<'a> Answer<'a> {
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        header(self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

const END: &[u8] = b"\r\n\r\n";
const READ: usize = 8 * 1024;
