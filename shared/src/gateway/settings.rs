//! What a gateway target is told when it is made or changed.
//!
//! A change replaces everything, so all that the service told of a target is kept as it was told, also
//! what nobody here understands, and goes back with the change.

use crate::target::{Endpoint, TargetName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The members of `UpdateGatewayTarget` but its ids: JSON as the service has it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Settings(Map<String, Value>);

/// Where a target's list of tools is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ToolSchema {
    /// In the target itself.
    Inline(String),
    /// In an object of S3.
    S3(String),
}

/// Who gives the gateway the token that it shows the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Provider {
    /// A provider of API keys.
    ApiKey(String),
    /// An OAuth provider of client credentials.
    ClientCredentials(String),
    /// Another way, which an operator chose.
    Other(String),
}

impl Settings {
    /// A target that nobody has said anything of.
    pub fn new(name: &TargetName, endpoint: &Endpoint) -> Self {
        let mut settings = Self::default();
        settings.0.insert("name".into(), name.as_str().into());
        settings.set_endpoint(endpoint);
        settings
    }

    /// Of an answer of the service, what can be told it again.
    pub fn read(answer: &Map<String, Value>) -> Self {
        let told = |name: &&str| {
            let value = answer.get(*name).filter(|value| !value.is_null())?;
            // A list of providers that is there has one.
            let empty = value.as_array().is_some_and(Vec::is_empty);
            (!empty).then(|| ((*name).to_owned(), value.clone()))
        };
        Self(MEMBERS.iter().filter_map(told).collect())
    }

    /// As the service is told it.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Where the MCP server answers. `None` if it is something else than an MCP server.
    pub fn endpoint(&self) -> Option<&str> {
        self.server()?.get("endpoint")?.as_str()
    }

    /// The list of tools that the target was given.
    pub fn schema(&self) -> Option<ToolSchema> {
        let schema = self.server()?.get("mcpToolSchema")?;
        let inline = schema.get("inlinePayload").and_then(Value::as_str);
        let s3 = || schema.get("s3")?.get("uri")?.as_str();
        inline
            .map(|payload| ToolSchema::Inline(payload.to_owned()))
            .or_else(|| s3().map(|uri| ToolSchema::S3(uri.to_owned())))
    }

    /// Whether each list is asked for when it is needed.
    pub fn is_dynamic(&self) -> bool {
        self.server().and_then(|server| server.get("listingMode")).is_some_and(|m| m == "DYNAMIC")
    }

    /// Who gives the gateway its token.
    pub fn provider(&self) -> Option<Provider> {
        let told = self.0.get(PROVIDERS)?.as_array()?.first()?;
        let (kind, provider) = (&told["credentialProviderType"], &told["credentialProvider"]);
        let arn = |provider: &Value| provider["providerArn"].as_str().map(str::to_owned);
        let (api_key, oauth) =
            (&provider["apiKeyCredentialProvider"], &provider["oauthCredentialProvider"]);
        let known = match kind.as_str() {
            Some("API_KEY") => arn(api_key).map(Provider::ApiKey),
            Some("OAUTH") if oauth["grantType"] == "CLIENT_CREDENTIALS" => {
                arn(oauth).map(Provider::ClientCredentials)
            }
            _ => None,
        };
        let other = || {
            let grant = oauth["grantType"].as_str().map(|grant| format!(" {grant}"));
            let kind = kind.as_str().unwrap_or("of an unknown type");
            Provider::Other(format!("{kind}{}", grant.unwrap_or_default()))
        };
        Some(known.unwrap_or_else(other))
    }

    /// Points the target at another endpoint.
    pub fn set_endpoint(&mut self, endpoint: &Endpoint) {
        self.server_mut().insert("endpoint".into(), endpoint.as_str().into());
    }

    /// Gives the target a list of tools, or takes it away.
    pub fn set_schema(&mut self, schema: Option<ToolSchema>) {
        let server = self.server_mut();
        match schema {
            Some(ToolSchema::Inline(payload)) => {
                server.insert("mcpToolSchema".into(), json!({ "inlinePayload": payload }));
            }
            Some(ToolSchema::S3(uri)) => {
                server.insert("mcpToolSchema".into(), json!({ "s3": { "uri": uri } }));
            }
            None => {
                server.remove("mcpToolSchema");
            }
        }
    }

    /// Has each list asked for when it is needed, or not.
    pub fn set_dynamic(&mut self, dynamic: bool) {
        let server = self.server_mut();
        if dynamic {
            server.insert("listingMode".into(), "DYNAMIC".into());
        } else if server.get("listingMode").is_some_and(|mode| mode == "DYNAMIC") {
            server.insert("listingMode".into(), "DEFAULT".into());
        }
    }

