//! What is noted of each target's catalog.

use crate::{alice, dynamo, name, target, winners};
use aws_sdk_dynamodb::types::AttributeValue;
use broker::catalog::{Catalog, Recipe};
use broker::store::{CatalogStore, StoreError, TargetStore};
use broker::target::Target;
use std::sync::Arc;

promises!(
    a_catalog_is_replaced_only_as_it_was_found,
    a_catalog_stays_when_its_target_is_written_and_goes_with_it,
    of_many_who_write_a_catalog_at_once_one_does,
    recipes_are_read_with_the_targets,
    without_a_target_there_is_no_catalog,
);

fn catalog(recipe: Recipe) -> Catalog {
    Catalog { steward: Some(alice()), recipe: Some(recipe), ..Catalog::default() }
}

async fn a_catalog_is_replaced_only_as_it_was_found(store: impl TargetStore + CatalogStore) {
    let (first, second) = (catalog(Recipe::Static), catalog(Recipe::Dynamic));
    let notes = name("notes");
    store.put_target(&target("notes")).await.unwrap();
    store.put_target(&target("files")).await.unwrap();
    assert_eq!(store.find_catalog(&notes).await.unwrap(), None);

    assert!(!store.put_catalog(&notes, Some(&first), &second).await.unwrap());
    assert!(store.put_catalog(&notes, None, &first).await.unwrap());
    assert!(!store.put_catalog(&notes, None, &second).await.unwrap());
    assert!(!store.put_catalog(&notes, Some(&second), &second).await.unwrap());
    assert_eq!(store.find_catalog(&notes).await.unwrap(), Some(first.clone()));
    assert!(store.put_catalog(&notes, Some(&first), &second).await.unwrap());
    assert_eq!(store.find_catalog(&notes).await.unwrap(), Some(second));

    assert_eq!(store.find_target(&notes).await.unwrap(), Some(target("notes")));
    assert_eq!(store.find_catalog(&name("files")).await.unwrap(), None);
    assert_eq!(store.targets().await.unwrap().targets, [target("files"), target("notes")]);
}

async fn a_catalog_stays_when_its_target_is_written_and_goes_with_it(
    store: impl TargetStore + CatalogStore,
) {
    let (notes, kept) = (name("notes"), catalog(Recipe::Static));
    store.put_target(&target("notes")).await.unwrap();
    assert!(store.put_catalog(&notes, None, &kept).await.unwrap());

    let renamed = Target { title: "Renamed".into(), ..target("notes") };
    assert!(store.replace_target(Some(&target("notes")), &renamed).await.unwrap());
    assert_eq!(store.find_catalog(&notes).await.unwrap(), Some(kept.clone()));
    store.put_target(&target("notes")).await.unwrap();
    assert_eq!(store.find_catalog(&notes).await.unwrap(), Some(kept));

    assert!(store.remove_target(&target("notes")).await.unwrap());
    assert_eq!(store.find_catalog(&notes).await.unwrap(), None);
    assert!(store.replace_target(None, &target("notes")).await.unwrap());
    assert_eq!(store.find_catalog(&notes).await.unwrap(), None);
}

async fn of_many_who_write_a_catalog_at_once_one_does(
    store: impl TargetStore + CatalogStore + 'static,
) {
    let store = Arc::new(store);
    store.put_target(&target("notes")).await.unwrap();
    for found in [None, Some(catalog(Recipe::Static))] {
        let tasks = (0..10).map(|number| {
            let (store, found) = (Arc::clone(&store), found.clone());
            tokio::spawn(async move {
                let id = Some(format!("ABCDEFGHI{number}"));
                let catalog = Catalog { gateway_target: id, ..Catalog::default() };
                store.put_catalog(&name("notes"), found.as_ref(), &catalog).await.unwrap()
            })
        });
        assert_eq!(winners(tasks.collect()).await, 1);
        let left = store.find_catalog(&name("notes")).await.unwrap();
        let static_one = catalog(Recipe::Static);
        assert!(store.put_catalog(&name("notes"), left.as_ref(), &static_one).await.unwrap());
    }
}

async fn recipes_are_read_with_the_targets(store: impl TargetStore + CatalogStore) {
    for (listed, noted) in [
        ("bare", None),
        ("files", Some(catalog(Recipe::Dynamic))),
        ("notes", Some(catalog(Recipe::ClientCredentials))),
        ("untaken", Some(Catalog::default())),
    ] {
        store.put_target(&target(listed)).await.unwrap();
        if let Some(noted) = noted {
            assert!(store.put_catalog(&name(listed), None, &noted).await.unwrap());
        }
    }
    let registered = store.targets().await.unwrap();
    assert_eq!(registered.targets.len(), 4);
    let recipes: Vec<_> = registered.recipes.iter().map(|(name, r)| (name.as_str(), *r)).collect();
    assert_eq!(recipes, [("files", Recipe::Dynamic), ("notes", Recipe::ClientCredentials)]);
}

async fn without_a_target_there_is_no_catalog(store: impl TargetStore + CatalogStore) {
    let notes = name("notes");
    assert!(!store.put_catalog(&notes, None, &catalog(Recipe::Static)).await.unwrap());
    assert_eq!(store.find_target(&notes).await.unwrap(), None);
    assert_eq!(store.targets().await.unwrap().targets, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_lies_beside_the_record_where_older_functions_do_not_look() {
    let (store, client, tables) = dynamo().await;
    store.put_target(&target("notes")).await.unwrap();
    let noted = catalog(Recipe::Static);
    assert!(store.put_catalog(&name("notes"), None, &noted).await.unwrap());

    let request = client.get_item().table_name(&tables.targets);
    let request = request.key("name", AttributeValue::S("notes".into()));
    let item = request.send().await.unwrap().item.unwrap();

    let text = |attribute: &str| item[attribute].as_s().unwrap();
    assert_eq!(serde_json::from_str::<Target>(text("record")).unwrap(), target("notes"));
    assert_eq!(serde_json::from_str::<Catalog>(text("catalog")).unwrap(), noted);
    assert_eq!(item.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_cannot_be_read_is_not_written_over() {
    let (store, client, tables) = dynamo().await;
    store.put_target(&target("notes")).await.unwrap();
    let request = client.update_item().table_name(&tables.targets);
    let request = request.key("name", AttributeValue::S("notes".into()));
    let request =
        request.update_expression("SET #c = :c").expression_attribute_names("#c", "catalog");
    let request = request.expression_attribute_values(":c", AttributeValue::S("{".into()));
    request.send().await.unwrap();

    let notes = name("notes");
    assert!(matches!(store.find_catalog(&notes).await, Err(StoreError::Unreadable(_))));
    let written = store.put_catalog(&notes, None, &catalog(Recipe::Static)).await;
    assert!(matches!(written, Err(StoreError::Unreadable(_))));
    assert_eq!(store.find_target(&notes).await.unwrap(), Some(target("notes")));
    let registered = store.targets().await.unwrap();
    assert_eq!((registered.targets, registered.recipes.len()), (vec![target("notes")], 0));
}
