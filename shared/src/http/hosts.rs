//! The hosts to which an operator may limit a deployment.

use std::str::FromStr;
use std::sync::Arc;
use url::Host;

/// Hosts that may be spoken to. None means every one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Hosts(Arc<[Entry]>);

#[derive(Debug, Eq, PartialEq)]
enum Entry {
    /// This one.
    Host(Host),
    /// This domain and all below it.
    Domain(String),
}

impl Hosts {
    /// Whether `host` may be spoken to. A name that ends with a dot is another name.
    pub(super) fn hold(&self, host: &Host<&str>) -> bool {
        let held = |entry: &Entry| match (entry, host) {
            (Entry::Domain(domain), Host::Domain(name)) => name
                .strip_suffix(domain.as_str())
                .is_some_and(|below| below.is_empty() || below.ends_with('.')),
            (Entry::Domain(_), _) => false,
            (Entry::Host(entry), host) => entry == host,
        };
        self.0.is_empty() || self.0.iter().any(held)
    }
}

/// A list separated by commas: `host`, or `.domain` for a domain and all that is below it.
impl FromStr for Hosts {
    type Err = NotAHost;

    fn from_str(list: &str) -> Result<Self, NotAHost> {
        if list.trim().is_empty() {
            return Ok(Self::default());
        }
        list.split(',').map(|entry| entry.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Entry {
    type Err = NotAHost;

    fn from_str(written: &str) -> Result<Self, NotAHost> {
        let (name, domain) = match written.strip_prefix('.') {
            Some(domain) => (domain, true),
            None => (written, false),
        };
        match Host::parse(name).map_err(|_| NotAHost)? {
            Host::Domain(name) if !is_plain(&name) => Err(NotAHost),
            Host::Domain(name) if domain => Ok(Self::Domain(name)),
            _ if domain => Err(NotAHost),
            host => Ok(Self::Host(host)),
        }
    }
}

/// Whether a name can be that of a server on the internet. A pattern would match nothing, and who
/// wrote one would not know.
pub(super) fn is_plain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(label)
}

/// Not a list of hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a list of host names such as auth.example.com, or .example.com for all of a domain")]
pub struct NotAHost;

#[cfg(test)]
mod tests {
    use super::*;

    fn held(list: &str, host: &str) -> bool {
        let url = url::Url::parse(&format!("https://{host}/")).unwrap();
        list.parse::<Hosts>().unwrap().hold(&url.host().unwrap())
    }

    #[test]
    fn p4_no_list_holds_everybody() {
        for none in ["", "  "] {
            assert!(held(none, "as.example") && held(none, "1.1.1.1"));
        }
    }

    #[test]
    fn p4_a_host_is_itself_and_nobody_else() {
        let list = "as.example, MCP.example,b\u{fc}cher.example,1.1.1.1,2606:4700::1111";
        let list = list.replace("2606:4700::1111", "[2606:4700::1111]");
        for host in ["as.example", "AS.EXAMPLE", "as.example:8443", "mcp.example", "1.1.1.1"] {
            assert!(held(&list, host), "{host}");
        }
        assert!(held(&list, "xn--bcher-kva.example") && held(&list, "[2606:4700:0::1111]"));
        for host in [
            "example",
            "evil.as.example",
            "evilas.example",
            "as.example.evil",
            "as.example.",
            "1.1.1.2",
            "[2606:4700::1112]",
        ] {
            assert!(!held(&list, host), "{host}");
        }
    }

    #[test]
    fn p4_a_domain_is_itself_and_all_below_it() {
        for host in ["corp.example", "as.corp.example", "a.b.corp.example"] {
            assert!(held(".corp.example", host), "{host}");
        }
        for host in ["example", "evilcorp.example", "corp.example.evil", "corp.example.", "1.1.1.1"]
        {
            assert!(!held(".corp.example", host), "{host}");
        }
    }

    #[test]
    fn p4_what_is_no_list_of_hosts_is_not_taken_for_none() {
        for list in [
            ",",
            " , ",
            "as.example,",
            ",as.example",
            "as.example,,mcp.example",
            "*",
            "*.example",
            ".",
            "..example",
            "as..example",
            "as.example.",
            ".1.1.1.1",
            "https://as.example",
            "as.example/token",
            "as.example:443",
            "as.example mcp.example",
            "user@as.example",
            "as.example;mcp.example",
        ] {
            assert_eq!(list.parse::<Hosts>().map(|_| ()), Err(NotAHost), "{list}");
        }
    }
}
