//! Everything that runs during a measurement: the upstreams, the database, the service on each
//! store, and the peers.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use response_devstack::model::{Model, ModelOptions};
use response_devstack::tools::{Tools, ToolsOptions};

use super::peers::{Peer, Surroundings};
use super::postgres::Postgres;
use super::started::{Started, free_address};
use super::subject::{Scope, Speech, Subject};
use super::upstream;
use crate::error::{ChoreError, Doing as _};
use crate::say;

/// What the two upstreams are called in the tables.
pub(super) const MODEL: &str = "upstream alone";
pub(super) const PEERS_UPSTREAM: &str = "upstream of the peers alone";
/// What the service is called on PostgreSQL.
pub(super) const OURS: &str = "ours, Postgres";

/// Who is measured, with all that they need. Dropping it ends everything, the services first.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) subjects: Vec<Subject>,
    pub(super) tools: Tools,
    started: Vec<Started>,
    model: Model,
    pub(super) postgres: Postgres,
}

/// Where the service keeps responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Nowhere,
    Sqlite,
    Postgres,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.started.clear();
    }
}

impl Stage {
    /// Starts everything but the peers.
    pub(super) async fn set(service: &Path, logs: &Path) -> Result<Self, ChoreError> {
        say::note("starting PostgreSQL, the upstreams and the service");
        let postgres = Postgres::start()?;
        let cannot = |source| ChoreError::StandIn { source };
        let model = ModelOptions {
            keep_requests: 0,
            ..ModelOptions::default()
        };
        let model = Model::start(&model).map_err(cannot)?;
        let tools = ToolsOptions {
            keep_requests: 0,
            ..ToolsOptions::default()
        };
        let tools = Tools::start(&tools).map_err(cannot)?;
        let direct = Subject {
            name: MODEL.to_owned(),
            address: address_of(model.url().as_str())?,
            speech: Speech::Chat,
            program: None,
            uses_postgres: false,
            scope: Scope::Everything,
        };
        let mut stage = Self {
            subjects: vec![direct],
            tools,
            started: Vec::new(),
            model,
            postgres,
        };
        for store in [Store::Nowhere, Store::Sqlite, Store::Postgres] {
            stage.add_service(service, store, logs).await?;
        }
        Ok(stage)
    }

    /// Starts the peers, and the upstream that they need.
    pub(super) async fn add_peers(&mut self, logs: &Path) -> Result<(), ChoreError> {
        let upstream = upstream::start()?;
        self.subjects.push(Subject {
            name: PEERS_UPSTREAM.to_owned(),
            address: upstream,
            speech: Speech::Responses { tools: None },
            program: None,
            uses_postgres: false,
            scope: Scope::Everything,
        });
        let mcp = format!("{}v1/mcp", self.tools.url());
        for (peer, scope) in Peer::PROCESSES {
            say::note(format_args!("starting {}", peer.package().0));
            let surroundings = Surroundings {
                upstream,
                mcp: &mcp,
                postgres: &self.postgres,
                logs,
            };
            let (started, subject) = peer.start(scope, &surroundings).await?;
            self.started.push(started);
            self.subjects.push(subject);
        }
        Ok(())
    }

    async fn add_service(
        &mut self,
        service: &Path,
        store: Store,
        logs: &Path,
    ) -> Result<(), ChoreError> {
        let address = free_address()?;
        let (name, log) = match store {
            Store::Nowhere => ("ours, store: false", "ours-not-stored"),
            Store::Sqlite => ("ours, SQLite", "ours-sqlite"),
            Store::Postgres => (OURS, "ours-postgres"),
        };
        let data = logs.join(format!("{log}-data"));
        if data.exists() {
            fs::remove_dir_all(&data).doing(|| format!("remove {}", data.display()))?;
        }
        let mut command = Command::new(service);
        let mut set = |key: &str, value: &str| {
            command.arg("--set").arg(format!("{key}={value}"));
        };
        set("http.host", &address.ip().to_string());
        set("http.port", &address.port().to_string());
        set("llm.url", self.url_of_model());
        set("mcp.url", self.tools.url().as_str());
        set("database.data_dir", &data.to_string_lossy());
        set("database.pool_size", "16");
        set("log.level", "warn");
        if store != Store::Sqlite {
            let database = self.postgres.database(&log.replace('-', "_"))?;
            set("database.write_dsn", &database);
        }
        let mut started = Started::start(log, &command, logs)?;
        let mut subject = Subject {
            name: name.to_owned(),
            address,
            speech: Speech::Native {
                store: store != Store::Nowhere,
            },
            program: None,
            uses_postgres: store != Store::Sqlite,
            scope: Scope::Everything,
        };
        started.answers(&mut subject).await?;
        self.started.push(started);
        // SQLite costs the same in any dialect, and there is no peer to it.
        let in_openai_words = subject.in_openai_words().filter(|_| store != Store::Sqlite);
        self.subjects.push(subject);
        self.subjects.extend(in_openai_words);
        Ok(())
    }

    fn url_of_model(&self) -> &str {
        self.model.url().as_str()
    }
}

fn address_of(url: &str) -> Result<SocketAddr, ChoreError> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let strange = |_| ChoreError::Refused(format!("{url} has no address"));
    address.parse().map_err(strange)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::load::load;
    use super::super::subject::Work;
    use super::*;

    /// Has an upstream do all the work of the benchmark that it can, and answers how much that is.
    fn done_by(address: SocketAddr, speech: Speech) -> usize {
        let upstream = Subject {
            name: "an upstream".to_owned(),
            address,
            speech,
            program: None,
            uses_postgres: false,
            scope: Scope::Everything,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let able = Work::ALL.into_iter().filter_map(|work| {
            let exchange = Arc::new(upstream.exchange(work)?);
            let connections = work.connections();
            let loaded = load(address, &exchange, connections, Duration::ZERO);
            let tally = runtime.block_on(loaded).expect("right answers");
            assert_eq!(tally.whole.len(), connections, "{work}");
            Some(work)
        });
        able.count()
    }

    #[test]
    fn both_upstreams_answer_as_the_benchmark_wants_it() {
        let model = Model::start(&ModelOptions::default()).expect("a model");
        let address = address_of(model.url().as_str()).expect("an address");
        assert_eq!(done_by(address, Speech::Chat), 5);
        let upstream = upstream::start().expect("an upstream");
        assert_eq!(done_by(upstream, Speech::Responses { tools: None }), 5);
    }
}
