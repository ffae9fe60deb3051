//! Why a server cannot be connected, in words that an operator can act on.

use crate::answer::{Exit, Found, Refusal};
use broker::discovery::attempt::{Attempt, Outcome, Rejection};
use broker::discovery::probe::ProbeError;
use broker::discovery::{Discovery, DiscoveryError, Problem};
use broker::http::HttpError;
use broker::registration::{Applicant, EstablishError, RegistrationError};
use broker::target::{Endpoint, Unusable};

pub(super) fn needs_no_token(endpoint: &Endpoint) -> Refusal {
    Refusal::new(
        "needs_no_token",
        format!("{} answers without a token, and names no authorization server", endpoint.as_str()),
        "Add it to the gateway without Latchkey. If it does want tokens, name their issuer with \
         --issuer.",
    )
}

/// An issuer that was asked for by name is used, or nothing is.
pub(super) fn unless_wanted(wanted: Option<&str>, discovery: &Discovery) -> Result<(), Refusal> {
    let issuer = &discovery.metadata.server.issuer;
    match wanted {
        Some(wanted) if wanted != issuer => Err(Refusal::new(
            "issuer_not_listed",
            format!("the MCP server does not take tokens of {wanted}: it names {issuer}"),
            "Leave --issuer out, or give one that its protected resource metadata lists, byte for \
             byte.",
        )),
        _ => Ok(()),
    }
}

/// Where nobody registers but by hand, the operator is told for what.
pub(super) fn of_plan(
    error: RegistrationError,
    discovery: &Discovery,
    applicant: &Applicant,
) -> Refusal {
    let by_hand = matches!(error, RegistrationError::ByHand { .. });
    let found = by_hand.then(|| {
        Box::new(Found {
            resource: discovery.resource.clone(),
            authorization_server: discovery.metadata.server.clone(),
            scopes: discovery.scopes.clone(),
            redirect_uri: applicant.redirect_uri.clone(),
        })
    });
    Refusal { found, ..error.into() }
}

pub(super) fn of_discovery(endpoint: &Endpoint, error: &DiscoveryError) -> Refusal {
    let tried: Vec<_> = error.tried.iter().map(ToString::to_string).collect();
    let refusal = match &error.problem {
        Problem::Probe(probe) => of_probe(endpoint, probe),
        problem => of_attempts(problem, &error.tried),
    };
    Refusal { tried, ..refusal }
}

fn of_probe(endpoint: &Endpoint, error: &ProbeError) -> Refusal {
    let address = endpoint.as_str();
    match error {
        ProbeError::Moved(to) => Refusal::new(
            "moved",
            format!("{address} redirects to {to}, and a redirect is not followed"),
            "If that is the server's new address, connect that one.",
        ),
        ProbeError::NotMcp(status) => Refusal::new(
            "not_mcp",
            format!("{address} is not an MCP server: it answers {status}"),
            "Look at the address again: an MCP server's often ends in /mcp.",
        ),
        ProbeError::Unavailable(HttpError::Refused(why)) => not_asked(address, why),
        ProbeError::Unavailable(error) => Refusal::try_again(format!("{address}: {error}")),
    }
}

/// The reason that says most: of several documents that could not be used, what was wrong with one
/// that is there.
fn of_attempts(problem: &Problem, tried: &[Attempt]) -> Refusal {
    for attempt in tried {
        if let Outcome::NotRead(HttpError::Refused(why)) = &attempt.outcome {
            return not_asked(attempt.url.as_str(), why);
        }
    }
    if matches!(problem, Problem::Unavailable) {
        return Refusal::try_again("a server did not answer, or not usefully");
    }
    let rejections = tried.iter().filter_map(|attempt| match &attempt.outcome {
        Outcome::Rejected(why) => Some((attempt, why)),
        _ => None,
    });
    match rejections.max_by_key(|(_, why)| weight(why)) {
        Some((attempt, why)) => of_rejection(attempt, why),
        None if matches!(problem, Problem::NoResourceMetadata) => Refusal::new(
            "no_metadata",
            "the MCP server does not say who issues its tokens: it publishes no protected resource \
             metadata (RFC 9728)",
            "Ask its maker for it, or name the authorization server's issuer with --issuer.",
        ),
        None => Refusal::new(
            "no_authorization_server",
            "no authorization server of the MCP server publishes metadata (RFC 8414)",
            "Ask its maker, or, if there are several, name another issuer with --issuer.",
        ),
    }
}

