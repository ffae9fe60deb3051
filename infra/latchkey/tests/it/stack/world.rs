//! A deployment, an MCP server with its authorization server, and an operator.

use super::aws::{Aws, Pause, Power, STACK};
use crate::connect::world::World as Servers;
use crate::support::Place;
use axum::Router;
use axum::extract::State;
use broker::aws::{DynamoStore, Tables};
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::http::Reach;
use broker::page;
use broker::store::TargetStore;
use broker::target::{Target, TargetName};
use http::Response;
use latchkey::answer::Refusal;
use latchkey::connect::{Moment, Wish};
use latchkey::doctor::Deployment;
use latchkey::operator::{Access, Operator};
use latchkey::stack::{Account, Pace, Stack};
use latchkey::targets::Removed;
use latchkey::verdict::Verdict;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) servers: Servers,
    /// What answers at the deployment's address: `ours`, or another word.
    pub(crate) served: Arc<Mutex<&'static str>>,
    pub(crate) base_url: String,
}

impl World {
    /// A deployment with a gateway, and a server that can be connected by a registration that can be
    /// given back.
    pub(crate) async fn new() -> Self {
        let (aws, servers, place) = (Aws::new().await, Servers::new().await, Place::new().await);
        let served = Arc::new(Mutex::new("ours"));
        let base_url = place.url.clone();
        place.serve(Router::new().fallback(page).with_state(Arc::clone(&served)));
        servers.says().registration.1["registration_client_uri"] =
            format!("{}/register/made", servers.issuer).into();
        servers.says().registration.1["registration_access_token"] = "token".into();
        let tables = Tables::named("broker");
        tables.create(&broker::aws::Aws::at(&aws.url).await).await.unwrap();
        let outputs = [
            ("BaseUrl", base_url.as_str()),
            ("TargetsTable", &tables.targets),
            ("PendingTable", &tables.pending),
            ("ConnectionsTable", &tables.connections),
            ("ClientSecretPrefix", PREFIX),
            ("TokenKeysSecret", "token-keys"),
            ("BrowserKeysSecret", "browser-keys"),
            ("InterceptorArn", INTERCEPTOR),
            ("CatalogQueueUrl", "https://sqs.us-east-1.amazonaws.com/1/catalog"),
            ("DeadLettersUrl", "https://sqs.us-east-1.amazonaws.com/1/dead"),
            ("GatewayId", GATEWAY),
            ("Version", env!("CARGO_PKG_VERSION")),
        ];
        {
            let mut account = aws.account();
            let outputs = outputs.map(|(name, value)| (name.to_owned(), value.to_owned()));
            account.outputs.extend(outputs);
            account.parameters.insert("IdpIssuer".into(), "https://idp.example/".into());
            account.status = "CREATE_COMPLETE".into();
            account.after_update = "READY".into();
            account.gateway = gateway();
            let ring = json!({ "1": "k".repeat(64) }).to_string();
            account.secrets.insert("token-keys".into(), (ring, 0));
            account.asked.clear();
        }
        Self { aws, servers, served, base_url }
    }

    pub(crate) async fn stack(&self) -> Result<Stack, Refusal> {
        self.stack_named(STACK).await
    }

    pub(crate) async fn stack_named(&self, name: &str) -> Result<Stack, Refusal> {
        let account = Account::with(broker::aws::Aws::at(&self.aws.url).await)?;
        Stack::find(account.reaching(Reach::Loopback), name).await
    }

    pub(crate) async fn operator(&self, access: Access) -> Result<Operator, Refusal> {
        Operator::of_stack(self.stack().await?, access)
    }

    pub(crate) async fn connect(&self, wish: &Wish) -> Result<Verdict, Refusal> {
        let access = if wish.dry_run { Access::Look } else { Access::Change };
        self.operator(access).await?.connect(wish, later(), &mut |_| {}).await
    }

    pub(crate) async fn remove(&self) -> Result<Removed, Refusal> {
        self.operator(Access::Change).await?.remove(&name(), later(), QUICK).await
    }

    /// What the doctor says of the deployment.
    pub(crate) async fn deployment(&self) -> Deployment {
        let operator = self.operator(Access::Look).await.unwrap();
        let moment = Moment { now: SystemClock.now(), random: &SystemRandom };
        operator.examine_all(None, false, moment).await.unwrap().deployment.unwrap()
    }

    pub(crate) async fn store(&self) -> DynamoStore {
        DynamoStore::new(&broker::aws::Aws::at(&self.aws.url).await, Tables::named("broker"))
    }

    pub(crate) async fn target(&self) -> Option<Target> {
        self.store().await.find_target(&name()).await.unwrap()
    }

