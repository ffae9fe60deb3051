//! <https://docs.slack.dev/authentication/installing-with-oauth>

use super::*;

/// An application that has a bot besides.
const SLACK: Provider = Provider {
    issuer: "https://slack.com",
    authorization_endpoint: "https://slack.com/oauth/v2/authorize",
    token_endpoint: "https://slack.com/api/oauth.v2.access",
    confidential: true,
    refuses: nothing,
    exchanges: |request, _| {
        let mut user = json!({ "id": "U1234" });
        let scopes = request.get("user_scope").unwrap_or_default();
        // What is between commas is one scope, and there is none with a space in it.
        if !scopes.is_empty() && !scopes.contains(' ') {
            user["scope"] = scopes.into();
            user["access_token"] = "xoxe.xoxp-1".into();
            user["expires_in"] = 43200.into();
            user["refresh_token"] = "xoxe-1".into();
            user["token_type"] = "user".into();
        }
        json(
            200,
            &json!({
                "ok": true, "app_id": "A123", "access_token": "xoxb-bot", "token_type": "bot",
                "scope": "commands", "bot_user_id": "U0", "authed_user": user,
            }),
        )
    },
    renews,
};

/// The endpoints for a user's token alone.
const SLACK_USER: Provider = Provider {
    authorization_endpoint: "https://slack.com/oauth/v2_user/authorize",
    token_endpoint: "https://slack.com/api/oauth.v2.user.access",
    exchanges: |request, _| {
        json(
            200,
            &json!({
                "ok": true, "app_id": "A123",
                "authed_user": {
                    "id": "U1234", "scope": request.get("scope").unwrap().replace(' ', ","),
                    "access_token": "xoxp-1", "token_type": "user",
                },
            }),
        )
    },
    ..SLACK
};

/// A refreshed token stands on top: there is but one.
fn renews(asked: &Asked) -> Response<Body> {
    if asked.fields("refresh_token") != ["xoxe-1"] {
        return json(200, r#"{"ok":false,"error":"invalid_refresh_token"}"#);
    }
    json(
        200,
        &json!({
            "ok": true, "access_token": "xoxe.xoxp-2", "expires_in": 43200,
            "refresh_token": "xoxe-2", "token_type": "user", "scope": "chat:write,users:read",
        }),
    )
}

#[tokio::test]
async fn the_persons_token_is_asked_for_and_taken_and_not_the_bots() {
    let flow = Flow::at(&SLACK, &["chat:write", "users:read"]).await;
    assert_eq!(flow.provider, Some("Slack"));
    assert!(flow.parameters().is("user_scope", "chat:write,users:read"));
    assert_eq!(flow.parameters().get("scope"), None);
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.access.into_secret(), "xoxe.xoxp-1");
    assert_eq!(tokens.refresh.unwrap().into_secret(), "xoxe-1");
    assert_eq!(tokens.scopes, ["chat:write", "users:read"]);
    assert_eq!(tokens.expires_at, at(NOW) + 12 * HOUR);

    let granted = flow.renew("xoxe-1").await.unwrap();
    assert_eq!(granted.access.into_secret(), "xoxe.xoxp-2");
    assert_eq!(granted.refresh.unwrap().into_secret(), "xoxe-2");
    assert!(matches!(flow.renew("xoxe-0").await, Err(TokenError::InvalidGrant)));
    assert_eq!(flow.target.quirks.refresh_token_idle, Some(30 * DAY));
    let revocation = json!({ "bearer": "https://slack.com/api/auth.revoke" });
    assert_eq!(flow.record()["revocation"], revocation);
}

#[tokio::test]
async fn t2_who_grants_nothing_of_theirs_does_not_lend_the_bot() {
    let flow = Flow::at(&SLACK, &[]).await;
    let refused = flow.connect().await.map(|tokens| tokens.access.into_secret()).unwrap_err();
    assert!(refused.contains("not a bearer token"), "{refused}");
}

#[tokio::test]
async fn the_mcp_servers_endpoints_want_scopes_as_the_rfc_has_them() {
    let flow = Flow::at(&SLACK_USER, &["chat:write", "users:read"]).await;
    assert_eq!(flow.provider, Some("Slack"));
    assert!(flow.parameters().is("scope", "chat:write users:read"));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.access.into_secret(), "xoxp-1");
    assert_eq!(tokens.scopes, ["chat:write", "users:read"]);
    assert_eq!(tokens.expires_at, at(NOW) + 365 * DAY, "without rotation there is no expiry");
    assert_eq!(flow.renew("xoxe-1").await.unwrap().access.into_secret(), "xoxe.xoxp-2");
    let revocation = json!({ "bearer": "https://slack.com/api/auth.revoke" });
    assert_eq!(flow.record()["revocation"], revocation);
}
