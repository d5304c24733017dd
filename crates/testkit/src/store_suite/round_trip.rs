//! What is written reads back the same.

use std::sync::Arc;
use std::time::Duration;

use response_domain::execution::Execution;
use response_domain::failure::{Failure, FailureCode};
use response_domain::id::{ExecutionId, ItemId};
use response_domain::item::{Item, ItemStatus};
use response_domain::response::Response;
use response_domain::spec::{Delivery, ResponseSpec, ToolChoice, ToolSelection};
use response_domain::status::{Change, IncompleteReason, StatusName};
use response_domain::time::Timestamp;

use super::Subject;
use super::full::{brought, every_body, every_spec, every_state, full_progress};
use super::sample::{
    accepted, ada, asked, at, call, changed, completed, found, put, spec, with_calls,
};

async fn reads_back(store: &dyn Subject, response: &Response) {
    put(store, response, Vec::new()).await;
    assert_eq!(*found(store, response.id).await, *response);
}

/// A response in each of the six states, made the way it comes about.
fn in_each_state() -> Vec<Response> {
    let background = ResponseSpec {
        delivery: Delivery::Background,
        ..spec()
    };
    let queued = asked(1, background.clone());
    let started = changed(asked(2, background.clone()), Change::Start);
    let requeued = changed(
        changed(asked(3, background), Change::Start),
        Change::Requeue,
    );
    let failure = Failure::new(FailureCode::ModelError, "the model failed");
    vec![
        queued,
        started,
        requeued,
        accepted(4),
        completed(5),
        changed(accepted(6), Change::Stop(IncompleteReason::ToolDepth)),
        changed(accepted(7), Change::Fail(failure)),
        changed(accepted(8), Change::Cancel),
    ]
}

pub async fn every_status_reads_back(store: &dyn Subject) {
    let all = in_each_state();
    for name in StatusName::ALL {
        assert!(
            all.iter().any(|response| response.status().name() == *name),
            "{name}"
        );
    }
    for response in &all {
        reads_back(store, response).await;
    }
}

pub async fn every_failure_and_every_limit_reads_back(store: &dyn Subject) {
    let failures = FailureCode::ALL.iter().map(|&code| {
        Change::Fail(Failure {
            code,
            message: format!("because of {code}"),
            retry_after: (code == FailureCode::UpstreamRateLimited)
                .then_some(Duration::from_millis(1_500)),
        })
    });
    let limits = IncompleteReason::ALL
        .iter()
        .map(|&reason| Change::Stop(reason));
    for (number, change) in (1..).zip(failures.chain(limits)) {
        reads_back(store, &changed(accepted(number), change)).await;
    }
}

pub async fn every_field_of_a_spec_reads_back(store: &dyn Subject) {
    reads_back(store, &accepted(1)).await;
    for (number, spec) in (2..).zip(every_spec()) {
        let mut response = asked(number, spec);
        response.seen = 7;
        reads_back(store, &response).await;
    }
}

pub async fn every_kind_of_tool_choice_reads_back(store: &dyn Subject) {
    let mut choices = vec![
        ToolChoice::Auto,
        ToolChoice::None,
        ToolChoice::Required,
        ToolChoice::Named("a".into()),
    ];
    choices.extend(brought::choices());
    let selections = [
        ToolSelection::All,
        ToolSelection::Nothing,
        ToolSelection::Only(Vec::new()),
        ToolSelection::Offered(Vec::new()),
    ];
    let mut number = 0;
    for allowed in [Vec::new(), brought::names()] {
        number += 1;
        let spec = ResponseSpec {
            allowed_tools: Some(allowed),
            max_tool_calls: Some(0),
            ..spec()
        };
        reads_back(store, &asked(number, spec)).await;
    }
    for tool_choice in &choices {
        for tools in &selections {
            number += 1;
            let spec = ResponseSpec {
                tool_choice: tool_choice.clone(),
                tools: tools.clone(),
                ..spec()
            };
            reads_back(store, &asked(number, spec)).await;
        }
    }
}

pub async fn every_kind_of_item_reads_back(store: &dyn Subject) {
    let response = completed(1);
    let mut items = Vec::new();
    for (ordinal, body) in (0..).zip(every_body()) {
        let status = if ordinal % 2 == 0 {
            ItemStatus::Completed
        } else {
            ItemStatus::Incomplete
        };
        items.push(Arc::new(Item {
            id: ItemId::new(response.id.raw(), ordinal),
            turn: u16::try_from(ordinal).unwrap_or(u16::MAX),
            status,
            body,
        }));
    }
    put(store, &response, items.clone()).await;
    assert_eq!(store.items(&ada(), response.id).await.ok(), Some(items));
}

pub async fn every_state_of_an_execution_reads_back(store: &dyn Subject) {
    let response = accepted(1);
    let mut calls = Vec::new();
    for state in every_state() {
        let ordinal = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let mut execution = (*call(&response, ordinal, state)).clone();
        if ordinal % 2 == 1 {
            execution.server = None;
            execution.input = "not { json".into();
        }
        calls.push(Arc::new(execution.clone()));
        for site in brought::sites() {
            let ordinal = u32::try_from(calls.len()).unwrap_or(u32::MAX);
            calls.push(Arc::new(Execution {
                id: ExecutionId::new(response.id.raw(), ordinal),
                site: Some(site),
                ..execution.clone()
            }));
        }
    }
    reads_back(store, &with_calls(response, &calls)).await;
}

pub async fn progress_reads_back(store: &dyn Subject) {
    let mut response = accepted(1);
    response.progress = full_progress();
    reads_back(store, &changed(response, Change::Complete)).await;
}

pub async fn times_keep_their_microseconds(store: &dyn Subject) {
    for (number, micros) in [(1, 0), (2, 1), (3, 999_999), (4, 100_000), (5, 123_456)] {
        let mut response = completed(number);
        response.times.created = at(micros);
        response.times.started = Some(Timestamp::from_micros(micros));
        response.times.ended = Some(at(micros + 1));
        response.times.updated = at(-micros);
        reads_back(store, &response).await;
    }
}
