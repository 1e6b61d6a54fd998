-- Limits on requests and tokens per minute and on parallel requests. An instance holds a lease of each: of a minute's allowance, or of slots.

-- One row for each limited thing, there to be locked, so that questions about it come one after the other.
CREATE TABLE ${llmdb}."LLM_LimitCounter" (
    scope     text NOT NULL,
    scope_id  text NOT NULL,
    parent_id text NOT NULL DEFAULT '',
    model     text NOT NULL DEFAULT '',
    kind      text NOT NULL CHECK (kind IN ('requests', 'tokens', 'parallel')),
    PRIMARY KEY (scope, scope_id, parent_id, model, kind)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1);

-- What one holder has of one limit in one minute. Parallel requests have no minutes: theirs stand at the epoch, and lapse.
CREATE TABLE ${llmdb}."LLM_LimitLease" (
    scope           text NOT NULL,
    scope_id        text NOT NULL,
    parent_id       text NOT NULL DEFAULT '',
    model           text NOT NULL DEFAULT '',
    kind            text NOT NULL CHECK (kind IN ('requests', 'tokens', 'parallel')),
    window_start    timestamptz NOT NULL,
    holder          uuid NOT NULL,
    -- what is used and what is idle; of a minute it counts until the minute is over, whatever becomes of the holder
    amount          bigint NOT NULL CHECK (amount >= 0),
    -- the part of it that was used when the holder last asked
    used            bigint NOT NULL CHECK (used >= 0),
    limit_value     bigint NOT NULL,
    -- grows with each of the holder's questions: one that arrives late, when its asker has given it up, changes nothing
    turn            bigint NOT NULL DEFAULT 0,
    expires_at      timestamptz NOT NULL,
    -- when somebody was first refused for want of what may be idle here, and whether the holder has handed it back since
    recalled_at     timestamptz,
    recall_answered boolean NOT NULL DEFAULT false,
    PRIMARY KEY (scope, scope_id, parent_id, model, kind, window_start, holder)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1);
CREATE INDEX "LLM_LimitLease_recalled_idx" ON ${llmdb}."LLM_LimitLease" (holder) WHERE recalled_at IS NOT NULL AND NOT recall_answered;
CREATE INDEX "LLM_LimitLease_parallel_idx" ON ${llmdb}."LLM_LimitLease" (holder) WHERE kind = 'parallel';

CREATE TYPE ${llmdb}.llmdb_limit_answer AS (
    ordinal bigint,
    -- the minute that was decided on, in minutes since the epoch; 0 for parallel requests
    minute bigint,
    decided_at timestamptz,
    -- what the holder has used as the database counts it, and what it may use beyond
    kept bigint, granted bigint,
    -- what all have, without what was granted now; what is left after that
    used bigint, room bigint,
    refused boolean,
    -- whether somebody was refused in this minute while others held something, so that nobody is granted more than it needs
    contended boolean,
    -- how many other holders have been asked to hand back what is idle and have not answered yet
    recalls_pending bigint
);

-- Sets what one holder has of each limit: what it has used in the minute that it names (p_minute, p_kept), plus what it owes for tokens above
-- their estimate (p_charge), plus a new slice. All figures are totals, not changes, so a question that is put twice does no harm.
-- Where the holder is wrong about the minute, or does not know what it has used in it (p_kept is null), what the database knows of it counts.
-- At least p_need is granted, and up to p_extra more but never more than a quarter of what is left then. Where there is less, all of it, unless
-- it is too little for a call of p_least. Others that may hold something idle are recalled then, each once in a minute (for slots: in five
-- seconds), and again where more is used than the limit allows, because a call used more than its estimate or the limit was lowered.
CREATE FUNCTION ${llmdb}.llmdb_limit(
    p_holder uuid, p_lease_seconds numeric, p_turn bigint,
    p_scope text[], p_id text[], p_parent text[], p_model text[], p_kind text[],
    p_minute bigint[], p_kept bigint[], p_charge bigint[], p_least bigint[], p_need bigint[], p_extra bigint[], p_limit bigint[]
) RETURNS SETOF ${llmdb}.llmdb_limit_answer LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    asked record;
    instant timestamptz;
    present timestamptz;
