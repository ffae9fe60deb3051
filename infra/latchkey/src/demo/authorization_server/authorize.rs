//! Where a person signs in and consents: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1>

use super::{Role, Server, fresh};
use crate::demo::ledger::{Code, Grant, Interaction};
use crate::demo::page::{self, Consent, SignIn};
use crate::demo::parameters::Parameters;
use crate::demo::people::Person;
use axum::extract::{Path, RawForm, RawQuery, State};
use axum::response::{IntoResponse, Response};
use broker::clock::NoRandomness;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded;

/// `GET /authorize`
pub(super) async fn request(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let role = server.role;
    let Ok(query) = Parameters::parse(query.unwrap_or_default().as_bytes()) else {
        return page::refusal(role, "A parameter came twice.");
    };
    // Until client and redirect URI are known to belong together, nobody is sent anywhere.
    let client = query.get("client_id").and_then(|id| Some((id, server.ledger.client(id)?)));
    let Some((client_id, client)) = client else {
        return page::refusal(role, "This client is not known here.");
    };
    let redirect_uri = query.get("redirect_uri");
    let Some(redirect_uri) = client.redirect_uris.into_iter().find(|uri| redirect_uri == Some(uri))
    else {
        return page::refusal(role, "This client has not registered that redirect URI.");
    };
    let browser = match cookie(&headers, role).map_or_else(fresh, Ok) {
        Ok(browser) => browser,
        Err(NoRandomness) => return page::refusal(role, "Please try again."),
    };
    match server.begin(client_id, &redirect_uri, &browser, &query) {
        Ok(id) => {
            let cookie =
                format!("{}={browser}; Path=/authorize; HttpOnly; SameSite=Lax", role.cookie());
            (StatusCode::SEE_OTHER, [(LOCATION, format!("/authorize/{id}")), (SET_COOKIE, cookie)])
                .into_response()
        }
        Err(error) => server.send_back(&redirect_uri, query.get("state"), &[("error", error)]),
    }
}

/// `GET /authorize/{interaction}`: first who, then whether.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(interaction) = server.interaction(&id, &headers) else { return server.expired() };
    let client = server.ledger.client(&interaction.client_id);
    let client = client.map(|client| client.name).unwrap_or_default();
    match interaction.person {
        None => page::show(&SignIn {
            role: server.role,
            action: &format!("/authorize/{id}"),
            client: &client,
            people: &Person::ALL,
        }),
        Some(person) => page::show(&Consent {
            role: server.role,
            action: &format!("/authorize/{id}"),
            client: &client,
            person,
            resource: &interaction.resource,
            redirect_uri: &interaction.redirect_uri,
            meanings: &server.meanings(&interaction.scopes),
        }),
    }
}

/// `POST /authorize/{interaction}`
pub(super) async fn decide(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    let Some(interaction) = server.interaction(&id, &headers) else { return server.expired() };
    let Ok(form) = Parameters::parse(&form) else { return server.expired() };
    let again =
        || (StatusCode::SEE_OTHER, [(LOCATION, format!("/authorize/{id}"))]).into_response();
    let chosen = form.get("person").and_then(Person::with_sub);
    match (chosen, interaction.person, form.get("decision")) {
        (Some(person), _, _) if server.role == Role::IdentityProvider => server.grant(&id, person),
        (Some(person), _, _) => {
            server.ledger.identify(&id, Some(person));
            again()
        }
        (None, Some(person), Some("allow")) => server.grant(&id, person),
        (None, _, Some("deny")) => match server.ledger.finish(&id) {
            Some(asked) => server.send_back(
                &asked.redirect_uri,
                asked.state.as_deref(),
                &[("error", "access_denied")],
            ),
            None => server.expired(),
        },
        (None, _, Some("switch")) => {
            server.ledger.identify(&id, None);
            again()
        }
        _ => again(),
    }
}

impl Server {
    /// Reads an authorization request. What is wrong with it is the client's to learn.
    fn begin(
        &self,
        client_id: &str,
        redirect_uri: &str,
        browser: &str,
        query: &Parameters,
    ) -> Result<String, &'static str> {
        if query.get("response_type") != Some("code") {
            return Err("unsupported_response_type");
        }
        let challenge = query.get("code_challenge").filter(|text| text.len() == CHALLENGE_LENGTH);
        let (Some(challenge), Some("S256")) = (challenge, query.get("code_challenge_method"))
        else {
            return Err("invalid_request");
        };
        if query.words("prompt").any(|prompt| prompt == "none") {
            return Err("login_required");
        }
        let id = fresh().map_err(|_| "server_error")?;
        let now = self.now();
        let interaction = Interaction {
            browser: browser.to_owned(),
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: query.get("state").map(str::to_owned),
            nonce: query.get("nonce").map(str::to_owned),
            code_challenge: challenge.to_owned(),
            scopes: self.scopes(query.words("scope")),
            resource: self.resource(query.get("resource")).ok_or("invalid_target")?,
            person: None,
            expires_at: now + INTERACTION_LIFETIME.as_secs(),
        };
        self.ledger.begin(&id, interaction, now).map_err(|_| "temporarily_unavailable")?;
        Ok(id)
    }

    fn interaction(&self, id: &str, headers: &HeaderMap) -> Option<Interaction> {
        self.ledger.interaction(id, &cookie(headers, self.role)?, self.now())
    }

    fn grant(&self, id: &str, person: Person) -> Response {
        let (Some(asked), Ok(code)) = (self.ledger.finish(id), fresh()) else {
            return self.expired();
        };
        let now = self.now();
        let grant = Grant {
            client_id: asked.client_id.clone(),
            person,
            scopes: asked.scopes.clone(),
            resource: asked.resource.clone(),
            signed_in_at: now,
        };
        self.ledger.issue(&code, Code::new(grant, &asked, now + CODE_LIFETIME.as_secs()), now);
        self.send_back(&asked.redirect_uri, asked.state.as_deref(), &[("code", &code)])
    }

    /// Every answer names its issuer: <https://www.rfc-editor.org/rfc/rfc9207#section-2>
    fn send_back(&self, uri: &str, state: Option<&str>, answer: &[(&str, &str)]) -> Response {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(answer)
            .extend_pairs(state.map(|state| ("state", state)))
            .append_pair("iss", &self.issuer)
            .finish();
        let joint = if uri.contains('?') { '&' } else { '?' };
        (StatusCode::SEE_OTHER, [(LOCATION, format!("{uri}{joint}{query}"))]).into_response()
    }

    fn expired(&self) -> Response {
        page::refusal(
            self.role,
            "This page has expired, or belongs to another browser. Start again.",
        )
    }

    fn meanings(&self, scopes: &[String]) -> Vec<&'static str> {
        let granted = self.role.scopes().iter().filter(|s| scopes.iter().any(|g| g == s.name));
        granted.map(|scope| scope.meaning).collect()
    }
}

fn cookie(headers: &HeaderMap, role: Role) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split("; "))
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == role.cookie())
        .map(|(_, value)| value.to_owned())
}

/// SHA-256 in base64url.
const CHALLENGE_LENGTH: usize = 43;
const CODE_LIFETIME: Duration = Duration::from_mins(1);
const INTERACTION_LIFETIME: Duration = Duration::from_mins(10);
