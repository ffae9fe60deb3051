//! What providers say about their own authorization servers. It is asked once, when a target is
//! connected; from then on what it said is data on the target, which an operator may change.
//!
//! Each entry says where its facts are from. What no source says is not here: an entry without
//! departures says that somebody looked.

use super::{
    AuthorizationParameter, Quirks, Replay, ResourceIndicator, Revocation, ScopeParameter,
    ScopeSeparator,
};
use crate::target::{AuthorizationServer, Endpoint};
use std::collections::BTreeMap;
use std::time::Duration;

impl Quirks {
    /// Who runs `server`, and where that server departs from the RFCs, as far as is known.
    ///
    /// The browser's and the token's endpoint must both be the provider's: nobody borrows a name by
    /// naming one of them.
    pub fn of(server: &AuthorizationServer) -> (Option<&'static str>, Self) {
        let entry = CATALOGUE.iter().find(|entry| {
            let at = |endpoint: &Endpoint| entry.hosts.iter().any(|host| is_at(endpoint, host));
            at(&server.authorization_endpoint)
                && at(&server.token_endpoint)
                && (entry.applies)(server)
        });
        entry.map_or_else(Default::default, |entry| (Some(entry.provider), (entry.quirks)()))
    }
}

struct Entry {
    provider: &'static str,
    /// Names, or `*.` and what all tenants' names end with.
    hosts: &'static [&'static str],
    /// Which of several servers at these hosts.
    applies: fn(&AuthorizationServer) -> bool,
    quirks: fn() -> Quirks,
}

/// The first that fits counts.
const CATALOGUE: &[Entry] = &[
    Entry { provider: "GitHub", hosts: &["github.com"], applies: any, quirks: github },
    Entry {
        provider: "Google",
        hosts: &["accounts.google.com", "oauth2.googleapis.com"],
        applies: any,
        quirks: google,
    },
    Entry { provider: "Slack", hosts: &["slack.com"], applies: for_users_only, quirks: slack_user },
    Entry { provider: "Slack", hosts: &["slack.com"], applies: any, quirks: slack },
    Entry { provider: "Notion", hosts: &["mcp.notion.com"], applies: any, quirks: notion },
    Entry {
        provider: "Atlassian",
        hosts: &["auth.atlassian.com"],
        applies: is_at_the_root,
        quirks: atlassian_api,
    },
    Entry {
        provider: "Atlassian",
        hosts: &["auth.atlassian.com", "mcp.atlassian.com", "cf.mcp.atlassian.com"],
        applies: any,
        quirks: atlassian,
    },
    Entry {
        provider: "Microsoft Entra",
        hosts: &[
            "login.microsoftonline.com",
            "login.microsoftonline.us",
            "login.partner.microsoftonline.cn",
        ],
        applies: is_version_2,
        quirks: entra,
    },
    Entry {
        provider: "Linear",
        hosts: &["linear.app", "api.linear.app"],
        applies: any,
        quirks: linear_api,
    },
    Entry { provider: "Linear", hosts: &["mcp.linear.app"], applies: any, quirks: linear },
    Entry {
        provider: "Salesforce",
        hosts: &["login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com"],
        applies: any,
        quirks: salesforce,
    },
    Entry { provider: "Asana", hosts: &["app.asana.com"], applies: any, quirks: asana_api },
    Entry { provider: "Asana", hosts: &["mcp.asana.com"], applies: any, quirks: asana },
    Entry {
        provider: "Sentry",
        hosts: &["sentry.io", "mcp.sentry.dev"],
        applies: any,
        quirks: sentry,
    },
    Entry { provider: "Stripe", hosts: &["access.stripe.com"], applies: any, quirks: stripe },
    Entry {
        provider: "Cloudflare",
        hosts: &["*.mcp.cloudflare.com"],
        applies: any,
        quirks: cloudflare,
    },
];

/// - OAuth apps' tokens have no expiry and no refresh token; unused for a year they are revoked:
///   <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>,
///   <https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/token-expiration-and-revocation>
/// - GitHub Apps' refresh tokens live six months and are good for one use:
///   <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens>
/// - A grant is ended by `DELETE /applications/{client_id}/grant`:
///   <https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization>
///
/// Errors with status 200 and scopes between commas in answers are understood everywhere.
fn github() -> Quirks {
    Quirks {
        access_token_lifetime: Some(YEAR),
        refresh_token_idle: Some(SIX_MONTHS),
        revocation: at("https://api.github.com/applications", Revocation::Grant),
        ..Quirks::default()
    }
}

