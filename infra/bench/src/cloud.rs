//! All that a function speaks to besides the Runtime API, on the loopback interface.

use crate::Failure;
use crate::caller::{Caller, Standing};
use crate::certificates::Certificates;
use crate::processors::Processors;
use crate::provider::{CLIENT, Provider};
use crate::secrets;
use crate::server::serve;
use crate::table::Table;
use broker::clock::unix_seconds;
use serde_json::json;
use std::sync::Arc;
use std::time::SystemTime;

/// Whether AWS is spoken to over TLS. The identity provider always is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// How it is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) processors: Processors,
    pub(crate) scheme: Scheme,
    pub(crate) targets: usize,
    pub(crate) callers: usize,
    pub(crate) standing: Standing,
}

/// The servers and what a function must know to find them.
pub(crate) struct Cloud {
    pub(crate) processors: Processors,
    pub(crate) table: Arc<Table>,
    pub(crate) callers: Vec<Caller>,
    /// What the table holds of them, at the first target.
    pub(crate) standing: Standing,
    environment: Vec<(&'static str, String)>,
    /// What the floor need not ask for.
    pub(crate) given: String,
    /// The same of the floor that reads: the provider's keys.
    pub(crate) given_keys: String,
}

impl Cloud {
    /// Starts them.
    pub(crate) fn start(
        certificates: &Certificates,
        setting: Setting,
        now: SystemTime,
    ) -> Result<Self, Failure> {
        let Setting { processors, scheme, targets, callers, standing } = setting;
        let provider = Provider::start(&certificates.server)?;
        let jwt = |sub: &str| provider.token(sub, unix_seconds(now));
        let callers: Result<Vec<_>, _> = (0..callers).map(|n| Caller::of(n, jwt)).collect();
        let callers = callers?;
        let table = Arc::new(Table::of(&provider.issuer, &callers, standing, targets, now)?);
        let tls = (scheme == Scheme::Https).then_some(&certificates.server);
        let answering = Arc::clone(&table);
        let dynamodb = serve(tls.cloned(), move |request| Some(answering.answer(&request)))?;
        let secrets_manager = serve(tls.cloned(), |request| Some(secrets::answer(&request)))?;
        let url = |port| match scheme {
            Scheme::Http => format!("http://localhost:{port}"),
            Scheme::Https => format!("https://localhost:{port}"),
        };
        let root = certificates.root.to_string_lossy().into_owned();
        let given_keys = json!({ "jwks": provider.jwks });
        let given = json!({
            "keys": secrets::ring(secrets::TOKEN_KEYS),
            "jwks": provider.jwks,
            "targets": table.records,
        });
        let environment = vec![
            ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLEEXAMPLE00".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjE".repeat(40)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", url(dynamodb)),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url(secrets_manager)),
            ("AWS_CA_BUNDLE", root.clone()),
            ("NODE_EXTRA_CA_CERTS", root.clone()),
            ("SSL_CERT_FILE", certificates.among_others.to_string_lossy().into_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", "interceptor".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
            ("TARGETS_TABLE", "targets".to_owned()),
            ("PENDING_TABLE", "pending".to_owned()),
            ("CONNECTIONS_TABLE", "connections".to_owned()),
            ("BROWSER_KEYS_SECRET", secrets::BROWSER_KEYS.to_owned()),
            ("TOKEN_KEYS_SECRET", secrets::TOKEN_KEYS.to_owned()),
            ("BASE_URL", "https://broker.example.com".to_owned()),
            ("IDP_ISSUER", provider.issuer.clone()),
            ("IDP_CLIENT_ID", "browser".to_owned()),
            ("IDP_CLIENTS", CLIENT.to_owned()),
            ("OUTBOUND_PRIVATE_HOSTS", "localhost".to_owned()),
            ("OUTBOUND_ROOTS", root),
            // The longest: a slow machine must not turn a call from memory into one that reads.
            ("TOKEN_MEMORY_SECONDS", "60".to_owned()),
        ];
        Ok(Self {
            processors,
            table,
            callers,
            standing,
            environment,
            given: given.to_string(),
            given_keys: given_keys.to_string(),
        })
    }

    /// A function's environment.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str()))
    }
}
