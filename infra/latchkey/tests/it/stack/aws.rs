//! An AWS account behind one address.

use crate::support::{Place, send};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use dynoxide::Database;
use http::{HeaderMap, Method, Response, Uri};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What is in the account.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) status: String,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) parameters: BTreeMap<String, String>,
    /// Each with when it was made.
    pub(crate) secrets: BTreeMap<String, (String, u64)>,
    /// The KMS key that each was made with.
    pub(crate) keys: BTreeMap<String, Value>,
    /// What was sent to queues: where, and what.
    pub(crate) sent: Vec<(String, String)>,
    pub(crate) dead: u64,
    /// As `GetGateway` answers it.
    pub(crate) gateway: Value,
    /// As `GetGatewayTarget` answers them.
    pub(crate) gateway_targets: BTreeMap<String, Value>,
    /// What `UpdateGateway` was told.
    pub(crate) updates: Vec<Value>,
    /// How a gateway ends that was updated.
    pub(crate) after_update: String,
    /// What is asked is refused with this code, if its name begins so.
    pub(crate) refused: Option<(String, &'static str)>,
    /// What was asked, by service and action.
    pub(crate) asked: Vec<String>,
    /// Where the power fails.
    pub(crate) power: Option<Power>,
    /// Where something else happens meanwhile.
    pub(crate) pause: Option<Pause>,
}

/// A request that begins so is answered when something else has been done.
pub(crate) struct Pause {
    pub(crate) at: &'static str,
    pub(crate) reached: Arc<Notify>,
    pub(crate) done: Arc<Notify>,
}

/// The power fails at a request, before or after it is carried out.
pub(crate) struct Power {
    pub(crate) requests_left: usize,
    pub(crate) carry_out: bool,
    pub(crate) failed: Arc<Notify>,
}

/// The account, and where it is.
#[derive(Clone)]
pub(crate) struct Aws {
    pub(crate) url: String,
    account: Arc<Mutex<Account>>,
    engine: Arc<String>,
}

impl Aws {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let engine = Arc::new(format!("http://{}", listener.local_addr().unwrap()));
        let database = Database::memory().unwrap();
        let forever = std::future::pending();
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, forever));
        let place = Place::new().await;
        let (url, account) = (place.url.clone(), Arc::default());
        let aws = Self { url, account, engine };
        place.serve(Router::new().fallback(answer).with_state(aws.clone()));
        aws
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// How often something was asked.
    pub(crate) fn times(&self, what: &str) -> usize {
        self.account().asked.iter().filter(|asked| asked.starts_with(what)).count()
    }

    async fn engine(&self, headers: &HeaderMap, body: Bytes) -> Response<String> {
        let kept = ["content-type", "x-amz-target", "authorization", "x-amz-date"];
        let headers = headers.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let answer = send("POST", &self.engine, &headers, body).await;
        let mut response = Response::new(answer.text);
        *response.status_mut() = answer.status;
        response
    }
}

