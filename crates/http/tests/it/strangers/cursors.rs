//! Places in lists, and what lists are narrowed to.

use super::{Things, as_who, learnt, world};

/// Lists of one's own, and what they may be asked about that is somebody else's.
const LISTS: &str = "
    /v1/responses?after={response}
    /v1/responses?conversation={conversation}
    /v1/responses?conversation={conversation}&after={response}
    /v1/webhooks?after={endpoint}
    /openai/v1/webhook_endpoints?after={endpoint}
    /v1/webhooks/MINE/deliveries?after={event}
    /v1/responses/MINE/input_items?after={native_item}
    /openai/v1/responses/MINE/input_items?after={item}
    /openresponses/v1/responses/MINE/input_items?after={item}
    /openai/v1/conversations/MINE/items?after={item}
    /openresponses/v1/conversations/MINE/items?after={item}
";

/// Bob's things are older than all of Ada's in one turn and younger in the other: a list that is read from
/// somebody's place on must not say where that is.
#[tokio::test]
async fn a_place_that_is_somebody_elses_is_as_good_as_one_that_never_was() {
    for bob_is_first in [true, false] {
        let (world, _worker, first) = world().await;
        let (mine, theirs) = if bob_is_first {
            let mine = Things::of(&world, "bob").await;
            (mine, Things::of(&world, "ada").await)
        } else {
            (Things::of(&world, "bob").await, first)
        };
        let missing = theirs.missing();
        for list in LISTS.lines().map(str::trim).filter(|list| !list.is_empty()) {
            let own = mine.fill(&list.split('?').next().unwrap().replace("MINE", "{id}"));
            let query = list.split_once('?').unwrap().1;
            let path = |ids: &Things| format!("{own}?{}", ids.fill(query));
            let foreign = as_who("bob", "GET", &path(&theirs)).send(&world).await;
            let nothing = as_who("bob", "GET", &path(&missing)).send(&world).await;
            assert_eq!(learnt(&foreign), learnt(&nothing), "{list}");
            for id in [&theirs.response, &theirs.conversation, &theirs.endpoint] {
                let told = foreign.text().replace(query, "");
                assert!(
                    foreign.status != 200 || !told.contains(id.as_str()),
                    "{list}"
                );
            }
        }
    }
}
