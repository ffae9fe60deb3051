//! The control plane's JSON as it travels. What the SDK's types do not know yet is in it all the same.

use crate::answer::Refusal;
use crate::stack::gateway::Gateway;
use aws_sdk_bedrockagentcorecontrol::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_bedrockagentcorecontrol::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockagentcorecontrol::error::BoxError;
use aws_sdk_bedrockagentcorecontrol::operation::get_gateway::GetGatewayOutput;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An answer's body.
#[derive(Clone, Debug, Default)]
pub(super) struct Answered(Arc<Mutex<Option<Value>>>);

impl Answered {
    pub(super) fn json(&self) -> Option<Value> {
        lock(&self.0).take()
    }
}

impl Intercept for Answered {
    fn name(&self) -> &'static str {
        "Answered"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *lock(&self.0) = context.response().body().bytes().and_then(read);
        Ok(())
    }
}

/// A request's body.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    seen: Arc<Mutex<Option<Value>>>,
    expected: Option<Value>,
}

impl Outgoing {
    /// A request that is looked at, and not sent.
    pub(super) fn held() -> Self {
        Self { seen: Arc::default(), expected: None }
    }

    /// A request that is sent if it is the one that was looked at.
    pub(super) fn expected(body: Value) -> Self {
        Self { seen: Arc::default(), expected: Some(body) }
    }

    pub(super) fn json(&self) -> Option<Value> {
        lock(&self.seen).take()
    }
}

impl Intercept for Outgoing {
    fn name(&self) -> &'static str {
        "Outgoing"
    }

    fn read_after_serialization(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().and_then(read);
        let same = body.is_some() && body == self.expected;
        *lock(&self.seen) = body;
        if same { Ok(()) } else { Err("the request is not sent".into()) }
    }
}

impl Gateway {
    /// The gateway, and its description to the letter.
    pub(super) async fn read_watched(
        &self,
        answered: Answered,
    ) -> Result<GetGatewayOutput, Refusal> {
        let request = self.client.get_gateway().gateway_identifier(&self.id);
        let answer = request.customize().interceptor(answered).send().await;
        answer.map_err(|error| self.not_read(&error))
    }
}

/// What of a gateway's description is a setting: what it only reports cannot be sent back.
pub(super) fn settings(described: &Value) -> Value {
    let mut settings = described.clone();
    if let Value::Object(members) = &mut settings {
        members.retain(|name, _| !REPORTED.contains(&name.as_str()));
    }
    without_nulls(settings)
}

/// A member that is null is one that is not there.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        value => value,
    }
}

fn read(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `GetGateway` answers and `UpdateGateway` does not take.
const REPORTED: [&str; 9] = [
    "createdAt",
    "gatewayArn",
    "gatewayId",
    "gatewayUrl",
    "status",
    "statusReasons",
    "updatedAt",
    "webAclArn",
    "workloadIdentityDetails",
];
