//! Every byte that a browser sees: the pages, the redirects, and the headers that guard both.
//!
//! No page has a script or loads anything, and each reads well without its stylesheet. What a page
//! shows may come from anybody, so values are escaped by the template library and shown without the
//! characters that could make them look like other values.

mod connections;
pub mod moment;

pub use connections::{Connections, Disconnected, Listed, Told, connections};

use askama::Template;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::LazyLock;
use url::Url;

/// A page, ready to send.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    referrer_policy: &'static str,
    html: String,
}

impl Page {
    /// The page with the headers that guard it. Cookies are the caller's to add.
    pub fn into_response(self) -> Response<String> {
        guarded(self.status, self.referrer_policy, self.html)
    }
}

/// What a person must know before an agent may act for them.
pub struct Consent<'a> {
    /// The target's name, for the form's path.
    pub target: &'a str,
    /// The target's name among people.
    pub title: &'a str,
    /// The MCP server's URL.
    pub endpoint: &'a str,
    /// The authorization server's issuer.
    pub authorization_server: &'a str,
    /// What is asked for by name.
    pub scopes: &'a [String],
    /// Which of these a person who is connected has not been asked for before.
    pub is_new: &'a dyn Fn(&String) -> bool,
    /// Where the authorization server sends its answer.
    pub redirect_uri: &'a str,
    /// What the person signs in with.
    pub signed_in_as: &'a str,
    /// Where the person signed in: an issuer.
    pub identity_provider: &'a str,
    /// The ticket that brought them, carried through the form.
    pub ticket: Option<&'a str>,
    /// Proof that the form is ours.
    pub csrf: &'a str,
    /// What the form says of the scopes that it was shown with.
    pub shown: &'a str,
}

/// Asks whether to connect. The form posts `decision` (`connect` or `decline`), `csrf`, `shown` and, if there
/// is one, `ticket` to `/authorize/{target}`.
pub fn consent(consent: &Consent<'_>) -> Page {
    let (scopes, is_new) = (consent.scopes, consent.is_new);
    form(
        StatusCode::OK,
        &ConsentPage {
            target: consent.target,
            title: Shown::new(consent.title),
            endpoint: Address::new(consent.endpoint),
            authorization_server: Address::new(consent.authorization_server),
            wider: scopes.iter().any(is_new),
            scopes: scopes
                .iter()
                .map(|scope| AskedScope { name: Shown::new(scope), new: is_new(scope) })
                .collect(),
            redirect_uri: Address::new(consent.redirect_uri),
            signed_in_as: Shown::new(consent.signed_in_as),
            identity_provider: Address::new(consent.identity_provider),
            ticket: consent.ticket,
            csrf: consent.csrf,
            shown: consent.shown,
        },
    )
}

/// Refuses a ticket that names somebody else, and says nothing about that person. The form posts
/// `decision` (`switch`), `csrf` and, if there is one, `ticket` to `/authorize/{target}`.
pub fn wrong_person(target: &str, signed_in_as: &str, ticket: Option<&str>, csrf: &str) -> Page {
    let signed_in_as = Shown::new(signed_in_as);
    form(StatusCode::FORBIDDEN, &WrongPersonPage { target, signed_in_as, ticket, csrf })
}

/// Takes the browser on to another origin after a form was posted.
///
/// Browsers hold every redirect that follows a posted form against `form-action`, and many
/// authorization servers redirect once more, to an origin that we cannot know. The button would then
/// do nothing. A page that moves on by itself starts a navigation of its own.
pub fn onward(location: &str) -> Result<Page, NotALocation> {
    let url = Url::parse(location_of(location)?).map_err(|_| NotALocation)?;
    let host = host(&url).ok_or(NotALocation)?;
    Ok(plain(StatusCode::OK, &OnwardPage { location, host: Shown::new(&host) }))
}

/// Says that the target is connected.
pub fn connected(title: &str) -> Page {
    plain(StatusCode::OK, &ConnectedPage { title: Shown::new(title) })
}

/// Says that nothing was connected, as the person wanted.
pub fn declined(title: &str) -> Page {
    plain(StatusCode::OK, &DeclinedPage { title: Shown::new(title) })
}

/// Why there is nothing else to show.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// A few words.
    pub heading: &'a str,
    /// What happened, in a sentence.
    pub what_happened: &'a str,
    /// What to do now, in a sentence.
    pub what_to_do: &'a str,
}