    /// Gives the target a provider, or takes it away. One that it has already stays as it was told.
    pub fn set_provider(&mut self, provider: Option<&Provider>) {
        if self.provider().as_ref() == provider {
            return;
        }
        let told = match provider {
            Some(Provider::ApiKey(arn)) => json!({
                "credentialProviderType": "API_KEY",
                "credentialProvider": { "apiKeyCredentialProvider": { "providerArn": arn } },
            }),
            Some(Provider::ClientCredentials(arn)) => json!({
                "credentialProviderType": "OAUTH",
                "credentialProvider": { "oauthCredentialProvider": {
                    "providerArn": arn, "grantType": "CLIENT_CREDENTIALS", "scopes": [],
                } },
            }),
            Some(Provider::Other(_)) => return,
            None => {
                self.0.remove(PROVIDERS);
                return;
            }
        };
        self.0.insert(PROVIDERS.into(), json!([told]));
    }

    fn server(&self) -> Option<&Map<String, Value>> {
        self.0.get("targetConfiguration")?.get("mcp")?.get("mcpServer")?.as_object()
    }

    fn server_mut(&mut self) -> &mut Map<String, Value> {
        let mut members = &mut self.0;
        for name in ["targetConfiguration", "mcp", "mcpServer"] {
            let member = members.entry(name).or_insert_with(empty);
            if !member.is_object() {
                *member = empty();
            }
            let Value::Object(inner) = member else { unreachable!("it was just made an object") };
            members = inner;
        }
        members
    }
}

fn empty() -> Value {
    Value::Object(Map::new())
}

const PROVIDERS: &str = "credentialProviderConfigurations";
const MEMBERS: [&str; 7] = [
    "name",
    "description",
    "targetConfiguration",
    PROVIDERS,
    "metadataConfiguration",
    "privateEndpoint",
    "certificateConfigurations",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Settings {
        let answer = json!({
            "targetId": "ABCDEFGHIJ",
            "status": "READY",
            "createdAt": "2026-11-01T00:00:00Z",
            "name": "notes",
            "description": "Our notes",
            "lastSynchronizedAt": null,
            "privateEndpoint": null,
            "credentialProviderConfigurations": [],
            "metadataConfiguration": { "allowedRequestHeaders": ["x-trace"] },
            "targetConfiguration": { "mcp": { "mcpServer": {
                "endpoint": "https://notes.example/mcp",
                "resourcePriority": 7,
                "ofTheFuture": { "kept": true },
                "mcpToolSchema": { "inlinePayload": "{\"tools\":[]}" },
            } } },
        });
        Settings::read(answer.as_object().unwrap())
    }

    #[test]
    fn a_change_keeps_what_it_does_not_mean_to_change() {
        let mut settings = found();
        settings.set_schema(Some(ToolSchema::S3("s3://b/k".into())));
        settings.set_dynamic(false);
        settings.set_provider(None);

        assert_eq!(
            serde_json::to_value(&settings).unwrap(),
            json!({
                "name": "notes",
                "description": "Our notes",
                "metadataConfiguration": { "allowedRequestHeaders": ["x-trace"] },
                "targetConfiguration": { "mcp": { "mcpServer": {
                    "endpoint": "https://notes.example/mcp",
                    "resourcePriority": 7,
                    "ofTheFuture": { "kept": true },
                    "mcpToolSchema": { "s3": { "uri": "s3://b/k" } },
                } } },
            })
        );
    }

    #[test]
    fn what_was_set_is_read_again() {
        let mut settings = found();
        assert_eq!(settings.endpoint(), Some("https://notes.example/mcp"));
        assert_eq!(settings.schema(), Some(ToolSchema::Inline("{\"tools\":[]}".into())));
        assert_eq!((settings.is_dynamic(), settings.provider()), (false, None));
        let arn = || "arn:aws:example".to_owned();
        for provider in [Provider::ApiKey(arn()), Provider::ClientCredentials(arn())] {
            settings.set_provider(Some(&provider));
            assert_eq!(settings.provider(), Some(provider));
        }
        settings.set_dynamic(true);
        assert!(settings.is_dynamic());
        settings.set_dynamic(false);
        settings.set_schema(None);
        assert_eq!((settings.is_dynamic(), settings.schema()), (false, None));
    }

    #[test]
    fn a_provider_of_an_operator_is_seen_and_left() {
        let told = json!([{
            "credentialProviderType": "OAUTH",
            "credentialProvider": { "oauthCredentialProvider": {
                "providerArn": "arn:aws:example", "grantType": "AUTHORIZATION_CODE", "scopes": [],
            } },
        }]);
        let mut settings = found();
        settings.0.insert(PROVIDERS.into(), told.clone());
        let other = Provider::Other("OAUTH AUTHORIZATION_CODE".into());
        assert_eq!(settings.provider().as_ref(), Some(&other));
        settings.set_provider(Some(&other));
        assert_eq!(settings.0[PROVIDERS], told);
    }

    #[test]
    fn a_target_that_is_no_mcp_server_has_no_endpoint() {
        let lambda = json!({ "targetConfiguration": { "mcp": { "lambda": {} } } });
        let settings = Settings::read(lambda.as_object().unwrap());
        assert_eq!((settings.endpoint(), settings.schema()), (None, None));
    }
}
