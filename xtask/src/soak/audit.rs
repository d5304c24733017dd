//! What the database saw: triggers of our own write down every change of a job and of a status, in the
//! transaction that makes it, so that nothing between two looks is missed.

use crate::db;
use crate::error::ChoreError;

/// The triggers. Changes of one row are written down in the order in which they were made, because the row
/// is locked meanwhile.
const TRIGGERS: &str = r"
create table soak_made (response_id text, number bigint);
create table soak_jobs (
    n bigint generated always as identity, at timestamptz not null default clock_timestamp(),
    response_id text, worker_id text, lease bigint, losses integer, is_gone boolean);
create table soak_ends (
    n bigint generated always as identity, response_id text,
    was_status text, was_ended timestamptz, status text, ended timestamptz);
create function soak_job() returns trigger language plpgsql as $$ begin
    if tg_op = 'DELETE' then
        insert into soak_jobs (response_id, worker_id, lease, losses, is_gone)
        values (old.response_id, old.worker_id, old.lease, old.losses, true);
    else
        insert into soak_jobs (response_id, worker_id, lease, losses, is_gone)
        values (new.response_id, new.worker_id, new.lease, new.losses, false);
    end if;
    return null; end $$;
create trigger soak_job after insert or update or delete on response_jobs
    for each row execute function soak_job();
create function soak_end() returns trigger language plpgsql as $$ begin
    if tg_op = 'INSERT' then
        insert into soak_made
        values (new.id, substring(new.spec from '.soak.: *([0-9]+)')::bigint);
    end if;
    insert into soak_ends (response_id, was_status, was_ended, status, ended)
    values (new.id, case when tg_op = 'UPDATE' then old.status end,
        case when tg_op = 'UPDATE' then old.ended_at end, new.status, new.ended_at);
    return null; end $$;
create trigger soak_end after insert or update on responses
    for each row execute function soak_end();
";

/// One thing that must not be: an invariant, what it says in words, and the query that finds who breaks it.
pub(super) struct Rule {
    pub(super) invariant: &'static str,
    pub(super) breach: &'static str,
    pub(super) query: &'static str,
}

/// What must hold when nothing is left to do.
pub(super) const RULES: &[Rule] = &[
    Rule {
        invariant: "I1",
        breach: "never ended",
        query: "select id || ' ' || status from responses where ended_at is null",
    },
    Rule {
        invariant: "I1",
        breach: "left in the queue",
        query: "select response_id from response_jobs",
    },
    Rule {
        invariant: "I2",
        breach: "changed after its end",
        query: "select response_id || ' ' || was_status || ' ' || status from soak_ends
            where was_ended is not null and (status <> was_status or ended is distinct from was_ended)",
    },
    Rule {
        invariant: "I2",
        breach: "did not end exactly once",
        query: "select response_id || ' ' || count(*) filter (where was_ended is null and ended is not null)
            from soak_ends group by response_id
            having count(*) filter (where was_ended is null and ended is not null) <> 1",
    },
    Rule {
        invariant: "I3",
        breach: "has a gap or an overlap in its log",
        query: "select response_id || ' ' || number from (
                select response_id, number, coalesce(sum(length) over (partition by response_id
                    order by number rows between unbounded preceding and 1 preceding), 0) as due
                from response_events) e
            where number <> due",
    },
    Rule {
        invariant: "I6",
        breach: "left its credential behind",
        query: "select response_id from response_secrets",
    },
    Rule {
        invariant: "I7",
        breach: "had one lease in two hands",
        query: "select response_id || ' ' || lease from soak_jobs where worker_id is not null
            group by response_id, lease having count(distinct worker_id) > 1",
    },
    Rule {
        invariant: "I7",
        breach: "changed hands without a newer lease",
        query: "select response_id || ' ' || lease from (
                select response_id, lease, worker_id, is_gone,
                    lag(lease) over w as was_lease, lag(worker_id) over w as was_worker
                from soak_jobs window w as (partition by response_id order by n)) j
            where lease < was_lease
                or (not is_gone and worker_id is distinct from was_worker and was_lease is not null
                    and lease <= was_lease)",
    },
    Rule {
        invariant: "I1",
        breach: "was made twice from one request",
        query: "select number || ' ' || string_agg(response_id, ' ') from soak_made
            group by number having count(*) > 1",
    },
];

/// Begins to write down.
pub(super) fn begin(database: &str) -> Result<(), ChoreError> {
    db::ask(database, TRIGGERS).map(drop)
}

/// Everything that was made: numbers of requests and ids of responses.
pub(super) fn made(database: &str) -> Result<Vec<(u64, String)>, ChoreError> {
    let answer = db::ask(database, "select number, response_id from soak_made")?;
    let row = |line: &str| {
        let (number, id) = line.split_once('|')?;
        Some((number.parse().ok()?, id.to_owned()))
    };
    Ok(answer.lines().filter_map(row).collect())
}

/// How long jobs that were lost waited until somebody had them again: from the moment they were put back,
/// in milliseconds, half of them below and the longest; and how many there were.
pub(super) const TAKEN_UP_AGAIN: &str = "select count(*),
        coalesce(percentile_cont(0.5) within group (order by ms), 0)::bigint, coalesce(max(ms), 0)::bigint
    from (select extract(epoch from lead(at) over w - at) * 1000 as ms, losses, worker_id, is_gone,
            lag(losses) over w as was_losses, lead(is_gone) over w as next_gone
        from soak_jobs window w as (partition by response_id order by n)) j
    where losses > was_losses and worker_id is null and not is_gone and not next_gone";