/// Says no, and what to do about it.
pub fn refusal(status: StatusCode, refusal: &Refusal<'_>) -> Page {
    plain(
        status,
        &RefusalPage {
            heading: Shown::new(refusal.heading),
            what_happened: Shown::new(refusal.what_happened),
            what_to_do: Shown::new(refusal.what_to_do),
        },
    )
}

/// A redirect that turns any method into `GET`: never 307, which would send a posted form on.
/// After a posted form, only for a path of our own; [`onward`] leads to other origins.
pub fn see_other(location: &str) -> Result<Response<String>, NotALocation> {
    let location = HeaderValue::from_str(location_of(location)?).map_err(|_| NotALocation)?;
    let mut response = guarded(StatusCode::SEE_OTHER, NO_REFERRER, String::new());
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Not a place to send a browser.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a path of our own and not an http or https URL")]
pub struct NotALocation;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    target: &'a str,
    title: Shown<'a>,
    endpoint: Address<'a>,
    authorization_server: Address<'a>,
    wider: bool,
    scopes: Vec<AskedScope<'a>>,
    redirect_uri: Address<'a>,
    signed_in_as: Shown<'a>,
    identity_provider: Address<'a>,
    ticket: Option<&'a str>,
    csrf: &'a str,
    shown: &'a str,
}

struct AskedScope<'a> {
    name: Shown<'a>,
    new: bool,
}

#[derive(Template)]
#[template(path = "wrong_person.html")]
struct WrongPersonPage<'a> {
    target: &'a str,
    signed_in_as: Shown<'a>,
    ticket: Option<&'a str>,
    csrf: &'a str,
}

#[derive(Template)]
#[template(path = "onward.html")]
struct OnwardPage<'a> {
    location: &'a str,
    host: Shown<'a>,
}

#[derive(Template)]
#[template(path = "connected.html")]
struct ConnectedPage<'a> {
    title: Shown<'a>,
}

#[derive(Template)]
#[template(path = "declined.html")]
struct DeclinedPage<'a> {
    title: Shown<'a>,
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage<'a> {
    heading: Shown<'a>,
    what_happened: Shown<'a>,
    what_to_do: Shown<'a>,
}

/// A page with a form. With `no-referrer` a browser says `Origin: null` even to ourselves, and the
/// handler could not tell where the form was: <https://fetch.spec.whatwg.org/#origin-header>.
/// `same-origin` tells other origins just as little.
fn form(status: StatusCode, template: &impl Template) -> Page {
    Page { status, referrer_policy: "same-origin", html: render(template) }
}

fn plain(status: StatusCode, template: &impl Template) -> Page {
    Page { status, referrer_policy: NO_REFERRER, html: render(template) }
}

fn render(template: &impl Template) -> String {
    template.render().expect("no value of ours fails to print")
}

fn guarded(status: StatusCode, referrer_policy: &'static str, html: String) -> Response<String> {
    let mut response = Response::new(html);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer_policy));
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.clone());
    response
}

/// A path of our own, or an absolute URL that a browser may be sent to.
///
/// Anything beyond visible ASCII belongs percent-encoded; a second slash, or the backslash that
/// browsers take for one, would make a path name a host.
fn location_of(location: &str) -> Result<&str, NotALocation> {
    let visible = location.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let allowed = match location.strip_prefix('/') {
        Some(path) => !path.starts_with('/'),
        None => Url::parse(location).is_ok_and(|url| matches!(url.scheme(), "http" | "https")),
    };
    if visible && allowed { Ok(location) } else { Err(NotALocation) }
}

/// A URL as people can check it: first the host, which decides, then the whole.
struct Address<'a> {
    host: Option<String>,
    url: Shown<'a>,
}

impl<'a> Address<'a> {
    /// A URL in visible ASCII is shown as written. Any other is shown as browsers read it, in ASCII:
    /// a host in look-alike letters then starts with `xn--`.
    fn new(written: &'a str) -> Self {
        match Url::parse(written) {
            Ok(url) if written.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Self { host: host(&url), url: Shown::new(written) }
            }
            Ok(url) => Self { host: host(&url), url: Shown(Cow::Owned(url.into())) },
            Err(_) => Self { host: None, url: Shown::new(written) },
        }
    }

    fn shortly(&self) -> &dyn fmt::Display {
        match &self.host {
            Some(host) => host,
            None => &self.url,
        }
    }
}

fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// A value from outside, cut to a readable length and without the characters that could make it look
/// like another value.
struct Shown<'a>(Cow<'a, str>);

