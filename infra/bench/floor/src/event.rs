//! The gateway's JSON: the caller's `Authorization`, the target and the body, which stays as it is.

use crate::Failure;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is read of an event.
pub(crate) struct Call<'a> {
    pub(crate) jwt: &'a str,
    pub(crate) target: &'a str,
    body: &'a RawValue,
}

impl<'a> Call<'a> {
    pub(crate) fn read(event: &'a [u8]) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Event<'a> {
            #[serde(borrow)]
            mcp: Mcp<'a>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mcp<'a> {
            #[serde(borrow)]
            gateway_request: Request<'a>,
        }
        #[derive(Deserialize)]
        struct Request<'a> {
            #[serde(borrow)]
            headers: Headers<'a>,
            #[serde(borrow)]
            body: &'a RawValue,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Headers<'a> {
            authorization: &'a str,
        }
        #[derive(Deserialize)]
        struct Message<'a> {
            #[serde(borrow)]
            method: &'a str,
            params: Parameters<'a>,
        }
        #[derive(Deserialize)]
        struct Parameters<'a> {
            name: &'a str,
        }
        let Event { mcp: Mcp { gateway_request: request } } = serde_json::from_slice(event)?;
        let message: Message = serde_json::from_str(request.body.get())?;
        if message.method != "tools/call" {
            return Err("not a tool call".into());
        }
        let (target, _) = message.params.name.split_once("___").ok_or("no target")?;
        let jwt = request.headers.authorization.strip_prefix("Bearer ").ok_or("no JWT")?;
        Ok(Self { jwt, target, body: request.body })
    }

    /// The answer that forwards it with `token`.
    pub(crate) fn forwarded(&self, token: &str) -> Vec<u8> {
        [
            r#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayRequest":{"headers":{"Authorization":"Bearer "#,
            token,
            r#""},"body":"#,
            self.body.get(),
            "}}}",
        ]
        .concat()
        .into_bytes()
    }
}
