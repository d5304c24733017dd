//! The most that a program held at a time: memory, files and connections.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::super::figures::ratio;
use super::super::process::Program;

const PAUSE: Duration = Duration::from_secs(1);

/// A program that is looked at every second.
#[derive(Debug)]
pub(super) struct Observed {
    looking: JoinSet<()>,
    most: tokio::sync::watch::Receiver<(u64, u64)>,
}

impl Observed {
    /// Looks at it until this is dropped.
    pub(super) fn from_now(program: Program) -> Self {
        let (tell, most) = tokio::sync::watch::channel((0, 0));
        let mut looking = JoinSet::new();
        looking.spawn(async move {
            while let (Ok(memory), Ok(files)) = (program.memory(), program.files()) {
                tell.send_modify(|(most, open)| {
                    *most = memory.max(*most);
                    *open = files.max(*open);
                });
                sleep(PAUSE).await;
            }
        });
        Self { looking, most }
    }

    /// Megabytes, and open files.
    pub(super) fn figures(mut self) -> Vec<Option<f64>> {
        self.looking.abort_all();
        let (memory, files) = *self.most.borrow_and_update();
        vec![Some(ratio(memory, 1_000_000)), Some(ratio(files, 1))]
    }
}
