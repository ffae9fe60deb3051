use super::*;
use std::time::{Duration, UNIX_EPOCH};

fn applicant(redirect_uri: &str) -> Applicant {
    Applicant { client_name: "Latchkey".into(), redirect_uri: redirect_uri.into(), document: None }
}

fn answered(status: u16, body: &str) -> Result<Registration, RegistrationError> {
    answered_to(ClientAuthentication::ClientSecretPost, status, body)
}

fn answered_to(
    method: ClientAuthentication,
    status: u16,
    body: &str,
) -> Result<Registration, RegistrationError> {
    let applicant = applicant("https://broker.example/callback/notes");
    let answer = http::Response::builder().status(status).body(body.as_bytes().to_vec()).unwrap();
    let endpoint = "https://as.example/register".parse().unwrap();
    let plan = DynamicPlan { issuer: "https://as.example".into(), endpoint, method };
    let key =
        (method == ClientAuthentication::PrivateKeyJwt).then(|| SigningKey::generate().unwrap());
    read(&answer, &plan, &applicant, key)
}

fn made(members: &Value) -> Registration {
    let mut body = json!({ "client_id": "c" });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    answered(201, &body.to_string()).unwrap()
}

fn unfit(members: &Value) -> String {
    answered(201, &members.to_string()).unwrap_err().to_string()
}

#[test]
fn r3_r4_what_is_asked_for() {
    let redirect_uri = "https://broker.example/callback/notes";
    assert_eq!(
        request(&applicant(redirect_uri), ClientAuthentication::ClientSecretBasic, None),
        json!({
            "client_name": "Latchkey",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "application_type": "web",
        })
    );
    for local in ["http://127.0.0.1:4000/callback/notes", "http://localhost:4000/callback/notes"] {
        let request = request(&applicant(local), ClientAuthentication::None, None);
        assert_eq!(request["application_type"], "native");
        assert_eq!(request["redirect_uris"], json!([local]));
        assert_eq!(request["token_endpoint_auth_method"], "none");
    }
}

#[test]
fn r4_the_server_has_the_last_word_on_the_method() {
    use ClientAuthentication::{ClientSecretBasic, ClientSecretPost, None as Public};
    let method = |members: Value| {
        let registration = made(&members);
        (registration.method, registration.secret.is_some())
    };
    let named =
        |method: &str| json!({ "client_secret": "s", "token_endpoint_auth_method": method });
    assert_eq!(method(json!({ "client_secret": "s" })), (ClientSecretPost, true));
    assert_eq!(method(named("client_secret_basic")), (ClientSecretBasic, true));
    assert_eq!(method(named("none")), (Public, false));
    assert_eq!(method(json!({})), (Public, false));
    assert_eq!(method(json!({ "client_secret": "" })), (Public, false));
    assert_eq!(method(json!({ "client_secret": null })), (Public, false));
}

#[test]
fn r4_a_client_that_we_cannot_be_is_not_taken() {
    let other = json!({ "client_id": "c", "redirect_uris": ["https://broker.example/callback"] });
    assert!(unfit(&other).contains("another redirect URI"));
    assert!(unfit(&json!({ "client_id": "" })).contains("client_id is empty"));
    assert!(unfit(&json!({ "client_name": "x" })).contains("not JSON as RFC 7591 has it"));
    let method = |method: &str| json!({ "client_id": "c", "token_endpoint_auth_method": method });
    assert!(unfit(&method("client_secret_basic")).contains("client_secret and holds none"));
    assert!(unfit(&method("private_key_jwt")).contains("no way of proving"));
    let page = answered(200, "<html>").unwrap_err();
    assert!(matches!(page, RegistrationError::Unfit(_)));
}

#[test]
fn r6_a_secret_expires_when_the_server_says_so() {
    let expires_at = |value: Value| {
        made(&json!({ "client_secret": "s", "client_secret_expires_at": value })).expires_at
    };
    let then = Some(UNIX_EPOCH + Duration::from_hours(500_000));
    assert_eq!(expires_at(json!(1_800_000_000)), then);
    assert_eq!(expires_at(json!("1800000000")), then);
    for never in [json!(0), json!("0"), json!(null), json!(-1), json!("soon")] {
        assert_eq!(expires_at(never), None);
    }
    assert_eq!(made(&json!({ "client_secret_expires_at": 1 })).expires_at, None);
    // A time beyond time must not become one that never comes.
    assert!(expires_at(json!(u64::MAX)).is_some());
}

#[test]
fn r6_what_manages_the_registration_is_kept_and_not_printed() {
    let members = |uri: &str| {
        json!({
            "client_secret": "very-secret",
            "registration_client_uri": uri,
            "registration_access_token": "more-secret",
        })
    };
    let registration = made(&members("https://as.example/register/c"));
    let printed = format!("{registration:?}");
    assert!(!printed.contains("very-secret") && !printed.contains("more-secret"), "{printed}");
    let management = registration.management.unwrap();
    assert_eq!(management.registration_client_uri.as_str(), "https://as.example/register/c");
    assert_eq!(management.registration_access_token.into_secret(), "more-secret");
    // The token goes nowhere but to the server that gave it.
    for unfit in [
        "http://as.example/register/c",
        "http://127.0.0.1/c",
        "https://another.example/register/c",
        "https://as.example:8443/register/c",
        "/register/c",
    ] {
        assert!(made(&members(unfit)).management.is_none());
    }
}

#[test]
fn r4_a_refusal_is_quoted_short_and_harmless() {
    let words = "Only\r\nhttps://\u{1b}[31mclaude.ai ".to_owned() + &"x".repeat(1000);
    let body = json!({ "error": "invalid_redirect_uri", "error_description": words });
    let refused = answered(400, &body.to_string()).unwrap_err().to_string();
    assert!(
        refused.contains("400 Bad Request, invalid_redirect_uri: Only??https://?[31mclaude.ai x")
    );
    assert!(refused.len() < 500 && !refused.contains(char::is_control));

    for body in ["", "<html>", "[]", "{\"error\":{}}"] {
        let RegistrationError::Refused(refusal) = answered(403, body).unwrap_err() else {
            panic!("{body}")
        };
        assert_eq!(refusal.to_string(), "403 Forbidden", "{body}");
    }
}

#[test]
fn a_server_in_trouble_has_not_refused() {
    for status in [429, 500, 503] {
        let failed = answered(status, "{\"error\":\"invalid_client_metadata\"}").unwrap_err();
        assert!(matches!(failed, RegistrationError::Unavailable(_)));
    }
}