impl<'a> Shown<'a> {
    fn new(value: &'a str) -> Self {
        Self(Cow::Borrowed(value))
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        for shown in rest.by_ref().take(LONGEST_SHOWN) {
            f.write_char(if deceives(shown) { char::REPLACEMENT_CHARACTER } else { shown })?;
        }
        if rest.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// Whether a character is unseen or changes how its neighbours are seen: controls, line and paragraph
/// separators, bidirectional controls, fillers and tags. The joiners U+200C and U+200D stay, for words
/// in Persian and Hindi need them. <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Longer than any honest name, scope or URL is on such a page.
const LONGEST_SHOWN: usize = 600;

/// The one stylesheet, part of every page. What is hashed is what is sent.
const STYLESHEET: &str = include_str!("../templates/page.css");

const NO_REFERRER: &str = "no-referrer";

/// What guards every answer, besides the two headers that vary.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    // Two years: <https://www.rfc-editor.org/rfc/rfc6797#section-6.1.1>
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // For browsers that do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, "DENY"),
    // A window that opened ours can neither steer nor watch it. Redirects are not affected.
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

static CONTENT_SECURITY_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLESHEET.as_bytes()));
    HeaderValue::try_from(format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'"
    ))
    .expect("base64 is visible ASCII")
});

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\"'><script>alert(1)</script><a href=x>&\u{202e}\r\n\0{{ csrf }}";

    /// A page with `value` in every field.
    fn full_of(value: &str) -> Vec<Page> {
        let scopes = [value.to_owned(), value.to_owned()];
        let refused = Refusal { heading: value, what_happened: value, what_to_do: value };
        vec![
            consent(&Consent {
                target: value,
                title: value,
                endpoint: value,
                authorization_server: value,
                scopes: &scopes,
                is_new: &|_| true,
                redirect_uri: value,
                signed_in_as: value,
                identity_provider: value,
                ticket: Some(value),
                csrf: value,
                shown: value,
            }),
            wrong_person(value, value, Some(value), value),
            connected(value),
            connections(listing(value)),
            declined(value),
            refusal(StatusCode::BAD_REQUEST, &refused),
        ]
    }

    /// A listing with `value` in every field, of a connected target and of one that is not.
    fn listing(value: &str) -> Connections<'_> {
        let listed = |connect, disconnect| Listed {
            target: value,
            title: value,
            endpoint: Some(value),
            state: value,
            since: Some(std::time::UNIX_EPOCH),
            connect,
            disconnect,
        };
        Connections {
            signed_in_as: value,
            identity_provider: value,
            disconnected: Some(Disconnected {
                title: value,
                authorization_server: value,
                told: Told::Unconfirmed,
            }),
            listed: vec![listed(true, None), listed(false, Some(value.to_owned()))],
        }
    }

    fn asked() -> Consent<'static> {
        Consent {
            target: "github",
            title: "GitHub",
            endpoint: "https://api.githubcopilot.example/mcp/",
            authorization_server: "https://github.example/login/oauth",
            scopes: &[],
            is_new: &|_| false,
            redirect_uri: "https://latchkey.example/callback/github",
            signed_in_as: "alice@corp.example",
            identity_provider: "https://login.corp.example/tenant",
            ticket: Some("tick-et"),
            csrf: "cs-rf",
            shown: "sh-own",
        }
    }

    /// What makes the structure of a page: everything that escaping is to keep out of a value.
    fn structure(html: &str) -> String {
        let body = html.split_once("</style>").unwrap().1;
        body.chars().filter(|c| matches!(c, '<' | '>' | '"' | '\'')).collect()
    }

    #[test]
    fn no_value_changes_the_structure_of_a_page() {
        for (hostile, kind) in full_of(HOSTILE).iter().zip(full_of("kind")) {
            assert_eq!(structure(&hostile.html), structure(&kind.html));
            assert!(!hostile.html.contains("<script"), "{}", hostile.html);
        }
        for url in ["https://a.example/?\"'><script>", "https://é.example/\"'><script>"] {
            let hostile = consent(&Consent { endpoint: url, identity_provider: url, ..asked() });
            assert_eq!(structure(&hostile.html), structure(&consent(&asked()).html));
        }
        let hostile = onward("https://a.example/?'\"><script>&url=b").unwrap();
        assert_eq!(structure(&hostile.html), structure(&onward("https://a.example").unwrap().html));
    }

    #[test]
    fn no_value_hides_or_turns_its_neighbours() {
        for page in full_of("a\u{202e}b\u{200b}c\u{7}\u{2066}\u{e0041}") {
            let (_, body) = page.html.split_once("</style>").unwrap();
            let mut seen = body.lines().filter(|line| !line.starts_with("<input"));
            assert!(page.html.contains("a\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}\u{fffd}"), "{body}");
            assert!(!seen.any(|line| line.chars().any(deceives)), "{body}");
        }
        assert!(connected("نمی\u{200c}خواهم").html.contains("نمی\u{200c}خواهم"));
        assert!(connected(&"x".repeat(601)).html.contains(&format!(">{}…<", "x".repeat(600))));
    }

    #[test]
    fn what_the_form_carries_comes_back_as_it_was() {
        let page = wrong_person("git/hub?", "alice", Some("a\u{200b}b"), "c\u{200b}d");
        assert!(page.html.contains("name=\"ticket\" value=\"a\u{200b}b\""));
        assert!(page.html.contains("name=\"csrf\" value=\"c\u{200b}d\""));
        assert!(page.html.contains("action=\"/authorize/git%2Fhub%3F\""));
        assert!(!wrong_person("github", "alice", None, "c").html.contains("ticket"));
    }

    #[test]
    fn every_answer_is_guarded() {
        let mut answers: Vec<_> = full_of("x").into_iter().map(Page::into_response).collect();
        answers.push(onward("https://a.example/authorize").unwrap().into_response());
        answers.push(see_other("/connected/github").unwrap());
        for answer in answers {
            let said = |name: &str| answer.headers()[name].to_str().unwrap();
            assert_eq!(said("x-frame-options"), "DENY");
            assert_eq!(said("cache-control"), "no-store");
            assert_eq!(said("x-content-type-options"), "nosniff");
            assert_eq!(said("strict-transport-security"), "max-age=63072000");
            assert_eq!(said("content-type"), "text/html; charset=utf-8");
            assert_eq!(said("cross-origin-opener-policy"), "same-origin");
            assert_eq!(said("cross-origin-resource-policy"), "same-origin");
            let posts = answer.body().contains("<form");
            assert_eq!(said("referrer-policy"), if posts { "same-origin" } else { "no-referrer" });
            let policy: Vec<_> = said("content-security-policy").split("; ").collect();
            assert_eq!(policy.len(), 5);
            assert!(policy.contains(&"default-src 'none'"));
            assert!(policy.contains(&"form-action 'self'"));
            assert!(policy.contains(&"frame-ancestors 'none'"));
            assert!(policy.contains(&"base-uri 'none'"));
        }
    }

    #[test]
    fn the_policy_allows_the_stylesheet_that_is_sent_and_the_page_has_no_other() {
        let answer = consent(&asked()).into_response();
        let (_, rest) = answer.body().split_once("<style>").unwrap();
        let (style, rest) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, style.as_bytes()));
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();

        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
        assert!(!style.contains('\r'), "browsers hash it without");
        assert!(!rest.contains("style"), "{rest}");
    }

    #[test]
    fn consent_says_all_that_must_be_known() {
        let scopes = ["repo".to_owned(), "read:org".to_owned()];
        let page = consent(&Consent { scopes: &scopes, ..asked() });
        assert_eq!(page.status, StatusCode::OK);
        for fact in [
            ">alice@corp.example<",
            ">login.corp.example<",
            ">GitHub</bdi> as you.",
            ">api.githubcopilot.example<",
            ">https://api.githubcopilot.example/mcp/<",
            ">github.example<",
            ">https://github.example/login/oauth<",
            ">repo<",
            ">read:org<",
            ">https://latchkey.example/callback/github<",
            "You can undo this at any time",
            "method=\"post\" action=\"/authorize/github\"",
            "name=\"ticket\" value=\"tick-et\"",
            "name=\"csrf\" value=\"cs-rf\"",
            "name=\"decision\" value=\"connect\"",
            "name=\"decision\" value=\"decline\"",
            "<title>Connect GitHub? · Latchkey</title>",
        ] {
            assert!(page.html.contains(fact), "{fact} is missing in {}", page.html);
        }
        assert!(consent(&asked()).html.contains("No scope is asked for by name."));
    }

    #[test]
    fn what_is_listed_is_offered_as_it_is() {
        let listed = |target, connect, disconnect: Option<&str>| Listed {
            target,
            title: "GitHub",
            endpoint: Some("https://api.githubcopilot.example/mcp/"),
            state: "Connected.",
            since: None,
            connect,
            disconnect: disconnect.map(str::to_owned),
        };
        let page = |told, listed| {
            let disconnected = Disconnected {
                title: "Notes",
                authorization_server: "https://as.example/tenant",
                told,
            };
            let disconnected = Some(disconnected);
            connections(Connections { disconnected, listed, ..listing("x") }).html
        };
        let html =
            page(Told::Confirmed, vec![listed("a", true, None), listed("b", false, Some("cs-rf"))]);
        for fact in [
            "<a href=\"/authorize/a\">Connect <bdi>GitHub</bdi></a>",
            "method=\"post\" action=\"/connections/b/disconnect\"",
            "name=\"csrf\" value=\"cs-rf\"",
            "<button>Disconnect <bdi>GitHub</bdi></button>",
            ">api.githubcopilot.example<",
            "<title>Notes is disconnected · Your connections · Latchkey</title>",
            ">as.example</bdi>, confirmed",
        ] {
            assert!(html.contains(fact), "{fact} is missing in {html}");
        }
        assert!(!html.contains("/authorize/b") && !html.contains("/connections/a"));
        for told in [Told::Unconfirmed, Told::NoWay, Told::Before] {
            let html = page(told, vec![]);
            assert!(
                html.contains("emove Latchkey there yourself") && !html.contains(", confirmed")
            );
            assert!(html.contains("No server is set up yet."));
        }
        let quiet = connections(Connections { disconnected: None, ..listing("x") });
        assert!(!quiet.html.contains("is disconnected"));
    }

    #[test]
    fn u5_consent_says_which_scopes_are_new() {
        let scopes = ["repo".to_owned(), "read:org".to_owned()];
        let page = consent(&Consent { scopes: &scopes, is_new: &|s| s == "read:org", ..asked() });
        assert!(page.html.contains(">repo</bdi></code></li>"), "{}", page.html);
        assert!(page.html.contains(">read:org</bdi></code> <strong>new</strong></li>"));
        assert!(page.html.contains("what works now still works"));
        assert!(!consent(&Consent { scopes: &scopes, ..asked() }).html.contains("<strong>new"));
    }

    #[test]
    fn a_host_in_look_alike_letters_shows_what_it_is() {
        let page = consent(&Consent { endpoint: "https://gіthub.example/mcp", ..asked() });
        assert!(page.html.contains(">xn--gthub-n2e.example<"), "{}", page.html);
        assert!(!page.html.contains("gіthub"));

        let page = consent(&Consent { endpoint: "https://github.example@b.example:1/", ..asked() });
        assert!(page.html.contains("class=\"host\" dir=\"ltr\" translate=\"no\">b.example:1<"));
    }

    #[test]
    fn the_wrong_person_sees_only_who_is_signed_in() {
        let page = wrong_person("github", "mallory@corp.example", Some("tick-et"), "cs-rf");
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.html.contains("value=\"switch\""));
        assert_eq!(page.html.matches("mallory@corp.example").count(), 1);
        let text = page.html.split_once("</style>").unwrap().1;
        assert_eq!(text.matches('@').count(), 1, "{text}");
    }

    #[test]
    fn only_visible_places_are_gone_to() {
        for location in ["/connected/github", "https://a.example/?a=b&c=%0A", "http://127.0.0.1:1/"]
        {
            let answer = see_other(location).unwrap();
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
            assert_eq!(answer.headers()["location"], location);
        }
        for location in [
            "",
            "/a\r\nset-cookie: b=c",
            "https://a.example/\n",
            "https://a.example/\t",
            "https://a.example/\u{85}",
            "https://é.example/",
            "https://a.example/ b",
            "//a.example/",
            "/\\a.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "connected",
        ] {
            assert_eq!(see_other(location).unwrap_err(), NotALocation, "{location:?}");
            assert_eq!(onward(location).unwrap_err(), NotALocation, "{location:?}");
        }
    }

    #[test]
    fn onward_moves_on_by_itself_and_offers_a_link() {
        let page = onward("https://a.example/authorize?a=b&c=d").unwrap();
        let to = "https://a.example/authorize?a=b&#38;c=d";
        assert!(
            page.html.contains(&format!("<meta http-equiv=\"refresh\" content=\"0; url={to}\">"))
        );
        assert!(page.html.contains(&format!("<a href=\"{to}\">")));
        assert!(page.html.contains(">a.example<"));
        assert!(onward("/connections").is_err(), "a path of our own is for `see_other`");
    }
}
