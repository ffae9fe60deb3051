//! Where the browser is sent: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1>

use crate::pending::{PendingAuthorization, State};
use crate::target::Target;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use url::Url;

/// The authorization URL for `pending` at `target`'s authorization server.
///
/// `resource` is always sent (<https://www.rfc-editor.org/rfc/rfc8707#section-2.1>). A server asks
/// for consent again where a refresh token is wanted, or it gives none:
/// <https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess>
pub fn authorization_url(target: &Target, pending: &PendingAuthorization, state: &State) -> Url {
    let mut url = target.authorization_server.authorization_endpoint.url().clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &target.client.client_id)
        .append_pair("redirect_uri", &pending.redirect_uri)
        .append_pair("state", state.as_str())
        .append_pair("code_challenge", &code_challenge(&pending.code_verifier))
        .append_pair("code_challenge_method", "S256")
        .append_pair("resource", pending.resource.as_str());
    if !pending.scopes.is_empty() {
        url.query_pairs_mut().append_pair("scope", &pending.scopes.join(" "));
    }
    if pending.scopes.iter().any(|scope| scope == "offline_access") {
        url.query_pairs_mut().append_pair("prompt", "consent");
    }
    url
}

/// `S256`: <https://www.rfc-editor.org/rfc/rfc7636#section-4.2>
pub(crate) fn code_challenge(verifier: &PkceCodeVerifier) -> String {
    PkceCodeChallenge::from_code_verifier_sha256(verifier).as_str().to_owned()
}
