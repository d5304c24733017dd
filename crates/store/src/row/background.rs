//! What is written beside a response in the background: its job, what it told, and from where a later
//! process goes on with it.

use response_domain::id::ResponseId;
use response_domain::lease::Lease;
use response_domain::spec::Delivery;
use response_domain::work::{Append, Guard, Job, UnitOfWork};

use super::{NoticeRow, Unwritable};
use crate::plain;
use crate::record::checkpoint::write_checkpoint;
use crate::record::event::write_events;

/// What a unit of work wants written beside a response of the queue.
#[derive(Debug)]
pub(crate) struct Background {
    /// The job, if it is new.
    pub(crate) job: Option<JobRow>,
    /// Who must hold the job, if somebody must.
    pub(crate) holder: Option<Holder>,
    /// Whether the response has ended, so that job and credential go.
    pub(crate) ended: bool,
    pub(crate) checkpoint: Option<String>,
    pub(crate) log: Option<LogRow>,
    /// How many events of the log belong to steps that are over.
    pub(crate) settled: i64,
    /// What is told of it, when it has ended. One that was never in the queue has no end that is told: its
    /// caller is there.
    pub(crate) notice: Option<NoticeRow>,
}

/// A job, but for what its response has as well.
#[derive(Debug)]
pub(crate) struct JobRow {
    pub(crate) request_id: String,
    /// The key that opens the credential, if there is one.
    pub(crate) key_id: Option<String>,
    pub(crate) sealed: Option<Vec<u8>>,
}

/// A lease, as the job has it.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) worker: String,
    pub(crate) token: i64,
}

/// An addition to the log, but for the id of its response and its time.
#[derive(Debug)]
pub(crate) struct LogRow {
    pub(crate) number: i64,
    pub(crate) length: i32,
    pub(crate) body: String,
}

impl Background {
    /// `None` for a response that is not in the queue.
    pub(crate) fn of(work: &UnitOfWork) -> Result<Option<Self>, Unwritable> {
        let response = &*work.response;
        let background = response.spec.delivery == Delivery::Background;
        let ended = response.status().is_ended();
        let (job, holder) = match &work.guard {
            // Its executions come later: nothing has been called.
            Guard::Queued(_) if !background || ended || !work.executions.is_empty() => {
                return Err(Unwritable::NotWaiting);
            }
            Guard::Queued(job) => (Some(JobRow::of(job)), None),
            Guard::Leased(lease) => (None, Some(Holder::of(lease)?)),
            Guard::Open if background => (None, None),
            Guard::New(_) | Guard::Held(_) | Guard::Open => {
                let nothing = work.checkpoint.is_none() && work.log.events.is_empty();
                return if nothing {
                    Ok(None)
                } else {
                    Err(Unwritable::NotQueued)
                };
            }
        };
        let executions = &response.progress.executions;
        let checkpoint = work.checkpoint.as_ref().filter(|_| !ended);
        Ok(Some(Self {
            job,
            holder,
            ended,
            checkpoint: checkpoint.map(|checkpoint| write_checkpoint(checkpoint, executions)),
            log: LogRow::of(response.id, &work.log)?,
            settled: large(work.log.settled)?,
            notice: NoticeRow::of(response),
        }))
    }
}

impl JobRow {
    fn of(job: &Job) -> Self {
        let credential = job.credential.as_ref();
        Self {
            request_id: plain::write(&job.request_id).into_owned(),
            key_id: credential.map(|sealed| plain::write(&sealed.key).into_owned()),
            sealed: credential.map(|sealed| sealed.bytes.to_vec()),
        }
    }
}

impl Holder {
    pub(crate) fn of(lease: &Lease) -> Result<Self, Unwritable> {
        Ok(Self {
            worker: lease.worker.to_string(),
            token: large(lease.token)?,
        })
    }
}

impl LogRow {
    /// `None` when there is nothing to add.
    pub(crate) fn of(response: ResponseId, log: &Append) -> Result<Option<Self>, Unwritable> {
        if log.events.is_empty() {
            return Ok(None);
        }
        let body = write_events(response, &log.events).map_err(|_strange| Unwritable::Stranger)?;
        Ok(Some(Self {
            number: large(log.from)?,
            length: super::narrow(log.events.len()),
            body,
        }))
    }
}

fn large(number: u64) -> Result<i64, Unwritable> {
    i64::try_from(number).map_err(|_too_large| Unwritable::Number(number))
}
