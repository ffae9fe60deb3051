//! JSON as the service has it, past the SDK's types.

use aws_sdk_bedrockagentcorecontrol::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_bedrockagentcorecontrol::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockagentcorecontrol::error::BoxError;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// The body of the last answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer(Arc<Mutex<Option<Map<String, Value>>>>);

impl Answer {
    pub(super) fn take(&self) -> Option<Map<String, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "Answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            body.and_then(|body| serde_json::from_slice(body).ok());
        Ok(())
    }
}

/// What takes the place of a request's body before it is signed.
#[derive(Debug)]
pub(super) struct Body(String);

impl Body {
    pub(super) fn of(members: &Map<String, Value>) -> Self {
        Self(Value::Object(members.clone()).to_string())
    }
}

impl Intercept for Body {
    fn name(&self) -> &'static str {
        "Body"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-type", "application/json");
        request.headers_mut().insert("content-length", self.0.len().to_string());
        *request.body_mut() = self.0.as_str().into();
        Ok(())
    }
}
