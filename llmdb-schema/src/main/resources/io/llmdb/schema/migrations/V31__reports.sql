-- What reports read. Daily totals have a row for each combination of key, model and so on, thousands a day; a report over months that asks for
-- one thing only reads sums of them by that one thing. These are made in the background, so that booking pays nothing for them, and are
-- never wrong: a day is marked as summed up, booking takes the mark away from any day that it adds to, and a report reads the daily
-- totals themselves of a day without a complete mark. The same holds for sums by hour and by quarter of an hour, which days in other time zones are
-- made of (all of the world's zones keep to quarters), and the log.

CREATE TABLE ${llmdb}."LLM_DailySum" (
    -- proxy (with the id ''), key, user, team, organization, model, model_group, provider, end_user, tag
    kind                text NOT NULL,
    day                 date NOT NULL,
    id                  text NOT NULL,
    spend               numeric NOT NULL,
    prompt_tokens       bigint NOT NULL,
    completion_tokens   bigint NOT NULL,
    api_requests        bigint NOT NULL,
    successful_requests bigint NOT NULL,
    failed_requests     bigint NOT NULL,
    PRIMARY KEY (kind, day, id)
);

CREATE TABLE ${llmdb}."LLM_QuarterHourSum" (
    -- proxy (with the id ''), team, organization, model, provider; and those keys, users and end users that have many requests in the quarter: where
    -- one of them has no row, what it has is little, and read from the log
    kind                text NOT NULL,
    start               timestamptz NOT NULL,
    id                  text NOT NULL,
    spend               numeric NOT NULL,
    prompt_tokens       bigint NOT NULL,
    completion_tokens   bigint NOT NULL,
    api_requests        bigint NOT NULL,
    successful_requests bigint NOT NULL,
    failed_requests     bigint NOT NULL,
    PRIMARY KEY (kind, start, id)
);

-- The same by hour: a quarter of the rows where whole hours will do, and the only one for what there is much of, which has a row in few of the hours.
CREATE TABLE ${llmdb}."LLM_HourSum" (
    -- proxy (with the id ''), team, organization, model, provider, key, user, end_user
    kind                text NOT NULL,
    start               timestamptz NOT NULL,
    id                  text NOT NULL,
    spend               numeric NOT NULL,
    prompt_tokens       bigint NOT NULL,
    completion_tokens   bigint NOT NULL,
    api_requests        bigint NOT NULL,
    successful_requests bigint NOT NULL,
    failed_requests     bigint NOT NULL,
    PRIMARY KEY (kind, start, id)
);

-- The days (by their midnight, UTC), hours and quarters of an hour whose sums stand, or will when they are complete.
CREATE TABLE ${llmdb}."LLM_SummedUp" (
    span  text NOT NULL CHECK (span IN ('day', 'hour', 'quarter')),
    start timestamptz NOT NULL,
    complete boolean NOT NULL DEFAULT false,
    PRIMARY KEY (span, start) INCLUDE (complete)
);

CREATE INDEX "LLM_DailySpend_api_key_idx" ON ${llmdb}."LLM_DailySpend" (api_key, day);
CREATE INDEX "LLM_DailySpend_user_id_idx" ON ${llmdb}."LLM_DailySpend" (user_id, day);
CREATE INDEX "LLM_DailySpend_team_id_idx" ON ${llmdb}."LLM_DailySpend" (team_id, day);
CREATE INDEX "LLM_DailySpend_organization_id_idx" ON ${llmdb}."LLM_DailySpend" (organization_id, day);
CREATE INDEX "LLM_DailySpend_model_idx" ON ${llmdb}."LLM_DailySpend" (model, day);
CREATE INDEX "LLM_DailyEndUserSpend_end_user_idx" ON ${llmdb}."LLM_DailyEndUserSpend" (end_user, day);
CREATE INDEX "LLM_DailyTagSpend_tag_idx" ON ${llmdb}."LLM_DailyTagSpend" (tag, day);

-- Errors are few, so they can afford these.
CREATE INDEX "LLM_ErrorLogs_request_id_idx" ON ${llmdb}."LLM_ErrorLogs" (request_id);
CREATE INDEX "LLM_ErrorLogs_model_idx" ON ${llmdb}."LLM_ErrorLogs" (llm_model_name, "startTime", id);
CREATE INDEX "LLM_ErrorLogs_type_idx" ON ${llmdb}."LLM_ErrorLogs" (exception_type, "startTime", id);

-- Booking says in which quarters of an hour it added something, behind all that it adds: their sums, and those of their hours and days, stand
-- no longer. The shared lock lasts until the commit, and marks are set under the same lock, taken for itself alone: whoever booked before a mark was
-- set has committed by then, so summing up sees its rows; whoever books later takes the mark away, so it is never completed.
CREATE FUNCTION ${llmdb}.llmdb_reopen(p_quarters timestamptz[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('llmdb sums', '${llmdb}'::regnamespace::oid::bigint));
    -- The present is not summed up, so mostly there is nothing to take away, and looking is cheaper than deleting nothing.
    IF NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_SummedUp" m WHERE (m.span, m.start) IN (
           SELECT 'quarter', q FROM unnest(p_quarters) q
           UNION ALL SELECT 'hour', date_trunc('hour', q, 'UTC') FROM unnest(p_quarters) q
           UNION ALL SELECT 'day', date_trunc('day', q AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM unnest(p_quarters) q)) THEN
        RETURN;
    END IF;
    DELETE FROM ${llmdb}."LLM_SummedUp" d USING (
        SELECT m.span, m.start FROM ${llmdb}."LLM_SummedUp" m
        JOIN (SELECT 'quarter' AS span, q AS start FROM unnest(p_quarters) q
              UNION SELECT 'hour', date_trunc('hour', q, 'UTC') FROM unnest(p_quarters) q
              UNION SELECT 'day', date_trunc('day', q AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM unnest(p_quarters) q) a USING (span, start)
        ORDER BY m.span, m.start FOR UPDATE OF m) o
    WHERE d.span = o.span AND d.start = o.start;
END $$;

-- Whoever changes daily totals by other means says so.
CREATE FUNCTION ${llmdb}.llmdb_reopen_day(p_day date) RETURNS void LANGUAGE sql AS $$
    SELECT ${llmdb}.llmdb_reopen(array_agg(q))
    FROM generate_series(p_day::timestamp AT TIME ZONE 'UTC', (p_day + 1)::timestamp AT TIME ZONE 'UTC' - interval '1 second',
        interval '15 minutes') q
$$;

-- Sets marks that are not complete yet. To be committed before what they mark is summed up. Booking waits meanwhile, only at its very end and for this
-- moment; given up soon where booking does not end.
CREATE FUNCTION ${llmdb}.llmdb_begin_summing(p_span text, p_starts timestamptz[]) RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb sums', '${llmdb}'::regnamespace::oid::bigint));
    INSERT INTO ${llmdb}."LLM_SummedUp" (span, start) SELECT p_span, s FROM unnest(p_starts) s ON CONFLICT DO NOTHING;
END $$;

-- Completes the marks that are still there, locking them in the order in which booking does.
CREATE FUNCTION ${llmdb}.llmdb_end_summing(p_span text, p_starts timestamptz[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ${llmdb}."LLM_SummedUp" WHERE span = p_span AND start = ANY (p_starts) ORDER BY start FOR UPDATE;
    UPDATE ${llmdb}."LLM_SummedUp" SET complete = true WHERE span = p_span AND start = ANY (p_starts) AND NOT complete;
END $$;

-- Sums up days of the daily totals, which are marked.
CREATE FUNCTION ${llmdb}.llmdb_sum_up_days(p_starts timestamptz[]) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    days date[] := ARRAY(SELECT (s AT TIME ZONE 'UTC')::date FROM unnest(p_starts) s);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb summing up', '${llmdb}'::regnamespace::oid::bigint));
    DELETE FROM ${llmdb}."LLM_DailySum" WHERE day = ANY (days) AND kind = ANY (
        '{proxy,key,user,team,organization,model,model_group,provider,end_user,tag}');
    INSERT INTO ${llmdb}."LLM_DailySum" (kind, day, id, spend, prompt_tokens, completion_tokens, api_requests, successful_requests,
        failed_requests)
    SELECT (ARRAY['proxy', 'key', 'user', 'team', 'organization', 'model', 'model_group', 'provider'])[1 +
            CASE WHEN grouping(api_key) = 0 THEN 1 WHEN grouping(user_id) = 0 THEN 2 WHEN grouping(team_id) = 0 THEN 3
                 WHEN grouping(organization_id) = 0 THEN 4 WHEN grouping(model) = 0 THEN 5 WHEN grouping(model_group) = 0 THEN 6
                 WHEN grouping(custom_llm_provider) = 0 THEN 7 ELSE 0 END],
        day, coalesce(api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider, ''),
        sum(spend), sum(prompt_tokens), sum(completion_tokens), sum(api_requests), sum(successful_requests), sum(failed_requests)
    FROM ${llmdb}."LLM_DailySpend" WHERE day = ANY (days)
    GROUP BY day, GROUPING SETS ((api_key), (user_id), (team_id), (organization_id), (model), (model_group), (custom_llm_provider), ())
    UNION ALL
    SELECT 'end_user', day, end_user, sum(spend), sum(prompt_tokens), sum(completion_tokens), sum(api_requests), sum(successful_requests),
        sum(failed_requests)
    FROM ${llmdb}."LLM_DailyEndUserSpend" WHERE day = ANY (days) GROUP BY day, end_user
    UNION ALL
    SELECT 'tag', day, tag, sum(spend), sum(prompt_tokens), sum(completion_tokens), sum(api_requests), sum(successful_requests),
        sum(failed_requests)
    FROM ${llmdb}."LLM_DailyTagSpend" WHERE day = ANY (days) GROUP BY day, tag;
    PERFORM ${llmdb}.llmdb_end_summing('day', p_starts);
END $$;

-- Sums up quarters of an hour of the log, which are marked, in their order.
CREATE FUNCTION ${llmdb}.llmdb_sum_up_quarters(p_starts timestamptz[]) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb summing up', '${llmdb}'::regnamespace::oid::bigint));
    DELETE FROM ${llmdb}."LLM_QuarterHourSum" WHERE start = ANY (p_starts) AND kind = ANY (
        '{proxy,team,organization,model,provider,key,user,end_user}');
    INSERT INTO ${llmdb}."LLM_QuarterHourSum" (kind, start, id, spend, prompt_tokens, completion_tokens, api_requests, successful_requests,
        failed_requests)
    SELECT CASE WHEN grouping(t) = 0 THEN 'team' WHEN grouping(o) = 0 THEN 'organization' WHEN grouping(m) = 0 THEN 'model'
                WHEN grouping(p) = 0 THEN 'provider' WHEN grouping(k) = 0 THEN 'key' WHEN grouping(u) = 0 THEN 'user'
                WHEN grouping(e) = 0 THEN 'end_user' ELSE 'proxy' END,
        q, coalesce(t, o, m, p, k, u, e, ''), sum(spend), sum(prompt_tokens), sum(completion_tokens), count(*),
        count(*) - count(*) FILTER (WHERE failed), count(*) FILTER (WHERE failed)
    FROM (SELECT date_bin('15 minutes', "startTime", '2000-01-01 00:00:00+00') AS q, coalesce(team_id, '') AS t, coalesce(organization_id, '') AS o,
            model AS m, coalesce(custom_llm_provider, '') AS p, api_key AS k, coalesce("user", '') AS u, coalesce(end_user, '') AS e, spend, prompt_tokens, completion_tokens, status = 'failure' AS failed
          FROM ${llmdb}."LLM_SpendLogs"
          WHERE "startTime" >= p_starts[1] AND "startTime" < p_starts[cardinality(p_starts)] + interval '15 minutes') l
    WHERE q = ANY (p_starts)
    GROUP BY q, GROUPING SETS ((t), (o), (m), (p), (k), (u), (e), ())
    HAVING coalesce(k, u, e) IS NULL OR coalesce(k, u, e) <> '' AND count(*) >= 32;
    PERFORM ${llmdb}.llmdb_end_summing('quarter', p_starts);
END $$;

-- Sums up hours of the log, which are marked, in their order.
CREATE FUNCTION ${llmdb}.llmdb_sum_up_hours(p_starts timestamptz[]) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb summing up', '${llmdb}'::regnamespace::oid::bigint));
    DELETE FROM ${llmdb}."LLM_HourSum" WHERE start = ANY (p_starts) AND kind = ANY (
        '{proxy,team,organization,model,provider,key,user,end_user}');
    INSERT INTO ${llmdb}."LLM_HourSum" (kind, start, id, spend, prompt_tokens, completion_tokens, api_requests, successful_requests,
        failed_requests)
    SELECT CASE WHEN grouping(k) = 0 THEN 'key' WHEN grouping(u) = 0 THEN 'user' WHEN grouping(e) = 0 THEN 'end_user'
                WHEN grouping(t) = 0 THEN 'team' WHEN grouping(o) = 0 THEN 'organization' WHEN grouping(m) = 0 THEN 'model'
                WHEN grouping(p) = 0 THEN 'provider' ELSE 'proxy' END,
        h, coalesce(k, u, e, t, o, m, p, ''), sum(spend), sum(prompt_tokens), sum(completion_tokens), count(*),
        count(*) - count(*) FILTER (WHERE failed), count(*) FILTER (WHERE failed)
    FROM (SELECT date_trunc('hour', "startTime", 'UTC') AS h, api_key AS k, coalesce("user", '') AS u, coalesce(end_user, '') AS e,
            coalesce(team_id, '') AS t, coalesce(organization_id, '') AS o, model AS m, coalesce(custom_llm_provider, '') AS p, spend,
            prompt_tokens, completion_tokens, status = 'failure' AS failed
          FROM ${llmdb}."LLM_SpendLogs"
          WHERE "startTime" >= p_starts[1] AND "startTime" < p_starts[cardinality(p_starts)] + interval '1 hour') l
    WHERE h = ANY (p_starts)
    GROUP BY h, GROUPING SETS ((k), (u), (e), (t), (o), (m), (p), ())
    HAVING coalesce(k, u, e) IS DISTINCT FROM '';
    PERFORM ${llmdb}.llmdb_end_summing('hour', p_starts);
END $$;
