//! Where the browser is sent: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1>

use crate::pending::{PendingAuthorization, State};
use crate::quirks::{AuthorizationParameter, ResourceIndicator, ScopeParameter, ScopeSeparator};
use crate::target::Target;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use url::Url;

/// The authorization URL for `pending` at `target`'s authorization server.
///
/// `resource` is always sent (<https://www.rfc-editor.org/rfc/rfc8707#section-2.1>), but to a server
/// that is known to refuse it. A server asks for consent again where a refresh token is wanted, or it
/// gives none: <https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess>. What the target
/// records of its server's habits comes last and may change nothing but that.
pub fn authorization_url(target: &Target, pending: &PendingAuthorization, state: &State) -> Url {
    let quirks = &target.quirks;
    let between = match quirks.scope_separator {
        ScopeSeparator::Space => " ",
        ScopeSeparator::Comma => ",",
    };
    let (scope, challenge) = (pending.scopes.join(between), code_challenge(&pending.code_verifier));
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", &target.client.client_id),
        ("redirect_uri", &pending.redirect_uri),
        ("state", state.as_str()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    if quirks.resource == ResourceIndicator::Sent {
        parameters.push(("resource", pending.resource.as_str()));
    }
    if !scope.is_empty() {
        let name = match quirks.scope_parameter {
            ScopeParameter::Scope => "scope",
            ScopeParameter::UserScope => "user_scope",
        };
        parameters.push((name, &scope));
    }
    let recorded = &quirks.authorization_parameters;
    let offline = pending.scopes.iter().any(|scope| scope == "offline_access");
    if offline && !recorded.contains_key(&AuthorizationParameter::Prompt) {
        parameters.push(("prompt", "consent"));
    }
    parameters.extend(recorded.iter().map(|(parameter, value)| (name(*parameter), &**value)));
    let mut url = target.authorization_server.authorization_endpoint.url().clone();
    set(&mut url, &parameters);
    url
}

fn name(parameter: AuthorizationParameter) -> &'static str {
    match parameter {
        AuthorizationParameter::AccessType => "access_type",
        AuthorizationParameter::Audience => "audience",
        AuthorizationParameter::Prompt => "prompt",
    }
}

/// Adds `parameters` to what the endpoint's own query holds, which stays. No parameter may be there
/// twice: <https://www.rfc-editor.org/rfc/rfc6749#section-3.1>
fn set(url: &mut Url, parameters: &[(&str, &str)]) {
    let ours = |name: &str| parameters.iter().any(|(own, _)| *own == name);
    if url.query_pairs().any(|(name, _)| ours(&name)) {
        let kept: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| !ours(name)).collect();
        url.query_pairs_mut().clear().extend_pairs(kept);
    }
    url.query_pairs_mut().extend_pairs(parameters);
}

/// `S256`: <https://www.rfc-editor.org/rfc/rfc7636#section-4.2>
pub(crate) fn code_challenge(verifier: &PkceCodeVerifier) -> String {
    PkceCodeChallenge::from_code_verifier_sha256(verifier).as_str().to_owned()
}

#[cfg(test)]
mod tests;
