//! The gateway's targets, as its control plane keeps them.
//! <https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_CreateGatewayTarget.html>

mod settings;

pub use settings::{Provider, Settings, ToolSchema};

use crate::target::TargetName;

/// The targets of one gateway.
pub trait GatewayTargets: Send + Sync {
    /// The target of this name.
    fn find_by_name(
        &self,
        name: &TargetName,
    ) -> impl Future<Output = Result<Option<GatewayTarget>, GatewayError>> + Send;

    /// The target of this id.
    fn find_by_id(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<GatewayTarget>, GatewayError>> + Send;

    /// The names of all.
    fn names(&self) -> impl Future<Output = Result<Vec<String>, GatewayError>> + Send;

    /// Begins to make a target, and says what it is called. Twice with one `token` makes one target.
    fn create(
        &self,
        settings: &Settings,
        token: &str,
    ) -> impl Future<Output = Result<String, GatewayError>> + Send;

    /// Begins to make a target what `settings` say: nothing else of it stays.
    fn update(
        &self,
        id: &str,
        settings: &Settings,
    ) -> impl Future<Output = Result<(), GatewayError>> + Send;

    /// Begins to remove a target. One that is not there is removed.
    fn remove(&self, id: &str) -> impl Future<Output = Result<(), GatewayError>> + Send;
}

/// Where lists of tools lie that are too long to be told.
pub trait ToolSchemas: Send + Sync {
    /// Keeps `schema` where the gateway can read it, and says where. `None` if there is no such place.
    fn put_schema(
        &self,
        key: &str,
        schema: &str,
    ) -> impl Future<Output = Result<Option<String>, GatewayError>> + Send;
}

/// A target as the gateway has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GatewayTarget {
    /// What the gateway calls it.
    pub id: String,
    /// How it is.
    pub status: Status,
    /// Why, in the gateway's words.
    pub reasons: Vec<String>,
    /// What it was told.
    pub settings: Settings,
}

/// How a target is, divided by what is done next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Status {
    /// It was never good.
    Failed,
    /// Its last change, or its last list, did not succeed.
    Unsuccessful,
    /// The gateway is at it.
    UnderWay,
    /// It is going.
    Deleting,
    /// It waits for a consent of its own, that is not ours to give.
    PendingAuthorization,
    /// It is good.
    Ready,
    /// The service has learnt a new word.
    Unknown(String),
}

impl Status {
    /// As the service says it.
    pub fn read(status: &str) -> Self {
        match status {
            "CREATING" | "UPDATING" | "SYNCHRONIZING" => Self::UnderWay,
            "CREATE_PENDING_AUTH" | "UPDATE_PENDING_AUTH" | "SYNCHRONIZE_PENDING_AUTH" => {
                Self::PendingAuthorization
            }
            "DELETING" => Self::Deleting,
            "FAILED" => Self::Failed,
            "READY" => Self::Ready,
            "UPDATE_UNSUCCESSFUL" | "SYNCHRONIZE_UNSUCCESSFUL" => Self::Unsuccessful,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// Why the gateway did not do it, divided by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It is busy, or did not answer: come again later.
    #[error("the gateway is busy, or does not answer")]
    Later(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It does not take such a target: try another way.
    #[error("the gateway refused: {0}")]
    Refused(String),
    /// An operator must look: rights, quotas, a gateway that is not there.
    #[error("the gateway cannot be used: {0}")]
    Denied(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_service_is_known() {
        let known = [
            ("CREATING", Status::UnderWay),
            ("UPDATING", Status::UnderWay),
            ("UPDATE_UNSUCCESSFUL", Status::Unsuccessful),
            ("DELETING", Status::Deleting),
            ("READY", Status::Ready),
            ("FAILED", Status::Failed),
            ("SYNCHRONIZING", Status::UnderWay),
            ("SYNCHRONIZE_UNSUCCESSFUL", Status::Unsuccessful),
            ("CREATE_PENDING_AUTH", Status::PendingAuthorization),
            ("UPDATE_PENDING_AUTH", Status::PendingAuthorization),
            ("SYNCHRONIZE_PENDING_AUTH", Status::PendingAuthorization),
            ("RESTING", Status::Unknown("RESTING".into())),
        ];
        for (word, status) in known {
            assert_eq!(Status::read(word), status);
        }
    }
}
