//! <https://developers.google.com/identity/protocols/oauth2/web-server>

use super::*;

/// The subject consented before, so that a refresh token has to be asked for with both parameters.
const GOOGLE: Provider = Provider {
    issuer: "https://accounts.google.com",
    authorization_endpoint: "https://accounts.google.com/o/oauth2/v2/auth",
    token_endpoint: "https://oauth2.googleapis.com/token",
    confidential: true,
    refuses: nothing,
    exchanges: |request, _| {
        let mut answer = json!({
            "access_token": "ya29.1", "expires_in": 3920, "token_type": "Bearer",
            "scope": "https://www.googleapis.com/auth/drive.metadata.readonly",
        });
        if request.is("access_type", "offline") && request.is("prompt", "consent") {
            answer["refresh_token"] = "1//1".into();
        }
        json(200, &answer)
    },
    renews: |_| json(200, r#"{"access_token":"ya29.2","expires_in":3920,"token_type":"Bearer"}"#),
};

#[tokio::test]
async fn a_refresh_token_comes_for_who_asks_for_offline_access_and_consent() {
    let drive = "https://www.googleapis.com/auth/drive.metadata.readonly";
    let flow = Flow::at(&GOOGLE, &[drive]).await;
    assert_eq!(flow.provider, Some("Google"));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.refresh.as_ref().unwrap().clone().into_secret(), "1//1");
    assert_eq!(tokens.scopes, [drive]);
    let renewed = tokens.renewed(flow.renew("1//1").await.unwrap());
    assert_eq!(renewed.access.into_secret(), "ya29.2");
    assert_eq!(renewed.refresh.unwrap().into_secret(), "1//1");
    assert_eq!(flow.target.quirks.refresh_token_idle, Some(180 * DAY));
    assert_eq!(
        flow.record()["revocation"],
        json!({ "token": "https://oauth2.googleapis.com/revoke" })
    );
}
