//! Connections to the database that are cut in the worst moment, fall silent, or are ended by the server.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::fleet::{Fleet, LONG, ask, cancel, ended, look, pass, until};
use super::invariants::After;
use super::proxy::{Cut, Moment, Proxy, Side};
use crate::process::{Process, Program};

/// How often the queue is looked at, with the noise that is added to it.
const LOOK: Duration = Duration::from_millis(2_200);
/// A worker that was nudged begins sooner than this.
const PROMPTLY: Duration = Duration::from_millis(600);
/// A listener is asked every ten seconds and has five to answer, so it is not taken for silent before this.
const NOTICED: Duration = Duration::from_secs(9);
/// A few seconds more, to see the new one at work.
const REPLACED: Duration = Duration::from_secs(22);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(1);

async fn check(fleet: &Fleet, api: &mut Process, workers: Vec<&mut Process>, responses: &[String]) {
    let after = After {
        fleet,
        api,
        workers,
        responses,
        deleted: &[],
    };
    after.all_is_well(LONG).await;
}

/// A process that reaches the database through a proxy only.
async fn behind(fleet: &Fleet, program: Program, own: &[(&str, &str)]) -> (Process, Proxy) {
    let proxy = Proxy::before(fleet.server()).await;
    let url = fleet.url_through(proxy.address);
    let mut settings = own.to_vec();
    settings.push(("DB_POSTGRESQL_WRITE_DSN", &url));
    (fleet.start(program, &settings).await, proxy)
}

#[tokio::test]
async fn a_request_whose_write_was_cut_off_is_kept_once() {
    let fleet = Fleet::new().await;
    let (mut api, proxy) = behind(&fleet, Program::Api, &[]).await;
    let mut worker = fleet.worker().await;
    let mut responses = Vec::new();
    for (number, moment) in [Moment::Before, Moment::Done].into_iter().enumerate() {
        let prompt = format!("say it was cut {number}");
        proxy.cut(Cut {
            by: Side::Client,
            says: prompt.clone(),
            skip: 0,
            moment,
        });
        let id = ask(&api, &prompt).await;
        assert_eq!(proxy.cuts(), u32::try_from(number).unwrap() + 1);
        let told = ended(&api, &id, LONG).await;
        assert_eq!(told["output"], format!("it was cut {number}"));
        responses.push(id);
    }
    let kept: i64 = fleet.value("SELECT count(*) FROM responses").await;
    assert_eq!(kept, 2);
    check(&fleet, &mut api, vec![&mut worker], &responses).await;
}

#[tokio::test]
async fn whichever_write_of_a_run_is_cut_off_it_is_done_once() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let (mut worker, proxy) = behind(&fleet, Program::Worker, &[]).await;
    let mut responses = Vec::new();
    for moment in [Moment::Before, Moment::Done] {
        let mut skip = 0;
        loop {
            let cuts = proxy.cuts();
            // Every statement about a response names it, and there is one response at a time.
            proxy.cut(Cut {
                by: Side::Client,
                says: "resp_".to_owned(),
                skip,
                moment,
            });
            let id = ask(&api, r#"go [[call:wait {"seconds":0}]] [[call:clock {}]]"#).await;
            let told = ended(&api, &id, LONG).await;
            assert_eq!(told["status"], "completed", "{skip}: {told:#}");
            for execution in told["tool_executions"].as_array().unwrap() {
                assert_eq!(execution["status"], "completed", "{skip}: {told:#}");
            }
            responses.push(id);
            if proxy.cuts() == cuts {
                break;
            }
            skip += 1;
        }
        assert!(skip >= 5, "only {skip} statements");
    }
    check(&fleet, &mut api, vec![&mut worker], &responses).await;
}

#[tokio::test]
async fn a_claim_whose_answer_was_cut_off_is_given_back_and_done() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let (mut worker, proxy) = behind(&fleet, Program::Worker, &[]).await;
    proxy.cut(Cut {
        by: Side::Server,
        says: "resp_".to_owned(),
        skip: 0,
        moment: Moment::Done,
    });
    let id = ask(&api, "say hello").await;
    let told = ended(&api, &id, LONG).await;
    assert_eq!((proxy.cuts(), &told["output"]), (1, &json!("hello")));
    let seen: Vec<(i32, i32)> = fleet
        .rows("SELECT max(attempt), max(losses) FROM witness.lease")
        .await;
    assert_eq!(seen, [(1, 0)], "it was not counted as lost");
    check(&fleet, &mut api, vec![&mut worker], &[id]).await;
}

