//! The audit log: a line for every request that is to change something, and for every credential that is
//! refused. Neither bodies nor credentials are in it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use response_domain::caller::{Caller, Means, OwnerId};
use tokio::time::Instant;

use crate::metrics as numbers;

/// Lines about refused credentials in one [`WINDOW`]; of others only their number is told.
const MOST: u32 = 5;
const WINDOW: Duration = Duration::from_secs(1);

/// Where such lines are written, for all threads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Audit(Arc<Log>);

struct Log {
    is_kept: bool,
    refusals: Mutex<Refusals>,
}

/// How many lines about refused credentials there were.
struct Refusals {
    since: Instant,
    written: u32,
    left_out: u64,
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Its id.
    pub(crate) request: Arc<str>,
    /// Who holds the other end of its connection.
    pub(crate) client: Option<IpAddr>,
}

/// Whether anything is said in the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is.
    Aloud,
    /// Too much of the same was said already.
    Nothing,
}

impl Audit {
    /// Keeps lines about deeds and refusals if it `is_kept`; holds back floods of refusals in any case.
    pub(crate) fn new(is_kept: bool) -> Self {
        Self(Arc::new(Log {
            is_kept,
            refusals: Mutex::new(Refusals {
                since: Instant::now(),
                written: 0,
                left_out: 0,
            }),
        }))
    }

    /// Notes that a credential was refused, and why. Whoever sends many of them does not fill the logs.
    pub(crate) fn refused(&self, reason: &'static str, origin: &Origin) -> Said {
        numbers::count_refused_credential(reason);
        if !self.0.refusals().is_one_more_let_through(Instant::now()) {
            return Said::Nothing;
        }
        if self.0.is_kept {
            tracing::info!(
                target: "audit",
                {
                    audit.action = "authenticate",
                    audit.outcome = "refused",
                    audit.reason = reason,
                    http.status = StatusCode::UNAUTHORIZED.as_u16(),
                    request.id = &*origin.request,
                    client.address = origin.client.map(tracing::field::display),
                },
                "a credential was refused"
            );
        }
        Said::Aloud
    }

    /// Tells how many refusals were left out lately, if any were. There is no clock that would tell of it:
    /// whoever is answered asks.
    pub(crate) fn settle(&self) {
        let mut refusals = self.0.refusals();
        if refusals.left_out > 0 {
            refusals.turn(Instant::now());
        }
    }

    /// Begins the line of a request that is to change something; none when nobody keeps it.
    pub(crate) fn begin(
        &self,
        action: &'static str,
        caller: &Caller,
        origin: &Origin,
    ) -> Option<Deed> {
        self.0.is_kept.then(|| Deed {
            action,
            owner: caller.owner.clone(),
            means: caller.means,
            origin: origin.clone(),
            object: None,
            status: None,
        })
    }
}

impl Log {
    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.refusals().tell();
    }
}

impl Refusals {
    fn is_one_more_let_through(&mut self, now: Instant) -> bool {
        self.turn(now);
        if self.written < MOST {
            self.written += 1;
            return true;
        }
        self.left_out = self.left_out.saturating_add(1);
        false
    }

    /// Begins another window when the last one is over.
    fn turn(&mut self, now: Instant) {
        if now.duration_since(self.since) >= WINDOW {
            self.tell();
            *self = Self {
                since: now,
                written: 0,
                left_out: 0,
            };
        }
    }

    fn tell(&self) {
        if self.left_out > 0 {
            tracing::info!(
                target: "audit",
                {
                    audit.action = "authenticate",
                    audit.outcome = "refused",
                    audit.left_out = self.left_out,
                },
                "more credentials were refused than are told one by one"
            );
        }
    }
}

/// The line of a request that is to change something; written when it is answered, or when it is given up
/// before.
#[derive(Debug)]
pub(crate) struct Deed {
    action: &'static str,
    owner: OwnerId,
    means: Means,
    origin: Origin,
    object: Option<String>,
    status: Option<StatusCode>,
}

impl Deed {
    /// Notes what it is about, unless that is known already.
    pub(crate) fn about(&mut self, object: Option<String>) {
        self.object = self.object.take().or(object);
    }

    /// Writes how it was answered.
    pub(crate) fn answered(mut self, status: StatusCode) {
        self.status = Some(status);
    }

    fn outcome(&self) -> &'static str {
        match self.status {
            None => "left",
            Some(status) if status.is_client_error() => "refused",
            Some(status) if status.is_server_error() => "failed",
            Some(_) => "ok",
        }
    }
}

impl Drop for Deed {
    fn drop(&mut self) {
        let key = match self.means {
            Means::ApiKey(id) => Some(id),
            Means::Guest | Means::Token | Means::ForeignKey | Means::Gateway => None,
        };
        tracing::info!(
            target: "audit",
            {
                audit.action = self.action,
                audit.outcome = self.outcome(),
                caller.owner = self.owner.as_str(),
                caller.means = self.means.as_str(),
                key.id = key.map(tracing::field::display),
                object.id = self.object.as_deref(),
                http.status = self.status.map_or(499, |status| status.as_u16()),
                request.id = &*self.origin.request,
                client.address = self.origin.client.map(tracing::field::display),
            },
            "a change was asked for"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        /// How many lines hold a text.
        fn count(&self, text: &str) -> usize {
            let written = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            written.lines().filter(|line| line.contains(text)).count()
        }
    }

    fn origin() -> Origin {
        Origin {
            request: "req-1".into(),
            client: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_flood_of_refusals_some_are_told_and_the_others_counted() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let _log = tracing::subscriber::set_default(subscriber);
        let recorder = PrometheusBuilder::new().build_recorder();
        let numbers = recorder.handle();
        let _recorder = metrics::set_default_local_recorder(&recorder);
        let audit = Audit::new(true);
        let flood = |audit: &Audit| {
            let refused = (0..1_000).map(|_| audit.refused("signature", &origin()));
            refused.filter(|said| *said == Said::Aloud).count()
        };
        assert_eq!(flood(&audit), 5);
        tokio::time::advance(Duration::from_millis(999)).await;
        audit.settle();
        assert_eq!(flood(&audit), 0);
        assert_eq!((written.count("req-1"), written.count("left_out")), (5, 0));
        tokio::time::advance(Duration::from_millis(1)).await;
        audit.settle();
        audit.settle();
        assert_eq!(written.count("audit.left_out=1995"), 1, "and once only");
        assert_eq!(flood(&audit), 5);
        drop(audit);
        assert_eq!(written.count("audit.left_out=995"), 1, "the last ones too");
        assert_eq!(written.count("req-1"), 10);
        let row = "jan_response_api_refused_credentials_total{reason=\"signature\"} 3000";
        assert!(numbers.render().contains(row), "{}", numbers.render());
    }
}
