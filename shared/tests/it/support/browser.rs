//! What a browser keeps and shows.

use broker::clock::SystemRandom;
use broker::identity::Person;
use broker::seal::KeyRing;
use broker::session::{Session, SetCookie};
use broker::subject::Subject;
use http::{Response, StatusCode, header};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// W1, W2, W3, W4: what every answer to a browser must be like, whatever it says.
#[track_caller]
pub(crate) fn guarded(response: &Response<String>) {
    let header = |name: &str| {
        let mut values = response.headers().get_all(name).iter();
        let value = values.next().unwrap_or_else(|| panic!("no {name}")).to_str().unwrap();
        assert!(values.next().is_none(), "{name} twice");
        value
    };
    let policy = header("content-security-policy");
    for rule in
        ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "no-store");
    assert!(header("strict-transport-security").starts_with("max-age="));
    assert!(["no-referrer", "same-origin"].contains(&header("referrer-policy")));
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert!(!response.body().contains("<script"));
    if response.status().is_redirection() {
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
    }
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-latchkey-"), "{cookie}");
        assert!(cookie.len() < 4096, "a browser drops a cookie of {} bytes", cookie.len());
        let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
        for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(attributes.contains(&attribute), "{cookie}");
        }
        assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
    }
}

/// The cookie whose name begins so, as `name=value`, if the answer sets it.
pub(crate) fn set_cookie(response: &Response<String>, name: &str) -> Option<String> {
    let mut cookies = response.headers().get_all(header::SET_COOKIE).iter().filter_map(|cookie| {
        let (pair, attributes) = cookie.to_str().unwrap().split_once("; ").unwrap();
        let live = !attributes.contains("Max-Age=0;");
        (live && pair.starts_with(name)).then(|| pair.to_owned())
    });
    let cookie = cookies.next();
    assert!(cookies.next().is_none(), "{name} is set twice");
    cookie
}

/// Whether the answer makes the browser forget the cookie whose name begins so.
pub(crate) fn ends_cookie(response: &Response<String>, name: &str) -> bool {
    response.headers().get_all(header::SET_COOKIE).iter().any(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.starts_with(name) && cookie.contains("=; ") && cookie.contains("; Max-Age=0;")
    })
}

/// What a `Cookie` header holds after this `Set-Cookie`.
pub(crate) fn kept(cookie: SetCookie) -> String {
    let response = cookie.on(Response::new(String::new()));
    set_cookie(&response, "__Host-").unwrap()
}

/// Someone whom the identity provider at `issuer` calls `name`.
pub(crate) fn person(issuer: &str, name: &str) -> Person {
    let subject = Subject::new(issuer, vec![name.to_owned()]).unwrap();
    Person { subject, display_name: format!("{name}@corp.example") }
}

/// The cookie of a browser at which `person` signed in `then`.
pub(crate) fn session(person: Person, keys: &KeyRing, then: SystemTime) -> String {
    kept(Session::new(person, &SystemRandom, then).unwrap().set_cookie(keys).unwrap())
}

pub(crate) fn browser_keys() -> KeyRing {
    KeyRing::for_browsers(&format!(r#"{{"1":"{}"}}"#, "b".repeat(64))).unwrap()
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const SESSION: &str = "__Host-latchkey-session";
pub(crate) const SIGN_IN: &str = "__Host-latchkey-sign-in";
pub(crate) const FLOW: &str = "__Host-latchkey-flow-";
