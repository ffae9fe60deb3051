use super::*;
use serde_json::json;

fn at() -> Endpoint {
    "https://mcp.example/mcp".parse().unwrap()
}

fn good() -> Value {
    json!({
        "issuer": "https://as.example",
        "authorization_endpoint": "https://as.example/authorize?tenant=1",
        "token_endpoint": "https://as.example/token",
        "code_challenge_methods_supported": ["plain", "S256"],
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut document = good();
    document[member] = value;
    document
}

fn read(document: &Value) -> Result<ServerMetadata, Rejection> {
    super::read(document, &at(), "https://as.example")
}

#[test]
fn d6_two_addresses_without_a_path_and_three_with() {
    let oauth = "https://a.example/.well-known/oauth-authorization-server";
    let oidc = "https://a.example/.well-known/openid-configuration";
    for issuer in ["https://a.example", "https://a.example/"] {
        assert_eq!(addresses(&at(), issuer).unwrap(), [oauth, oidc], "{issuer}");
    }
    for issuer in ["https://a.example/t/1", "https://a.example/t/1/"] {
        let with_path = [
            format!("{oauth}/t/1"),
            format!("{oidc}/t/1"),
            "https://a.example/t/1/.well-known/openid-configuration".to_owned(),
        ];
        assert_eq!(addresses(&at(), issuer).unwrap(), with_path, "{issuer}");
    }
}

#[test]
fn d9_what_is_no_issuer_is_not_asked() {
    for issuer in [
        "http://a.example",
        "http://localhost:8080",
        "https://a.example?x",
        "https://a.example/#x",
        "https://u:p@a.example",
        "https://a.example\n",
        "a.example",
        "",
    ] {
        assert!(addresses(&at(), issuer).is_none(), "{issuer:?}");
    }
}

#[test]
fn d7_the_issuer_is_the_very_same_text() {
    for other in [
        "https://as.example/",
        "https://AS.example",
        "https://as.example:443",
        "https://attacker.example",
        "https://as.example ",
    ] {
        let rejected = read(&with("issuer", other.into()));
        assert!(matches!(rejected, Err(Rejection::AnotherIssuer(_))), "{other}");
    }
    let document = with("issuer", "https://as.example/".into());
    let metadata = super::read(&document, &at(), "https://as.example/").unwrap();
    assert_eq!(metadata.server.issuer, "https://as.example/");
    for absent in [Value::Null, json!(1), json!("")] {
        let rejected = read(&with("issuer", absent));
        assert!(matches!(rejected, Err(Rejection::Malformed("issuer"))));
    }
}

#[test]
fn d7_nothing_else_of_another_issuers_document_is_looked_at() {
    let rejected = read(&json!({ "issuer": "https://attacker.example", "token_endpoint": 1 }));
    assert!(matches!(rejected, Err(Rejection::AnotherIssuer(_))));
}

#[test]
fn d8_without_s256_there_is_no_way_on() {
    for methods in [Value::Null, json!([]), json!(["plain"]), json!(["s256"])] {
        let rejected = read(&with("code_challenge_methods_supported", methods));
        assert!(matches!(rejected, Err(Rejection::NoS256)));
    }
    let mut absent = good();
    absent.as_object_mut().unwrap().remove("code_challenge_methods_supported");
    assert!(matches!(read(&absent), Err(Rejection::NoS256)));
}

#[test]
fn d9_every_endpoint_is_https() {
    for member in
        ["authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"]
    {
        for unfit in [
            "http://as.example/x",
            "http://localhost/x",
            "javascript:alert(1)",
            "https://u:p@as.example/x",
            "https://as.example/x#f",
            "/x",
            "",
        ] {
            let rejected = read(&with(member, unfit.into()));
            assert!(matches!(rejected, Err(Rejection::UnfitEndpoint(m)) if m == member), "{unfit}");
        }
    }
    for member in ["authorization_endpoint", "token_endpoint"] {
        let rejected = read(&with(member, Value::Null));
        assert!(matches!(rejected, Err(Rejection::Malformed(m)) if m == member));
    }
}

#[test]
fn d10_everything_is_kept_as_written() {
    let metadata = read(&good()).unwrap();
    let server = &metadata.server;
    assert_eq!(server.issuer, "https://as.example");
    assert_eq!(server.authorization_endpoint.as_str(), "https://as.example/authorize?tenant=1");
    assert!(!server.authorization_response_iss_parameter_supported);
    assert!(
        metadata.registration_endpoint.is_none() && metadata.server.revocation_endpoint.is_none()
    );
    assert!(!metadata.client_id_metadata_document_supported);
    assert_eq!(metadata.token_endpoint_auth_methods_supported, None);
    assert!(metadata.scopes_supported.is_empty());
}

#[test]
fn a_flag_or_a_list_that_is_something_else_is_an_error_and_not_a_no() {
    for (member, value) in [
        ("authorization_response_iss_parameter_supported", json!("true")),
        ("client_id_metadata_document_supported", json!(1)),
        ("token_endpoint_auth_methods_supported", json!("none")),
        ("scopes_supported", json!("a b")),
        ("code_challenge_methods_supported", json!("S256")),
    ] {
        let rejected = read(&with(member, value));
        assert!(matches!(rejected, Err(Rejection::Malformed(m)) if m == member), "{member}");
    }
    let iss = with("authorization_response_iss_parameter_supported", true.into());
    assert!(read(&iss).unwrap().server.authorization_response_iss_parameter_supported);
}
