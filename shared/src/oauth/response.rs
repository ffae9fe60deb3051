//! What comes back with the browser: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2>

use crate::pending::{BrowserBinding, PendingAuthorization};
use crate::seal;
use crate::subject::SubjectId;
use crate::target::{Target, TargetName};
use oauth2::AuthorizationCode;
use std::time::SystemTime;

/// The query of a redirect to the callback, read and not yet believed.
pub struct AuthorizationResponse {
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2>
    pub state: Option<String>,
    code: Option<AuthorizationCode>,
    error: Option<String>,
    iss: Option<String>,
}

impl AuthorizationResponse {
    /// Reads a query string. A parameter that is given twice is an attack or a mistake:
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-3.1>
    pub fn parse(query: &str) -> Result<Self, ResponseError> {
        let mut response = Self { state: None, code: None, error: None, iss: None };
        let mut code = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let slot = match &*name {
                "state" => &mut response.state,
                "code" => &mut code,
                "error" => &mut response.error,
                "iss" => &mut response.iss,
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(ResponseError::Repeated);
            }
        }
        // One without a value is as good as none: <https://www.rfc-editor.org/rfc/rfc6749#section-3.1>.
        // Not so `iss`, which is compared as it came.
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        response.state = given(response.state);
        response.error = given(response.error);
        response.code = given(code).map(AuthorizationCode::new);
        Ok(response)
    }

    /// The table of RFC 9207 §2.4: an `iss` that is there must be the issuer's, character by
    /// character; one that was promised must be there.
    pub(crate) fn comes_from(&self, issuer: &str, iss_advertised: bool) -> bool {
        match &self.iss {
            Some(iss) => iss == issuer,
            None => !iss_advertised,
        }
    }

    /// The code, or what the server says instead. To be asked after [`Self::comes_from`] only: a
    /// stranger's `error` is neither acted on nor shown.
    pub(crate) fn into_code(self) -> Result<AuthorizationCode, ResponseError> {
        match (self.error.as_deref(), self.code) {
            (Some("access_denied"), _) => Err(ResponseError::Declined),
            (Some("invalid_scope"), _) => Err(ResponseError::InvalidScope),
            (Some(_), _) => Err(ResponseError::ServerError),
            (None, Some(code)) => Ok(code),
            (None, None) => Err(ResponseError::NoCode),
        }
    }
}

/// The browser that brings an answer, as its cookies and its path have it.
pub struct Browser<'a> {
    /// The target of the path.
    pub target: &'a TargetName,
    /// The cookie set just before the redirect.
    pub binding: Option<&'a BrowserBinding>,
    /// Who is signed in.
    pub subject: Option<SubjectId>,
}

/// An answer that passed every check, and all that its exchange needs.
pub struct Accepted {
    pub(crate) code: AuthorizationCode,
    pub(crate) pending: PendingAuthorization,
}

impl Accepted {
    /// Whose consent it is.
    pub fn subject(&self) -> SubjectId {
        self.pending.subject
    }

    /// Where the answer was asked for, and arrived.
    pub fn redirect_uri(&self) -> &str {
        &self.pending.redirect_uri
    }

    /// What was asked for.
    pub fn asked(&self) -> &[String] {
        &self.pending.scopes
    }
}

impl PendingAuthorization {
    /// Whether `target` still is what was consented to: nobody changed its resource or its
    /// authorization server while the person was away.
    pub fn is_for(&self, target: &Target) -> bool {
        self.target == target.name
            && self.resource == target.resource
            && self.issuer == target.authorization_server.issuer
    }

    /// Checks an answer, in this order: the same browser, the same target, the same person, in time,
    /// from the server that was asked; then what it says.
    pub fn accept(
        self,
        browser: &Browser<'_>,
        response: AuthorizationResponse,
        now: SystemTime,
    ) -> Result<Accepted, ResponseError> {
        let bound = browser.binding.is_some_and(|b| seal::same(&b.digest(), &self.browser));
        if !bound {
            return Err(ResponseError::AnotherBrowser);
        }
        if *browser.target != self.target {
            return Err(ResponseError::AnotherTarget);
        }
        if browser.subject != Some(self.subject) {
            return Err(ResponseError::AnotherSubject);
        }
        if self.expires <= now {
            return Err(ResponseError::Expired);
        }
        if !response.comes_from(&self.issuer, self.iss_advertised) {
            return Err(ResponseError::AnotherIssuer);
        }
        Ok(Accepted { code: response.into_code()?, pending: self })
    }
}