fn weight(why: &Rejection) -> u8 {
    match why {
        Rejection::NoS256 => 3,
        Rejection::AnotherResource(_)
        | Rejection::NotIdentical(_)
        | Rejection::AnotherIssuer(_)
        | Rejection::AnotherOrigin => 2,
        _ => 1,
    }
}

fn of_rejection(attempt: &Attempt, why: &Rejection) -> Refusal {
    let (kind, remedy) = match why {
        Rejection::NoS256 => (
            "no_pkce",
            "Ask the authorization server's maker for PKCE with S256, and for \
             `code_challenge_methods_supported` in its metadata: MCP forbids to go on without it.",
        ),
        Rejection::AnotherResource(_) => (
            "another_resource",
            "Connect the address that it is about, if that is the server you mean. Otherwise do not \
             trust this one: its tokens would be somebody else's.",
        ),
        Rejection::NotIdentical(_) => {
            ("another_resource", "Connect that very address, or leave --strict out.")
        }
        Rejection::AnotherIssuer(_) => (
            "another_issuer",
            "Ask the maker of the MCP server to name the issuer as it names itself, byte for byte. \
             Tokens of one that calls itself otherwise are not asked for.",
        ),
        Rejection::AnotherOrigin => (
            "another_origin",
            "Ask the MCP server's maker: its own metadata has to be at its own origin.",
        ),
        Rejection::UnfitEndpoint(_) | Rejection::UnfitIssuer => (
            "unfit_address",
            "Ask its maker: nothing but https on the public internet is asked, or shown to people.",
        ),
        _ => ("malformed_metadata", "Ask its maker: nothing here can mend it."),
    };
    Refusal::new(kind, attempt.to_string(), remedy)
}

/// Most often because it leads into a private network.
fn not_asked(address: &str, why: &str) -> Refusal {
    Refusal::new(
        "not_asked",
        format!("{address} is not asked: {why}"),
        "Use an https address on the public internet. Only a server on this machine may have a \
         loopback address and plain http, and only such a one may lead to others.",
    )
}

impl From<RegistrationError> for Refusal {
    fn from(error: RegistrationError) -> Self {
        let problem = error.to_string();
        match error {
            RegistrationError::ByHand { .. } => Self::new(
                "register_by_hand",
                problem,
                "Then connect again with --client-id, and --issuer and --client-secret-file if it has a \
                 secret.",
            ),
            RegistrationError::Stale(Unusable::Refused) => Self::new(
                "client_refused",
                problem,
                "Look at its id and its secret there, then connect again with --client-id.",
            ),
            RegistrationError::Stale(_) => Self::new(
                "stale_client",
                problem,
                "Register a client at the authorization server that the MCP server has now, then \
                 connect again with --client-id.",
            ),
            RegistrationError::NoMethod => Self::new(
                "no_method",
                problem,
                "Give the secret with --client-secret-file, leave it out, or choose another \
                 --auth-method.",
            ),
            RegistrationError::Unavailable(_) => Self::try_again(problem),
            _ => Self::new(
                "registration_refused",
                problem,
                "Register a client there by hand, then connect again with --client-id.",
            ),
        }
    }
}

impl From<EstablishError> for Refusal {
    fn from(error: EstablishError) -> Self {
        match error {
            EstablishError::Overtaken => Self {
                kind: "overtaken",
                exit: Exit::TryAgain,
                ..Self::try_again(error.to_string())
            },
            EstablishError::Unclear { .. } => Self::try_again(error.to_string()),
            EstablishError::Registration(error) => error.into(),
            EstablishError::Store(error) => error.into(),
        }
    }
}
