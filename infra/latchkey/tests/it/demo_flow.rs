//! What the demo authorization servers grant, and what they refuse.

use crate::flow::{Flow, RESOURCE, VERIFIER, answer_of, claims, refresh_token};
use crate::support::{
    CALLBACK, CLIENT, Place, SECRET, TestClock, get, issuer_at, post, send, token_of,
};
use http::StatusCode;
use latchkey::demo::Role;
use serde_json::json;
use std::time::Duration;
use url::Url;

#[tokio::test]
async fn the_identity_provider_says_who_somebody_is() {
    let flow = Flow::at(Role::IdentityProvider).await;
    let asked = flow.ask(&[]).await;
    let back = flow.decide(&asked, "").await;
    assert_eq!(back["state"], "st&te");
    assert_eq!(back["iss"], flow.issuer);
    assert_eq!(back["kept"], "1");

    let answer = flow.exchange(&back["code"], VERIFIER).await;

    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    let identity = claims(&answer["id_token"]);
    assert_eq!(identity["iss"], flow.issuer);
    assert_eq!(identity["sub"], "alice");
    assert_eq!(identity["aud"], CLIENT);
    assert_eq!(identity["nonce"], "n1");
    assert_eq!(identity["email"], "alice@example.com");
    let access = claims(&answer["access_token"]);
    assert_eq!(access["aud"], RESOURCE);
    assert_eq!(access["client_id"], CLIENT);
    assert_eq!(access["sub"], "alice");
}

#[tokio::test]
async fn the_authorization_server_asks_and_grants() {
    let flow = Flow::at(Role::AuthorizationServer).await;

    let answer = flow.connected().await;

    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 3600);
    assert_eq!(answer["scope"], "notes offline_access");
    assert_eq!(claims(&answer["access_token"])["scope"], "notes offline_access");
    assert!(answer.get("id_token").is_none());
    assert!(answer["refresh_token"].is_string());
}

#[tokio::test]
async fn whoever_declines_sends_the_client_away_empty() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let asked = flow.ask(&[]).await;

    let back = flow.decide(&asked, "deny").await;

    assert_eq!(back["error"], "access_denied");
    assert_eq!((&back["state"], &back["iss"]), (&"st&te".to_owned(), &flow.issuer));
    assert!(!back.contains_key("code"));
}

