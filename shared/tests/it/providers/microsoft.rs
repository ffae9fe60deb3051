//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>

use super::*;

const REFUSAL: &str = "AADSTS901002: The 'resource' request parameter is not supported.";

const ENTRA: Provider = Provider {
    issuer: "https://login.microsoftonline.com/6731de76-14a6-49ae-97bc-6eba6914391e/v2.0",
    authorization_endpoint: "https://login.microsoftonline.com/6731de76-14a6-49ae-97bc-6eba6914391e/oauth2/v2.0/authorize",
    token_endpoint: "https://login.microsoftonline.com/6731de76-14a6-49ae-97bc-6eba6914391e/oauth2/v2.0/token",
    confidential: true,
    refuses: |request| match (request.get("resource"), request.get("prompt")) {
        (Some(_), _) => Some(REFUSAL),
        // Her administrator consented for her; she may not.
        (None, Some("consent")) => Some("Need admin approval"),
        (None, _) => None,
    },
    exchanges: |request, asked| {
        let mut answer = granted("1");
        if request.get("scope").is_some_and(|scope| scope.split(' ').any(|s| s == "offline_access"))
        {
            answer["refresh_token"] = "0.1".into();
        }
        in_answer_to(asked, &answer)
    },
    renews: |asked| match asked.fields("refresh_token").concat().as_str() {
        "0.1" => {
            let mut answer = granted("2");
            answer["refresh_token"] = "0.2".into();
            in_answer_to(asked, &answer)
        }
        "0.mfa" => json(400, r#"{"error":"interaction_required","error_codes":[50076]}"#),
        _ => json(400, r#"{"error":"invalid_grant","error_codes":[700082]}"#),
    },
};

fn granted(access: &str) -> Value {
    json!({
        "token_type": "Bearer", "scope": "api://notes/access_as_user", "expires_in": 3736,
        "ext_expires_in": 3736, "access_token": access,
    })
}

fn in_answer_to(asked: &Asked, answer: &Value) -> Response<Body> {
    if asked.fields("resource").is_empty() {
        return json(200, answer);
    }
    json(400, &json!({ "error": "invalid_request", "error_description": REFUSAL }))
}

#[tokio::test]
async fn a2_who_refuses_a_resource_is_sent_none_in_any_request() {
    let flow = Flow::at(&ENTRA, &["api://notes/access_as_user", "offline_access"]).await;
    assert_eq!(flow.provider, Some("Microsoft Entra"));
    assert!(flow.parameters().is("prompt", "select_account"));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.refresh.unwrap().into_secret(), "0.1");
    assert_eq!(tokens.scopes, ["api://notes/access_as_user"]);
    let renewed = flow.renew("0.1").await.unwrap();
    assert_eq!(renewed.refresh.unwrap().into_secret(), "0.2");
    assert_eq!(flow.resources_sent(), [""; 0]);
    assert_eq!(flow.target.quirks.refresh_token_idle, Some(90 * DAY));
    assert_eq!(flow.record()["revocation"], Value::Null, "nothing but the RFC's way");
}

#[tokio::test]
async fn t7_what_only_the_person_can_mend_is_told_to_the_person() {
    let flow = Flow::at(&ENTRA, &["api://notes/access_as_user"]).await;
    assert!(matches!(flow.renew("0.mfa").await, Err(TokenError::InvalidGrant)));
    assert!(matches!(flow.renew("0.0").await, Err(TokenError::InvalidGrant)));
}

#[test]
fn every_cloud_and_no_version_but_the_second() {
    let provider = |host: &str, version: &str| {
        let at = |end| format!("https://{host}/contoso.example/oauth2{version}/{end}");
        Quirks::of(&server("https://issuer.example", &at("authorize"), &at("token"))).0
    };
    for host in [
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
    ] {
        assert_eq!(provider(host, "/v2.0"), Some("Microsoft Entra"), "{host}");
        assert_eq!(provider(host, ""), None, "version 1.0 needs a resource");
    }
}
