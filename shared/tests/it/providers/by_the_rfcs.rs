//! Those who do as the RFCs say, as their metadata and their documents have it.

use super::*;

/// Refresh tokens rotate, two are good at a time, and the resource must be the same in every request:
/// <https://github.com/cloudflare/workers-oauth-provider/blob/main/docs/authorization-server.md>
const CLOUDFLARE: Provider = Provider {
    issuer: "https://observability.mcp.cloudflare.com",
    authorization_endpoint: "https://observability.mcp.cloudflare.com/oauth/authorize",
    token_endpoint: "https://observability.mcp.cloudflare.com/token",
    confidential: false,
    refuses: |request| (!request.is("resource", RESOURCE)).then_some("invalid_target"),
    exchanges: |_, asked| for_the_resource(asked, &granted("1", "r1")),
    renews: |asked| match asked.fields("refresh_token").concat().as_str() {
        "r1" => for_the_resource(asked, &granted("2", "r2")),
        _ => json(400, r#"{"error":"invalid_grant"}"#),
    },
};

/// <https://developers.notion.com/guides/mcp/build-mcp-client>
const NOTION: Provider = Provider {
    issuer: "https://mcp.notion.com",
    authorization_endpoint: "https://mcp.notion.com/authorize",
    token_endpoint: "https://mcp.notion.com/token",
    ..CLOUDFLARE
};

/// <https://linear.app/docs/mcp>
const LINEAR: Provider = Provider {
    issuer: "https://mcp.linear.app",
    authorization_endpoint: "https://mcp.linear.app/authorize",
    token_endpoint: "https://mcp.linear.app/token",
    ..CLOUDFLARE
};

/// <https://developers.asana.com/docs/integrating-with-asanas-mcp-server>
const ASANA: Provider = Provider {
    issuer: "https://mcp.asana.com",
    authorization_endpoint: "https://mcp.asana.com/authorize",
    token_endpoint: "https://mcp.asana.com/token",
    ..CLOUDFLARE
};

/// <https://github.com/getsentry/sentry-mcp>
const SENTRY: Provider = Provider {
    issuer: "https://mcp.sentry.dev",
    authorization_endpoint: "https://mcp.sentry.dev/oauth/authorize",
    token_endpoint: "https://mcp.sentry.dev/oauth/token",
    ..CLOUDFLARE
};

/// <https://docs.sentry.io/product/partnership-platform/oauth-integration/>
const SENTRY_API: Provider = Provider {
    issuer: "https://sentry.io",
    authorization_endpoint: "https://sentry.io/oauth/authorize/",
    token_endpoint: "https://sentry.io/oauth/token/",
    confidential: true,
    refuses: nothing,
    exchanges: |_, _| json(200, &with_their_own("1", "r1")),
    renews: |asked| match asked.fields("refresh_token").concat().as_str() {
        "r1" => json(200, &with_their_own("2", "r2")),
        _ => json(400, r#"{"error":"invalid_grant"}"#),
    },
};

/// <https://docs.stripe.com/mcp>
const STRIPE: Provider = Provider {
    issuer: "https://access.stripe.com/mcp",
    authorization_endpoint: "https://access.stripe.com/mcp/oauth2/authorize",
    token_endpoint: "https://access.stripe.com/mcp/oauth2/token",
    ..CLOUDFLARE
};

/// The last of a connection's life is in every test: what dies, dies.
async fn goes_by_the_rfcs(provider: &'static Provider, name: &str) {
    let flow = Flow::at(provider, &["a", "b"]).await;
    assert_eq!(flow.provider, Some(name));
    assert_eq!(flow.record(), json!({}));
    let parameters = flow.parameters();
    assert!(parameters.is("scope", "a b") && parameters.is("resource", RESOURCE));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.access.into_secret(), "1");
    let renewed = flow.renew("r1").await.unwrap();
    assert_eq!(renewed.refresh.unwrap().into_secret(), "r2");
    assert_eq!(flow.resources_sent(), [RESOURCE; 2]);
    assert!(matches!(flow.renew("r0").await, Err(TokenError::InvalidGrant)));
}

macro_rules! providers {
    ($($promise:ident: $provider:ident, $name:literal;)+) => {
        $(#[tokio::test]
        async fn $promise() {
            goes_by_the_rfcs(&$provider, $name).await;
        })+
    };
}

providers! {
    asanas_mcp_server_goes_by_the_rfcs: ASANA, "Asana";
    cloudflare_goes_by_the_rfcs: CLOUDFLARE, "Cloudflare";
    linears_mcp_server_goes_by_the_rfcs: LINEAR, "Linear";
    notion_goes_by_the_rfcs: NOTION, "Notion";
    sentrys_mcp_server_goes_by_the_rfcs: SENTRY, "Sentry";
    sentry_goes_by_the_rfcs: SENTRY_API, "Sentry";
    stripe_goes_by_the_rfcs: STRIPE, "Stripe";
}

fn granted(access: &str, refresh: &str) -> Value {
    json!({
        "access_token": access, "token_type": "bearer", "expires_in": 3600,
        "refresh_token": refresh, "scope": "a b", "resource": RESOURCE,
    })
}

fn with_their_own(access: &str, refresh: &str) -> Value {
    json!({
        "access_token": access, "refresh_token": refresh, "expires_in": 2_591_999,
        "expires_at": "2024-11-27T23:20:21.054320Z", "token_type": "bearer", "scope": "a b",
        "user": { "id": "2", "name": "user 1", "email": "user1@test.com" },
    })
}

fn for_the_resource(asked: &Asked, answer: &Value) -> Response<Body> {
    if asked.fields("resource") == [RESOURCE] {
        return json(200, answer);
    }
    json(400, r#"{"error":"invalid_target"}"#)
}

const RESOURCE: &str = "https://notes.example";
