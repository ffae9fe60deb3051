//! Which scopes to ask for.

/// What to ask for: what the challenge wants, else all that the resource has, else nothing, which
/// is the server's own default. Order and spelling are kept; what is no scope is left out.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#scope-selection-strategy>
///
/// `offline_access`, which brings a refresh token, is asked for where the authorization server says
/// that it knows it, and nowhere else. Alone it would replace the server's default by nothing useful,
/// so it only ever joins others.
pub(super) fn select(
    challenged: Option<&str>,
    of_resource: &[String],
    of_server: &[String],
) -> Vec<String> {
    let challenged = parse(challenged.unwrap_or_default());
    let mut scopes = if challenged.is_empty() { distinct(of_resource) } else { challenged };
    scopes.retain(|scope| scope != OFFLINE_ACCESS);
    if !scopes.is_empty() && of_server.iter().any(|scope| scope == OFFLINE_ACCESS) {
        scopes.push(OFFLINE_ACCESS.to_owned());
    }
    scopes
}

/// What to ask for when what was granted opens too little: all that was asked for before, and what
/// is wanted now. Whoever asks for the new ones alone may lose the old ones.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#step-up-authorization-flow>
pub fn widened(before: &[String], now: &[String]) -> Vec<String> {
    distinct(before.iter().chain(now))
}

/// The scopes of a space-separated list: <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>
fn parse(list: &str) -> Vec<String> {
    let scopes: Vec<String> = list.split(' ').map(str::to_owned).collect();
    distinct(&scopes)
}

fn distinct<'a>(scopes: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let scopes = scopes.into_iter().filter(|scope| is_scope(scope));
    scopes.filter(|scope| seen.insert(scope.as_str())).cloned().collect()
}

/// Whether `text` is one: <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>
pub(crate) fn is_scope(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(allowed)
}

/// <https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess>
const OFFLINE_ACCESS: &str = "offline_access";

#[cfg(test)]
mod tests {
    use super::*;

    fn list(scopes: &str) -> Vec<String> {
        scopes.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a5_the_challenge_comes_before_the_resource_and_nothing_is_made_up() {
        let selected = |challenged, resource| select(challenged, &list(resource), &[]).join(" ");
        assert_eq!(selected(Some("b a"), "a b c"), "b a");
        assert_eq!(selected(None, "a b c"), "a b c");
        assert_eq!(selected(Some(" "), "a"), "a");
        assert_eq!(selected(None, ""), "");
        assert_eq!(selected(Some("a a  b"), ""), "a b");
        assert_eq!(selected(Some("a\tb c\\ \"d\" \u{e9} e"), ""), "e");
    }

    #[test]
    fn a5_offline_access_is_asked_for_only_where_the_authorization_server_lists_it() {
        let selected = |challenged, resource: &str, server: &str| {
            select(challenged, &list(resource), &list(server)).join(" ")
        };
        assert_eq!(selected(Some("a"), "", "a offline_access"), "a offline_access");
        assert_eq!(selected(None, "offline_access a", "offline_access"), "a offline_access");
        assert_eq!(selected(Some("a offline_access"), "", "a"), "a");
        assert_eq!(selected(None, "a offline_access", "a"), "a");
        assert_eq!(selected(None, "", "offline_access"), "");
    }

    #[test]
    fn u5_stepping_up_keeps_what_there_was() {
        assert_eq!(widened(&list("a b"), &list("c b")), list("a b c"));
        assert_eq!(widened(&[], &list("a")), list("a"));
    }
}
