//! The statements that write a response, in the words that both databases read. Their parameters come in
//! the order in which a [`ResponseRow`](crate::row::ResponseRow) gives its values.

/// Inserts a response. Both databases read it; it takes the first 26 parameters.
macro_rules! insert_response {
    () => {
        "INSERT INTO responses (
            id, owner, conversation_id, conversation_position, conversation_seen,
            previous_response_id, worker_id, background, model, created_at, spec,
            status, incomplete_reason, error_code, error_message,
            queued_at, started_at, ended_at, updated_at,
            turns, rounds, tool_calls, prompt_tokens, completion_tokens, progress
        ) VALUES (
            $1, $2, $3,
            CASE WHEN $4 THEN (
                SELECT COALESCE(MAX(o.conversation_position), 0) + 1 FROM responses o
                WHERE o.conversation_id = $3
            ) ELSE $5 END,
            $6, $7, $8, $9, $10, $11, $12,
            $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26
        )"
    };
}

/// Changes a response that has not ended and, when `$3` says so, is held by that process. Progress only
/// grows: whoever writes with less than what is there, because it read before another wrote, leaves it.
/// Both databases read it; it takes the first 18 parameters.
macro_rules! update_response {
    () => {
        "UPDATE responses SET
            conversation_position = CASE WHEN $4 THEN (
                SELECT COALESCE(MAX(o.conversation_position), 0) + 1 FROM responses o
                WHERE o.conversation_id = responses.conversation_id
            ) ELSE conversation_position END,
            status = $5, incomplete_reason = $6, error_code = $7, error_message = $8,
            queued_at = $9, started_at = $10, ended_at = $11, updated_at = $12,
            worker_id = CASE WHEN $11 IS NULL THEN worker_id END,
            progress = CASE WHEN $13 >= turns THEN $18 ELSE progress END,
            prompt_tokens = CASE WHEN $13 >= turns THEN $16 ELSE prompt_tokens END,
            completion_tokens = CASE WHEN $13 >= turns THEN $17 ELSE completion_tokens END,
            turns = CASE WHEN $13 >= turns THEN $13 ELSE turns END,
            rounds = CASE WHEN $14 >= rounds THEN $14 ELSE rounds END,
            tool_calls = CASE WHEN $15 >= tool_calls THEN $15 ELSE tool_calls END
        WHERE id = $1 AND owner = $2 AND ended_at IS NULL AND ($3 IS NULL OR worker_id = $3)"
    };
}

pub(crate) use {insert_response, update_response};
