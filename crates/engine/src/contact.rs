//! Whether the database answers, told once when that changes and not each time it is asked.

use std::sync::atomic::{AtomicBool, Ordering};

use response_domain::ports::store::StoreError;

/// How the last question went that this process asked by itself.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    is_lost: AtomicBool,
}

impl Contact {
    /// Takes what came of a question; answers it when it is good.
    pub(crate) fn take<T>(&self, what: &'static str, asked: Result<T, StoreError>) -> Option<T> {
        match asked {
            Ok(answer) => {
                if self.is_lost.swap(false, Ordering::Relaxed) {
                    tracing::info!("the database answers again");
                }
                Some(answer)
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                if self.is_lost.swap(true, Ordering::Relaxed) {
                    tracing::debug!(error, "{what}");
                } else {
                    tracing::warn!(error, "{what}; this is tried again and told once");
                }
                None
            }
        }
    }
}
