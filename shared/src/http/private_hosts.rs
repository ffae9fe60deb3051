//! A company's own servers, which may be inside.

use super::address::is_private;
use super::hosts::is_plain;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use url::Host;

/// Names that may lead into a private network. Each is one host's: somewhere below a domain, anybody
/// might be given a name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PrivateHosts(Arc<[String]>);

impl PrivateHosts {
    /// Whether `name` is one of them. A name that ends with a dot is another name.
    pub(super) fn hold(&self, name: &str) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether `name` may lead to `address` because it is one of them. Only `localhost` leads to this
    /// machine: behind any other name, that would be the runtime.
    pub(super) fn admit(&self, name: &str, address: IpAddr) -> bool {
        let local = name.eq_ignore_ascii_case("localhost");
        self.hold(name) && if local { address.is_loopback() } else { is_private(address) }
    }
}

/// A list separated by commas.
impl FromStr for PrivateHosts {
    type Err = NotAName;

    fn from_str(list: &str) -> Result<Self, NotAName> {
        if list.trim().is_empty() {
            return Ok(Self::default());
        }
        let name = |entry: &str| match Host::parse(entry.trim()) {
            Ok(Host::Domain(name)) if is_plain(&name) => Ok(name),
            _ => Err(NotAName),
        };
        list.split(',').map(name).collect::<Result<_, _>>().map(Self)
    }
}

/// Not a list of names.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a list of host names such as mcp.corp.example, each in full and none an address")]
pub struct NotAName;

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(list: &str, name: &str, address: &str) -> bool {
        list.parse::<PrivateHosts>().unwrap().admit(name, address.parse().unwrap())
    }

    #[test]
    fn p6_a_name_on_the_list_may_lead_into_a_private_network() {
        let list = "mcp.corp.example, AS.corp.example,b\u{fc}cher.example";
        for name in
            ["mcp.corp.example", "MCP.Corp.example", "as.corp.example", "xn--bcher-kva.example"]
        {
            for address in ["10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "fd12::1"] {
                assert!(admitted(list, name, address), "{name} {address}");
            }
        }
    }

    #[test]
    fn p6_no_other_name_may() {
        for name in [
            "",
            "corp.example",
            "evil.mcp.corp.example",
            "evilmcp.corp.example",
            "mcp.corp.example.evil",
            "mcp.corp.example.",
            "localhost",
        ] {
            assert!(!admitted("mcp.corp.example", name, "10.0.0.1"), "{name}");
        }
        for none in ["", "  "] {
            assert!(!admitted(none, "mcp.corp.example", "10.0.0.1"));
            assert!(!admitted(none, "localhost", "127.0.0.1"));
        }
    }

    #[test]
    fn p6_a_name_on_the_list_leads_neither_to_this_machine_nor_to_where_a_cloud_speaks() {
        let list = "mcp.corp.example,localhost,metadata.google.internal,instance-data";
        for name in ["mcp.corp.example", "localhost", "metadata.google.internal", "instance-data"] {
            for address in [
                "0.0.0.0",
                "169.254.169.254",
                "169.254.170.2",
                "100.100.100.200",
                "fd00:ec2::254",
                "fe80::1",
                "::",
                "::ffff:127.0.0.1",
                "::ffff:10.0.0.1",
                "224.0.0.1",
            ] {
                assert!(!admitted(list, name, address), "{name} {address}");
            }
            for address in ["127.0.0.1", "127.1.2.3", "::1"] {
                assert_eq!(admitted(list, name, address), name == "localhost", "{name} {address}");
            }
        }
        assert!(admitted(list, "LOCALHOST", "127.0.0.1"));
        assert!(!admitted(list, "localhost", "10.0.0.1"));
    }

    #[test]
    fn p6_what_is_no_list_of_names_is_not_taken_for_none() {
        for list in [
            ",",
            "mcp.corp.example,",
            "mcp.corp.example,,as.corp.example",
            "*",
            "*.corp.example",
            ".corp.example",
            "mcp.corp.example.",
            "10.0.0.1",
            "167772161",
            "0xa.1",
            "[fd12::1]",
            "fd12::1",
            "https://mcp.corp.example",
            "mcp.corp.example/mcp",
            "mcp.corp.example:8443",
            "mcp.corp.example as.corp.example",
            "user@mcp.corp.example",
        ] {
            assert_eq!(list.parse::<PrivateHosts>(), Err(NotAName), "{list}");
        }
    }
}
