//! What identity providers put into their tokens, each in its own way.

use serde_json::{Map, Value};

/// `aud`, which is one text or a list of them.
pub(super) fn audience(claims: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match claims.get("aud") {
        Some(Value::String(one)) => (Some(one.as_str()), None),
        Some(Value::Array(many)) => (None, Some(many)),
        _ => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten().filter_map(Value::as_str))
}

/// The OAuth client that holds a token: RFC 9068 and Cognito say `client_id`, OIDC and Entra v2
/// `azp`, Entra v1 `appid`, Okta `cid`.
pub(super) fn client_of(claims: &Map<String, Value>) -> Option<&str> {
    ["client_id", "azp", "appid", "cid"]
        .iter()
        .find_map(|claim| claims.get(*claim).and_then(Value::as_str))
}

/// How identity providers mark a token that speaks for no person: Entra by `idtyp` or, where that is
/// not switched on, by a `sub` that is the service principal itself (a person's is pairwise), Auth0 by
/// `gty` and the suffix of `sub`, Keycloak by the service account's name and host, Cognito, Okta and
/// RFC 9068 §2.2 by a `sub` that is the client itself.
pub(super) fn speaks_for_a_machine(claims: &Map<String, Value>) -> Option<&'static str> {
    let text = |claim| claims.get(claim).and_then(Value::as_str).unwrap_or_default();
    let entra = ["appidacr", "azpacr"].iter().any(|claim| claims.contains_key(*claim));
    let machine = text("idtyp") == "app"
        || (entra && text("sub") == text("oid"))
        || text("gty") == "client-credentials"
        || text("sub").ends_with("@clients")
        || text("preferred_username").starts_with("service-account-")
        || claims.contains_key("clientHost")
        || client_of(claims).is_some_and(|client| client == text("sub"));
    machine.then_some("it speaks for a machine, not for a person")
}