/// Why an answer is not exchanged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ResponseError {
    /// Not the browser that consented.
    #[error("the answer came with another browser's cookies, or none")]
    AnotherBrowser,
    /// Not the server that was asked: <https://www.rfc-editor.org/rfc/rfc9207#section-2.4>
    #[error("the answer does not come from the authorization server that was asked")]
    AnotherIssuer,
    /// Not the person who consented.
    #[error("somebody else is signed in now")]
    AnotherSubject,
    /// Not the target that was consented to.
    #[error("the answer arrived at another target's address")]
    AnotherTarget,
    /// The person said no.
    #[error("consent was declined")]
    Declined,
    /// Too late.
    #[error("consent took too long")]
    Expired,
    /// The server does not grant what was asked for:
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1>
    #[error("the authorization server does not grant the scopes that were asked for")]
    InvalidScope,
    /// Neither a code nor an error.
    #[error("the answer holds no code")]
    NoCode,
    /// A parameter is given twice.
    #[error("the answer gives a parameter twice")]
    Repeated,
    /// The server would not.
    #[error("the authorization server answered with an error")]
    ServerError,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;
    use oauth2::PkceCodeVerifier;
    use std::time::{Duration, UNIX_EPOCH};

    fn alice() -> SubjectId {
        Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id()
    }

    fn pending(iss_advertised: bool) -> PendingAuthorization {
        PendingAuthorization {
            code_verifier: PkceCodeVerifier::new("v".repeat(43)),
            subject: alice(),
            target: "notes".parse().unwrap(),
            issuer: "https://as.example".into(),
            iss_advertised,
            redirect_uri: "https://broker.example/callback/notes".into(),
            resource: "https://notes.example/mcp".to_owned().try_into().unwrap(),
            scopes: vec![],
            browser: BrowserBinding::returned("mine").digest(),
            expires: UNIX_EPOCH + Duration::from_mins(10),
        }
    }

    struct Trip {
        cookie: Option<&'static str>,
        target: &'static str,
        subject: Option<SubjectId>,
        advertised: bool,
        query: &'static str,
        after: u64,
    }

    const GOOD: &str = "code=c&state=s&iss=https%3A%2F%2Fas.example";

    fn good() -> Trip {
        let subject = Some(alice());
        let (cookie, target) = (Some("mine"), "notes");
        Trip { cookie, target, subject, advertised: true, query: GOOD, after: 599 }
    }

    fn travel(trip: &Trip) -> Result<(), ResponseError> {
        let binding = trip.cookie.map(BrowserBinding::returned);
        let target = trip.target.parse().unwrap();
        let browser = Browser { target: &target, binding: binding.as_ref(), subject: trip.subject };
        let response = AuthorizationResponse::parse(trip.query)?;
        let now = UNIX_EPOCH + Duration::from_secs(trip.after);
        pending(trip.advertised).accept(&browser, response, now).map(|_| ())
    }

    #[test]
    fn a8_a9_another_browser_target_person_or_time_is_refused() {
        assert_eq!(travel(&good()), Ok(()));
        let refused = [
            (Trip { cookie: None, ..good() }, ResponseError::AnotherBrowser),
            (Trip { cookie: Some("another flow's"), ..good() }, ResponseError::AnotherBrowser),
            (Trip { target: "files", ..good() }, ResponseError::AnotherTarget),
            (Trip { subject: None, ..good() }, ResponseError::AnotherSubject),
            (Trip { after: 600, ..good() }, ResponseError::Expired),
        ];
        for (trip, why) in refused {
            assert_eq!(travel(&trip), Err(why));
        }
        let bob = Subject::new("https://idp.example", vec!["bob".into()]).unwrap().id();
        assert_eq!(
            travel(&Trip { subject: Some(bob), ..good() }),
            Err(ResponseError::AnotherSubject)
        );
    }

    #[test]
    fn a7_every_row_of_the_iss_table() {
        let row = |advertised, query| travel(&Trip { advertised, query, ..good() });
        let other = Err(ResponseError::AnotherIssuer);
        assert_eq!(row(true, GOOD), Ok(()));
        assert_eq!(row(true, "code=c&state=s"), other);
        assert_eq!(row(false, GOOD), Ok(()));
        assert_eq!(row(false, "code=c&state=s"), Ok(()));
        for advertised in [true, false] {
            for wrong in [
                "code=c&state=s&iss=https%3A%2F%2Fevil.example",
                "code=c&state=s&iss=https%3A%2F%2Fas.example%2F",
                "code=c&state=s&iss=HTTPS%3A%2F%2Fas.example",
                "code=c&state=s&iss=https%3A%2F%2Fas.example%3A443",
                "code=c&state=s&iss=",
            ] {
                assert_eq!(row(advertised, wrong), other, "{wrong}");
            }
        }
    }

    #[test]
    fn a7_a_strangers_error_is_not_believed() {
        let query = "error=access_denied&state=s&iss=https%3A%2F%2Fevil.example";
        assert_eq!(travel(&Trip { query, ..good() }), Err(ResponseError::AnotherIssuer));
    }

    #[test]
    fn a12_an_error_wins_over_a_code() {
        let says = |query| travel(&Trip { query, advertised: false, ..good() });
        assert_eq!(says("error=access_denied&state=s&code=c"), Err(ResponseError::Declined));
        assert_eq!(says("error=server_error&state=s"), Err(ResponseError::ServerError));
        assert_eq!(says("error=invalid_scope&state=s"), Err(ResponseError::InvalidScope));
        assert_eq!(says("state=s"), Err(ResponseError::NoCode));
        for empty in ["code&state=s", "code=&state=s", "error=&code=&state=s"] {
            assert_eq!(says(empty), Err(ResponseError::NoCode), "{empty}");
        }
        assert_eq!(says("error=&code=c&state=s"), Ok(()));
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        for query in ["code=c&code=d&state=s", "state=s&state=s", "iss=a&iss=b", "error=&error="] {
            let parsed = AuthorizationResponse::parse(query).map(|_| ());
            assert_eq!(parsed, Err(ResponseError::Repeated), "{query}");
        }
        assert!(AuthorizationResponse::parse("x=1&x=2&state=s").is_ok());
    }
}