#[tokio::test]
async fn nobody_can_consent_in_another_browser_or_before_signing_in() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let asked = flow.ask(&[]).await;
    let page = format!("{}{}", flow.issuer, asked.header("location"));
    let other = flow.ask(&[]).await;
    let (cookie, _) = other.header("set-cookie").split_once(';').unwrap();
    for headers in [vec![], vec![("cookie", cookie)]] {
        assert_eq!(send("GET", &page, &headers, "").await.status, StatusCode::BAD_REQUEST);
        let answer = post(&page, &headers, &[("person", "alice")]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let (cookie, _) = asked.header("set-cookie").split_once(';').unwrap();
    let answer = post(&page, &[("cookie", cookie)], &[("decision", "allow")]).await;
    assert_eq!(answer.header("location"), asked.header("location"), "first say who you are");
}

#[tokio::test]
async fn a_wrong_verifier_gets_nothing_and_spends_the_code() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let code = flow.code().await;

    let wrong = flow.exchange(&code, "another-verifier-that-is-long-enough-1234567890").await;
    let right = flow.exchange(&code, VERIFIER).await;

    for answer in [wrong, right] {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
}

#[tokio::test]
async fn a_code_belongs_to_its_client_and_its_redirect_uri() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    let json = [("content-type", "application/json")];
    let url = format!("{}/register", flow.issuer);
    let other = send("POST", &url, &json, metadata.to_string()).await.json();
    let other = other["client_id"].as_str().unwrap();
    let grant = ("grant_type", "authorization_code");
    let verifier = ("code_verifier", VERIFIER);

    let code = flow.code().await;
    let redirect_uri = ("redirect_uri", "https://client.example/callback");
    let elsewhere = flow.token(&[grant, ("code", &code), verifier, redirect_uri]).await;
    let code = flow.code().await;
    let redirect_uri = ("redirect_uri", CALLBACK);
    let form = [grant, ("client_id", other), ("code", &code), verifier, redirect_uri];
    let stolen = post(&format!("{}/token", flow.issuer), &[], &form).await;

    assert_eq!(elsewhere.json()["error"], "invalid_grant");
    assert_eq!(stolen.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_request_without_proof_of_the_client_is_refused() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    for (changes, error) in [
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("resource", "https://other.example/mcp")], "invalid_target"),
        (vec![("prompt", "none")], "login_required"),
    ] {
        let back = answer_of(&flow.ask(&changes).await);
        assert_eq!(back["error"], error);
        assert_eq!(back["iss"], flow.issuer);
    }
    for changes in [
        [("client_id", "unknown")],
        [("redirect_uri", "https://client.example/callback?kept=1&more")],
        [("redirect_uri", "")],
    ] {
        let answer = flow.ask(&changes).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.headers.get("location").is_none(), "{changes:?}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_for_a_minute() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let code = flow.code().await;
    let first = flow.exchange(&code, VERIFIER).await.json();

    let second = flow.exchange(&code, VERIFIER).await;

    assert_eq!(second.json()["error"], "invalid_grant");
    let refreshed = flow.refresh(&refresh_token(&first)).await;
    assert_eq!(refreshed.json()["error"], "invalid_grant", "whoever replays ends the grant");

    let code = flow.code().await;
    flow.clock.advance(Duration::from_secs(61));
    assert_eq!(flow.exchange(&code, VERIFIER).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_is_replaced_and_its_reuse_ends_the_family() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let first = refresh_token(&flow.connected().await);

    let answer = flow.refresh(&first).await.json();
    let second = refresh_token(&answer);
    assert_ne!(first, second);
    assert_eq!(claims(&answer["access_token"])["aud"], RESOURCE);
    let third = refresh_token(&flow.refresh(&second).await.json());

    assert_eq!(flow.refresh(&first).await.json()["error"], "invalid_grant");
    assert_eq!(flow.refresh(&third).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_mistake_of_the_client_does_not_cost_it_the_refresh_token() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let token = refresh_token(&flow.connected().await);
    let refresh = ("grant_type", "refresh_token");
    let presented = ("refresh_token", token.as_str());

    let other = flow.token(&[refresh, presented, ("resource", "https://other.example")]).await;
    let more = flow.token(&[refresh, presented, ("scope", "notes admin")]).await;
    let less = flow.token(&[refresh, presented, ("scope", "notes")]).await;

    assert_eq!(other.json()["error"], "invalid_target");
    assert_eq!(more.json()["error"], "invalid_scope");
    assert_eq!(less.json()["scope"], "notes");
}

#[tokio::test]
async fn a_revoked_refresh_token_is_good_for_nothing() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let token = refresh_token(&flow.connected().await);
    let form = [("client_id", CLIENT), ("client_secret", SECRET), ("token", token.as_str())];

    let answer = post(&format!("{}/revoke", flow.issuer), &[], &form).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(flow.refresh(&token).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_client_must_prove_itself() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let url = format!("{}/token", flow.issuer);
    let grant = ("grant_type", "refresh_token");
    for form in [
        vec![grant],
        vec![grant, ("client_id", CLIENT)],
        vec![grant, ("client_id", CLIENT), ("client_secret", "wrong")],
        vec![grant, ("client_id", "unknown"), ("client_secret", SECRET)],
    ] {
        let answer = post(&url, &[], &form).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json()["error"], "invalid_client");
    }
}

#[tokio::test]
async fn a_public_client_may_register_and_connect() {
    let flow = Flow::at(Role::IdentityProvider).await;
    let metadata = json!({
        "client_name": "An agent",
        "redirect_uris": ["http://127.0.0.1:33418/callback"],
        "token_endpoint_auth_method": "none",
    });
    let json = [("content-type", "application/json")];
    let url = format!("{}/register", flow.issuer);

    let answer = send("POST", &url, &json, metadata.to_string()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let client = answer.json();
    assert!(client.get("client_secret").is_none());
    let id = client["client_id"].as_str().unwrap();
    let asked =
        flow.ask(&[("client_id", id), ("redirect_uri", "http://127.0.0.1:33418/callback")]).await;
    let page = format!("{}{}", flow.issuer, asked.header("location"));
    let (cookie, _) = asked.header("set-cookie").split_once(';').unwrap();
    let back = post(&page, &[("cookie", cookie)], &[("person", "bob")]).await;
    let back = Url::parse(back.header("location")).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:33418/callback"),
        ("code_verifier", VERIFIER),
    ];
    let answer = post(&format!("{}/token", flow.issuer), &[], &form).await.json();
    assert_eq!(claims(&answer["id_token"])["sub"], "bob");

    let confidential = json!({ "redirect_uris": ["https://a.example/cb"] }).to_string();
    let client = send("POST", &url, &json, confidential).await.json();
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(client["client_secret_expires_at"], 0);
    for uris in [json!([]), json!(["http://a.example/cb"]), json!(["javascript:alert(1)"])] {
        let bad = json!({ "redirect_uris": uris }).to_string();
        assert_eq!(send("POST", &url, &json, bad).await.json()["error"], "invalid_redirect_uri");
    }
}

#[tokio::test]
async fn the_metadata_promises_what_the_server_does() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    for path in ["openid-configuration", "oauth-authorization-server"] {
        let metadata = get(&format!("{}/.well-known/{path}", flow.issuer)).await.json();
        assert_eq!(metadata["issuer"], flow.issuer);
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        assert_eq!(metadata["scopes_supported"], json!(["notes", "offline_access"]));
        let keys = get(metadata["jwks_uri"].as_str().unwrap()).await.json();
        assert_eq!(keys["keys"][0]["alg"], "ES256");
        assert!(keys["keys"][0].get("d").is_none());
    }
}