BEGIN
    FOR asked IN
        SELECT * FROM unnest(p_scope, p_id, p_parent, p_model, p_kind) d (scope, scope_id, parent_id, model, kind)
        ORDER BY d.scope COLLATE "C", d.scope_id COLLATE "C", d.parent_id COLLATE "C", d.model COLLATE "C", d.kind COLLATE "C"
    LOOP
        LOOP
            PERFORM 1 FROM ${llmdb}."LLM_LimitCounter" c
            WHERE (c.scope, c.scope_id, c.parent_id, c.model, c.kind)
                = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.kind) FOR NO KEY UPDATE;
            EXIT WHEN FOUND;
            -- Again from the start, because one that is no longer needed may be deleted meanwhile.
            INSERT INTO ${llmdb}."LLM_LimitCounter" (scope, scope_id, parent_id, model, kind)
            VALUES (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.kind) ON CONFLICT DO NOTHING;
        END LOOP;
    END LOOP;

    -- Read after the last lock, so that nobody who is still to be let in sees an earlier minute.
    instant := ${llmdb}.llmdb_now();
    present := date_trunc('minute', instant, 'UTC');
    RETURN QUERY
    WITH question AS MATERIALIZED (
        SELECT d.*, CASE d.kind WHEN 'parallel' THEN to_timestamp(0) ELSE present END AS window_start
        FROM unnest(p_scope, p_id, p_parent, p_model, p_kind, p_minute, p_kept, p_charge, p_least, p_need, p_extra, p_limit)
            WITH ORDINALITY d (scope, scope_id, parent_id, model, kind, minute, kept, charge, least, need, extra, limit_value, ordinal)
    ), counted AS MATERIALIZED (
        SELECT q.*, h.others, h.contended, h.pending, q.charge
            + CASE WHEN q.minute * 60 = extract(epoch FROM q.window_start) THEN coalesce(q.kept, h.own) ELSE h.own END AS kept_now
        FROM question q CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.amount) FILTER (WHERE l.holder <> p_holder), 0)::bigint AS others,
                   coalesce(sum(l.amount) FILTER (WHERE l.holder = p_holder), 0)::bigint AS own,
                   coalesce(bool_or(CASE l.kind WHEN 'parallel' THEN l.recalled_at BETWEEN instant - interval '5 s' AND instant
                                                ELSE l.recalled_at IS NOT NULL END), false) AS contended,
                   count(*) FILTER (WHERE l.holder <> p_holder AND NOT l.recall_answered
                       AND l.recalled_at BETWEEN instant - interval '1 s' AND instant) AS pending
            FROM ${llmdb}."LLM_LimitLease" l
            WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.kind) = (q.scope, q.scope_id, q.parent_id, q.model, q.kind)
              AND l.window_start = q.window_start AND (l.kind <> 'parallel' OR l.expires_at > instant)) h
    ), decided AS MATERIALIZED (
        SELECT c.*, c.limit_value - c.others - c.kept_now AS room, c.limit_value - c.others - c.kept_now < c.need AS refused,
            CASE WHEN c.limit_value - c.others - c.kept_now >= c.need
                 THEN c.need + CASE WHEN c.contended THEN 0
                                    ELSE least(c.extra, (c.limit_value - c.others - c.kept_now - c.need) / 4) END
                 WHEN c.least > 0 AND c.limit_value - c.others - c.kept_now >= c.least
                 THEN c.limit_value - c.others - c.kept_now
                 ELSE 0 END AS granted
        FROM counted c
    ), written AS (
        INSERT INTO ${llmdb}."LLM_LimitLease" AS l
            (scope, scope_id, parent_id, model, kind, window_start, holder, amount, used, limit_value, turn, expires_at)
        SELECT d.scope, d.scope_id, d.parent_id, d.model, d.kind, d.window_start, p_holder, d.kept_now + d.granted,
               d.kept_now + least(d.need, d.granted), d.limit_value, p_turn,
               CASE d.kind WHEN 'parallel' THEN instant + p_lease_seconds * interval '1 second' ELSE present + interval '1 minute' END
        FROM decided d
        ON CONFLICT (scope, scope_id, parent_id, model, kind, window_start, holder) DO UPDATE
        SET amount = excluded.amount, used = excluded.used, limit_value = excluded.limit_value, expires_at = excluded.expires_at,
            turn = excluded.turn, recall_answered = l.recalled_at IS NOT NULL
        WHERE l.turn <= excluded.turn
    ), recalled AS (
        UPDATE ${llmdb}."LLM_LimitLease" l SET recalled_at = instant, recall_answered = false
        FROM decided d
        WHERE (d.refused AND d.need > 0 OR d.room < 0)
          AND (l.scope, l.scope_id, l.parent_id, l.model, l.kind) = (d.scope, d.scope_id, d.parent_id, d.model, d.kind)
          AND l.window_start = d.window_start AND l.holder <> p_holder AND l.amount > 0
          AND (l.kind <> 'parallel' OR l.expires_at > instant)
          AND CASE WHEN l.recalled_at IS NULL THEN true
                   WHEN d.room < 0 THEN l.recalled_at NOT BETWEEN instant - interval '500 ms' AND instant
                   ELSE l.kind = 'parallel' AND l.recalled_at NOT BETWEEN instant - interval '5 s' AND instant END
        RETURNING d.ordinal
    )
    SELECT d.ordinal, (extract(epoch FROM d.window_start) / 60)::bigint, instant, d.kept_now, d.granted, d.others + d.kept_now,
           d.room - d.granted, d.refused, d.contended OR n.recalled > 0, d.pending + n.recalled
    FROM decided d CROSS JOIN LATERAL (SELECT count(*) AS recalled FROM recalled r WHERE r.ordinal = d.ordinal) n
    ORDER BY d.ordinal;
END $$;
