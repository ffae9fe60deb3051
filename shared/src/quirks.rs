//! Where an authorization server departs from the RFCs: data on its target, never code that knows a
//! provider's name. The names are in the [`catalogue`], which is asked when a target is connected.

pub mod catalogue;

use crate::clock;
use crate::target::Endpoint;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What to do otherwise at one authorization server. The default is what the RFCs say.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// What stands between scopes in the authorization request.
    #[serde(skip_serializing_if = "is_default")]
    pub scope_separator: ScopeSeparator,
    /// What the authorization request calls scopes.
    #[serde(skip_serializing_if = "is_default")]
    pub scope_parameter: ScopeParameter,
    /// What else the authorization request says.
    #[serde(skip_serializing_if = "is_default")]
    pub authorization_parameters: BTreeMap<AuthorizationParameter, String>,
    /// Whether the server is told what the token is for.
    #[serde(skip_serializing_if = "is_default")]
    pub resource: ResourceIndicator,
    /// The member of the token endpoint's answer that holds the subject's own token, where the answer
    /// is about the application's as well. Its kind may be called `user`. Where the member holds no
    /// token, the answer itself counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_within: Option<String>,
    /// How long an access token lives whose answer does not say, in seconds. None is an hour, which is
    /// early enough where it can be renewed, and too early where it cannot.
    #[serde(with = "clock::seconds_option", skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime: Option<Duration>,
    /// How long a refresh token lives unused, in seconds: it is to be spent before. None means that
    /// nothing is known.
    #[serde(with = "clock::seconds_option", skip_serializing_if = "Option::is_none")]
    pub refresh_token_idle: Option<Duration>,
    /// How long after consent the last refresh token dies, in seconds, however often it is renewed:
    /// the subject has to consent anew before. None means that nothing is known.
    #[serde(with = "clock::seconds_option", skip_serializing_if = "Option::is_none")]
    pub refresh_token_absolute: Option<Duration>,
    /// What a refresh token that is sent twice does.
    #[serde(skip_serializing_if = "is_default")]
    pub replay: Replay,
    /// How tokens are given back.
    #[serde(skip_serializing_if = "is_default")]
    pub revocation: Revocation,
}

impl Quirks {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        is_default(self)
    }
}

/// What stands between scopes: <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeSeparator {
    /// As the RFC has it.
    #[default]
    Space,
    /// A comma.
    Comma,
}

/// What the authorization request calls scopes. A closed set, so that no record can name a parameter
/// that protects the request.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeParameter {
    /// As the RFC has it.
    #[default]
    Scope,
    /// Where `scope` is for the application's own token, and this one for the subject's.
    UserScope,
}

/// What else an authorization request may say. A closed set: none of them is a parameter of the
/// protocol that we set, `prompt` aside, so no record can override `state`, PKCE or the redirect URI.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationParameter {
    /// Whether a refresh token is wanted.
    AccessType,
    /// The API that the token is for.
    Audience,
    /// What the subject is asked:
    /// <https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest>
    Prompt,
}

/// Whether `resource` is sent: <https://www.rfc-editor.org/rfc/rfc8707#section-2>
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceIndicator {
    /// Always, whether or not the server knows what it means: MCP wants it so.
    #[default]
    Sent,
    /// Never, for this server refuses whoever sends it. What the token is for follows from its
    /// scopes, and the MCP server must check it.
    Omitted,
}

/// What a refresh token that is sent twice does, where it is good for one use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// At worst it is refused: whose answer was lost may ask once more.
    #[default]
    Tolerated,
    /// It ends every token of the grant: whose answer was lost must not ask again.
    Punished,
}

/// How tokens are given back when a subject disconnects.
///
/// As a record has it: `"rfc7009"` or, for example, `{"bearer": "https://as.example/revoke"}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// At the authorization server's `revocation_endpoint`, the refresh token and then the access
    /// token, with the client authentication of the token endpoint. Where it names none, there is no
    /// way to give a token back. <https://www.rfc-editor.org/rfc/rfc7009#section-2.1>
    #[default]
    #[serde(rename = "rfc7009")]
    Rfc7009,
    /// The same, here: the server publishes no `revocation_endpoint`.
    At(Endpoint),
    /// A form with `token` alone, here: the refresh token or else the access token. No client
    /// authentication, so the client's secret need not leave.
    Token(Endpoint),
    /// A `POST` without a body, here, with the access token as its bearer token, which ends. An answer
    /// of JSON with `"ok": false` is a failure, whatever its status.
    Bearer(Endpoint),
    /// A `DELETE` of `{here}/{client_id}/grant`, authenticated with the client's id and secret by HTTP
    /// Basic, with the JSON body `{"access_token": …}`. It ends every token that the client has from
    /// this person; 204 says so; 404 or 422 only that this token is not known.
    Grant(Endpoint),
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(record: &Value) -> Option<Quirks> {
        serde_json::from_value(record.clone()).ok()
    }

    #[test]
    fn a_record_says_departures_only_and_reads_back() {
        let record = json!({
            "scope_separator": "comma",
            "scope_parameter": "user_scope",
            "authorization_parameters": { "access_type": "offline", "prompt": "consent" },
            "resource": "omitted",
            "token_within": "authed_user",
            "access_token_lifetime": 31_536_000,
            "refresh_token_idle": 7_776_000,
            "refresh_token_absolute": 31_536_000,
            "replay": "punished",
            "revocation": { "bearer": "https://as.example/revoke" },
        });
        let quirks = read(&record).unwrap();
        assert_eq!(quirks.refresh_token_idle, Some(Duration::from_hours(90 * 24)));
        assert_eq!(serde_json::to_value(&quirks).unwrap(), record);
        assert!(read(&json!({})).unwrap().is_none());
        assert_eq!(serde_json::to_value(Quirks::default()).unwrap(), json!({}));
        let rfc = read(&json!({ "revocation": "rfc7009", "resource": "sent" }));
        assert!(rfc.unwrap().is_none());
    }

    #[test]
    fn a6_a_record_cannot_name_a_parameter_that_protects_the_request() {
        for name in
            ["state", "redirect_uri", "client_id", "code_challenge", "resource", "scope", ""]
        {
            let record = json!({ "authorization_parameters": { name: "x" } });
            assert!(read(&record).is_none(), "{name}");
            assert!(read(&json!({ "scope_parameter": name })).is_none() || name == "scope");
        }
        assert!(read(&json!({ "revocation": { "token": "http://as.example/revoke" } })).is_none());
        assert!(read(&json!({ "unknown": true })).is_none());
    }
}