#[tokio::test]
async fn a_worker_that_hears_no_nudges_finds_its_work_and_its_cancellations() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let (mut worker, proxy) = behind(&fleet, Program::Worker, &[]).await;
    let model = fleet.world.model.ledger();
    let mut responses = Vec::new();
    let listeners = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND state = 'idle' AND query LIKE '%pg_listening_channels%'";
    until("both processes listen", LONG, async || {
        fleet.value::<i64>(listeners).await == 2
    })
    .await;
    // Since when the youngest of those connections is there.
    let youngest = "SELECT EXTRACT(EPOCH FROM max(backend_start))::float8 FROM pg_stat_activity
        WHERE datname = current_database()
            AND state = 'idle' AND query LIKE '%pg_listening_channels%'";
    let before: f64 = fleet.value(youngest).await;
    let begun = Instant::now();
    proxy.silence("LISTEN");
    for number in 1..=2 {
        let asked = Instant::now();
        let id = ask(&api, &format!("nothing {number} [[fail:hang]]")).await;
        model.until(|traffic| traffic.started == number).await;
        let took = asked.elapsed();
        assert!(took <= LOOK + SLACK, "{took:?}");
        let asked = Instant::now();
        cancel(&api, &id).await;
        model.until(|traffic| traffic.abandoned == number).await;
        let took = asked.elapsed();
        assert!(took <= Duration::from_secs(3) + SLACK, "{took:?}");
        responses.push(id);
    }
    // The silent connection is noticed and replaced by one that is heard; until then work is found by looking.
    proxy.speak();
    let mut number = 2;
    while fleet.value::<f64>(youngest).await <= before {
        number += 1;
        let asked = Instant::now();
        responses.push(ask(&api, &format!("say {number}")).await);
        model.until(|traffic| traffic.started == number).await;
        let took = asked.elapsed();
        assert!(took <= LOOK + SLACK, "{took:?}");
        let silent_for = begun.elapsed();
        assert!(silent_for <= REPLACED, "{silent_for:?}");
    }
    let silent_for = begun.elapsed();
    assert!(silent_for > NOTICED, "it was never silent: {silent_for:?}");
    // Then nothing waits for a look: some would have to, of so many.
    let heard = Instant::now();
    let mut prompt_ones = 0;
    while prompt_ones < 6 {
        number += 1;
        let asked = Instant::now();
        responses.push(ask(&api, &format!("say {number}")).await);
        model.until(|traffic| traffic.started == number).await;
        prompt_ones = if asked.elapsed() < PROMPTLY {
            prompt_ones + 1
        } else {
            0
        };
        assert!(heard.elapsed() <= LONG, "{prompt_ones} in a row");
    }
    check(&fleet, &mut api, vec![&mut worker], &responses).await;
}

#[tokio::test]
async fn listeners_that_the_server_ends_cost_a_look_at_most() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let mut worker = fleet.worker().await;
    let model = fleet.world.model.ledger();
    let mut responses = Vec::new();
    for number in 1..=8 {
        fleet
            .run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE '%pg_listening_channels%'
                    AND pid <> pg_backend_pid()",
            )
            .await;
        let asked = Instant::now();
        responses.push(ask(&api, &format!("say {number}")).await);
        model.until(|traffic| traffic.started == number).await;
        let took = asked.elapsed();
        assert!(took <= LOOK + SLACK, "{took:?}");
    }
    check(&fleet, &mut api, vec![&mut worker], &responses).await;
}

/// A process is taken for dead after this long.
const TAKEN_FOR_DEAD: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_worker_that_cannot_say_that_it_lives_stops_before_others_take_over() {
    let fleet = Fleet::new().await;
    let mut api = fleet.api().await;
    let (mut mute, proxy) = behind(&fleet, Program::Worker, &[]).await;
    let model = fleet.world.model.ledger();
    let id = ask(&api, "a story [[fail:slow delta-delay:50ms times:1]]").await;
    model.until(|traffic| traffic.started == 1).await;
    let holder = fleet.holder(&id).await;
    let mut other = fleet.worker().await;
    proxy.silence("INSERT INTO workers");
    let begun = Instant::now();
    model.until(|traffic| traffic.abandoned == 1).await;
    let stopped = begun.elapsed();
    assert!(stopped < TAKEN_FOR_DEAD, "{stopped:?}");
    assert!(
        stopped > Duration::from_secs(7),
        "it had no reason yet: {stopped:?}"
    );
    let told = ended(&api, &id, LONG).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    proxy.speak();
    let alive = format!(
        "SELECT heartbeat_at > clock_timestamp() - interval '3 s' FROM workers WHERE id = '{holder}'"
    );
    until("its signs of life arrive again", LONG, async || {
        fleet.rows::<(bool,)>(&alive).await == [(true,)]
    })
    .await;
    check(&fleet, &mut api, vec![&mut mute, &mut other], &[id]).await;
}

