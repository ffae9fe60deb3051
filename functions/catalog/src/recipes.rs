//! Which recipes there are for a target, and what each tells the gateway.

use crate::Keeper;
use crate::halt::Halt;
use crate::listing::list_tools;
use crate::tools::Tools;
use broker::catalog::Recipe;
use broker::clock::Clock;
use broker::gateway::{GatewayTargets, Provider, Settings, ToolSchema, ToolSchemas};
use broker::store::TargetStore;
use broker::target::Target;
use std::time::SystemTime;

/// What an operator offers for the recipes that need it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Providers {
    /// An OAuth provider with which the gateway may list tools itself.
    pub client_credentials: Option<String>,
    /// A provider of an API key that means nothing.
    pub placeholder: Option<String>,
}

impl Providers {
    /// Whether `provider` is one of these, or none: an operator who chose another wants it so.
    pub(crate) fn hold(&self, provider: Option<&Provider>) -> bool {
        match provider {
            None => true,
            Some(Provider::ApiKey(arn)) => self.placeholder.as_ref() == Some(arn),
            Some(Provider::ClientCredentials(arn)) => self.client_credentials.as_ref() == Some(arn),
            Some(Provider::Other(_)) => false,
        }
    }

    fn of(&self, recipe: Recipe) -> Option<Provider> {
        match recipe {
            Recipe::Static | Recipe::Anonymous | Recipe::Dynamic => None,
            Recipe::ClientCredentials => {
                self.client_credentials.clone().map(Provider::ClientCredentials)
            }
            Recipe::Placeholder => self.placeholder.clone().map(Provider::ApiKey),
        }
    }
}

/// The recipe that `settings` are of.
pub(crate) fn recipe_of(settings: &Settings) -> Recipe {
    match (settings.is_dynamic(), settings.schema().is_some(), settings.provider()) {
        (true, ..) => Recipe::Dynamic,
        (_, _, Some(Provider::ApiKey(_))) => Recipe::Placeholder,
        (_, _, Some(_)) => Recipe::ClientCredentials,
        (_, true, None) => Recipe::Static,
        (_, false, None) => Recipe::Anonymous,
    }
}

/// Where a list that is too long to be told lies: a place of its own for each list.
pub(crate) fn schema_key(target: &Target, tools: &Tools) -> String {
    format!("{}/{}.json", target.name, tools.listed().digest)
}

impl<T, C, S, G, K> Keeper<T, C, S, G, K>
where
    T: TargetStore,
    C: Send + Sync,
    S: Send + Sync,
    G: GatewayTargets + ToolSchemas,
    K: Clock,
{
    /// Whether `recipe` can be tried for `target`.
    pub(crate) async fn offers(
        &self,
        gateway: &G,
        recipe: Recipe,
        target: &Target,
        tools: &Tools,
        deadline: SystemTime,
    ) -> Result<bool, Halt> {
        match recipe {
            Recipe::Static => Ok(true),
            Recipe::ClientCredentials | Recipe::Placeholder => {
                Ok(self.providers.of(recipe).is_some())
            }
            Recipe::Anonymous => {
                let patience = self.patience(deadline);
                let listed = list_tools(&self.http, &target.endpoint, None, patience).await.ok();
                let checked = listed.and_then(|listed| Tools::check(&target.name, listed).ok());
                Ok(checked.as_ref() == Some(tools))
            }
            Recipe::Dynamic => self.is_sole(gateway, target).await,
        }
    }

    /// Whether there is no other target. A list that is asked for when it is needed names none: with
    /// two, the token of one would be sent to the other.
    pub(crate) async fn is_sole(&self, gateway: &G, target: &Target) -> Result<bool, Halt> {
        let registered = self.targets.targets().await?;
        let sole = registered.targets.len() == 1 && registered.unreadable.is_empty();
        let names = gateway.names().await?;
        Ok(sole && names.iter().all(|name| name == target.name.as_str()))
    }

    /// What `recipe` tells the gateway of `target`, over what it has been told before.
    pub(crate) async fn settings(
        &self,
        gateway: &G,
        recipe: Recipe,
        before: &Settings,
        target: &Target,
        tools: &Tools,
    ) -> Result<Settings, Halt> {
        let mut settings = before.clone();
        settings.set_endpoint(&target.endpoint);
        settings.set_provider(self.providers.of(recipe).as_ref());
        settings.set_dynamic(recipe == Recipe::Dynamic);
        let schema = if recipe.has_schema() {
            Some(self.schema(gateway, target, tools).await?)
        } else {
            None
        };
        settings.set_schema(schema);
        Ok(settings)
    }

    async fn schema(
        &self,
        gateway: &G,
        target: &Target,
        tools: &Tools,
    ) -> Result<ToolSchema, Halt> {
        let schema = tools.schema();
        if schema.len() <= INLINE_LIMIT {
            return Ok(ToolSchema::Inline(schema));
        }
        let uri = gateway.put_schema(&schema_key(target, tools), &schema).await?;
        uri.map(ToolSchema::S3).ok_or_else(|| {
            let size = schema.len();
            Halt::Failed(format!(
                "the list of tools has {size} bytes, and there is no SCHEMA_BUCKET for more than {INLINE_LIMIT}"
            ))
        })
    }

    /// What a target is told now, in a form that can be noted: a long list lies in the bucket.
    pub(crate) async fn notable(
        &self,
        gateway: &G,
        target: &Target,
        settings: &Settings,
    ) -> Result<Settings, Halt> {
        let mut settings = settings.clone();
        // As it is written: a schema is text within text there, and twice as long for its quotes.
        let size = serde_json::json!(settings).to_string().len();
        if let Some(ToolSchema::Inline(schema)) = settings.schema()
            && size > NOTED_WELL
        {
            let key = format!("{}/former-{}.json", target.name, crate::tools::digest(&schema));
            match gateway.put_schema(&key, &schema).await? {
                Some(uri) => settings.set_schema(Some(ToolSchema::S3(uri))),
                None if size <= NOTED_LIMIT => {}
                None => {
                    return Err(Halt::Failed(format!(
                        "the target's present list of tools has more than {NOTED_LIMIT} bytes, and there is \
                         no SCHEMA_BUCKET to keep it in case that a new one is not taken"
                    )));
                }
            }
        }
        Ok(settings)
    }
}

/// What a target takes itself: a million bytes.
const INLINE_LIMIT: usize = 1_000_000;
/// What an item of the table is to hold of it. Each note writes and pays for all of the item.
const NOTED_WELL: usize = 64 * 1024;
/// An item of the table takes 400 KB, and has more in it than this.
const NOTED_LIMIT: usize = 200 * 1024;
