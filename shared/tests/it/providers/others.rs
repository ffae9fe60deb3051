//! Salesforce and Asana, whose departures are outside of the flow itself; and whom the catalogue takes
//! for whom.

use super::*;
use broker::discovery::Discovery;
use broker::discovery::authorization_server::ServerMetadata;

/// <https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_refresh_token_flow.htm&type=5>
const SALESFORCE: Provider = Provider {
    issuer: "https://notes.my.salesforce.com",
    authorization_endpoint: "https://notes.my.salesforce.com/services/oauth2/authorize",
    token_endpoint: "https://notes.my.salesforce.com/services/oauth2/token",
    confidential: true,
    refuses: nothing,
    // No lifetime.
    exchanges: |_, _| {
        json(
            200,
            &json!({
                "access_token": "00D!1", "refresh_token": "5Aep1", "signature": "x", "scope": "mcp_api refresh_token",
                "instance_url": "https://notes.my.salesforce.com", "token_type": "Bearer",
                "id": "https://login.salesforce.com/id/00D/005", "issued_at": "1278448101416",
            }),
        )
    },
    renews: |asked| {
        if asked.fields("refresh_token") != ["5Aep1"] {
            let description = "expired access/refresh token";
            let body = json!({ "error": "invalid_grant", "error_description": description });
            return json(400, &body);
        }
        let body = r#"{"access_token":"00D!2","refresh_token":"5Aep2","token_type":"Bearer"}"#;
        json(200, body)
    },
};

/// <https://developers.asana.com/docs/oauth>
const ASANA_API: Provider = Provider {
    issuer: "https://app.asana.com/api/1.0",
    authorization_endpoint: "https://app.asana.com/-/oauth_authorize",
    token_endpoint: "https://app.asana.com/-/oauth_token",
    confidential: true,
    refuses: nothing,
    exchanges: |_, _| {
        json(
            200,
            &json!({
                "access_token": "1", "expires_in": 3600, "token_type": "bearer",
                "refresh_token": "r1", "data": { "id": "4673218951", "name": "Greg Sanchez" },
            }),
        )
    },
    renews: |_| json(200, r#"{"access_token":"2","expires_in":3600,"token_type":"bearer"}"#),
};

#[tokio::test]
async fn t4_salesforce_states_no_lifetime_and_punishes_who_asks_twice() {
    let flow = Flow::at(&SALESFORCE, &["mcp_api", "refresh_token"]).await;
    assert_eq!(flow.provider, Some("Salesforce"));
    assert_eq!(flow.record(), json!({ "replay": "punished" }));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.expires_at, at(NOW) + HOUR);
    let renewed = flow.renew("5Aep1").await.unwrap();
    assert_eq!(renewed.refresh.unwrap().into_secret(), "5Aep2");
    assert_eq!(renewed.expires_at, at(NOW) + HOUR);
    assert!(matches!(flow.renew("5Aep0").await, Err(TokenError::InvalidGrant)));
}

#[test]
fn salesforces_tenants_are_under_its_own_name_only() {
    let provider = |host: &str| {
        let at = |end| format!("https://{host}/services/oauth2/{end}");
        Quirks::of(&server("https://issuer.example", &at("authorize"), &at("token"))).0
    };
    for host in [
        "login.salesforce.com",
        "test.salesforce.com",
        "notes.my.salesforce.com",
        "notes--test.sandbox.my.salesforce.com",
    ] {
        assert_eq!(provider(host), Some("Salesforce"), "{host}");
    }
    for stranger in [
        "my.salesforce.com",
        ".my.salesforce.com",
        "notmy.salesforce.com",
        "evilmy.salesforce.com",
        "notes.my.salesforce.com.evil.example",
        "notes.my.salesforce.com:8443",
    ] {
        assert_eq!(provider(stranger), None, "{stranger}");
    }
}

#[tokio::test]
async fn asana_names_in_its_documents_where_tokens_are_given_back() {
    let flow = Flow::at(&ASANA_API, &["default"]).await;
    assert_eq!(flow.provider, Some("Asana"));
    let tokens = flow.connect().await.unwrap();
    assert_eq!(tokens.scopes, ["default"]);
    let renewed = tokens.renewed(flow.renew("r1").await.unwrap());
    assert_eq!(renewed.access.into_secret(), "2");
    assert_eq!(renewed.refresh.unwrap().into_secret(), "r1");
    assert_eq!(
        flow.record(),
        json!({ "revocation": { "at": "https://app.asana.com/-/oauth_revoke" } })
    );
}

#[test]
fn nobody_borrows_a_providers_name() {
    let evil = "https://evil.example/oauth";
    let github = "https://github.com/login/oauth";
    let named = |authorize: &str, token: &str| {
        let (authorize, token) =
            (format!("{authorize}/authorize"), format!("{token}/access_token"));
        let (name, quirks) = Quirks::of(&server(github, &authorize, &token));
        (name, quirks.is_none())
    };
    assert_eq!(named(github, github), (Some("GitHub"), false));
    assert_eq!(named(evil, github), (None, true));
    assert_eq!(named(github, evil), (None, true));
    let near = "https://github.com.evil.example/login/oauth";
    assert_eq!(named(near, near), (None, true));
}

#[test]
fn what_the_catalogue_says_is_data_on_a_target_that_is_connected() {
    let discovery = Discovery {
        resource: "https://notes.example".to_owned().try_into().unwrap(),
        published: None,
        metadata: ServerMetadata {
            server: SALESFORCE.server(),
            registration_endpoint: None,
            client_id_metadata_document_supported: false,
            token_endpoint_auth_methods_supported: None,
            token_endpoint_auth_signing_alg_values_supported: None,
            grant_types_supported: None,
            scopes_supported: vec![],
        },
        scopes: vec![],
        tried: vec![],
    };
    let client = serde_json::from_value(json!({ "client_id": "latchkey" })).unwrap();
    let endpoint = "https://notes.example/mcp".parse().unwrap();
    let target = discovery.target("notes".parse().unwrap(), "Notes", &endpoint, client);
    let record = serde_json::to_value(&target).unwrap();
    assert_eq!(record["quirks"], json!({ "replay": "punished" }));
}