/// Everything takes so much longer, there and back.
const SLOW: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_slow_database_makes_everything_slow_and_nothing_wrong() {
    let fleet = Fleet::new().await;
    let (mut api, front) = behind(&fleet, Program::Api, &[]).await;
    let (mut worker, back) = behind(&fleet, Program::Worker, &[]).await;
    front.delay(SLOW);
    back.delay(SLOW);
    let mut responses = Vec::new();
    for number in 0..6 {
        let prompt = format!(r#"go {number} [[call:wait {{"seconds":0}}]] calculate 12*7"#);
        responses.push(ask(&api, &prompt).await);
    }
    for id in &responses {
        let told = ended(&api, id, LONG).await;
        assert_eq!(told["status"], "completed", "{told:#}");
    }
    assert_eq!(look(&api, &responses[0]).await["status"], "completed");
    let seen: Vec<(i32, i32)> = fleet
        .rows("SELECT max(attempt), max(losses) FROM witness.lease")
        .await;
    assert_eq!(seen, [(1, 0)]);
    front.delay(Duration::ZERO);
    back.delay(Duration::ZERO);
    check(&fleet, &mut api, vec![&mut worker], &responses).await;
}

#[tokio::test]
async fn more_requests_than_the_pool_can_take_leave_the_queue_alone() {
    let fleet = Fleet::new().await;
    let own = [
        ("BACKGROUND_EMBEDDED", "true"),
        ("DB_POOL_SIZE", "2"),
        ("DB_CONNECT_TIMEOUT", "500ms"),
    ];
    let (mut api, proxy) = behind(&fleet, Program::Api, &own).await;
    proxy.delay(Duration::from_millis(50));
    // Two that only read for each that is to be kept.
    let load = futures::future::join_all((0..300).map(|number| {
        let client = api.another_client();
        async move {
            let begun = Instant::now();
            let body =
                json!({"model": "jan-v2-30b", "input": format!("say {number}"), "background": true});
            let answer = match number % 3 {
                0 => client.create(body).await,
                _ => client.get("v1/responses?limit=5").await,
            };
            (answer, begun.elapsed())
        }
    }));
    let mut oldest = 0.0_f64;
    let age = "SELECT COALESCE(EXTRACT(EPOCH FROM max(clock_timestamp() - heartbeat_at)), 0)::float8 FROM workers";
    let watch = async {
        loop {
            oldest = oldest.max(fleet.value(age).await);
            pass(Duration::from_millis(100)).await;
        }
    };
    let answers = tokio::select! {
        answers = load => answers,
        () = watch => unreachable!("it has no end"),
    };
    let claims: i64 = fleet
        .value("SELECT count(*) FROM witness.lease WHERE worker_id IS NOT NULL")
        .await;
    let mut responses = Vec::new();
    let (mut refused, mut slowest) = (0, Duration::ZERO);
    for (answer, took) in &answers {
        match answer.status {
            200 => {}
            201 => responses.push(answer.body["id"].as_str().unwrap().to_owned()),
            503 => {
                let is_told = answer.headers.contains_key("retry-after");
                assert!(is_told, "{:#}", answer.body);
                refused += 1;
                slowest = slowest.max(*took);
            }
            status => panic!("{status}: {:#}", answer.body),
        }
    }
    let kept = responses.len();
    assert!(refused > 50 && kept > 5, "{refused} refused, {kept} kept");
    // Half a second is what it waits for a connection; the rest is for a machine that has much else to do.
    assert!(slowest < Duration::from_secs(15), "{slowest:?}");
    assert!(oldest < 10.0, "a sign of life was {oldest} s old");
    assert!(claims > 0, "nothing was claimed meanwhile");
    proxy.delay(Duration::ZERO);
    check(&fleet, &mut api, Vec::new(), &responses).await;
}
