//! A function that does with a body what most interceptors do: the event becomes a tree of values, and
//! the answer is written from one.
//!
//! It verifies nothing and reads nothing, and is told the token that it puts on: it is a measure of what
//! a body costs, not a function to deploy.

mod forward;

use forward::forward;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "a measure has no `Config`")]
async fn main() -> Result<(), Error> {
    let token = &std::env::var("TREE_TOKEN")?;
    run(service_fn(async |event: LambdaEvent<Value>| forward(event.payload, token))).await
}