/// - A refresh token comes with `access_type=offline`, and after the first consent with
///   `prompt=consent` only; revocation wants a form with the token alone:
///   <https://developers.google.com/identity/protocols/oauth2/web-server>
/// - A refresh token dies unused after six months, and after seven days while the application's
///   publishing status is "Testing", which nobody but the operator knows and can record as
///   `refresh_token_absolute`: <https://developers.google.com/identity/protocols/oauth2#expiration>
fn google() -> Quirks {
    Quirks {
        authorization_parameters: BTreeMap::from([
            (AuthorizationParameter::AccessType, "offline".to_owned()),
            (AuthorizationParameter::Prompt, "consent".to_owned()),
        ]),
        refresh_token_idle: Some(SIX_MONTHS),
        revocation: at("https://oauth2.googleapis.com/revoke", Revocation::Token),
        ..Quirks::default()
    }
}

/// - `/oauth/v2/authorize` asks for the application's scopes with `scope` and for the subject's with
///   `user_scope`, commas between; the subject's token is in `authed_user`:
///   <https://docs.slack.dev/authentication/installing-with-oauth>
/// - Without token rotation an access token has no expiry. With it, a spent refresh token stays good
///   for a short grace period: <https://docs.slack.dev/authentication/using-token-rotation>
/// - Refresh tokens of applications that use PKCE live thirty days:
///   <https://docs.slack.dev/authentication/using-pkce>
/// - A token is revoked by a call with it: <https://docs.slack.dev/reference/methods/auth.revoke>
fn slack() -> Quirks {
    Quirks {
        scope_separator: ScopeSeparator::Comma,
        scope_parameter: ScopeParameter::UserScope,
        ..slack_user()
    }
}

/// As [`slack`], where the endpoints are those for users' tokens alone, which its MCP server names:
/// <https://docs.slack.dev/ai/slack-mcp-server>
fn slack_user() -> Quirks {
    Quirks {
        token_within: Some("authed_user".to_owned()),
        access_token_lifetime: Some(YEAR),
        refresh_token_idle: Some(30 * DAY),
        revocation: at("https://slack.com/api/auth.revoke", Revocation::Bearer),
        ..Quirks::default()
    }
}

/// Two refresh tokens of a grant are good at a time, so one may ask again; the rest is by the RFCs:
/// <https://developers.notion.com/guides/mcp/build-mcp-client>
///
/// The server of Notion's API, `api.notion.com`, is not here: its token endpoint is documented with
/// JSON requests only, which we do not make.
/// <https://developers.notion.com/reference/create-a-token>
fn notion() -> Quirks {
    Quirks::default()
}

/// A refresh token dies unused after 90 days and in any case 365 days after consent. One that is sent
/// twice is taken for stolen, if more than ten minutes lie between, which ends the grant:
/// <https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens>
fn atlassian() -> Quirks {
    Quirks {
        refresh_token_idle: Some(90 * DAY),
        refresh_token_absolute: Some(365 * DAY),
        replay: Replay::Punished,
        ..Quirks::default()
    }
}

/// As [`atlassian`], where the token is for Atlassian's APIs, which are named by `audience`:
/// <https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/>
fn atlassian_api() -> Quirks {
    Quirks {
        authorization_parameters: BTreeMap::from([
            (AuthorizationParameter::Audience, "api.atlassian.com".to_owned()),
            (AuthorizationParameter::Prompt, "consent".to_owned()),
        ]),
        ..atlassian()
    }
}

