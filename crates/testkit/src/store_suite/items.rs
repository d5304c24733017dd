//! Items, by their response and by their ids.

use std::collections::HashSet;
use std::sync::Arc;

use response_domain::id::ItemId;
use response_domain::item::{Item, Role};
use response_domain::work::{Guard, UnitOfWork};

use super::Subject;
use super::sample::{accepted, ada, alone, completed, id, item, put, said, talk, worker, write};

pub async fn items_are_told_in_order(store: &dyn Subject) {
    let response = accepted(1);
    let all: Vec<Arc<Item>> = (0..5)
        .map(|ordinal| {
            item(
                &response,
                ordinal,
                said(Role::Assistant, &ordinal.to_string()),
            )
        })
        .collect();
    let some = |ordinals: &[usize]| -> Vec<Arc<Item>> {
        ordinals
            .iter()
            .filter_map(|&ordinal| all.get(ordinal).cloned())
            .collect()
    };
    put(store, &response, some(&[1, 0])).await;
    let work = UnitOfWork {
        items: some(&[4, 2, 3]),
        ..alone(Guard::Held(worker(1)), &response)
    };
    write(store, work).await;
    assert_eq!(store.items(&ada(), response.id).await.ok(), Some(all));
    assert_eq!(store.items(&ada(), id(2)).await.ok(), Some(Vec::new()));
}

pub async fn items_are_found_by_their_ids(store: &dyn Subject) {
    let mut stored = Vec::new();
    for number in 1..=3 {
        let response = completed(number);
        let items = talk(&response);
        put(store, &response, items.clone()).await;
        stored.extend(items);
    }
    let wanted = [
        ItemId::new(id(1).raw(), 0),
        ItemId::new(id(1).raw(), 1),
        ItemId::new(id(3).raw(), 1),
        // Twice, of no response, and of none of its items.
        ItemId::new(id(3).raw(), 1),
        ItemId::new(id(9).raw(), 0),
        ItemId::new(id(2).raw(), 7),
    ];
    let found = store.items_by_id(&ada(), &wanted).await.unwrap_or_default();
    let ids: HashSet<ItemId> = found.iter().map(|item| item.id).collect();
    let expected: HashSet<ItemId> = wanted.iter().copied().take(3).collect();
    assert_eq!(ids, expected);
    for item in &found {
        assert!(stored.contains(item), "{item:?} is not what was written");
    }
    assert_eq!(store.items_by_id(&ada(), &[]).await.ok(), Some(Vec::new()));
}

pub async fn many_items_are_written_and_found(store: &dyn Subject) {
    let response = completed(1);
    let items: Vec<Arc<Item>> = (0..1_500)
        .map(|ordinal| item(&response, ordinal, said(Role::User, &ordinal.to_string())))
        .collect();
    put(store, &response, items.clone()).await;
    assert_eq!(
        store.items(&ada(), response.id).await.ok(),
        Some(items.clone())
    );
    let ids: Vec<ItemId> = items.iter().map(|item| item.id).collect();
    let found = store.items_by_id(&ada(), &ids).await;
    assert_eq!(found.ok().map(|found| found.len()), Some(1_500));
    let strangers: Vec<ItemId> = (2..600)
        .map(|number| ItemId::new(id(number).raw(), 0))
        .collect();
    assert_eq!(
        store.items_by_id(&ada(), &strangers).await.ok(),
        Some(Vec::new())
    );
}