async fn answer(
    State(aws): State<Aws>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<String> {
    let target = headers.get("x-amz-target").map_or("", |value| value.to_str().unwrap());
    let form = String::from_utf8_lossy(&body).into_owned();
    let action = match target.split_once('.') {
        Some((service, action)) => {
            let service = if service.starts_with("DynamoDB") { "DynamoDB" } else { service };
            format!("{service}.{action}")
        }
        None if form.starts_with("Action=") => {
            format!("CloudFormation.{}", form[7..].split('&').next().unwrap())
        }
        None => format!("{method} {}", uri.path()),
    };
    let pause = aws.account().pause.take_if(|pause| action.starts_with(pause.at));
    if let Some(Pause { reached, done, .. }) = pause {
        reached.notify_one();
        done.notified().await;
    }
    let (holds, carry_out) = {
        let mut account = aws.account();
        account.asked.push(action.clone());
        if let Some((what, code)) = account.refused.clone()
            && action.starts_with(&what)
        {
            return fault(if target.is_empty() { &method } else { &Method::POST }, &action, code);
        }
        match &mut account.power {
            Some(power) if power.requests_left == 0 => {
                (Some(Arc::clone(&power.failed)), power.carry_out)
            }
            Some(power) => {
                power.requests_left -= 1;
                (None, true)
            }
            None => (None, true),
        }
    };
    let mut response = Response::new(String::new());
    if carry_out {
        response = if action.starts_with("DynamoDB.") {
            aws.engine(&headers, body.clone()).await
        } else {
            let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
            carried_out(&mut aws.account(), &action, &uri, &body, &form)
        };
    }
    if let Some(failed) = holds {
        failed.notify_one();
        std::future::pending::<()>().await;
    }
    response
}

fn carried_out(
    account: &mut Account,
    action: &str,
    uri: &Uri,
    body: &Value,
    form: &str,
) -> Response<String> {
    let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
    match action {
        "CloudFormation.DescribeStacks" => stacks(account, form),
        "secretsmanager.CreateSecret" => {
            if account.secrets.contains_key(&text("Name")) {
                return fault(&Method::POST, action, "ResourceExistsException");
            }
            account.secrets.insert(text("Name"), (text("SecretString"), now()));
            account.keys.insert(text("Name"), body["KmsKeyId"].clone());
            json(
                &json!({ "ARN": "arn:aws:secretsmanager:us-east-1:1:secret:s", "Name": text("Name") }),
            )
        }
        "secretsmanager.GetSecretValue" => match account.secrets.get(&text("SecretId")) {
            Some((secret, _)) => json(&json!({ "Name": text("SecretId"), "SecretString": secret })),
            None => fault(&Method::POST, action, "ResourceNotFoundException"),
        },
        "secretsmanager.DeleteSecret" => match account.secrets.remove(&text("SecretId")) {
            Some(_) => json(&json!({ "Name": text("SecretId") })),
            None => fault(&Method::POST, action, "ResourceNotFoundException"),
        },
        "secretsmanager.ListSecrets" => {
            let prefix = body["Filters"][0]["Values"][0].as_str().unwrap();
            let named = account.secrets.iter().filter(|(name, _)| name.starts_with(prefix));
            let list: Vec<_> = named
                .map(|(name, (_, made))| json!({ "Name": name, "CreatedDate": made }))
                .collect();
            json(&json!({ "SecretList": list }))
        }
        "AmazonSQS.SendMessage" => {
            account.sent.push((text("QueueUrl"), text("MessageBody")));
            json(&json!({ "MessageId": "m", "MD5OfMessageBody": "d" }))
        }
        "AmazonSQS.GetQueueAttributes" => {
            let dead = account.dead.to_string();
            json(&json!({ "Attributes": { "ApproximateNumberOfMessages": dead } }))
        }
        _ => control_plane(account, action, uri, body),
    }
}

fn control_plane(account: &mut Account, action: &str, uri: &Uri, body: &Value) -> Response<String> {
    let parts: Vec<_> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let id = account.gateway["gatewayId"].as_str().unwrap_or_default().to_owned();
    let method = action.split(' ').next().unwrap();
    match (method, &parts[..]) {
        (_, ["gateways", gateway, ..]) if *gateway != id => {
            fault(&Method::GET, action, "ResourceNotFoundException")
        }
        ("GET", ["gateways", _]) => {
            let answer = json(&account.gateway);
            if account.gateway["status"] == "UPDATING" {
                account.gateway["status"] = account.after_update.clone().into();
            }
            answer
        }
        ("PUT", ["gateways", _]) => {
            account.updates.push(body.clone());
            let reported = ["gatewayArn", "gatewayId", "gatewayUrl", "createdAt", "updatedAt"];
            let mut gateway = body.clone();
            for member in reported {
                gateway[member] = account.gateway[member].clone();
            }
            gateway["status"] = "UPDATING".into();
            account.gateway = gateway;
            json(&account.gateway)
        }
        ("GET", ["gateways", _, "targets"]) => {
            let items: Vec<_> = account.gateway_targets.values().cloned().collect();
            json(&json!({ "items": items }))
        }
        ("GET", ["gateways", _, "targets", target]) => match account.gateway_targets.get(*target) {
            Some(found) => {
                let answer = json(found);
                if found["status"] == "DELETING" {
                    account.gateway_targets.remove(*target);
                }
                answer
            }
            None => fault(&Method::GET, action, "ResourceNotFoundException"),
        },
        ("DELETE", ["gateways", _, "targets", target]) => {
            let Some(found) = account.gateway_targets.get_mut(*target) else {
                return fault(&Method::GET, action, "ResourceNotFoundException");
            };
            found["status"] = "DELETING".into();
            json(&json!({ "gatewayArn": "a", "targetId": target, "status": "DELETING" }))
        }
        _ => panic!("{action} is not known here"),
    }
}

fn stacks(account: &Account, form: &str) -> Response<String> {
    if !form.contains(&format!("StackName={STACK}")) {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
                    <Message>Stack with id other does not exist</Message></Error></ErrorResponse>";
        let mut response = xml(body.to_owned());
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        return response;
    }
    let outputs = account.outputs.iter().map(|(name, value)| {
        format!("<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>")
    });
    let parameters = account.parameters.iter().map(|(name, value)| {
        format!(
            "<member><ParameterKey>{name}</ParameterKey><ParameterValue>{value}</ParameterValue>\
             </member>"
        )
    });
    xml(format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>{STACK}</StackName>\
         <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>{}</StackStatus><Outputs>{}\
         </Outputs><Parameters>{}</Parameters></member></Stacks></DescribeStacksResult>\
         </DescribeStacksResponse>",
        account.status,
        outputs.collect::<String>(),
        parameters.collect::<String>(),
    ))
}

fn fault(method: &Method, action: &str, code: &str) -> Response<String> {
    if action.starts_with("CloudFormation") {
        let mut response = xml(format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>\
             </ErrorResponse>"
        ));
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        return response;
    }
    let status =
        if code == "ResourceNotFoundException" && method == Method::GET { 404 } else { 400 };
    let response = Response::builder().status(status).header("x-amzn-errortype", code);
    response.body(json!({ "__type": code, "message": "no" }).to_string()).unwrap()
}

fn json(body: &Value) -> Response<String> {
    Response::builder().header("content-type", "application/json").body(body.to_string()).unwrap()
}

fn xml(body: String) -> Response<String> {
    Response::builder().header("content-type", "text/xml").body(body).unwrap()
}

fn now() -> u64 {
    use broker::clock::Clock;
    broker::clock::unix_seconds(broker::clock::SystemClock.now())
}

pub(crate) const STACK: &str = "broker";
