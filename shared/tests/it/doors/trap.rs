//! Where inward addresses lead.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

/// Listens at the loopback addresses, and answers nobody.
pub(crate) struct Trap {
    listeners: Vec<TcpListener>,
    pub(crate) port: u16,
}

impl Trap {
    pub(crate) fn set() -> Self {
        loop {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = v4.local_addr().unwrap().port();
            let listeners = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
                Ok(v6) => vec![v4, v6],
                // Somebody has the port of the other kind.
                Err(error) if error.kind() == ErrorKind::AddrInUse => continue,
                // This machine has no addresses of the other kind.
                Err(_) => vec![v4],
            };
            for listener in &listeners {
                listener.set_nonblocking(true).unwrap();
            }
            return Self { listeners, port };
        }
    }

    /// How many connections were made since this was last asked.
    pub(crate) fn connections(&self) -> usize {
        self.listeners
            .iter()
            .map(|listener| listener.incoming().map_while(Result::ok).count())
            .sum()
    }
}

#[test]
fn a_trap_catches() {
    let trap = Trap::set();
    assert_eq!(trap.connections(), 0);
    let _caught = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, trap.port)).unwrap();
    assert_eq!(trap.connections(), 1);
}
