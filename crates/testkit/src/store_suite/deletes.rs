//! Forgetting.

use response_domain::execution::ExecutionState;
use response_domain::ports::store::HistoryRef;
use response_domain::spec::{Delivery, ResponseSpec};

use super::Subject;
use super::sample::{
    accepted, ada, asked, call, completed, everything, first, found, id, put, refused, spec, talk,
    with_calls,
};

pub async fn what_is_deleted_is_gone_everywhere(store: &dyn Subject) {
    let response = completed(1);
    let calls = [call(
        &response,
        0,
        ExecutionState::Completed("secret".into()),
    )];
    let response = with_calls(response, &calls);
    let items = talk(&response);
    put(store, &response, items.clone()).await;
    assert_eq!(store.delete(&ada(), response.id).await.ok(), Some(true));
    assert_eq!(store.find(&ada(), response.id).await.ok(), Some(None));
    let from = HistoryRef::Response(response.id);
    assert_eq!(store.history(&ada(), from).await.ok(), Some(None));
    assert_eq!(
        store.items(&ada(), response.id).await.ok(),
        Some(Vec::new())
    );
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    assert_eq!(store.items_by_id(&ada(), &ids).await.ok(), Some(Vec::new()));
    let page = store.page(&ada(), &everything(10)).await;
    assert_eq!(page.ok().map(|page| page.entries), Some(Vec::new()));
    assert_eq!(store.delete(&ada(), response.id).await.ok(), Some(false));
    // Its id is not given to another.
    refused(store, first(&response, items)).await;
    assert_eq!(store.find(&ada(), response.id).await.ok(), Some(None));
}

pub async fn only_what_has_ended_can_be_deleted(store: &dyn Subject) {
    let delivery = Delivery::Background;
    let queued = asked(2, ResponseSpec { delivery, ..spec() });
    for response in [accepted(1), queued] {
        put(store, &response, talk(&response)).await;
        assert_eq!(store.delete(&ada(), response.id).await.ok(), Some(false));
        assert_eq!(*found(store, response.id).await, response);
    }
    assert_eq!(store.delete(&ada(), id(3)).await.ok(), Some(false));
}
