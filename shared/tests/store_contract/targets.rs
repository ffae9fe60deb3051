//! The registry of targets.

use crate::{name, target};
use broker::store::TargetStore;
use broker::target::Target;

promises!(a_target_is_found_by_name_and_replaced,);

async fn a_target_is_found_by_name_and_replaced(store: impl TargetStore) {
    assert!(store.find_target(&name("notes")).await.unwrap().is_none());
    store.put_target(&target("notes")).await.unwrap();
    store.put_target(&target("files")).await.unwrap();
    let renamed = Target { title: "Notes, renamed".into(), ..target("notes") };
    store.put_target(&renamed).await.unwrap();

    let found = store.find_target(&name("notes")).await.unwrap().unwrap();
    assert_eq!(found.title, "Notes, renamed");
    assert_eq!(found.resource.as_str(), "https://notes.example");
    let names: Vec<_> = store.targets().await.unwrap().into_iter().map(|t| t.name).collect();
    assert_eq!(names, [name("files"), name("notes")]);
}
