//! <https://linear.app/developers/oauth-2-0-authentication>

use super::*;

const LINEAR_API: Provider = Provider {
    issuer: "https://api.linear.app",
    authorization_endpoint: "https://linear.app/oauth/authorize",
    token_endpoint: "https://api.linear.app/oauth/token",
    confidential: true,
    refuses: |request| {
        let scope = request.get("scope").unwrap_or_default();
        scope.split(',').any(|scope| !["read", "write"].contains(&scope)).then_some("unknown scope")
    },
    // To an application from before December 2023, and less than it asked for.
    exchanges: |_, _| json(200, &granted("1", "r1", &json!(["read"]))),
    renews: |_| json(200, &granted("2", "r2", &json!("read write"))),
};

fn granted(access: &str, refresh: &str, scope: &Value) -> Value {
    json!({
        "access_token": access, "token_type": "Bearer", "expires_in": 86399, "scope": scope,
        "refresh_token": refresh,
    })
}

#[tokio::test]
async fn t3_scopes_go_out_between_commas_and_come_back_in_a_list() {
    let flow = Flow::at(&LINEAR_API, &["read", "write"]).await;
    assert_eq!(flow.provider, Some("Linear"));
    assert!(flow.parameters().is("scope", "read,write"));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.scopes, ["read"]);
    let renewed = flow.renew("r1").await.unwrap();
    assert_eq!(renewed.refresh.unwrap().into_secret(), "r2");
    assert_eq!(renewed.scopes.unwrap(), ["read", "write"]);
    assert_eq!(
        flow.record()["revocation"],
        json!({ "bearer": "https://api.linear.app/oauth/revoke" })
    );
}