    /// The secrets of clients.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let account = self.aws.account();
        account.secrets.keys().filter(|name| name.starts_with(PREFIX)).cloned().collect()
    }

    /// The secrets that the target's record names.
    pub(crate) async fn named_secrets(&self) -> Vec<String> {
        let client = self.target().await.unwrap().client;
        let named = client.client_secret.into_iter().chain(client.management);
        let mut named: Vec<_> = named.map(|secret| secret.0).collect();
        named.sort();
        named
    }

    /// Writes what the catalog says of the target beside its record.
    pub(crate) async fn catalog(&self, state: &Value) {
        use aws_sdk_dynamodb::types::AttributeValue;
        let aws = broker::aws::Aws::at(&self.aws.url).await;
        let request = aws_sdk_dynamodb::Client::new(aws.sdk()).update_item();
        request
            .table_name(Tables::named("broker").targets)
            .key("name", AttributeValue::S("notes".into()))
            .update_expression("SET #c = :c")
            .expression_attribute_names("#c", "catalog")
            .expression_attribute_values(":c", AttributeValue::S(state.to_string()))
            .send()
            .await
            .unwrap();
    }

    /// Puts a target of our server's name at the gateway.
    pub(crate) fn at_gateway(&self, endpoint: &str, status: &str) {
        let schema = json!({ "tools": [{ "name": "search" }, { "name": "read" }] }).to_string();
        let server = json!({ "endpoint": endpoint, "mcpToolSchema": { "inlinePayload": schema } });
        let target = json!({
            "gatewayArn": "arn", "targetId": "TARGET0001", "name": "notes", "status": status,
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
            "targetConfiguration": { "mcp": { "mcpServer": server } },
            "credentialProviderConfigurations": [],
        });
        self.aws.account().gateway_targets.insert("TARGET0001".into(), target);
    }

    /// Does `work`, and `other` when a request to AWS is made that begins with `at`, before it is
    /// carried out.
    pub(crate) async fn meanwhile<T>(
        &self,
        at: &'static str,
        other: impl Future<Output = ()>,
        work: impl Future<Output = T>,
    ) -> T {
        let (reached, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let pause = Pause { at, reached: Arc::clone(&reached), done: Arc::clone(&done) };
        self.aws.account().pause = Some(pause);
        let other = async {
            reached.notified().await;
            other.await;
            done.notify_one();
        };
        tokio::join!(work, other).0
    }

    /// Lets the power fail at a request to AWS. Whether it did.
    pub(crate) async fn cut_off<T>(
        &self,
        requests: usize,
        carry_out: bool,
        work: impl Future<Output = T>,
    ) -> bool {
        let failed = Arc::new(Notify::new());
        let power = Power { requests_left: requests, carry_out, failed: Arc::clone(&failed) };
        self.aws.account().power = Some(power);
        let cut_off = tokio::select! { () = failed.notified() => true, _ = work => false };
        self.aws.account().power = None;
        cut_off
    }
}

async fn page(State(served): State<Arc<Mutex<&'static str>>>) -> Response<String> {
    let served = *served.lock().unwrap();
    let mut response = match served {
        "ours" => page::declined("a page of ours").into_response(),
        "API Gateway" => {
            let response = Response::builder().header("content-type", "application/json");
            response.body(json!({ "message": "Not Found" }).to_string()).unwrap()
        }
        "another site" => {
            Response::builder().header("content-type", "text/html").body(String::new()).unwrap()
        }
        _ => Response::builder().status(500).body(String::new()).unwrap(),
    };
    if served != "broken" {
        *response.status_mut() = http::StatusCode::NOT_FOUND;
    }
    response
}

/// A gateway with every setting that there is.
pub(crate) fn gateway() -> Value {
    json!({
        "gatewayArn": "arn:aws:bedrock-agentcore:us-east-1:123456789012:gateway/gw-0123456789",
        "gatewayId": GATEWAY,
        "gatewayUrl": "https://gw-0123456789.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp",
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
        "status": "READY",
        "statusReasons": [],
        "name": "gw",
        "description": "the company's gateway",
        "roleArn": "arn:aws:iam::123456789012:role/path/gateway-role",
        "protocolType": "MCP",
        "protocolConfiguration": { "mcp": {
            "supportedVersions": ["2025-11-25", "2026-07-28"],
            "instructions": "be kind",
            "searchType": "SEMANTIC",
            "sessionConfiguration": { "sessionTimeoutInSeconds": 3600 },
            "streamingConfiguration": { "enableResponseStreaming": true },
            "disableMcpListToolsPagination": true,
        }},
        "authorizerType": "CUSTOM_JWT",
        "authorizerConfiguration": { "customJWTAuthorizer": {
            "discoveryUrl": "https://idp.example/.well-known/openid-configuration",
            "allowedAudience": ["a"],
            "allowedClients": ["c"],
            "allowedScopes": ["s"],
            "customClaims": [{
                "inboundTokenClaimName": "groups",
                "inboundTokenClaimValueType": "STRING_ARRAY",
                "authorizingClaimMatchValue": {
                    "claimMatchOperator": "CONTAINS",
                    "claimMatchValue": { "matchValueString": "staff" },
                },
            }],
        }},
        "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
        "interceptorConfigurations": [{
            "interceptor": { "lambda": { "arn": INTERCEPTOR } },
            "interceptionPoints": ["REQUEST", "RESPONSE"],
            "inputConfiguration": { "passRequestHeaders": true },
        }],
        "policyEngineConfiguration": {
            "arn": "arn:aws:bedrock-agentcore:us-east-1:123456789012:policy-engine/p",
            "mode": "LOG_ONLY",
        },
        "exceptionLevel": null,
        "wafConfiguration": { "failureMode": "FAIL_CLOSE" },
        "workloadIdentityDetails": { "workloadIdentityArn": "arn:w" },
        "webAclArn": "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/w",
    })
}

/// When what was left behind is old enough to be of nobody who is still at work.
pub(crate) fn later() -> Moment<'static> {
    let now: SystemTime = SystemClock.now();
    Moment { now: now + Duration::from_hours(1), random: &SystemRandom }
}

pub(crate) fn name() -> TargetName {
    "notes".parse().unwrap()
}

pub(crate) const QUICK: Pace =
    Pace { every: Duration::from_millis(1), at_most: Duration::from_millis(50) };
pub(crate) const PREFIX: &str = "latchkey/broker/";
pub(crate) const GATEWAY: &str = "gw-0123456789";
pub(crate) const INTERCEPTOR: &str =
    "arn:aws:lambda:us-east-1:123456789012:function:broker-Interceptor:live";
