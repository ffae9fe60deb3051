//! The bucket for lists of tools that are too long to be told.
//!
//! The SDK's client for S3 has 0.7 MB of tables for checksums, which hardly compress, and all that is
//! asked of it here is to put one object. So this request is written by hand, and given to what the
//! SDK's clients are themselves made of: that signs it, sends it, and repeats it as theirs are. S3
//! compares what arrives with the digest that is signed along, and needs no other checksum.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

mod place;

use super::Aws;
use crate::gateway::GatewayError;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use place::{Place, place};

/// A bucket for lists of tools that are too long to be told.
#[derive(Clone, Debug)]
pub struct SchemaBucket {
    sdk: SdkConfig,
    name: String,
}

impl SchemaBucket {
    /// The bucket of this name.
    pub fn new(aws: &Aws, name: &str) -> Self {
        Self { sdk: aws.sdk().clone(), name: name.to_owned() }
    }

    /// The bucket that `SCHEMA_BUCKET` names. `None` if it names none.
    #[expect(clippy::disallowed_methods, reason = "the bucket is named at deployment")]
    pub fn from_env(aws: &Aws) -> Option<Self> {
        let name = std::env::var("SCHEMA_BUCKET").ok().filter(|name| !name.trim().is_empty())?;
        Some(Self::new(aws, name.trim()))
    }

    /// Keeps `schema` as the object `key`, and says where that is.
    pub(super) async fn put(&self, key: &str, schema: &str) -> Result<String, GatewayError> {
        let Place { url, path } = place(&self.sdk, &self.name, key).await.map_err(|why| {
            GatewayError::Denied(format!("where the bucket {} is cannot be told: {why}", self.name))
        })?;
        let operation = as_the_sdk_does(&self.sdk)
            .endpoint_url(&url)
            .runtime_plugin(signed(&self.sdk))
            .serializer(move |schema: String| request(&path, schema))
            .deserializer(answer)
            .build();
        let put = operation.invoke(schema.to_owned()).await;
        put.map_err(|error| self.failed(error))?;
        Ok(format!("s3://{}/{key}", self.name))
    }

    fn failed(&self, error: SdkError<ErrorMetadata, HttpResponse>) -> GatewayError {
        let code = error.as_service_error().and_then(ErrorMetadata::code).unwrap_or_default();
        let what = match code {
            "AccessDenied" => {
                "the function's role and the bucket's policy must allow s3:PutObject on its objects"
            }
            "NoSuchBucket" => "make it again, or name another in SCHEMA_BUCKET",
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => {
                "name one of the function's own region in SCHEMA_BUCKET"
            }
            "AccountProblem"
            | "AllAccessDisabled"
            | "InvalidAccessKeyId"
            | "InvalidBucketName"
            | "MethodNotAllowed"
            | "SignatureDoesNotMatch" => "see what S3 says of this code",
            _ => return GatewayError::Later(Box::new(error)),
        };
        let why = error.as_service_error().and_then(ErrorMetadata::message);
        let why = why.unwrap_or("S3 does not say why");
        let region = error.raw_response().and_then(|said| said.headers().get(BUCKET_REGION));
        let region = region.map(|region| format!(" (it is in {region})")).unwrap_or_default();
        GatewayError::Denied(format!("the bucket {}{region}: {code}: {why}: {what}", self.name))
    }
}

/// Connections, patience and repetitions are those of the SDK's clients.
fn as_the_sdk_does(sdk: &SdkConfig) -> OperationBuilder {
    let mut operation = Operation::builder()
        .service_name(SERVICE)
        .operation_name("PutObject")
        .behavior_version(BehaviorVersion::latest())
        .standard_retry(sdk.retry_config().unwrap_or(&RetryConfig::standard()))
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new())
        .interceptor(ServiceClockSkewInterceptor::new())
        .with_connection_poisoning();
    if let Some(http) = sdk.http_client() {
        operation = operation.http_client(http);
    }
    if let Some(patience) = sdk.timeout_config() {
        operation = operation.timeout_config(patience.clone());
    }
    if let Some(sleep) = sdk.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    if let Some(time) = sdk.time_source() {
        operation = operation.time_source(time);
    }
    operation
}

/// Unlike other services, S3 reads a path as it is written, and wants to be told the body's digest.
fn signed(sdk: &SdkConfig) -> StaticRuntimePlugin {
    let mut signing_options = SigningOptions::default();
    signing_options.double_uri_encode = false;
    signing_options.normalize_uri_path = false;
    signing_options.content_sha256_header = true;
    let mut settings = Layer::new("signed");
    settings.store_put(AuthSchemeOptionResolverParams::new(()));
    settings.store_put(SigV4OperationSigningConfig {
        region: sdk.region().cloned().map(SigningRegion::from),
        name: Some(SigningName::from_static(SERVICE)),
        signing_options,
        ..SigV4OperationSigningConfig::default()
    });
    let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let mut signer = RuntimeComponentsBuilder::new("signed")
        .with_auth_scheme_option_resolver(Some(schemes))
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_identity_cache(sdk.identity_cache());
    if let Some(credentials) = sdk.credentials_provider() {
        signer = signer.with_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new().with_config(settings.freeze()).with_runtime_components(signer)
}

fn request(path: &str, schema: String) -> Result<HttpRequest, BoxError> {
    let request = http::Request::put(path)
        .header(CONTENT_LENGTH, schema.len())
        .header(CONTENT_TYPE, "application/json")
        .body(SdkBody::from(schema))?;
    Ok(request.try_into()?)
}

fn answer(answer: &HttpResponse) -> Result<(), OrchestratorError<ErrorMetadata>> {
    if answer.status().is_success() {
        return Ok(());
    }
    let body = answer.body().bytes().and_then(|body| str::from_utf8(body).ok());
    let body = body.unwrap_or_default();
    let mut error = ErrorMetadata::builder();
    if let Some(code) = element(body, "Code") {
        error = error.code(code);
    }
    if let Some(message) = element(body, "Message") {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}

/// Of S3's errors, which are XML with neither attributes nor two elements of one name.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

const SERVICE: &str = "s3";
const BUCKET_REGION: &str = "x-amz-bucket-region";
