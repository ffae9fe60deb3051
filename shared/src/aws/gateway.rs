//! The gateway's control plane.
//!
//! A change of a target replaces everything, and the SDK's types drop what they do not know. So what
//! the service tells of a target is kept as JSON, and goes back as JSON: the SDK finds the endpoint,
//! signs and retries.

mod raw;

use super::{Aws, SchemaBucket};
use crate::gateway::{GatewayError, GatewayTarget, GatewayTargets, Settings, Status, ToolSchemas};
use crate::target::TargetName;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_bedrockagentcorecontrol::Client;
use aws_sdk_bedrockagentcorecontrol::config::Builder;
use aws_sdk_bedrockagentcorecontrol::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockagentcorecontrol::types::TargetSummary;
use raw::{Answer, Body};
use serde_json::{Map, Value};
use std::time::Duration;

/// The targets of one gateway of the account.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    client: Client,
    gateway: String,
    bucket: Option<SchemaBucket>,
}

impl ControlPlane {
    /// The gateway of this id.
    pub fn new(aws: &Aws, gateway: &str) -> Self {
        // A target that was just made is checked before the answer comes.
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = Builder::from(aws.sdk()).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), gateway: gateway.to_owned(), bucket: None }
    }

    /// The same, with a bucket that the gateway may read.
    #[must_use]
    pub fn with_bucket(self, bucket: Option<SchemaBucket>) -> Self {
        Self { bucket, ..self }
    }

    /// The gateway that `GATEWAY_ID` names. `None` if it names none.
    #[expect(clippy::disallowed_methods, reason = "the gateway is named at deployment")]
    pub fn from_env(aws: &Aws) -> Option<Self> {
        let gateway = std::env::var("GATEWAY_ID").ok().filter(|id| !id.trim().is_empty())?;
        Some(Self::new(aws, gateway.trim()))
    }

    async fn summaries(&self) -> Result<Vec<TargetSummary>, GatewayError> {
        let request = self.client.list_gateway_targets().gateway_identifier(&self.gateway);
        let mut items = request.into_paginator().items().send();
        let mut summaries = Vec::new();
        while let Some(item) = items.next().await {
            summaries.push(item.map_err(failed)?);
        }
        Ok(summaries)
    }
}

impl GatewayTargets for ControlPlane {
    async fn find_by_name(&self, name: &TargetName) -> Result<Option<GatewayTarget>, GatewayError> {
        let summaries = self.summaries().await?;
        match summaries.iter().find(|summary| summary.name() == name.as_str()) {
            Some(summary) => self.find_by_id(summary.target_id()).await,
            None => Ok(None),
        }
    }

    async fn find_by_id(&self, id: &str) -> Result<Option<GatewayTarget>, GatewayError> {
        let answer = Answer::default();
        let request = self.client.get_gateway_target().gateway_identifier(&self.gateway);
        let request = request.target_id(id).customize().interceptor(answer.clone());
        match request.send().await {
            Ok(_) => {}
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
        let answer = answer.take().ok_or_else(|| {
            GatewayError::Denied("its answer about a target is not understood".into())
        })?;
        Ok(Some(target(id, &answer)))
    }

    async fn names(&self) -> Result<Vec<String>, GatewayError> {
        let summaries = self.summaries().await?;
        Ok(summaries.into_iter().map(|summary| summary.name).collect())
    }

    async fn create(&self, settings: &Settings, token: &str) -> Result<String, GatewayError> {
        let mut members = settings.members().clone();
        members.insert("clientToken".into(), token.into());
        let request = self.client.create_gateway_target().gateway_identifier(&self.gateway);
        let request = request.customize().interceptor(Body::of(&members));
        Ok(request.send().await.map_err(failed)?.target_id)
    }

    async fn update(&self, id: &str, settings: &Settings) -> Result<(), GatewayError> {
        let request = self.client.update_gateway_target().gateway_identifier(&self.gateway);
        let request = request.target_id(id).customize();
        let request = request.interceptor(Body::of(settings.members()));
        request.send().await.map(|_| ()).map_err(failed)
    }

    async fn remove(&self, id: &str) -> Result<(), GatewayError> {
        let request = self.client.delete_gateway_target().gateway_identifier(&self.gateway);
        match request.target_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

impl ToolSchemas for ControlPlane {
    async fn put_schema(&self, key: &str, schema: &str) -> Result<Option<String>, GatewayError> {
        match &self.bucket {
            Some(bucket) => bucket.put(key, schema).await.map(Some),
            None => Ok(None),
        }
    }
}

fn target(id: &str, answer: &Map<String, Value>) -> GatewayTarget {
    let status = answer.get("status").and_then(Value::as_str).unwrap_or_default();
    let reasons = answer.get("statusReasons").and_then(Value::as_array);
    let reasons = reasons.into_iter().flatten().filter_map(Value::as_str);
    GatewayTarget {
        id: id.to_owned(),
        status: Status::read(status),
        reasons: reasons.map(str::to_owned).collect(),
        settings: Settings::read(answer),
    }
}

fn is_absent<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(ABSENT)
}

fn failed<E, R>(error: SdkError<E, R>) -> GatewayError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let said = error.as_service_error().map(|said| {
        let message = said.message().unwrap_or("it does not say why");
        (said.code().unwrap_or_default().to_owned(), message.to_owned())
    });
    match said {
        Some((code, why)) if code == "ValidationException" => GatewayError::Refused(why),
        Some((code, why)) if NEEDS_AN_OPERATOR.contains(&code.as_str()) => {
            GatewayError::Denied(format!("{code}: {why}"))
        }
        _ => GatewayError::Later(Box::new(error)),
    }
}

const ABSENT: &str = "ResourceNotFoundException";
const NEEDS_AN_OPERATOR: [&str; 7] = [
    ABSENT,
    "AccessDeniedException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "ServiceQuotaExceededException",
    "UnrecognizedClientException",
    "UnknownOperationException",
];
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
/// All attempts. Whoever begins an operation has at least this much time left.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
