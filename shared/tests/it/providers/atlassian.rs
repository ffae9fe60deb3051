//! <https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/>

use super::*;

const ATLASSIAN_API: Provider = Provider {
    issuer: "https://auth.atlassian.com",
    authorization_endpoint: "https://auth.atlassian.com/authorize",
    token_endpoint: "https://auth.atlassian.com/oauth/token",
    confidential: true,
    refuses: |request| {
        let sound = request.is("audience", "api.atlassian.com") && request.is("prompt", "consent");
        (!sound).then_some("audience and prompt are required")
    },
    exchanges: |_, _| json(200, &granted("1", "r1")),
    renews: |asked| {
        if asked.fields("refresh_token") != ["r1"] {
            let description = "Unknown or invalid refresh token.";
            let body = json!({ "error": "invalid_grant", "error_description": description });
            return json(403, &body);
        }
        json(200, &granted("2", "r2"))
    },
};

/// What its MCP server's metadata names: the same endpoints, another issuer, another audience.
const ATLASSIAN: Provider = Provider {
    issuer: "https://auth.atlassian.com/VCeDsk8ZHncYF1g234fKtc4lNipbBhu3",
    refuses: |request| request.get("audience").map(|_| "another audience than the MCP server's"),
    ..ATLASSIAN_API
};

fn granted(access: &str, refresh: &str) -> Value {
    json!({
        "access_token": access, "refresh_token": refresh, "expires_in": 3600,
        "token_type": "Bearer", "scope": "read:jira-work offline_access",
    })
}

async fn keeps_its_promises(flow: &Flow) {
    assert_eq!(flow.provider, Some("Atlassian"));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.refresh.unwrap().into_secret(), "r1");
    let renewed = flow.renew("r1").await.unwrap();
    assert_eq!(renewed.refresh.unwrap().into_secret(), "r2");
    assert!(matches!(flow.renew("r0").await, Err(TokenError::InvalidGrant)));
    assert_eq!(flow.resources_sent(), ["https://notes.example"; 3]);
    let record = flow.record();
    assert_eq!(record["replay"], "punished");
    assert_eq!(record["refresh_token_idle"], 90 * 24 * 3600);
    assert_eq!(record["refresh_token_absolute"], 365 * 24 * 3600);
}

#[tokio::test]
async fn its_apis_want_to_be_named_as_audience() {
    keeps_its_promises(&Flow::at(&ATLASSIAN_API, &["read:jira-work", "offline_access"]).await)
        .await;
}

#[tokio::test]
async fn its_mcp_server_does_not() {
    keeps_its_promises(&Flow::at(&ATLASSIAN, &["read:jira-work", "offline_access"]).await).await;
}
