//! Rows back into what they stand for.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::OwnerId;
use response_domain::execution::Execution;
use response_domain::failure::Failure;
use response_domain::id::{ExecutionId, InvalidId, ItemId, ResponseId};
use response_domain::item::Item;
use response_domain::ports::store::StoreError;
use response_domain::response::{Progress, Response, Stored, Times};
use response_domain::status::{Status, StatusName};

use crate::entity::{execution, item, response};
use crate::error::corrupt;
use crate::plain;
use crate::record::execution::read_call;
use crate::record::item::read_body;
use crate::record::progress::read_progress;
use crate::record::spec::read_spec;
use crate::record::{RecordError, word};

/// The executions of responses, by the text of the response's id, each list in order.
pub(crate) type Executions = HashMap<String, Vec<Arc<Execution>>>;

/// The response of this row and these executions.
pub(crate) fn response(
    row: &response::Model,
    executions: Vec<Arc<Execution>>,
) -> Result<Arc<Response>, StoreError> {
    read_response(row, executions)
        .map(Arc::new)
        .map_err(|error| corrupt("responses", &row.id, error))
}

fn read_response(
    row: &response::Model,
    executions: Vec<Arc<Execution>>,
) -> Result<Response, RecordError> {
    let previous = row.previous_response_id.as_deref().map(id).transpose()?;
    let model: Arc<str> = plain::read(&row.model).into();
    let progress = read_progress(&row.progress)?;
    Ok(Response::restore(Stored {
        id: id(&row.id)?,
        owner: OwnerId::new(&plain::read(&row.owner)),
        spec: Arc::new(read_spec(&row.spec, model, previous)?),
        conversation: Some(id(&row.conversation_id)?),
        seen: number(row.conversation_seen)?,
        times: Times {
            created: row.created_at.into(),
            queued: row.queued_at.map(Into::into),
            started: row.started_at.map(Into::into),
            ended: row.ended_at.map(Into::into),
            updated: row.updated_at.into(),
        },
        status: status(row, progress.retry_after)?,
        progress: Progress {
            turns: progress.turns,
            executions,
            rounds: number(row.rounds)?,
            usage: progress.usage,
            output: progress.output,
        },
    }))
}

fn status(row: &response::Model, retry_after: Option<Duration>) -> Result<Status, RecordError> {
    Ok(match word::read(&row.status)? {
        StatusName::Queued => Status::Queued,
        StatusName::InProgress => Status::InProgress,
        StatusName::Completed => Status::Completed,
        StatusName::Incomplete => Status::Incomplete(word::read(
            row.incomplete_reason.as_deref().unwrap_or_default(),
        )?),
        StatusName::Failed => Status::Failed(Failure {
            code: word::read(row.error_code.as_deref().unwrap_or_default())?,
            message: plain::read(row.error_message.as_deref().unwrap_or_default()).into_owned(),
            retry_after,
        }),
        StatusName::Cancelled => Status::Cancelled,
    })
}

/// The item of this row.
pub(crate) fn item(row: &item::Model) -> Result<Arc<Item>, StoreError> {
    let read = || {
        let parent: ResponseId = id(&row.response_id)?;
        Ok::<_, RecordError>(Item {
            id: ItemId::new(parent.raw(), number(row.ordinal)?),
            turn: number(row.turn)?,
            status: word::read(&row.status)?,
            body: read_body(&row.body)?,
        })
    };
    read().map(Arc::new).map_err(|error| {
        corrupt(
            "conversation_items",
            place(&row.response_id, row.ordinal),
            error,
        )
    })
}

/// The executions of these rows, which must come in order.
pub(crate) fn executions(rows: &[execution::Model]) -> Result<Executions, StoreError> {
    let mut by_response = Executions::new();
    for row in rows {
        let call = read_execution(row).map_err(|error| {
            corrupt(
                "tool_executions",
                place(&row.response_id, row.ordinal),
                error,
            )
        })?;
        by_response
            .entry(row.response_id.clone())
            .or_default()
            .push(Arc::new(call));
    }
    Ok(by_response)
}

fn read_execution(row: &execution::Model) -> Result<Execution, RecordError> {
    let parent: ResponseId = id(&row.response_id)?;
    let call = read_call(&row.status, &row.body)?;
    let duration = row.duration_us.map(|micros| {
        u64::try_from(micros)
            .map(Duration::from_micros)
            .map_err(|_negative| RecordError::Number(micros))
    });
    Ok(Execution {
        id: ExecutionId::new(parent.raw(), number(row.ordinal)?),
        tool: plain::read(&row.tool).into(),
        server: row
            .server
            .as_deref()
            .map(|server| plain::read(server).into()),
        input: call.input,
        turn: number(row.turn)?,
        depth: number(row.depth)?,
        state: call.state,
        started_at: row.started_at.into(),
        duration: duration.transpose()?,
        site: call.site,
    })
}

fn place(response: &str, ordinal: i32) -> String {
    format!("{response} #{ordinal}")
}

pub(crate) fn id<I: FromStr<Err = InvalidId>>(text: &str) -> Result<I, RecordError> {
    text.parse().map_err(RecordError::Id)
}

pub(crate) fn number<N: TryFrom<i32>>(number: i32) -> Result<N, RecordError> {
    N::try_from(number).map_err(|_| RecordError::Number(number.into()))
}
