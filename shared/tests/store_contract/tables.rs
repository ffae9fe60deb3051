//! The tables of an engine on this machine are those of `template.yaml`.

use crate::{at, dynamo};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeySchemaElement};
use broker::clock::SystemRandom;
use broker::pending::{SealedPending, State};
use broker::store::PendingStore;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_tables_have_the_same_keys_and_indexes() {
    let (_, client, tables) = dynamo().await;
    let mut indexes = 0;
    for (resource, table) in [
        ("Targets", &tables.targets),
        ("Pending", &tables.pending),
        ("Connections", &tables.connections),
    ] {
        let deployed = deployed(resource);
        let table = client.describe_table().table_name(table).send().await.unwrap().table.unwrap();
        let definitions = table.attribute_definitions().iter();
        let definitions = definitions
            .map(|attribute| (attribute.attribute_name(), attribute.attribute_type().as_str()));
        let (own, index) = match deployed.split_once("GlobalSecondaryIndexes:") {
            Some((own, index)) => (own, Some(index)),
            None => (&*deployed, None),
        };
        assert_eq!(pairs(own, "AttributeType"), definitions.collect(), "{resource}");
        assert_eq!(pairs(own, "KeyType"), keys(table.key_schema()), "{resource}");
        let local = table.global_secondary_indexes();
        assert_eq!(local.len(), usize::from(index.is_some()), "{resource}");
        for (local, index) in local.iter().zip(index) {
            let name = local.index_name().unwrap();
            assert!(index.contains(&format!("IndexName: {name}\n")), "{name}");
            assert_eq!(pairs(index, "KeyType"), keys(local.key_schema()), "{name}");
            let kept = local.projection().unwrap().projection_type().unwrap();
            assert!(index.contains(&format!("ProjectionType: {kept}}}")), "{name}");
            indexes += 1;
        }
    }
    assert_eq!(indexes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_tables_forget_by_what_is_written() {
    let (store, client, tables) = dynamo().await;
    let state = State::new(&SystemRandom).unwrap();
    let pending = SealedPending { sealed: vec![1], expires: at(600) };
    store.put_pending(&state, &pending).await.unwrap();
    let item = only_item(&client, &tables.pending).await;
    let deployed = deployed("Pending");
    let (_, forgets) = deployed.split_once("TimeToLiveSpecification: {AttributeName: ").unwrap();
    let (attribute, _) = forgets.split_once(", Enabled: true}").unwrap();
    assert_eq!(item[attribute], AttributeValue::N("600".into()));
    for lasting in ["Targets", "Connections"] {
        assert!(!self::deployed(lasting).contains("TimeToLive"), "{lasting} would be forgotten");
    }
}

async fn only_item(
    client: &Client,
    table: &str,
) -> std::collections::HashMap<String, AttributeValue> {
    let items = client.scan().table_name(table).send().await.unwrap().items.unwrap();
    let [item] = <[_; 1]>::try_from(items).unwrap();
    item
}

/// A resource of the template, as written.
fn deployed(resource: &str) -> String {
    let template = include_str!("../../../template.yaml");
    let (_, from) = template.split_once(&format!("\n  {resource}:\n")).unwrap();
    let own = from.lines().take_while(|line| line.starts_with("    ") || line.is_empty());
    own.flat_map(|line| [line, "\n"]).collect()
}

/// What `{AttributeName: NAME, member: VALUE}` says, wherever it stands in `text`.
fn pairs<'t>(text: &'t str, member: &str) -> BTreeSet<(&'t str, &'t str)> {
    let each = text.split("{AttributeName: ").skip(1);
    let each = each.filter_map(|rest| rest.split_once('}')?.0.split_once(", "));
    each.filter_map(|(name, rest)| Some((name, rest.strip_prefix(&*format!("{member}: "))?)))
        .collect()
}

fn keys(schema: &[KeySchemaElement]) -> BTreeSet<(&str, &str)> {
    schema.iter().map(|key| (key.attribute_name(), key.key_type().as_str())).collect()
}
