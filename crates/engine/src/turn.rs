//! One turn of the model: deltas in, events out as they come, and the whole answer at the end.

use futures::StreamExt;
use response_domain::event::Event;
use response_domain::failure::Failure;
use response_domain::ports::llm::{Delta, LlmError, ModelTurn};
use response_domain::run::assemble::Assembler;
use response_domain::run::{Input, Run, Stop};

use crate::drive::Driver;
use crate::error::DriveError;
use crate::journal::{Audience, Journal};

/// Asks the model and pumps its answer to whoever reads along.
pub(crate) async fn take(
    driver: &mut Driver,
    run: &mut Run,
    journal: &mut Journal,
    turn: ModelTurn,
) -> Result<Input, DriveError> {
    let mut assembler = run.assembler().sealing(driver.seal.clone());
    match pump(driver, run, journal, &turn, &mut assembler).await? {
        Pumped::Whole => {
            let mut events = Vec::new();
            let answer = assembler.finish(&mut events);
            // The answer is whole: a reader that leaves just now does not undo it.
            journal.tell(run, events).await?;
            Ok(Input::ModelAnswered(Ok(answer)))
        }
        Pumped::Halted(input) => {
            let mut events = Vec::new();
            run.keep(assembler.abandon(&mut events));
            journal.tell(run, events).await?;
            Ok(input)
        }
    }
}

/// How far a turn came.
enum Pumped {
    /// To its end.
    Whole,
    /// Until this came first.
    Halted(Input),
}

async fn pump(
    driver: &mut Driver,
    run: &Run,
    journal: &mut Journal,
    turn: &ModelTurn,
    assembler: &mut Assembler,
) -> Result<Pumped, DriveError> {
    let Driver {
        ports,
        context,
        watch,
        ..
    } = driver;
    let mut deltas = match watch
        .until(run, journal, ports.llm.stream(turn, context))
        .await?
    {
        Ok(Ok(deltas)) => deltas,
        Ok(Err(error)) => return Ok(Pumped::Halted(refused(&error, context.response))),
        Err(halt) => return Ok(Pumped::Halted(halt)),
    };
    loop {
        let group = match watch.until(run, journal, deltas.next()).await? {
            Ok(Some(Ok(group))) => group,
            Ok(Some(Err(error))) => return Ok(Pumped::Halted(refused(&error, context.response))),
            Ok(None) => return Ok(Pumped::Whole),
            Err(halt) => return Ok(Pumped::Halted(halt)),
        };
        let events = assemble(assembler, group);
        if journal.tell(run, events).await? == Audience::Gone {
            return Ok(Pumped::Halted(Input::Stopped(Stop::ByCaller)));
        }
    }
}

fn assemble(assembler: &mut Assembler, group: Vec<Delta>) -> Vec<Event> {
    let mut events = Vec::with_capacity(group.len());
    for delta in group {
        assembler.push(delta, &mut events);
    }
    events
}

fn refused(error: &LlmError, response: response_domain::id::ResponseId) -> Input {
    tracing::warn!(
        response.id = %response,
        error = error as &dyn std::error::Error,
        "the model did not answer"
    );
    Input::ModelAnswered(Err(Failure::from(error)))
}
