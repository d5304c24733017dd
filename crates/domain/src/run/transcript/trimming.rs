//! What holds of every transcript, whatever was in it and however little room there is.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::pairs::{counted, pairs};
use super::{budget, fit, item_tokens, speaks};
use crate::id::{ItemId, RawId};
use crate::item::{
    CallId, FunctionCall, FunctionCallOutput, Item, ItemBody, ItemStatus, Message, Part, Reasoning,
    Role,
};
use crate::json::Json;
use crate::spec::{Controls, Draft, InputItem, OnMaxDepth, ResponseSpec, SpecLimits, ToolFailure};
use crate::tool::{ToolHome, ToolSpec};

fn body() -> impl Strategy<Value = ItemBody> {
    // Few names, so that calls and outputs meet, and meet again.
    let call_id = || prop::sample::select(vec!["x", "y", "z"]).prop_map(|id| CallId(id.into()));
    let role = prop::sample::select(vec![
        Role::System,
        Role::Developer,
        Role::User,
        Role::User,
        Role::Assistant,
        Role::Assistant,
    ]);
    prop_oneof![
        5 => (role, "[a-zü ]{0,80}")
            .prop_map(|(role, text)| ItemBody::Message(Message::text(role, text))),
        1 => Just(ItemBody::Message(Message {
            role: Role::User,
            content: vec![Part::Image { url: "jan_1".into(), detail: None }],
        })),
        1 => "[a-z]{0,80}".prop_map(|text| ItemBody::Reasoning(Reasoning::text(text))),
        4 => (call_id(), "[a-z]{0,80}").prop_map(|(call_id, text)| {
            ItemBody::FunctionCall(FunctionCall::of_caller(call_id, "f", text))
        }),
        4 => (call_id(), "[a-z]{0,80}").prop_map(|(call_id, text)| {
            ItemBody::FunctionCallOutput(FunctionCallOutput::text(call_id, text))
        }),
    ]
}

/// Items of several responses, their turns counting up.
fn items() -> impl Strategy<Value = Vec<Arc<Item>>> {
    let step = prop::sample::select(vec![0_u16, 0, 0, 1, 9]);
    prop::collection::vec((body(), step), 0..40).prop_map(|bodies| {
        let (mut parent, mut turn) = (0, 0);
        (0..)
            .zip(bodies)
            .map(|(ordinal, (body, step))| {
                if step == 9 {
                    (parent, turn) = (parent + 1, 0);
                } else {
                    turn += step;
                }
                Arc::new(Item {
                    id: ItemId::new(RawId::new(parent), ordinal),
                    turn,
                    status: ItemStatus::Completed,
                    body,
                })
            })
            .collect()
    })
}

fn tokens(items: &[Arc<Item>]) -> usize {
    items.iter().map(|item| item_tokens(item)).sum()
}

fn places(all: &[Arc<Item>], some: &[Arc<Item>]) -> Vec<usize> {
    let place = |item| all.iter().position(|known| Arc::ptr_eq(known, item));
    some.iter().filter_map(place).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_trimmed_transcript_keeps_its_promises(
        items in items(),
        own in 0_usize..40,
        budget in 0_usize..1_500,
    ) {
        let (history, own) = items.split_at(own.min(items.len()));
        let refs: Vec<_> = items.iter().collect();
        let whole: Vec<_> = counted(&refs, history.len()).into_iter().cloned().collect();
        let sent = fit(history, own, budget);

        let order = places(&items, &sent);
        prop_assert_eq!(order.len(), sent.len());
        prop_assert!(order.is_sorted_by(|one, next| one < next), "order stays");

        let refs: Vec<_> = sent.iter().collect();
        let halves = sent.iter().filter(|item| {
            matches!(item.body, ItemBody::FunctionCall(_) | ItemBody::FunctionCallOutput(_))
        });
        prop_assert_eq!(halves.count(), pairs(&refs).len() * 2, "no call without its output");

        if tokens(&whole) <= budget {
            prop_assert_eq!(&sent, &whole, "nothing goes without need");
        }
        let least = fit(history, own, 0);
        prop_assert!(tokens(&sent) <= budget || sent == least, "within the budget when it can be");

        let is_instruction = |item: &&Arc<Item>| speaks(item, &[Role::System, Role::Developer]);
        prop_assert_eq!(
            least.iter().filter(is_instruction).count(),
            whole.iter().filter(is_instruction).count(),
            "instructions stay"
        );
        let asked = whole.iter().rfind(|item| speaks(item, &[Role::User]));
        let asked_last = least.iter().rfind(|item| speaks(item, &[Role::User]));
        prop_assert_eq!(asked, asked_last, "the last question stays");
        prop_assert_eq!(whole.last(), least.last(), "the latest stays");
    }
}

#[test]
fn what_is_sent_besides_leaves_less_room() {
    let limits = SpecLimits {
        tools: 1,
        items: 1,
        metadata_bytes: 2,
        max_rounds: 8,
        on_max_depth: OnMaxDepth::Fail,
        tool_failure: ToolFailure::Fail,
    };
    let spec = |max_tokens, system_prompt: &str| {
        let draft = Draft {
            model: Some("m".into()),
            input: Some(Json::empty_object()),
            items: vec![InputItem::New(ItemBody::Message(Message::text(
                Role::User,
                "hi",
            )))],
            system_prompt: Some(system_prompt.into()),
            controls: Controls {
                max_tokens,
                ..Controls::default()
            },
            ..Draft::default()
        };
        ResponseSpec::check(draft, &limits).unwrap()
    };
    let tool = |description: &str| {
        Arc::new(ToolSpec {
            description: Some(description.into()),
            ..ToolSpec::plain("t", ToolHome::Caller, Json::empty_object())
        })
    };
    let text = "x".repeat(396);
    let cases = [
        // the tokens of the answer, the prompt, the tools, the context, the room
        (None, "", vec![], 100_000, 95_904),
        (Some(1_000), "", vec![], 100_000, 99_000),
        (Some(1_000_000), "", vec![], 100_000, 50_000),
        (None, "", vec![], 1_000, 500),
        (None, text.as_str(), vec![], 1_000, 400),
        (None, "", vec![tool(&text)], 1_000, 399),
        (None, text.as_str(), vec![tool(&text); 9], 1_000, 0),
        (None, "", vec![], 0, 0),
    ];
    for (answer, prompt, tools, context, room) in cases {
        let found = budget(&spec(answer, prompt), &tools, context);
        assert_eq!(found, room, "{answer:?} of {context}");
    }
}
