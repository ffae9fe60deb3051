//! Key rings and client secrets in Secrets Manager.

use super::endpoint::SECRETS_MANAGER;
use super::quick::Quick;
use super::{Aws, Lazily, lazily};
use crate::config::Config;
use crate::identity::IdentitySettings;
use crate::store::{ClientSecrets, SecretStore, StoreError};
use crate::target::SecretName;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use oauth2::ClientSecret;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::SystemTime;

/// Secrets, read when asked for.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Lazily<Client>,
    quick: Arc<Quick>,
    key: Option<String>,
}

impl Secrets {
    /// The secrets of the account of `aws`.
    pub fn new(aws: &Aws) -> Self {
        let quick = Arc::new(Quick::new(aws, &SECRETS_MANAGER));
        Self { client: lazily(aws, Client::new), quick, key: None }
    }

    /// The same, where a new secret is encrypted with the KMS key `key`; without one it is with the key
    /// that AWS manages.
    #[must_use]
    pub fn encrypted_with(self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self }
    }

    /// The key ring for browsers, from `BROWSER_KEYS_SECRET`.
    pub async fn browser_keys(&self) -> Result<String, StoreError> {
        self.named_by("BROWSER_KEYS_SECRET").await
    }

    /// The key ring for tokens, from `TOKEN_KEYS_SECRET`.
    pub async fn token_keys(&self) -> Result<String, StoreError> {
        self.named_by("TOKEN_KEYS_SECRET").await
    }

    /// The identity provider's settings with the client secret of browser sign-in, if there is one.
    pub async fn identity(&self, config: &Config) -> Result<IdentitySettings, StoreError> {
        let client_secret = match &config.identity_secret {
            Some(name) => Some(self.client_secret(name).await?),
            None => None,
        };
        Ok(IdentitySettings { client_secret, ..config.identity.clone() })
    }

    #[expect(clippy::disallowed_methods, reason = "the secrets are named at deployment")]
    async fn named_by(&self, variable: &'static str) -> Result<String, StoreError> {
        let name = std::env::var(variable).map_err(|_| StoreError::Unreadable(variable))?;
        self.text(&SecretName(name)).await
    }

    /// The secrets whose names begin with `prefix`, and when each was made, as of a moment ago.
    pub async fn named(
        &self,
        prefix: &str,
    ) -> Result<Vec<(SecretName, Option<SystemTime>)>, StoreError> {
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let mut secrets = self.client.list_secrets().filters(filter).into_paginator().send();
        let mut named = Vec::new();
        while let Some(page) = secrets.next().await {
            let page = page.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
            for secret in page.secret_list.unwrap_or_default() {
                // The filter splits a name into words, and finds more than was asked for.
                if let Some(name) = secret.name.filter(|name| name.starts_with(prefix)) {
                    let made = secret.created_date.and_then(|date| date.try_into().ok());
                    named.push((SecretName(name), made));
                }
            }
        }
        Ok(named)
    }

    /// The text of a secret.
    pub async fn text(&self, name: &SecretName) -> Result<String, StoreError> {
        let query = GetSecretValue { id: &name.0 };
        let read = |body: &[u8]| serde_json::from_slice::<SecretValue>(body).ok();
        if let Some(SecretValue { text }) = self.quick.ask("GetSecretValue", &query, read).await {
            return Ok(text);
        }
        // Boxed, as what is seldom done and large.
        let output = Box::pin(self.client.get_secret_value().secret_id(&name.0).send()).await;
        let output = output.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        output.secret_string.ok_or(StoreError::Unreadable("the secret holds no text"))
    }
}

impl ClientSecrets for Secrets {
    async fn client_secret(&self, name: &SecretName) -> Result<ClientSecret, StoreError> {
        self.text(name).await.map(ClientSecret::new)
    }
}

impl SecretStore for Secrets {
    #[expect(clippy::disallowed_methods, reason = "the secret store keeps the secret itself")]
    async fn put_secret(&self, name: &SecretName, secret: &ClientSecret) -> Result<(), StoreError> {
        let request = self.client.create_secret().set_kms_key_id(self.key.clone());
        let request = request.name(&name.0).secret_string(secret.secret());
        request.send().await.map(|_| ()).map_err(|error| StoreError::Unavailable(Box::new(error)))
    }

    /// An operator who removed the wrong one has a week to bring it back.
    async fn remove_secret(&self, name: &SecretName) -> Result<(), StoreError> {
        let request = self.client.delete_secret().secret_id(&name.0).recovery_window_in_days(7);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(StoreError::Unavailable(Box::new(error))),
        }
    }
}

/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
#[derive(Serialize)]
struct GetSecretValue<'a> {
    #[serde(rename = "SecretId")]
    id: &'a str,
}

#[derive(Deserialize)]
struct SecretValue {
    #[serde(rename = "SecretString")]
    text: String,
}

fn is_absent(error: &SdkError<DeleteSecretError>) -> bool {
    error.as_service_error().is_some_and(DeleteSecretError::is_resource_not_found_exception)
}