/// - `resource` is refused (AADSTS901002), also where it does not fit the scopes (AADSTS9010010),
///   which name the API themselves: <https://github.com/modelcontextprotocol/csharp-sdk/issues/741>,
///   <https://github.com/agentgateway/agentgateway/pull/2408>
/// - Refresh tokens live 90 days, are replaced at every use and not revoked by it:
///   <https://learn.microsoft.com/entra/identity-platform/refresh-tokens>
/// - `offline_access` alone brings a refresh token. `prompt=consent` stops people who may not consent
///   themselves, though their administrator did for them; which account is all there is to ask:
///   <https://github.com/anomalyco/opencode/issues/46361>,
///   <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>
/// - The hosts: <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
///
/// There is no way to give a single grant's tokens back.
fn entra() -> Quirks {
    Quirks {
        authorization_parameters: BTreeMap::from([(
            AuthorizationParameter::Prompt,
            "select_account".to_owned(),
        )]),
        resource: ResourceIndicator::Omitted,
        refresh_token_idle: Some(90 * DAY),
        ..Quirks::default()
    }
}

/// By the RFCs, as its metadata and its documentation say: <https://linear.app/docs/mcp>
fn linear() -> Quirks {
    Quirks::default()
}

/// Scopes have commas between in the request; a token is revoked by a call with it:
/// <https://linear.app/developers/oauth-2-0-authentication>
fn linear_api() -> Quirks {
    Quirks {
        scope_separator: ScopeSeparator::Comma,
        revocation: at("https://api.linear.app/oauth/revoke", Revocation::Bearer),
        ..Quirks::default()
    }
}

/// Where refresh tokens rotate, one that is sent twice ends the grant:
/// <https://help.salesforce.com/s/articleView?id=005316711&language=en_US&type=1>
///
/// Lifetimes are the organisation's policy, and answers do not state them:
/// <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_refresh_token_flow.htm&type=5>
fn salesforce() -> Quirks {
    Quirks { replay: Replay::Punished, ..Quirks::default() }
}

/// By the RFCs, as its metadata and its documentation say:
/// <https://developers.asana.com/docs/integrating-with-asanas-mcp-server>
fn asana() -> Quirks {
    Quirks::default()
}

/// Tokens are given back at an address that no metadata names:
/// <https://developers.asana.com/docs/oauth>
fn asana_api() -> Quirks {
    Quirks {
        revocation: at("https://app.asana.com/-/oauth_revoke", Revocation::At),
        ..Quirks::default()
    }
}

/// By the RFCs, with more in its answers than we read:
/// <https://docs.sentry.io/product/partnership-platform/oauth-integration/>,
/// <https://github.com/getsentry/sentry-mcp/blob/main/docs/cloudflare/oauth-architecture.md>
fn sentry() -> Quirks {
    Quirks::default()
}

/// By the RFCs, for public clients, as its metadata says: <https://docs.stripe.com/mcp>,
/// <https://access.stripe.com/.well-known/oauth-authorization-server/mcp>
fn stripe() -> Quirks {
    Quirks::default()
}

/// By the RFCs. A refresh token stays good until its successor is used, so one may ask again:
/// <https://github.com/cloudflare/workers-oauth-provider/blob/main/docs/authorization-server.md>
fn cloudflare() -> Quirks {
    Quirks::default()
}

fn any(_: &AuthorizationServer) -> bool {
    true
}

fn for_users_only(server: &AuthorizationServer) -> bool {
    server.authorization_endpoint.url().path() == "/oauth/v2_user/authorize"
}

fn is_at_the_root(server: &AuthorizationServer) -> bool {
    server.issuer == "https://auth.atlassian.com"
}

/// Version 1.0 knows `resource`, and needs it.
fn is_version_2(server: &AuthorizationServer) -> bool {
    server.token_endpoint.url().path().ends_with("/oauth2/v2.0/token")
}

fn is_at(endpoint: &Endpoint, host: &str) -> bool {
    let Some(name) = endpoint.url().host_str() else { return false };
    if endpoint.url().port().is_some() {
        return false;
    }
    match host.strip_prefix('*') {
        Some(end) => name.strip_suffix(end).is_some_and(|tenant| !tenant.is_empty()),
        None => name == host,
    }
}

fn at(address: &str, way: fn(Endpoint) -> Revocation) -> Revocation {
    address.parse().map_or_else(|_| Revocation::default(), way)
}

const DAY: Duration = Duration::from_hours(24);
const SIX_MONTHS: Duration = Duration::from_hours(24 * 180);
const YEAR: Duration = Duration::from_hours(24 * 365);