#[tokio::test]
async fn a_page_can_be_neither_framed_nor_scripted() {
    let flow = Flow::at(Role::AuthorizationServer).await;
    let asked = flow.ask(&[]).await;
    let page = format!("{}{}", flow.issuer, asked.header("location"));
    let (cookie, attributes) = asked.header("set-cookie").split_once(';').unwrap();

    let answer = send("GET", &page, &[("cookie", cookie)], "").await;

    assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(get(&format!("{}/demo.css", flow.issuer)).await.header("content-type"), "text/css");
}

#[tokio::test]
async fn the_shortcut_for_terminals_is_no_shortcut_for_web_pages() {
    let idp = Flow::at(Role::IdentityProvider).await.issuer;
    let url = format!("{idp}/demo/token");
    let form = [("person", "alice")];

    let token = token_of(&idp, "bob").await;

    assert_eq!(claims(&token.into())["sub"], "bob");
    let plain = post(&url, &[("accept", "text/plain")], &form).await;
    assert_eq!(claims(&plain.text.into())["client_id"], "terminal");
    for headers in [("origin", "http://evil.example"), ("host", "evil.example")] {
        assert_eq!(post(&url, &[headers], &form).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(post(&url, &[], &[("person", "eve")]).await.status, StatusCode::BAD_REQUEST);
    let elsewhere = [("person", "alice"), ("resource", "https://other.example")];
    assert_eq!(post(&url, &[], &elsewhere).await.json()["error"], "invalid_target");

    let other = Flow::at(Role::AuthorizationServer).await.issuer;
    let answer = post(&format!("{other}/demo/token"), &[], &form).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn keys_and_grants_survive_a_restart() {
    let folder = std::env::temp_dir().join(format!("latchkey-demo-{}", std::process::id()));
    let clock = TestClock::new();
    let role = Role::AuthorizationServer;
    let place = Place::new().await;
    let at = |place, clock: &TestClock| Flow {
        issuer: issuer_at(place, role, RESOURCE, clock, Some(folder.clone())),
        role,
        resource: RESOURCE.to_owned(),
        clock: clock.clone(),
    };
    let first = at(place, &clock);
    let connected = first.connected().await;
    let keys = get(&format!("{}/jwks", first.issuer)).await.json();

    // Another address, since the first server still runs; the files are what matters.
    let second = at(Place::new().await, &clock);

    assert_eq!(get(&format!("{}/jwks", second.issuer)).await.json(), keys);
    let refreshed = second.refresh(&refresh_token(&connected)).await.json();
    assert!(refreshed["access_token"].is_string());
    for file in ["signing-key.der", "grants.json"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let kept = std::fs::read_to_string(folder.join("grants.json")).unwrap();
    assert!(!kept.contains(SECRET) && !kept.contains(&refresh_token(&refreshed)));
    std::fs::remove_dir_all(folder).unwrap();
}
