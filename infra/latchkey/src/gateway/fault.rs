//! A JSON-RPC error on its way to the client.

use super::mcp::INTERNAL_ERROR;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// An error answer: what went wrong, in words that hold nothing of what was sent.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    status: StatusCode,
    id: Option<Value>,
    code: i64,
    message: String,
    data: Option<Value>,
}

impl Fault {
    /// An error without further detail.
    pub(crate) fn new(status: StatusCode, code: i64, message: impl Into<String>) -> Self {
        Self { status, id: None, code, message: message.into(), data: None }
    }

    /// The client's mistake.
    pub(crate) fn bad_request(code: i64, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// What a client learns of a failure inside the gateway.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL_ERROR, INTERNAL)
    }

    /// The request that this answers.
    #[must_use]
    pub(crate) fn answering(self, id: Option<Value>) -> Self {
        Self { id, ..self }
    }

    /// What the client needs to do better.
    #[must_use]
    pub(crate) fn with(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    /// The HTTP status.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The error as JSON-RPC. MCP has no null id: where none could be read, there is none.
    pub(crate) fn body(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        let mut body = Map::from_iter([("jsonrpc".to_owned(), Value::from("2.0"))]);
        if let Some(id) = &self.id {
            body.insert("id".to_owned(), id.clone());
        }
        body.insert("error".to_owned(), error);
        Value::Object(body)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

const INTERNAL: &str = "An internal error occurred. Please retry later.";
