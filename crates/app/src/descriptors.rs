//! Descriptors: each client, each call and each webhook under way is one, and what a process may have of
//! them at first is often too few.

use std::error::Error;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the system lets this process have.
pub(crate) fn take_all() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(
            error = &error as &dyn Error,
            "this process cannot have more descriptors than it began with"
        );
    }
}

/// Says in the log when `webhooks` under way at once are more than there can be.
pub(crate) fn check(webhooks: u64) {
    if let Some(most) = getrlimit(Resource::Nofile).current
        && most <= webhooks
    {
        tracing::warn!(
            "this process may have {most} descriptors (`ulimit -Hn`) and send {webhooks} webhooks at once \
             (WEBHOOK_PARALLELISM), each of which takes one: allow it more, or let it send fewer"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_all_descriptors_that_it_may_have() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let fewer = Rlimit {
            current: maximum.map_or(Some(4096), |most| Some(most - 1)),
            maximum,
        };
        setrlimit(Resource::Nofile, fewer).unwrap();
        take_all();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    }
}
