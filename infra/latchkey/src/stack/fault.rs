//! What AWS would not do, in words that an operator can act on.

use crate::answer::Refusal;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

/// Why `service` did not do it.
pub(crate) fn of<E>(service: &str, error: &SdkError<E>) -> Refusal
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match error.code() {
        Some(code) => of_code(service, code, error.message().unwrap_or_default()),
        None => of_cause(service, error),
    }
}

/// The same, where only the chain of causes is known.
pub(crate) fn of_cause(service: &str, error: &(dyn Error + 'static)) -> Refusal {
    let told = chain(error);
    let code = CODES.iter().flat_map(|(codes, _)| *codes).find(|code| told.contains(**code));
    match code {
        Some(code) => of_code(service, code, &told),
        None if told.contains("credential") => Refusal::new(
            "no_credentials",
            format!("AWS credentials could not be found or used: {told}"),
            SIGN_IN,
        ),
        None => Refusal::try_again(format!("{service} did not answer: {told}")),
    }
}

fn of_code(service: &str, code: &str, message: &str) -> Refusal {
    let known = CODES.iter().find(|(codes, _)| codes.contains(&code));
    let told = format!("{service} answered {code}: {message}");
    match known.map(|(_, kind)| *kind) {
        Some("credentials") => Refusal::new("no_credentials", told, SIGN_IN),
        Some("denied") => Refusal::new(
            "denied",
            told,
            "Let whoever runs this command do what it says, or run it with another --profile.",
        ),
        Some(_) => Refusal::try_again(told),
        None => Refusal::new("aws", told, "Read what it says; nothing else is known of it here."),
    }
}

/// An error and what led to it, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !told.iter().any(|before| before.contains(&words)) {
            told.push(words);
        }
        cause = error.source();
    }
    told.join(": ")
}

const SIGN_IN: &str = "Sign in as AWS's own tools do (`aws sso login`, AWS_PROFILE, AWS_ACCESS_KEY_ID), \
                       name another --profile, and look at this machine's clock.";

/// What the services' codes mean to an operator.
const CODES: [(&[&str], &str); 3] = [
    (
        &["AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"],
        "denied",
    ),
    (
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ],
        "credentials",
    ),
    (
        &[
            "InternalServerException",
            "RequestLimitExceeded",
            "ServiceUnavailable",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
        ],
        "busy",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Exit;

    #[test]
    fn what_aws_would_not_do_is_told_from_what_may_go_well_later() {
        let told = |code| {
            let refusal = of_code("SQS", code, "why");
            assert_eq!(refusal.problem, format!("SQS answered {code}: why"));
            (refusal.kind, refusal.exit)
        };
        assert_eq!(told("AccessDenied"), ("denied", Exit::Refused));
        assert_eq!(told("ExpiredToken"), ("no_credentials", Exit::Refused));
        assert_eq!(told("ThrottlingException"), ("unavailable", Exit::TryAgain));
        assert_eq!(told("ValidationException"), ("aws", Exit::Refused));
    }

    #[test]
    fn a_chain_of_causes_says_nothing_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let inner = std::io::Error::other("inner");
        assert_eq!(chain(&Outer(inner)), "outer: inner");
    }
}
