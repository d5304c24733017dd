//! Hears the other processes. A connection that went silent looks like one on which nothing is said, so it
//! is asked now and then, on the same session, whether it still listens.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use response_domain::ports::bus::Nudge;
use response_domain::ports::store::Cause;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::local::Local;
use super::payload::{Matter, News};
use super::{ANSWER, CHANNEL, PARTING, backoff};
use crate::queue::LowWater;

/// How often the connection is asked whether it listens.
const ASKED_EVERY: Duration = Duration::from_secs(10);

/// How often it is told at most that nothing is heard.
const TOLD_EVERY: Duration = Duration::from_mins(10);

const LISTENS: &str = "SELECT $1 IN (SELECT pg_listening_channels())";

/// Passes on what the other processes tell.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) server: PgConnectOptions,
    pub(super) local: Arc<Local>,
    pub(super) low_water: Arc<LowWater>,
    pub(super) tag: Arc<str>,
}

/// Why a connection does not carry nudges.
#[derive(Debug, thiserror::Error)]
enum Deaf {
    #[error("the connection was lost")]
    Lost,
    #[error(
        "the server forgot that this connection listens, as one behind a transaction pooler does"
    )]
    Forgot,
    #[error("the server does not answer")]
    Silent,
}

impl Listener {
    pub(super) async fn run(self, closed: CancellationToken) {
        let mut state = State::default();
        loop {
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(ANSWER)
                .connect_lazy_with(self.server.clone());
            let deaf = closed.run_until_cancelled(self.hear(&pool, &mut state));
            let deaf = deaf.await;
            let _ = timeout(PARTING, pool.close()).await;
            let Some(cause) = deaf else {
                return;
            };
            let wait = sleep(backoff(state.note_failure(&*cause)));
            if closed.run_until_cancelled(wait).await.is_none() {
                return;
            }
        }
    }

    /// Hears on one connection until it is deaf; answers why.
    async fn hear(&self, pool: &PgPool, state: &mut State) -> Cause {
        let mut connection = match listening(pool).await {
            Ok(connection) => connection,
            Err(cause) => return cause,
        };
        // What was said before nobody heard.
        self.low_water.look_everywhere();
        self.local.tell(Nudge::Anything);
        let mut ask = interval_at(Instant::now() + ASKED_EVERY, ASKED_EVERY);
        loop {
            let heard = tokio::select! {
                heard = connection.try_recv() => heard,
                _ = ask.tick() => {
                    if let Err(cause) = still_listens(&mut connection).await {
                        return cause;
                    }
                    state.note_success();
                    continue;
                }
            };
            match heard {
                Ok(Some(told)) => self.take(told.payload()),
                Ok(None) => return Deaf::Lost.into(),
                Err(error) => return error.into(),
            }
        }
    }

    fn take(&self, payload: &str) {
        let Some(news) = News::read(payload, &self.tag) else {
            return;
        };
        if news.matters.contains(&Matter::QueuedAgain) || news.anything {
            self.low_water.look_everywhere();
        }
        for nudge in news.nudges() {
            self.local.tell(nudge);
        }
    }
}

async fn listening(pool: &PgPool) -> Result<PgListener, Cause> {
    let mut connection = PgListener::connect_with(pool).await?;
    connection.eager_reconnect(false);
    let listen = timeout(ANSWER, connection.listen(CHANNEL));
    listen.await.map_err(|_elapsed| Deaf::Silent)??;
    still_listens(&mut connection).await?;
    Ok(connection)
}

async fn still_listens(connection: &mut PgListener) -> Result<(), Cause> {
    let asked = sqlx::query_scalar(LISTENS)
        .bind(CHANNEL)
        .fetch_one(connection);
    let listens: bool = timeout(ANSWER, asked)
        .await
        .map_err(|_elapsed| Deaf::Silent)??;
    if listens {
        Ok(())
    } else {
        Err(Deaf::Forgot.into())
    }
}

/// How listening went lately.
#[derive(Debug, Default)]
struct State {
    /// Failures in a row. Only a connection that was asked and still listened breaks the row: behind a
    /// transaction pooler one seems to listen at first.
    failures: u32,
    /// When a failure was told last, and whether it is still true.
    told: Option<Instant>,
    is_told: bool,
}

impl State {
    /// Answers how many failures there were in a row.
    fn note_failure(&mut self, cause: &(dyn Error + Send + Sync + 'static)) -> u32 {
        self.failures = self.failures.saturating_add(1);
        let is_news = self.told.is_none_or(|at| at.elapsed() > TOLD_EVERY);
        if is_news {
            self.told = Some(Instant::now());
            self.is_told = true;
            tracing::warn!(
                error = cause as &dyn Error,
                "nudges from other processes do not arrive; what there is to do is found by looking"
            );
        } else {
            tracing::debug!(
                error = cause as &dyn Error,
                "nudges from other processes do not arrive"
            );
        }
        self.failures
    }

    fn note_success(&mut self) {
        self.failures = 0;
        if std::mem::take(&mut self.is_told) {
            tracing::info!("nudges from other processes arrive again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_once_in_a_while() {
        let mut state = State::default();
        let told = |state: &State| (state.failures, state.is_told);
        assert_eq!(state.note_failure(&Deaf::Lost), 1);
        assert_eq!(state.note_failure(&Deaf::Lost), 2);
        assert_eq!(told(&state), (2, true));
        state.note_success();
        assert_eq!(told(&state), (0, false));
        assert_eq!(state.note_failure(&Deaf::Forgot), 1);
        assert_eq!(told(&state), (1, false));
        tokio::time::advance(TOLD_EVERY + Duration::from_secs(1)).await;
        assert_eq!(state.note_failure(&Deaf::Forgot), 2);
        assert_eq!(told(&state), (2, true));
    }
}
