//! The members of a document that somebody else wrote.

use super::attempt::Rejection;
use crate::http::is_inward;
use crate::target::{Endpoint, is_loopback_http};
use serde_json::Value;

/// A URL that somebody else named, if it is fit to be requested or sent a browser to: `https` and no
/// inward address, or on the loopback interface where the server that was asked is there itself.
/// Where a name leads is seen when it is requested. A URL type would overlook what is not a URL's
/// character; whoever reads the text later might not.
pub(crate) fn fitness(asked: &Endpoint, url: &str) -> Option<Endpoint> {
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte));
    let endpoint: Endpoint = url.parse().ok().filter(|_| plain)?;
    let fit = if is_loopback_http(endpoint.url()) {
        is_loopback_http(asked.url())
    } else {
        !is_inward(endpoint.url())
    };
    fit.then_some(endpoint)
}

/// A member that is a text, and not an empty one.
pub(super) fn text<'a>(document: &'a Value, member: &str) -> Option<&'a str> {
    document.get(member)?.as_str().filter(|text| !text.is_empty())
}

/// A member that is a list of texts, if it is there.
pub(super) fn texts(
    document: &Value,
    member: &'static str,
) -> Result<Option<Vec<String>>, Rejection> {
    let texts = |list: &Value| {
        let texts = list.as_array()?.iter();
        texts.map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    match document.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(list) => texts(list).map(Some).ok_or(Rejection::Malformed(member)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d9_only_a_local_mcp_server_leads_to_local_addresses() {
        let fit = |server: &str, url: &str| fitness(&server.parse().unwrap(), url).is_some();
        for server in ["https://mcp.example/mcp", "http://127.0.0.1:9/mcp"] {
            assert!(fit(server, "https://as.example/token"));
            for unfit in [
                "http://as.example/token",
                "https://as.example/token#f",
                "https://u:p@as.example/token",
                "https://as.example/to ken",
                "https://as.example/token\n",
                "\thttps://as.example/token",
                "https://as.example\\@evil.example/",
                "https://127.0.0.1/token",
                "https://[::1]/token",
                "https://169.254.169.254/latest/meta-data/",
                "https://0x7f.1/token",
                "https://as.example/t\u{f6}ken",
                "javascript:alert(1)",
                "/token",
                "",
            ] {
                assert!(!fit(server, unfit), "{unfit:?}");
            }
        }
        assert!(fit("http://127.0.0.1:9/mcp", "http://localhost:8/token"));
        assert!(!fit("https://mcp.example/mcp", "http://localhost:8/token"));
        assert!(!fit("https://mcp.example/mcp", "http://127.0.0.1/token"));
    }
}
