use super::*;
use serde_json::json;

fn endpoint(url: &str) -> Endpoint {
    url.parse().unwrap()
}

fn wanted(at: &str, challenged: Option<&str>) -> Vec<(Place, Option<String>)> {
    places(&endpoint(at), challenged).into_iter().map(|(place, url)| (place, url.ok())).collect()
}

#[test]
fn d2_the_challenge_then_the_path_then_the_root() {
    let path = "https://a.example/.well-known/oauth-protected-resource/mcp";
    let root = "https://a.example/.well-known/oauth-protected-resource";
    let (at_path, at_root) = ((Place::Path, Some(path.into())), (Place::Root, Some(root.into())));
    assert_eq!(wanted("https://a.example/mcp", None), [at_path.clone(), at_root.clone()]);
    let own = "https://a.example/meta.json";
    assert_eq!(
        wanted("https://a.example/mcp", Some(own)),
        [(Place::Challenge, Some(own.into())), at_path, at_root.clone()]
    );
    assert_eq!(
        wanted("https://a.example/mcp", Some(path)),
        [(Place::Challenge, Some(path.into())), at_root]
    );
    assert_eq!(wanted("https://a.example/", None), [(Place::Path, Some(root.into()))]);
}

#[test]
fn d2_path_and_query_follow_the_well_known_part() {
    for (at, address) in [
        (
            "https://a.example/t/mcp/",
            "https://a.example/.well-known/oauth-protected-resource/t/mcp/",
        ),
        (
            "https://a.example/mcp?k=v",
            "https://a.example/.well-known/oauth-protected-resource/mcp?k=v",
        ),
        ("https://a.example?k=v", "https://a.example/.well-known/oauth-protected-resource?k=v"),
        ("https://A.example:443/Mcp", "https://a.example/.well-known/oauth-protected-resource/Mcp"),
    ] {
        assert_eq!(wanted(at, None)[0].1.as_deref(), Some(address), "{at}");
    }
}

#[test]
fn d4_a_challenge_leads_nowhere_else() {
    let at = "https://a.example/mcp";
    for elsewhere in [
        "https://b.example/meta",
        "http://a.example/meta",
        "https://a.example:8443/meta",
        "https://a.example.evil.example/meta",
        "https://a.example@evil.example/meta",
        "https://169.254.169.254/meta",
        "/meta",
        "file:///etc/passwd",
        "",
    ] {
        assert_eq!(wanted(at, Some(elsewhere))[0], (Place::Challenge, None), "{elsewhere}");
    }
    let own = Some("https://A.example:443/meta".to_owned());
    assert_eq!(wanted(at, own.as_deref())[0], (Place::Challenge, own));
}

/// How `resource`, published at `place`, relates to `at`.
fn related(at: &str, place: Place, resource: &str, strict: bool) -> Option<Identity> {
    let document = json!({ "resource": resource, "authorization_servers": ["https://as.example"] });
    let metadata = super::read(&document, &endpoint(at), place, strict).ok()?;
    assert_eq!(metadata.resource.as_str(), resource);
    Some(metadata.identity)
}

#[test]
fn d3_the_resource_is_the_endpoint_or_encloses_it() {
    let at = "https://a.example/t/mcp";
    let (exact, prefix) = (Some(Identity::Exact), Some(Identity::Prefix));
    for (resource, expected) in [
        (at, exact),
        ("https://a.example/t/mcp/", prefix),
        ("https://a.example/t", prefix),
        ("https://a.example/t/", prefix),
        ("https://a.example/", prefix),
        ("https://a.example", prefix),
        ("https://A.example:443/t/mcp", prefix),
        ("https://a.example/t/mc", None),
        ("https://a.example/t/mcp/x", None),
        ("https://a.example/T/mcp", None),
        ("https://a.example/other", None),
        ("https://a.example/t/../t/mcp?x", None),
        ("https://a.example:8443/t/mcp", None),
        ("http://a.example/t/mcp", None),
        ("https://b.example/t/mcp", None),
        ("https://a.example.evil.example/", None),
        ("https://a.example@evil.example/", None),
        ("https://u:p@a.example/t/mcp", None),
        ("https://a.example/t/mcp#x", None),
        ("https://a.example/t/mcp\n", None),
        ("//a.example/t/mcp", None),
        ("urn:a", None),
        ("", None),
    ] {
        assert_eq!(related(at, Place::Path, resource, false), expected, "{resource:?}");
        let strictly = expected.filter(|identity| *identity == Identity::Exact);
        assert_eq!(related(at, Place::Challenge, resource, true), strictly, "{resource:?}");
    }
}

#[test]
fn d3_what_is_published_at_the_root_is_the_origins() {
    let at = "https://a.example/mcp";
    let strictly = |resource| related(at, Place::Root, resource, true);
    assert_eq!(strictly("https://a.example"), Some(Identity::Exact));
    assert_eq!(strictly("https://a.example/"), Some(Identity::Exact));
    assert_eq!(strictly("https://a.example/mcp"), None);
    assert_eq!(related(at, Place::Root, "https://a.example/mcp", false), Some(Identity::Prefix));
    assert_eq!(related(at, Place::Root, "https://a.example/else", false), None);
}

#[test]
fn d3_a_query_belongs_to_the_resource() {
    let at = "https://a.example/mcp?k=v";
    let related = |resource| related(at, Place::Path, resource, false);
    assert_eq!(related("https://a.example/mcp?k=v"), Some(Identity::Exact));
    assert_eq!(related("https://a.example/mcp"), Some(Identity::Prefix));
    assert_eq!(related("https://a.example/?k=v"), Some(Identity::Prefix));
    assert_eq!(related("https://a.example/mcp?k=w"), None);
}

#[test]
fn d5_metadata_without_authorization_servers_or_of_another_shape_is_not_used() {
    let rejected = |document| {
        let at = endpoint("https://a.example/mcp");
        super::read(&document, &at, Place::Path, false).unwrap_err().to_string()
    };
    let resource = "https://a.example/mcp";
    for (document, why) in [
        (json!([]), "`resource`"),
        (json!({ "authorization_servers": ["https://as.example"] }), "`resource`"),
        (json!({ "resource": 1, "authorization_servers": ["https://as.example"] }), "`resource`"),
        (json!({ "resource": resource }), "no authorization server"),
        (json!({ "resource": resource, "authorization_servers": [] }), "no authorization server"),
        (json!({ "resource": resource, "authorization_servers": "x" }), "`authorization_servers`"),
        (json!({ "resource": resource, "authorization_servers": [1] }), "`authorization_servers`"),
        (
            json!({ "resource": resource, "authorization_servers": ["x"], "scopes_supported": "a" }),
            "`scopes_supported`",
        ),
    ] {
        assert!(rejected(document.clone()).contains(why), "{document}");
    }
}

#[test]
fn without_metadata_the_endpoint_is_the_resource_in_its_canonical_form() {
    for (at, resource) in [
        ("https://A.Example/Mcp", "https://a.example/Mcp"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example", "https://a.example"),
        ("https://a.example/mcp/", "https://a.example/mcp/"),
        ("HTTPS://a.example?K=V", "https://a.example?K=V"),
        ("https://a.example:8443/a%2Fb", "https://a.example:8443/a%2Fb"),
    ] {
        assert_eq!(canonical(&endpoint(at)).unwrap().as_str(), resource);
    }
}
