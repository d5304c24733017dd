//! Tells the other processes. The first news go at once, what follows waits a moment for company: a
//! notification keeps all other commits of the cluster waiting while it is committed itself.

use std::sync::Arc;

use response_domain::ports::bus::Nudge;
use sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use super::payload::News;
use super::{ANSWER, CHANNEL, PARTING, backoff};
use crate::backend::lanes::Lanes;

const NOTIFY: &str = "SELECT pg_notify($1, payload) FROM UNNEST($2::text[]) AS payload";

/// Tells what the outbox holds, on a connection of its own.
#[derive(Debug)]
pub(super) struct Notifier {
    lanes: Lanes,
    outbox: Arc<Outbox>,
    tag: Arc<str>,
}

impl Notifier {
    pub(super) fn new(server: &PgConnectOptions, outbox: Arc<Outbox>, tag: Arc<str>) -> Self {
        // News that are lost with the server were lost anyway, so nothing needs to reach the disk.
        let server = server.clone().options([("synchronous_commit", "off")]);
        let lanes = Lanes::new(server, 1, ANSWER, ANSWER);
        Self { lanes, outbox, tag }
    }

    pub(super) async fn run(self, closed: CancellationToken) {
        let mut last = Instant::now();
        let mut failures = 0;
        while closed
            .run_until_cancelled(self.something_is_due(last))
            .await
            .is_some()
        {
            let begun = Instant::now();
            let news = self.outbox.take();
            let Err(error) = self.tell(&news).await else {
                failures = 0;
                last = begun;
                continue;
            };
            failures += 1;
            if failures == 1 {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "other processes cannot be nudged; they find by themselves what there is to do"
                );
            }
            // What could not be told was forgotten.
            self.outbox.put(Nudge::Anything);
            last = Instant::now() + backoff(failures);
        }
        let rest = self.outbox.take();
        let _ = timeout(PARTING, self.tell(&rest)).await;
        self.lanes.close().await;
    }

    /// Waits until there is something to tell and the last time is long enough ago.
    async fn something_is_due(&self, last: Instant) {
        loop {
            let Some(pace) = self.outbox.pace() else {
                self.outbox.filled().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(last + pace) => return,
                // It may be more urgent than what waited.
                () = self.outbox.filled() => {}
            }
        }
    }

    async fn tell(&self, news: &News) -> Result<(), sqlx::Error> {
        let payloads = news.write(&self.tag);
        if payloads.is_empty() {
            return Ok(());
        }
        let query = sqlx::query_as(NOTIFY).bind(CHANNEL).bind(payloads);
        let told: Result<Vec<()>, _> = self.lanes.fetch(query).await;
        told.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use response_domain::id::{RawId, ResponseId};

    use super::*;

    /// A notifier of a server that is never asked.
    fn notifier() -> Notifier {
        let outbox = Arc::new(Outbox::default());
        Notifier::new(&PgConnectOptions::new_without_pgpass(), outbox, "7".into())
    }

    /// After how many milliseconds something is due that is put in after some others.
    async fn due_after(notifier: &Notifier, last: Instant, later: &[(u64, Nudge)]) -> u128 {
        let begun = Instant::now();
        let putting = async {
            for (millis, nudge) in later {
                sleep_until(begun + Duration::from_millis(*millis)).await;
                notifier.outbox.put(*nudge);
            }
        };
        tokio::join!(notifier.something_is_due(last), putting);
        notifier.outbox.take();
        begun.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_goes_at_once_and_the_next_waits_for_company() {
        let notifier = notifier();
        let logged = Nudge::Logged(ResponseId::new(RawId::new(1)));
        let long_ago = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(due_after(&notifier, long_ago, &[(0, logged)]).await, 0);
        let cases: [(&[(u64, Nudge)], u128); 5] = [
            (&[(0, logged)], 20),
            (&[(0, Nudge::Queued)], 10),
            // What is urgent is not held up by what is not.
            (&[(0, logged), (5, Nudge::Queued)], 10),
            (
                &[
                    (0, logged),
                    (15, Nudge::Ended(ResponseId::new(RawId::new(1)))),
                ],
                15,
            ),
            (&[(30, Nudge::Anything)], 30),
        ];
        for (nudges, expected) in cases {
            let now = Instant::now();
            assert_eq!(
                due_after(&notifier, now, nudges).await,
                expected,
                "{nudges:?}"
            );
        }
    }
}
