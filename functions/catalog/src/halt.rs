//! Why the keeping of a catalog stops.

use broker::gateway::GatewayError;

/// Divided by what happens next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Halt {
    /// An operator must look; so does the next look.
    Failed(String),
    /// It is tried again soon.
    Later(String),
    /// Somebody must consent first.
    NoSteward,
}

impl From<GatewayError> for Halt {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Later(_) => Self::Later(error.to_string()),
            GatewayError::Refused(_) | GatewayError::Denied(_) => Self::Failed(error.to_string()),
        }
    }
}
