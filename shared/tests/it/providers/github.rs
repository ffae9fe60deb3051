//! <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>

use super::*;

const GITHUB: Provider = Provider {
    issuer: "https://github.com/login/oauth",
    authorization_endpoint: "https://github.com/login/oauth/authorize",
    token_endpoint: "https://github.com/login/oauth/access_token",
    confidential: true,
    refuses: nothing,
    // An OAuth app's answer, in JSON for who asks for it.
    exchanges: |_, asked| match asked.header("accept") {
        Some("application/json") => {
            let body = r#"{"access_token":"gho_1","scope":"repo,gist","token_type":"bearer"}"#;
            json(200, body)
        }
        _ => json(406, "{}"),
    },
    // A GitHub App's answers: errors have status 200.
    renews: |asked| {
        if asked.fields("refresh_token") != ["ghr_1"] {
            let description = "The refresh token passed is incorrect or expired.";
            let body = json!({ "error": "bad_refresh_token", "error_description": description });
            return json(200, &body);
        }
        json(
            200,
            &json!({
                "access_token": "ghu_2", "expires_in": 28800, "refresh_token": "ghr_2",
                "refresh_token_expires_in": 15_897_600, "scope": "", "token_type": "bearer",
            }),
        )
    },
};

#[tokio::test]
async fn an_oauth_apps_token_without_expiry_is_not_asked_for_every_hour() {
    let flow = Flow::at(&GITHUB, &["repo", "gist"]).await;
    assert_eq!(flow.provider, Some("GitHub"));
    assert!(flow.parameters().is("scope", "repo gist"));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.access.into_secret(), "gho_1");
    assert_eq!(tokens.scopes, ["repo", "gist"]);
    assert!(tokens.refresh.is_none());
    assert_eq!(tokens.expires_at, at(NOW) + 365 * DAY);
}

#[tokio::test]
async fn a_github_apps_refresh_token_is_replaced_and_a_dead_one_is_dead_at_status_200() {
    let flow = Flow::at(&GITHUB, &["repo"]).await;
    let granted = flow.renew("ghr_1").await.unwrap();
    assert_eq!(granted.access.into_secret(), "ghu_2");
    assert_eq!(granted.refresh.unwrap().into_secret(), "ghr_2");
    assert_eq!(granted.expires_at, at(NOW) + 8 * HOUR);
    assert_eq!(granted.scopes, None);
    assert!(matches!(flow.renew("ghr_0").await, Err(TokenError::InvalidGrant)));
    assert_eq!(flow.target.quirks.refresh_token_idle, Some(180 * DAY));
    assert_eq!(
        flow.record()["revocation"],
        json!({ "grant": "https://api.github.com/applications" })
    );
}
