-- What reports read. Daily totals have a row for each combination of key, model and so on, thousands a day; a report over months that asks for
-- one thing only reads sums of them by that one thing. These are made in the background, so that booking pays nothing for them, and are
-- never wrong: a day is marked as summed up, booking takes the mark away from any day that it adds to, and a report reads the daily
-- totals themselves of a day without a mark. The same holds for sums by quarter of an hour, which days in other time zones are made of (all
-- of the world's zones keep to quarters), and the log.

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
    -- proxy (with the id ''), team, organization, model, provider
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

-- The days (by their midnight, UTC) and quarters of an hour whose sums stand.
CREATE TABLE ${llmdb}."LLM_SummedUp" (
    span  text NOT NULL CHECK (span IN ('day', 'quarter')),
    start timestamptz NOT NULL,
    PRIMARY KEY (span, start)
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

-- Booking says in which quarters of an hour it added something, behind all that it adds: their sums, and those of their days, stand no
-- longer. The shared lock lasts until the commit, so summing up, which takes it for itself alone, sees either the rows or no mark survives.
CREATE FUNCTION ${llmdb}.llmdb_reopen(p_quarters timestamptz[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('llmdb sums', '${llmdb}'::regnamespace::oid::bigint));
    DELETE FROM ${llmdb}."LLM_SummedUp" d USING (
        SELECT m.span, m.start FROM ${llmdb}."LLM_SummedUp" m
        JOIN (SELECT 'quarter' AS span, q AS start FROM unnest(p_quarters) q
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

-- Sums up a day of the daily totals. Booking waits meanwhile, only at its very end; given up soon where booking does not end.
CREATE FUNCTION ${llmdb}.llmdb_sum_up_day(p_day date) RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
    midnight timestamptz := p_day::timestamp AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb sums', '${llmdb}'::regnamespace::oid::bigint));
    DELETE FROM ${llmdb}."LLM_DailySum" WHERE day = p_day AND kind = ANY (
        '{proxy,key,user,team,organization,model,model_group,provider,end_user,tag}');
    INSERT INTO ${llmdb}."LLM_DailySum" (kind, day, id, spend, prompt_tokens, completion_tokens, api_requests, successful_requests,
        failed_requests)
    SELECT (ARRAY['proxy', 'key', 'user', 'team', 'organization', 'model', 'model_group', 'provider'])[1 +
            CASE WHEN grouping(api_key) = 0 THEN 1 WHEN grouping(user_id) = 0 THEN 2 WHEN grouping(team_id) = 0 THEN 3
                 WHEN grouping(organization_id) = 0 THEN 4 WHEN grouping(model) = 0 THEN 5 WHEN grouping(model_group) = 0 THEN 6
                 WHEN grouping(custom_llm_provider) = 0 THEN 7 ELSE 0 END],
        p_day, coalesce(api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider, ''),
        sum(spend), sum(prompt_tokens), sum(completion_tokens), sum(api_requests), sum(successful_requests), sum(failed_requests)
    FROM ${llmdb}."LLM_DailySpend" WHERE day = p_day
    GROUP BY GROUPING SETS ((api_key), (user_id), (team_id), (organization_id), (model), (model_group), (custom_llm_provider), ())
    HAVING count(*) > 0
    UNION ALL
    SELECT 'end_user', p_day, end_user, sum(spend), sum(prompt_tokens), sum(completion_tokens), sum(api_requests), sum(successful_requests),
        sum(failed_requests)
    FROM ${llmdb}."LLM_DailyEndUserSpend" WHERE day = p_day GROUP BY end_user
    UNION ALL
    SELECT 'tag', p_day, tag, sum(spend), sum(prompt_tokens), sum(completion_tokens), sum(api_requests), sum(successful_requests),
        sum(failed_requests)
    FROM ${llmdb}."LLM_DailyTagSpend" WHERE day = p_day GROUP BY tag;
    INSERT INTO ${llmdb}."LLM_SummedUp" (span, start) VALUES ('day', midnight) ON CONFLICT DO NOTHING;
END $$;

-- Sums up a quarter of an hour of the log.
CREATE FUNCTION ${llmdb}.llmdb_sum_up_quarter(p_start timestamptz) RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('llmdb sums', '${llmdb}'::regnamespace::oid::bigint));
    DELETE FROM ${llmdb}."LLM_QuarterHourSum" WHERE start = p_start AND kind = ANY ('{proxy,team,organization,model,provider}');
    INSERT INTO ${llmdb}."LLM_QuarterHourSum" (kind, start, id, spend, prompt_tokens, completion_tokens, api_requests, successful_requests,
        failed_requests)
    SELECT CASE WHEN grouping(t) = 0 THEN 'team' WHEN grouping(o) = 0 THEN 'organization' WHEN grouping(m) = 0 THEN 'model'
                WHEN grouping(p) = 0 THEN 'provider' ELSE 'proxy' END,
        p_start, coalesce(t, o, m, p, ''), sum(spend), sum(prompt_tokens), sum(completion_tokens), count(*),
        count(*) - count(*) FILTER (WHERE failed), count(*) FILTER (WHERE failed)
    FROM (SELECT coalesce(team_id, '') AS t, coalesce(organization_id, '') AS o, model AS m, coalesce(custom_llm_provider, '') AS p, spend,
            prompt_tokens, completion_tokens, status = 'failure' AS failed
          FROM ${llmdb}."LLM_SpendLogs" WHERE "startTime" >= p_start AND "startTime" < p_start + interval '15 minutes') l
    GROUP BY GROUPING SETS ((t), (o), (m), (p), ())
    HAVING count(*) > 0;
    INSERT INTO ${llmdb}."LLM_SummedUp" (span, start) VALUES ('quarter', p_start) ON CONFLICT DO NOTHING;
END $$;
