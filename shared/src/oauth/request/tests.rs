use super::*;
use crate::pending::BrowserBinding;
use crate::subject::Subject;
use serde_json::{Value, json};
use std::time::UNIX_EPOCH;

/// The query of the URL for these scopes, at this endpoint and with this record.
fn query(endpoint: &str, scopes: &[&str], record: Value) -> String {
    let mut target = crate::target::example("notes");
    target.authorization_server.authorization_endpoint = endpoint.parse().unwrap();
    target.quirks = serde_json::from_value(record).unwrap();
    let pending = PendingAuthorization {
        code_verifier: PkceCodeVerifier::new("v".repeat(43)),
        subject: Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id(),
        target: target.name.clone(),
        issuer: target.authorization_server.issuer.clone(),
        iss_advertised: false,
        redirect_uri: "https://broker.example/callback/notes".into(),
        resource: "https://NOTES.example".to_owned().try_into().unwrap(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        browser: BrowserBinding::returned("mine").digest(),
        expires: UNIX_EPOCH,
    };
    let state = State::returned("the-state".into());
    authorization_url(&target, &pending, &state).query().unwrap().to_owned()
}

fn values(query: &str, name: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(own, _)| own == name).map(|(_, value)| value.into_owned()).collect()
}

const PLAIN: &str = "https://as.example/authorize";

#[test]
fn a2_the_resource_is_sent_byte_for_byte_unless_the_server_refuses_it() {
    let sent = query(PLAIN, &[], json!({}));
    assert_eq!(values(&sent, "resource"), ["https://NOTES.example"]);
    let omitted = query(PLAIN, &[], json!({ "resource": "omitted" }));
    assert_eq!(values(&omitted, "resource"), [""; 0]);
}

#[test]
fn a5_consent_is_asked_for_once_where_a_refresh_token_is_wanted() {
    let prompt = |scopes: &[&str], record| values(&query(PLAIN, scopes, record), "prompt");
    assert_eq!(prompt(&["a", "offline_access"], json!({})), ["consent"]);
    assert_eq!(prompt(&["a"], json!({})), [""; 0]);
    let recorded = json!({ "authorization_parameters": { "prompt": "select_account" } });
    assert_eq!(prompt(&["a", "offline_access"], recorded.clone()), ["select_account"]);
    assert_eq!(prompt(&["a"], recorded), ["select_account"]);
}

#[test]
fn a5_scopes_are_written_as_the_server_reads_them() {
    let scopes = ["b", "a:c"];
    assert_eq!(values(&query(PLAIN, &scopes, json!({})), "scope"), ["b a:c"]);
    let commas = query(PLAIN, &scopes, json!({ "scope_separator": "comma" }));
    assert_eq!(values(&commas, "scope"), ["b,a:c"]);
    let user = query(PLAIN, &scopes, json!({ "scope_parameter": "user_scope" }));
    assert_eq!(values(&user, "user_scope"), ["b a:c"]);
    for record in [json!({}), json!({ "scope_parameter": "user_scope" })] {
        let nothing = query(PLAIN, &[], record);
        assert_eq!((values(&nothing, "scope").len(), values(&nothing, "user_scope").len()), (0, 0));
    }
}

#[test]
fn a6_the_endpoints_own_query_stays_as_it_is_written() {
    let own = query("https://as.example/authorize?tenant=a%2Fb&x=1+2&y", &["a"], json!({}));
    assert!(own.starts_with("tenant=a%2Fb&x=1+2&y&response_type=code&"), "{own}");
}

#[test]
fn a6_what_we_say_is_said_once_whatever_the_endpoint_and_the_record_say() {
    let endpoint = "https://as.example/authorize?state=evil&keep=1&prompt=none&access_type=online\
        &redirect_uri=https%3A%2F%2Fevil.example&code_challenge_method=plain&resource=x";
    let record = json!({
        "authorization_parameters": {
            "access_type": "offline", "audience": "a&state=evil2&resource=y", "prompt": "consent",
        },
    });
    let query = query(endpoint, &["a", "offline_access"], record);
    for (name, value) in [
        ("keep", "1"),
        ("state", "the-state"),
        ("redirect_uri", "https://broker.example/callback/notes"),
        ("code_challenge_method", "S256"),
        ("resource", "https://NOTES.example"),
        ("prompt", "consent"),
        ("access_type", "offline"),
        ("audience", "a&state=evil2&resource=y"),
    ] {
        assert_eq!(values(&query, name), [value], "{name}");
    }
}
