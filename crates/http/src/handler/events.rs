//! `GET /v1/responses/{id}/events`: what is kept of the run, in order.

use actix_web::HttpRequest;
use response_domain::caller::Caller;
use response_domain::page::{More, Paged};

use super::{Answer, Mounted, about};
use crate::body::Incoming;
use crate::dialect::{NumberedStep, Traces};
use crate::{extract, list};

pub(crate) async fn events<D: Traces>(
    at: &Mounted<D>,
    caller: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::response_id(request)?;
    let response = at.face.engine.get(&caller.owner, id).await?;
    let trace = response.trace();
    let steps = (0..).zip(&trace).map(|(number, entry)| NumberedStep {
        response: id,
        number,
        at: entry.at.unix_seconds(),
        step: &entry.step,
    });
    // A trace is as long as the limits of a run allow, so it is shown whole.
    let page = Paged {
        entries: steps.collect(),
        more: More::Nothing,
    };
    let show = |step: &NumberedStep<'_>, out: &mut _| at.dialect.show_step(step, out);
    let body = list::json(&page, NumberedStep::id, show);
    Ok(about(id, body))
}
