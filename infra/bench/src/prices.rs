//! AWS's public prices in us-east-1, in dollars, as published in 2026 and without free tiers.
//!
//! <https://aws.amazon.com/lambda/pricing/>, <https://aws.amazon.com/dynamodb/pricing/on-demand/>,
//! <https://aws.amazon.com/secrets-manager/pricing/>, <https://aws.amazon.com/cloudwatch/pricing/>,
//! <https://aws.amazon.com/sqs/pricing/>, <https://aws.amazon.com/bedrock/agentcore/pricing/>.

/// Where and when.
pub(crate) const LIST: &str = "us-east-1, 2026, without free tiers";
/// One invocation.
pub(crate) const LAMBDA_REQUEST: f64 = 0.20e-6;
/// A GB-second on arm64.
pub(crate) const LAMBDA_ARM64: f64 = 0.000_013_333_4;
/// A GB-second on x86-64.
pub(crate) const LAMBDA_X86: f64 = 0.000_016_666_7;
/// A consistent read of up to 4 KB, or two that are not consistent.
pub(crate) const DYNAMODB_READ: f64 = 0.125e-6;
/// A write of up to 1 KB.
pub(crate) const DYNAMODB_WRITE: f64 = 0.625e-6;
/// A GB for a month.
pub(crate) const DYNAMODB_STORAGE: f64 = 0.25;
/// A GB for a month, that any second of it can be restored.
pub(crate) const DYNAMODB_BACKUP: f64 = 0.20;
/// One request of a standard queue.
pub(crate) const QUEUE_REQUEST: f64 = 0.40e-6;
/// Reading one secret.
pub(crate) const SECRET_READ: f64 = 0.05 / 10_000.0;
/// A GB of log.
pub(crate) const LOGS: f64 = 0.50;
/// One tool call at the gateway.
pub(crate) const GATEWAY_CALL: f64 = 5.00e-6;
