//! A function that answers with its event: what the Lambda runtime costs by itself.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| Ok::<_, Error>(event.payload))).await
}
