//! The statements that write a response, in the words that both databases read. Their parameters come in
//! the order in which a [`ResponseRow`](crate::row::ResponseRow) gives its values; what is added to them
//! numbers its own from there on.
//!
//! A response takes the place behind the last of its conversation. When all places are forgotten meanwhile it
//! is the one behind those that it saw, so that it does not see itself.
//!
//! What is looked for by its id is compared with its owner in words that no index knows: PostgreSQL could
//! otherwise take the index of the owner's list, and read all that the owner has, when it thinks that to be
//! little.

/// Inserts a response, for each row of `$from` if that is given. Both databases read it; it takes the first
/// 26 parameters.
macro_rules! insert_response {
    () => {
        insert_response!(columns: "", values: "")
    };
    (columns: $columns:literal, values: $values:literal) => {
        insert_response!(columns: $columns, values: $values, open: "VALUES (", close: ")")
    };
    (columns: $columns:literal, values: $values:literal, from: $from:literal) => {
        insert_response!(columns: $columns, values: $values, open: "SELECT ", close: $from)
    };
    (columns: $columns:literal, values: $values:literal, open: $open:literal, close: $close:literal) => {
        concat!(
            "INSERT INTO responses (
            id, owner, conversation_id, conversation_position, conversation_seen,
            previous_response_id, worker_id, background, model, created_at, spec,
            status, incomplete_reason, error_code, error_message,
            queued_at, started_at, ended_at, updated_at,
            turns, rounds, tool_calls, prompt_tokens, completion_tokens, progress",
            $columns,
            ") ",
            $open,
            "$1, $2, $3,
            CASE WHEN $4 THEN (
                SELECT COALESCE(MAX(o.conversation_position), $6) + 1 FROM responses o
                WHERE o.conversation_id = $3
            ) ELSE $5 END,
            $6, $7, $8, $9, $10, $11, $12,
            $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26",
            $values,
            $close
        )
    };
}

/// Changes a response that has not ended and, when `$3` says so, is held by that process. Progress only
/// grows: whoever writes with less than what is there, because it read before another wrote, leaves it.
/// Both databases read it; it takes the first 18 parameters.
macro_rules! update_response {
    () => {
        update_response!(set: "", from: "", only: "")
    };
    (set: $set:literal, from: $from:literal, only: $only:literal) => {
        concat!(
            "UPDATE responses SET
            conversation_position = CASE WHEN $4 THEN (
                SELECT COALESCE(MAX(o.conversation_position), responses.conversation_seen) + 1
                FROM responses o WHERE o.conversation_id = responses.conversation_id
            ) ELSE conversation_position END,
            status = $5, incomplete_reason = $6, error_code = $7, error_message = $8,
            queued_at = $9, started_at = $10, ended_at = $11, updated_at = $12,
            worker_id = CASE WHEN $11 IS NULL THEN worker_id END,
            progress = CASE WHEN $13 >= turns THEN $18 ELSE progress END,
            prompt_tokens = CASE WHEN $13 >= turns THEN $16 ELSE prompt_tokens END,
            completion_tokens = CASE WHEN $13 >= turns THEN $17 ELSE completion_tokens END,
            turns = CASE WHEN $13 >= turns THEN $13 ELSE turns END,
            rounds = CASE WHEN $14 >= rounds THEN $14 ELSE rounds END,
            tool_calls = CASE WHEN $15 >= tool_calls THEN $15 ELSE tool_calls END",
            $set,
            " ",
            $from,
            " WHERE id = $1 AND owner IS NOT DISTINCT FROM $2
                AND ended_at IS NULL AND ($3 IS NULL OR worker_id = $3)",
            $only
        )
    };
}

/// What an item that is written again takes over. Both databases read it.
macro_rules! replace_item {
    () => {
        " ON CONFLICT (response_id, ordinal) DO UPDATE SET
            turn = excluded.turn, kind = excluded.kind, status = excluded.status, body = excluded.body"
    };
}

/// What an execution that is written again takes over, as long as it has not ended: whoever read it before
/// it came back does not take that back. Both databases read it.
macro_rules! replace_execution {
    () => {
        " ON CONFLICT (response_id, ordinal) DO UPDATE SET
            tool = excluded.tool, server = excluded.server, status = excluded.status,
            turn = excluded.turn, depth = excluded.depth, started_at = excluded.started_at,
            duration_us = excluded.duration_us, body = excluded.body
        WHERE tool_executions.status = 'in_progress'"
    };
}

/// The clock of SQLite, in the text in which moments are kept there.
macro_rules! now_sqlite {
    () => {
        "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"
    };
}

/// The same, so many microseconds from now.
macro_rules! later_sqlite {
    ($micros:literal) => {
        concat!(
            "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', printf('+%d.%06d seconds', ",
            $micros,
            " / 1000000, ",
            $micros,
            " % 1000000))"
        )
    };
}

/// How many microseconds lie between two moments, for SQLite. `julianday` counts days.
macro_rules! micros_between_sqlite {
    ($from:literal, $to:literal) => {
        concat!(
            "CAST(ROUND((julianday(",
            $to,
            ") - julianday(",
            $from,
            ")) * 86400000) AS INTEGER) * 1000"
        )
    };
}

/// How many events the log of this response holds. Both databases read it.
macro_rules! end_of_log {
    ($response:literal) => {
        concat!(
            "COALESCE((
            SELECT e.number + e.length FROM response_events e
            WHERE e.response_id = ",
            $response,
            " ORDER BY e.number DESC LIMIT 1
        ), 0)"
        )
    };
}

pub(crate) use {
    end_of_log, insert_response, later_sqlite, micros_between_sqlite, now_sqlite,
    replace_execution, replace_item, update_response,
};
