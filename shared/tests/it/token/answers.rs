//! What answers grant, however they say it.

use super::*;

#[tokio::test]
async fn t4_a_lifetime_is_understood_in_any_form_and_an_impossible_one_is_not_believed() {
    let lifetimes = [
        (json!(3599), 3599),
        (json!("3599"), 3599),
        (json!(" 3599 "), 3599),
        (json!(3599.9), 3599),
        (json!("3599.0"), 3599),
        (json!(0), 0),
        (json!(null), HOUR),
        (json!(-1), HOUR),
        (json!("-1"), HOUR),
        (json!(1e300), HOUR),
        (json!(u64::MAX), HOUR),
        (json!("inf"), HOUR),
        (json!("NaN"), HOUR),
        (json!("soon"), HOUR),
        (json!([3599]), HOUR),
        (json!(true), HOUR),
    ];
    for (expires_in, seconds) in lifetimes {
        let tokens = granted(&json!({ "expires_in": expires_in })).await;
        assert_eq!(tokens.expires_at, at(NOW + seconds), "{expires_in}");
    }
    let unstated = r#"{"access_token":"a2","token_type":"Bearer"}"#;
    let tokens = refresh(&answers(200, unstated).await).await.unwrap();
    assert_eq!(tokens.expires_at, at(NOW + HOUR));
    for (recorded, seconds) in [(60, 60), (u64::MAX, 0)] {
        let server = answers(200, unstated).await;
        let mut target = target(&server.url, &json!({}));
        target.quirks.access_token_lifetime = Some(Duration::from_secs(recorded));
        let granted = refresh_at(&target).await.unwrap();
        assert_eq!(granted.expires_at, at(NOW + seconds), "{recorded} s in the record");
    }
}

#[tokio::test]
async fn t2_bearer_in_any_case_or_unsaid_and_no_other_kind() {
    for kind in [json!("Bearer"), json!("bearer"), json!("BEARER"), json!(null)] {
        assert_eq!(granted(&json!({ "token_type": kind })).await.access.into_secret(), "a2");
    }
    let unsaid = answers(200, r#"{"access_token":"a2"}"#).await;
    assert!(refresh(&unsaid).await.is_ok());
    // The last two are an application's token, and a person's where nothing says that it is ours.
    for kind in ["DPoP", "dpop", "mac", "N_A", "", "bot", "user"] {
        let answer = json!({ "access_token": "s3cret-access", "token_type": kind });
        let server = answers(200, answer).await;
        let error = refresh(&server).await.map(|_| kind).unwrap_err();
        assert!(!matches!(error, TokenError::InvalidGrant), "{kind}: {error}");
        silent(&error);
    }
}

#[tokio::test]
async fn t3_scopes_are_those_granted_or_else_those_asked_for() {
    for (scope, scopes) in [
        (json!("a b"), Some(vec!["a", "b"])),
        (json!("a,b"), Some(vec!["a", "b"])),
        (json!("a, b"), Some(vec!["a", "b"])),
        (json!("  a  "), Some(vec!["a"])),
        (json!(""), None),
        (json!("  "), None),
        (json!(null), None),
        (json!(["a", "b,c"]), Some(vec!["a", "b", "c"])),
        (json!([7]), None),
        (json!({ "a": "b" }), None),
    ] {
        let granted = granted(&json!({ "scope": scope })).await.scopes;
        let scopes = scopes.map(|s| s.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(granted, scopes, "{scope}");
    }
    let narrower =
        answers(200, r#"{"access_token":"a1","token_type":"Bearer","scope":"notes:read"}"#).await;
    assert_eq!(exchange(&narrower).await.unwrap().scopes, ["notes:read"]);
    let unsaid = answers(200, r#"{"access_token":"a1","token_type":"Bearer"}"#).await;
    assert_eq!(exchange(&unsaid).await.unwrap().scopes, ["notes:read", "notes:write"]);
}

#[tokio::test]
async fn t9_an_empty_refresh_token_is_none() {
    for nothing in [json!(""), json!(null), json!(false), json!({})] {
        let tokens = granted(&json!({ "refresh_token": nothing })).await;
        assert!(tokens.refresh.is_none(), "{nothing}");
    }
    let tokens = granted(&json!({ "refresh_token": "r2" })).await;
    assert_eq!(tokens.refresh.unwrap().into_secret(), "r2");
}

/// P3: what the body says of itself counts, not what its header says.
#[tokio::test]
async fn an_answer_in_json_counts_whatever_its_content_type_and_status_of_success() {
    let body = r#"{"access_token":"a2","token_type":"Bearer","unknown":{"x":[1]}}"#;
    for content_type in ["application/json;charset=UTF-8", "text/plain", "text/javascript", ""] {
        let tokens = refresh(&answers_in(200, content_type, body).await).await;
        assert!(tokens.is_ok(), "{content_type}: {}", tokens.unwrap_err());
    }
    assert!(refresh(&answers(201, body).await).await.is_ok());
}

#[tokio::test]
async fn an_answer_in_a_form_counts_if_it_says_that_it_is_one() {
    let form = "access_token=a2&scope=repo%2Cgist&token_type=bearer&expires_in=60";
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    let granted = refresh(&answers_in(200, kind, form).await).await.unwrap();
    assert_eq!(granted.access.into_secret(), "a2");
    assert_eq!(granted.scopes.unwrap(), ["repo", "gist"]);
    assert_eq!(granted.expires_at, at(NOW + 60));

    let dead = answers_in(200, kind, "error=bad_refresh_token&error_description=in-body").await;
    let error = refresh(&dead).await.unwrap_err();
    assert!(matches!(error, TokenError::InvalidGrant), "{error}");
    silent(&error);
    for other in ["text/html", "application/json", ""] {
        let error = refresh(&answers_in(200, other, form).await).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, TokenError::Unavailable(_)), "{other}: {error}");
    }
}

/// What a refresh grants that is answered as it should be, but for `changes`.
async fn granted(changes: &Value) -> Granted {
    let mut answer = json!({ "access_token": "a2", "token_type": "Bearer", "expires_in": 60 });
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    refresh(&answers(200, answer).await).await.unwrap()
}

async fn answers_in(status: u16, content_type: &'static str, body: &'static str) -> Server {
    Server::start(move |_| async move {
        let answer = Response::builder().status(status).header("content-type", content_type);
        answer.body(Body::from(body)).unwrap()
    })
    .await
}
