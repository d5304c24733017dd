//! What holds after every fault, whatever it was.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::fleet::{Fleet, LONG, MARKER, ask, ended, look, until};
use crate::process::Process;

/// So many responses are read over HTTP from every number of their log on; of the others the log is counted
/// where it is kept.
const REPLAYED: usize = 12;

/// From so many numbers of one log it is read again.
const STARTS: usize = 12;

/// Tools that must not be called twice for one call of the model.
const ONCE: [&str; 1] = ["wait"];

/// What is looked at after a test.
pub(crate) struct After<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) api: &'a mut Process,
    /// The other processes that are to be alive.
    pub(crate) workers: Vec<&'a mut Process>,
    /// Every response that was accepted and not deleted.
    pub(crate) responses: &'a [String],
    /// Those that were deleted.
    pub(crate) deleted: &'a [String],
}

impl After<'_> {
    /// Checks all of them; the responses have this long to end.
    pub(crate) async fn all_is_well(mut self, within: Duration) {
        self.each_ends(within).await;
        self.none_changes_afterwards().await;
        self.logs_are_whole().await;
        self.tools_were_called_right().await;
        self.ends_are_told(within).await;
        self.nothing_is_left().await;
        self.one_held_at_a_time().await;
        self.deleted_are_gone().await;
        self.processes_are_well().await;
        self.secrets_are_kept().await;
    }

    /// I1.
    async fn each_ends(&self, within: Duration) {
        let open = "SELECT id FROM responses WHERE ended_at IS NULL";
        until("I1: every response ends", within, async || {
            self.fleet.rows::<(String,)>(open).await.is_empty()
        })
        .await;
        let kept: HashSet<String> = self.kept().await.into_iter().collect();
        for id in self.responses {
            assert!(kept.contains(id), "I1: {id} is gone");
        }
    }

    async fn kept(&self) -> Vec<String> {
        let kept = "SELECT id FROM responses WHERE deleted_at IS NULL";
        let rows = self.fleet.rows::<(String,)>(kept).await;
        rows.into_iter().map(|(id,)| id).collect()
    }

    /// I1 and I2.
    async fn none_changes_afterwards(&self) {
        let seen: Vec<(String, String, bool)> = self
            .fleet
            .rows("SELECT response_id, status, has_ended FROM witness.status ORDER BY n")
            .await;
        let mut ends: HashMap<&str, &str> = HashMap::new();
        for (id, status, has_ended) in &seen {
            let before = has_ended.then(|| ends.insert(id, status));
            let before = before.unwrap_or_else(|| ends.get(&**id).copied());
            assert_eq!(before, None, "I2: {id} was ended and became {status}");
        }
        for id in self.responses.iter().take(REPLAYED) {
            let told = look(self.api, id).await;
            let ended = ends[&**id];
            let is_told = match ended {
                // What a model was cut off at is an answer all the same.
                "incomplete" => told["status"] == "completed",
                status => told["status"] == status,
            };
            assert!(is_told, "I1: {id} is {ended}, and told as {told:#}");
        }
    }

    /// I3.
    async fn logs_are_whole(&self) {
        let holes: Vec<(String, i64, i64)> = self
            .fleet
            .rows(
                "SELECT response_id, number, before FROM (
                    SELECT response_id, number, COALESCE(LAG(number + length) OVER (
                        PARTITION BY response_id ORDER BY number), 0) AS before
                    FROM response_events) AS rows
                WHERE number <> before",
            )
            .await;
        assert_eq!(holes, [], "I3: a log has holes or doubles");
        for id in self.responses.iter().take(REPLAYED) {
            self.is_replayed_from_everywhere(id).await;
        }
    }

    async fn is_replayed_from_everywhere(&self, id: &str) {
        let all = self.api.follow(id, None).await.all().await;
        let is_end = |(name, _): &&(String, Value)| {
            [
                "response.completed",
                "response.failed",
                "response.cancelled",
            ]
            .contains(&&**name)
        };
        let ends = all.iter().filter(is_end).count();
        assert!(
            ends == 1 && all.last().as_ref().is_some_and(is_end),
            "I3: {id} ends {ends} times: {all:#?}"
        );
        for (number, (_, event)) in all.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "I3: {id}");
        }
        let last = all.last().unwrap();
        assert_eq!(last.1["response"], look(self.api, id).await, "I3: {id}");
        let step = all.len().div_ceil(STARTS);
        for from in (0..all.len() - 1).step_by(step).chain([all.len() - 2]) {
            let after = u64::try_from(from).unwrap();
            let tail = self.api.follow(id, Some(after)).await.all().await;
            assert_eq!(tail, all[from + 1..], "I3: {id} after {from}");
        }
        texts_are_consistent(id, &all);
    }

    /// I4.
    async fn tools_were_called_right(&self) {
        let known: Vec<(String, i32, String)> = self
            .fleet
            .rows("SELECT response_id, ordinal, tool FROM tool_executions")
            .await;
        let known = known.len();
        let mut executions = HashMap::new();
        for id in self.kept().await {
            if known == 0 {
                break;
            }
            for execution in look(self.api, &id).await["tool_executions"]
                .as_array()
                .unwrap()
            {
                let key = execution["id"].as_str().unwrap().to_owned();
                executions.insert(key, execution.clone());
            }
        }
        let mut calls: HashMap<String, Vec<Value>> = HashMap::new();
        for seen in self.fleet.world.tools.ledger().seen() {
            let body = seen.json();
            if body["method"] != "tools/call" {
                continue;
            }
            let params = &body["params"];
            let key = params["_meta"]["idempotencyKey"].as_str().unwrap();
            assert_eq!(seen.header("idempotency-key"), Some(key), "I4");
            calls
                .entry(key.to_owned())
                .or_default()
                .push(json_of(params));
        }
        for (key, calls) in &calls {
            let tool = calls[0]["name"].as_str().unwrap();
            assert!(
                calls.len() == 1 || !ONCE.contains(&tool),
                "I4: {tool} was called {} times for {key}",
                calls.len()
            );
            assert!(calls.iter().all(|call| *call == calls[0]), "I4: {calls:#?}");
            if self.deleted.is_empty() {
                let told = executions.get(key);
                let told = told.unwrap_or_else(|| panic!("I4: {key} is in no response"));
                assert_eq!(told["tool"], tool, "I4");
            }
        }
    }

    /// I5, as far as the database knows; what arrived the receivers know.
    async fn ends_are_told(&self, within: Duration) {
        let pending = "SELECT response_id FROM webhook_deliveries WHERE state = 'pending'";
        until(
            "I5: every delivery arrives or is given up",
            within,
            async || self.fleet.rows::<(String,)>(pending).await.is_empty(),
        )
        .await;
        let untold: Vec<(String,)> = self
            .fleet
            .rows(
                "SELECT id FROM (
                    SELECT r.id, r.background AND r.spec LIKE '%webhook_url%' AS asks,
                        r.spec LIKE '%webhook%' AS may, d.response_id IS NOT NULL AS is_told
                    FROM responses r LEFT JOIN webhook_deliveries d
                        ON d.response_id = r.id AND d.endpoint_id = ''
                    WHERE r.deleted_at IS NULL) AS ends
                WHERE asks AND NOT is_told OR is_told AND NOT may",
            )
            .await;
        assert_eq!(untold, [], "I5: not told, or told without being asked");
        let stray: Vec<(String,)> = self
            .fleet
            .rows(
                "SELECT d.response_id FROM webhook_deliveries d
                LEFT JOIN responses r ON r.id = d.response_id AND r.ended_at IS NOT NULL
                    AND r.deleted_at IS NULL
                WHERE r.id IS NULL",
            )
            .await;
        assert_eq!(
            stray,
            [],
            "I5: deliveries of what has not ended, or is gone"
        );
        let given_up: Vec<(String, String)> = self
            .fleet
            .rows(
                "SELECT response_id, why FROM webhook_deliveries WHERE state = 'given_up'
                ORDER BY response_id, why",
            )
            .await;
        let given_up: Vec<_> = given_up
            .iter()
            .map(|(id, why)| (id.clone(), &**why))
            .collect();
        assert_eq!(given_up, self.fleet.given_up(), "I5: given up");
        let miscounted: Vec<(String,)> = self
            .fleet
            .rows(
                "SELECT d.response_id FROM webhook_deliveries d
                LEFT JOIN webhook_attempts a USING (response_id, endpoint_id)
                GROUP BY d.response_id, d.endpoint_id, d.state, d.attempts
                HAVING count(a.number) <> d.attempts OR COALESCE(max(a.number), 0) <> d.attempts
                    OR (d.state = 'delivered') > COALESCE(bool_or(a.status BETWEEN 200 AND 299), false)",
            )
            .await;
        assert_eq!(miscounted, [], "I5: attempts do not fit their delivery");
    }

    /// I6.
    async fn nothing_is_left(&self) {
        for table in ["response_jobs", "response_secrets"] {
            let rows: i64 = self
                .fleet
                .value(&format!("SELECT count(*) FROM {table}"))
                .await;
            assert_eq!(rows, 0, "I6: {table}");
        }
    }

    /// I7.
    async fn one_held_at_a_time(&self) {
        let seen: Vec<(String, Option<String>, i64)> = self
            .fleet
            .rows("SELECT response_id, worker_id, lease FROM witness.lease ORDER BY n")
            .await;
        let mut held: HashMap<&str, (Option<&str>, i64)> = HashMap::new();
        for (id, worker, lease) in &seen {
            let worker = worker.as_deref();
            if let Some((before, token)) = held.insert(id, (worker, *lease)) {
                assert!(
                    (worker == before && *lease == token) || *lease > token,
                    "I7: {id} went from {before:?} to {worker:?} with {token} and {lease}"
                );
            }
        }
    }

    async fn deleted_are_gone(&self) {
        for id in self.deleted.iter().take(REPLAYED) {
            for path in ["", "?stream=true", "/input_items", "/events"] {
                let found = self.api.get(&format!("v1/responses/{id}{path}")).await;
                assert_eq!(found.status, 404, "{id}{path}: {:#}", found.body);
            }
        }
        let bare: i64 = self
            .fleet
            .value(
                "SELECT count(*) FROM responses
                WHERE deleted_at IS NOT NULL AND spec = '' AND progress = '' AND checkpoint IS NULL",
            )
            .await;
        assert_eq!(usize::try_from(bare).unwrap(), self.deleted.len());
        let tables = [
            ("response_jobs", "response_id"),
            ("response_events", "response_id"),
            ("response_secrets", "response_id"),
            ("conversation_items", "response_id"),
            ("tool_executions", "response_id"),
            ("webhook_deliveries", "response_id"),
            ("webhook_attempts", "response_id"),
        ];
        let deleted: HashSet<&String> = self.deleted.iter().collect();
        for (table, column) in tables {
            let rows: Vec<(String,)> = self
                .fleet
                .rows(&format!("SELECT DISTINCT {column} FROM {table}"))
                .await;
            let left: Vec<_> = rows.iter().filter(|(id,)| deleted.contains(id)).collect();
            assert!(left.is_empty(), "{table} still has {left:?}");
        }
    }

    /// I8.
    async fn processes_are_well(&mut self) {
        let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
        assert_eq!(
            self.fleet.value::<i64>(idle).await,
            0,
            "I8: open transactions"
        );
        for process in [&mut *self.api]
            .into_iter()
            .chain(self.workers.iter_mut().map(|worker| &mut **worker))
        {
            assert!(process.is_alive(), "I8: a process has ended");
            for path in ["healthz", "readyz"] {
                let answer = process.get(path).await;
                assert_eq!(answer.status, 200, "I8: {path}: {:#}", answer.body);
            }
        }
        let id = ask(self.api, "say well").await;
        let told = ended(self.api, &id, LONG).await;
        assert_eq!(told["output"], "well", "I8: {told:#}");
    }

    /// I9.
    async fn secrets_are_kept(&self) {
        let asked = self.fleet.world.model.ledger().seen();
        let bearer = format!("Bearer {MARKER}");
        assert!(
            asked
                .iter()
                .all(|seen| seen.header("authorization") == Some(&bearer)),
            "I9: a question to the model without the caller's credential"
        );
        let secrets = self.fleet.secrets();
        for line in self.fleet.logs() {
            let leaked = secrets.iter().any(|secret| line.contains(secret));
            assert!(!leaked, "I9: {line}");
            assert!(!line.contains("panicked"), "I8: {line}");
        }
        let tables: Vec<(String,)> = self
            .fleet
            .rows(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
            )
            .await;
        for (table,) in tables {
            let held = secrets.iter().map(|secret| {
                format!("t::text LIKE '%{secret}%' OR t::text LIKE '%' || encode('{secret}', 'hex') || '%'")
            });
            let held = held.collect::<Vec<_>>().join(" OR ");
            let rows: i64 = self
                .fleet
                .value(&format!("SELECT count(*) FROM {table} t WHERE {held}"))
                .await;
            assert_eq!(rows, 0, "I9: {table} holds a secret");
        }
    }
}

/// The parameters of a call without what belongs to one request only.
fn json_of(params: &Value) -> Value {
    let mut params = params.clone();
    params["_meta"]["progressToken"].take();
    params
}

/// Whoever puts the deltas together has what is told as a whole, turn by turn.
fn texts_are_consistent(id: &str, all: &[(String, Value)]) {
    let mut text = String::new();
    for (name, event) in all {
        match &**name {
            "response.output_text.delta" => text.push_str(event["delta"].as_str().unwrap()),
            "response.output_text.done" => {
                assert_eq!(event["text"], *text, "I3: {id}");
                text.clear();
            }
            _ => {}
        }
    }
    assert_eq!(text, "", "I3: {id} leaves a text open");
}
