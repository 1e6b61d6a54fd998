-- Booking: adding a batch of spend to all counters in one round trip. Set-based, and locks are always taken in one order: scope by scope as
-- listed, within a scope by id in byte order, then leases, then daily totals. So two bookings, or a booking and a grant, cannot wait for each
-- other.
--
-- The arrays name each counter once, scope by scope in that order, p_count of each scope and at last those that have no table of their own,
-- with what each gets and the first and last start of the requests behind it. A counter whose requests all lie in its current window is added
-- to here. The others are returned, locked and untouched: their window has to be moved on first, or was over before the request came to be
-- booked, and windows are computed in Java alone (BudgetCalendar).

CREATE TYPE ${llmdb}.llmdb_unbooked AS (
    scope text, scope_id text, parent_id text, model text, budget_duration text,
    spend numeric, spend_window_start timestamptz, budget_reset_at timestamptz,
    -- how long the counter's windows are now; null: one window for ever
    window_duration text,
    -- what a window may spend, for rollover; null: unlimited
    max_budget numeric
);

CREATE FUNCTION ${llmdb}.llmdb_book(
    p_count int[], p_id text[], p_parent text[], p_spend numeric[], p_first timestamptz[], p_last timestamptz[],
    -- of the last p_count only
    p_scope text[], p_model text[], p_duration text[],
    p_default_end_user_budget text, p_proxy_duration text, p_proxy_max_budget numeric
) RETURNS SETOF ${llmdb}.llmdb_unbooked LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    n int;
    at int := 0;
    booked bigint;
    ids text[];
    parents text[];
    spends numeric[];
    firsts timestamptz[];
    lasts timestamptz[];
BEGIN
    -- Each lock has a statement of its own, so that the next one sees what was committed while it waited.

    n := p_count[1];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        at := at + n;
        PERFORM 1 FROM ${llmdb}."LLM_VerificationToken" c WHERE c.token = ANY (ids) ORDER BY c.token COLLATE "C" FOR NO KEY UPDATE;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n AND EXISTS (SELECT 1 FROM ${llmdb}."LLM_DeprecatedVerificationToken" d WHERE d.token = ANY (ids)) THEN
            RAISE EXCEPTION 'a key of this batch has another hash since a rotation' USING ERRCODE = 'LD004';
        END IF;
        UPDATE ${llmdb}."LLM_VerificationToken" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
        WHERE c.token = d.scope_id
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
              AND CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL THEN c.budget_duration
                   ELSE (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) END IS NULL);
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT 'key', d.scope_id, '', '', '', c.spend, c.spend_window_start, c.budget_reset_at,
                CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL THEN c.budget_duration ELSE b.budget_duration END,
                CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL THEN c.max_budget ELSE b.max_budget END
            FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
            JOIN ${llmdb}."LLM_VerificationToken" c ON c.token = d.scope_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                  AND CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL
                           THEN c.budget_duration ELSE b.budget_duration END IS NULL)) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    n := p_count[2];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        at := at + n;
        PERFORM 1 FROM ${llmdb}."LLM_UserTable" c WHERE c.user_id = ANY (ids) ORDER BY c.user_id COLLATE "C" FOR NO KEY UPDATE;
        UPDATE ${llmdb}."LLM_UserTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
        WHERE c.user_id = d.scope_id
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
              AND c.budget_duration IS NULL);
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT 'user', d.scope_id, '', '', '', c.spend, c.spend_window_start, c.budget_reset_at,
                c.budget_duration,
                c.max_budget
            FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
            JOIN ${llmdb}."LLM_UserTable" c ON c.user_id = d.scope_id
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                  AND c.budget_duration IS NULL)) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    n := p_count[3];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        at := at + n;
        PERFORM 1 FROM ${llmdb}."LLM_TeamTable" c WHERE c.team_id = ANY (ids) ORDER BY c.team_id COLLATE "C" FOR NO KEY UPDATE;
        UPDATE ${llmdb}."LLM_TeamTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
        WHERE c.team_id = d.scope_id
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
              AND c.budget_duration IS NULL);
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT 'team', d.scope_id, '', '', '', c.spend, c.spend_window_start, c.budget_reset_at,
                c.budget_duration,
                c.max_budget
            FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
            JOIN ${llmdb}."LLM_TeamTable" c ON c.team_id = d.scope_id
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                  AND c.budget_duration IS NULL)) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    n := p_count[4];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; parents := p_parent[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        at := at + n;
        PERFORM 1 FROM ${llmdb}."LLM_TeamMembership" c
        JOIN unnest(ids, parents) d (scope_id, parent_id) ON c.user_id = d.scope_id AND c.team_id = d.parent_id
        ORDER BY c.user_id COLLATE "C", c.team_id COLLATE "C" FOR NO KEY UPDATE OF c;
        UPDATE ${llmdb}."LLM_TeamMembership" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(ids, parents, spends, firsts, lasts) d (scope_id, parent_id, spend, first_start, last_start)
        WHERE c.user_id = d.scope_id AND c.team_id = d.parent_id
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
              AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) IS NULL);
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT 'team_member', d.scope_id, d.parent_id, '', '', c.spend, c.spend_window_start, c.budget_reset_at,
                b.budget_duration,
                b.max_budget
            FROM unnest(ids, parents, spends, firsts, lasts) d (scope_id, parent_id, spend, first_start, last_start)
            JOIN ${llmdb}."LLM_TeamMembership" c ON c.user_id = d.scope_id AND c.team_id = d.parent_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                  AND b.budget_duration IS NULL)) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    n := p_count[5];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        at := at + n;
        PERFORM 1 FROM ${llmdb}."LLM_OrganizationTable" c WHERE c.organization_id = ANY (ids)
        ORDER BY c.organization_id COLLATE "C" FOR NO KEY UPDATE;
        UPDATE ${llmdb}."LLM_OrganizationTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
        WHERE c.organization_id = d.scope_id
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
              AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) IS NULL);
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT 'organization', d.scope_id, '', '', '', c.spend, c.spend_window_start, c.budget_reset_at,
                b.budget_duration,
                b.max_budget
            FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
            JOIN ${llmdb}."LLM_OrganizationTable" c ON c.organization_id = d.scope_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                  AND b.budget_duration IS NULL)) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    n := p_count[6];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; parents := p_parent[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        at := at + n;
        PERFORM 1 FROM ${llmdb}."LLM_OrganizationMembership" c
        JOIN unnest(ids, parents) d (scope_id, parent_id) ON c.user_id = d.scope_id AND c.organization_id = d.parent_id
        ORDER BY c.user_id COLLATE "C", c.organization_id COLLATE "C" FOR NO KEY UPDATE OF c;
        UPDATE ${llmdb}."LLM_OrganizationMembership" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(ids, parents, spends, firsts, lasts) d (scope_id, parent_id, spend, first_start, last_start)
        WHERE c.user_id = d.scope_id AND c.organization_id = d.parent_id
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
              AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) IS NULL);
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT 'organization_member', d.scope_id, d.parent_id, '', '', c.spend, c.spend_window_start, c.budget_reset_at,
                b.budget_duration,
                b.max_budget
            FROM unnest(ids, parents, spends, firsts, lasts) d (scope_id, parent_id, spend, first_start, last_start)
            JOIN ${llmdb}."LLM_OrganizationMembership" c ON c.user_id = d.scope_id AND c.organization_id = d.parent_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                  AND b.budget_duration IS NULL)) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    n := p_count[7];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        at := at + n;
        -- Makes those that are new and locks those that are there in one pass: with two, one booking could wait for a row that another
        -- has made while that one waits for a lock. The update that never happens is what locks.
        INSERT INTO ${llmdb}."LLM_EndUserTable" AS c (user_id)
        SELECT d.scope_id FROM unnest(ids) d (scope_id) ORDER BY d.scope_id COLLATE "C"
        ON CONFLICT (user_id) DO UPDATE SET spend = c.spend WHERE false;
        UPDATE ${llmdb}."LLM_EndUserTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
        WHERE c.user_id = d.scope_id
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
              AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b
                   WHERE b.budget_id = coalesce(c.budget_id, p_default_end_user_budget)) IS NULL);
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT 'end_user', d.scope_id, '', '', '', c.spend, c.spend_window_start, c.budget_reset_at,
                b.budget_duration,
                b.max_budget
            FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
            JOIN ${llmdb}."LLM_EndUserTable" c ON c.user_id = d.scope_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = coalesce(c.budget_id, p_default_end_user_budget)
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                  AND b.budget_duration IS NULL)) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    n := p_count[8];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        at := at + n;
        INSERT INTO ${llmdb}."LLM_TagTable" AS c (tag_name)
        SELECT d.scope_id FROM unnest(ids) d (scope_id) ORDER BY d.scope_id COLLATE "C"
        ON CONFLICT (tag_name) DO UPDATE SET spend = c.spend WHERE false;
        UPDATE ${llmdb}."LLM_TagTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
        WHERE c.tag_name = d.scope_id
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
              AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) IS NULL);
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT 'tag', d.scope_id, '', '', '', c.spend, c.spend_window_start, c.budget_reset_at,
                b.budget_duration,
                b.max_budget
            FROM unnest(ids, spends, firsts, lasts) d (scope_id, spend, first_start, last_start)
            JOIN ${llmdb}."LLM_TagTable" c ON c.tag_name = d.scope_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                  AND b.budget_duration IS NULL)) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    -- Further windows, budgets by model and the whole proxy have rows of their own, made when they are first needed.
    n := p_count[9];
    IF n > 0 THEN
        ids := p_id[at + 1 : at + n]; parents := p_parent[at + 1 : at + n]; spends := p_spend[at + 1 : at + n];
        firsts := p_first[at + 1 : at + n]; lasts := p_last[at + 1 : at + n];
        INSERT INTO ${llmdb}."LLM_SpendCounter" AS c (scope, scope_id, parent_id, model, budget_duration)
        SELECT d.* FROM unnest(p_scope, ids, parents, p_model, p_duration) d (scope, scope_id, parent_id, model, budget_duration)
        ORDER BY d.scope COLLATE "C", d.scope_id COLLATE "C", d.parent_id COLLATE "C", d.model COLLATE "C", d.budget_duration COLLATE "C"
        ON CONFLICT (scope, scope_id, parent_id, model, budget_duration) DO UPDATE SET spend = c.spend WHERE false;
        UPDATE ${llmdb}."LLM_SpendCounter" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(p_scope, ids, parents, p_model, p_duration, spends, firsts, lasts)
            d (scope, scope_id, parent_id, model, budget_duration, spend, first_start, last_start)
        WHERE (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
            = (d.scope, d.scope_id, d.parent_id, d.model, d.budget_duration)
          AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
          AND (d.last_start < c.budget_reset_at
               OR c.budget_reset_at IS NULL AND c.budget_duration = ''
                  AND (p_proxy_duration IS NULL OR c.scope <> 'proxy' OR c.model <> ''));
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < n THEN
            RETURN QUERY
            SELECT c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration, c.spend, c.spend_window_start, c.budget_reset_at,
                   CASE WHEN c.scope = 'proxy' AND c.model = '' AND c.budget_duration = ''
                        THEN p_proxy_duration ELSE nullif(c.budget_duration, '') END,
                   CASE WHEN c.scope = 'proxy' AND c.model = '' AND c.budget_duration = '' THEN p_proxy_max_budget END
            FROM unnest(p_scope, ids, parents, p_model, p_duration, firsts, lasts)
                d (scope, scope_id, parent_id, model, budget_duration, first_start, last_start)
            JOIN ${llmdb}."LLM_SpendCounter" c
              ON (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
               = (d.scope, d.scope_id, d.parent_id, d.model, d.budget_duration)
            WHERE ((c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start)
              AND (d.last_start < c.budget_reset_at
                   OR c.budget_reset_at IS NULL AND c.budget_duration = ''
                      AND (p_proxy_duration IS NULL OR c.scope <> 'proxy' OR c.model <> ''))) IS NOT TRUE
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;
END $$;

-- Takes what was booked from the leases that covered it: of each request as much of its cost as it had reserved, so that a lease is what its
-- holder has idle plus what running requests have reserved, and what a request cost above its estimate shows in the counter alone. What was
-- reserved on a lease that is over (another epoch) is taken from none.
CREATE FUNCTION ${llmdb}.llmdb_take_from_leases(
    p_scope text[], p_id text[], p_parent text[], p_model text[], p_duration text[], p_holder uuid[], p_epoch bigint[], p_amount numeric[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM ${llmdb}."LLM_Lease" l
    JOIN unnest(p_scope, p_id, p_parent, p_model, p_duration, p_holder) d (scope, scope_id, parent_id, model, budget_duration, holder)
      ON (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
       = (d.scope, d.scope_id, d.parent_id, d.model, d.budget_duration, d.holder)
    LEFT JOIN ${llmdb}."LLM_DeprecatedVerificationToken" r ON r.token = l.scope_id AND l.scope = 'key'
    ORDER BY array_position(ARRAY['key', 'user', 'team', 'team_member', 'organization', 'organization_member', 'end_user', 'tag'],
            CASE WHEN l.model = '' AND l.budget_duration = '' THEN l.scope END) NULLS LAST,
        l.scope COLLATE "C", coalesce(r.active_token_id, l.scope_id) COLLATE "C", l.parent_id COLLATE "C", l.model COLLATE "C",
        l.budget_duration COLLATE "C", l.scope_id COLLATE "C", l.holder
    FOR UPDATE OF l;
    UPDATE ${llmdb}."LLM_Lease" l SET amount = greatest(0, l.amount - d.amount)
    FROM unnest(p_scope, p_id, p_parent, p_model, p_duration, p_holder, p_epoch, p_amount)
        d (scope, scope_id, parent_id, model, budget_duration, holder, epoch, amount)
    WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
        = (d.scope, d.scope_id, d.parent_id, d.model, d.budget_duration, d.holder)
      AND l.epoch = d.epoch;
END $$;

-- Daily totals of a batch, each row once, in the order of the primary key.
CREATE FUNCTION ${llmdb}.llmdb_add_daily_spend(
    p_day date[], p_api_key text[], p_user_id text[], p_team_id text[], p_organization_id text[], p_model text[], p_model_group text[],
    p_custom_llm_provider text[], p_spend numeric[], p_prompt bigint[], p_completion bigint[], p_requests bigint[], p_succeeded bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO ${llmdb}."LLM_DailySpend" AS t (
        day, api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider, spend, prompt_tokens, completion_tokens,
        api_requests, successful_requests, failed_requests)
    SELECT day, api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider, spend, prompt, completion, requests,
    succeeded, requests - succeeded
    FROM unnest(
            p_day, p_api_key, p_user_id, p_team_id, p_organization_id, p_model, p_model_group, p_custom_llm_provider, p_spend, p_prompt,
            p_completion, p_requests, p_succeeded)
        d (day, api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider, spend, prompt, completion, requests,
        succeeded)
    ORDER BY day, api_key COLLATE "C", user_id COLLATE "C", team_id COLLATE "C", organization_id COLLATE "C", model COLLATE "C", model_group
    COLLATE "C", custom_llm_provider COLLATE "C"
    ON CONFLICT (day, api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider) DO UPDATE
    SET spend = t.spend + excluded.spend, prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = t.completion_tokens + excluded.completion_tokens, api_requests = t.api_requests + excluded.api_requests,
        successful_requests = t.successful_requests + excluded.successful_requests,
        failed_requests = t.failed_requests + excluded.failed_requests;
END $$;

CREATE FUNCTION ${llmdb}.llmdb_add_daily_end_user_spend(
    p_day date[], p_end_user text[], p_model text[], p_spend numeric[], p_prompt bigint[], p_completion bigint[], p_requests bigint[],
    p_succeeded bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO ${llmdb}."LLM_DailyEndUserSpend" AS t (
        day, end_user, model, spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests)
    SELECT day, end_user, model, spend, prompt, completion, requests, succeeded, requests - succeeded
    FROM unnest(
            p_day, p_end_user, p_model, p_spend, p_prompt, p_completion, p_requests, p_succeeded)
        d (day, end_user, model, spend, prompt, completion, requests, succeeded)
    ORDER BY day, end_user COLLATE "C", model COLLATE "C"
    ON CONFLICT (day, end_user, model) DO UPDATE
    SET spend = t.spend + excluded.spend, prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = t.completion_tokens + excluded.completion_tokens, api_requests = t.api_requests + excluded.api_requests,
        successful_requests = t.successful_requests + excluded.successful_requests,
        failed_requests = t.failed_requests + excluded.failed_requests;
END $$;

CREATE FUNCTION ${llmdb}.llmdb_add_daily_tag_spend(
    p_day date[], p_tag text[], p_model text[], p_spend numeric[], p_prompt bigint[], p_completion bigint[], p_requests bigint[], p_succeeded
    bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO ${llmdb}."LLM_DailyTagSpend" AS t (
        day, tag, model, spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests)
    SELECT day, tag, model, spend, prompt, completion, requests, succeeded, requests - succeeded
    FROM unnest(
            p_day, p_tag, p_model, p_spend, p_prompt, p_completion, p_requests, p_succeeded)
        d (day, tag, model, spend, prompt, completion, requests, succeeded)
    ORDER BY day, tag COLLATE "C", model COLLATE "C"
    ON CONFLICT (day, tag, model) DO UPDATE
    SET spend = t.spend + excluded.spend, prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = t.completion_tokens + excluded.completion_tokens, api_requests = t.api_requests + excluded.api_requests,
        successful_requests = t.successful_requests + excluded.successful_requests,
        failed_requests = t.failed_requests + excluded.failed_requests;
END $$;

CREATE FUNCTION ${llmdb}.llmdb_add_daily_errors(
    p_day date[], p_model text[], p_model_group text[], p_exception_type text[], p_status_code text[], p_failed bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO ${llmdb}."LLM_DailyErrors" AS t (day, model, model_group, exception_type, status_code, failed_requests)
    SELECT d.* FROM unnest(p_day, p_model, p_model_group, p_exception_type, p_status_code, p_failed)
        d (day, model, model_group, exception_type, status_code, failed)
    ORDER BY day, model COLLATE "C", model_group COLLATE "C", exception_type COLLATE "C", status_code COLLATE "C"
    ON CONFLICT (day, model, model_group, exception_type, status_code) DO UPDATE
    SET failed_requests = t.failed_requests + excluded.failed_requests;
END $$;

-- Refuses what is older than what was dropped. Called behind the rows' own INSERT or COPY, which holds off a drop that has not happened yet.
CREATE FUNCTION ${llmdb}.llmdb_require_kept(p_start timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    state record;
BEGIN
    SELECT s.table_name, s.dropped_before INTO state FROM ${llmdb}."LLM_LogState" s
    WHERE s.dropped_before > p_start AND s.table_name IN ('LLM_SpendLogs', 'LLM_SpendReceipt');
    IF FOUND THEN
        RAISE EXCEPTION 'the event started at %, and rows of % before % were dropped: whether it was booked before cannot be told',
            p_start, state.table_name, state.dropped_before USING ERRCODE = 'LD001';
    END IF;
END $$;

-- Where spend logs were switched on or off, an event may be known by a receipt instead of a row, or the other way round: refuses a batch
-- whose stretch of time holds any, so that each of its events is looked up.
CREATE FUNCTION ${llmdb}.llmdb_require_one_book(p_first timestamptz, p_last timestamptz, p_keep_spend_log boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_keep_spend_log AND EXISTS (SELECT 1 FROM ${llmdb}."LLM_SpendReceipt" WHERE "startTime" BETWEEN p_first AND p_last)
       OR NOT p_keep_spend_log AND EXISTS (SELECT 1 FROM ${llmdb}."LLM_SpendLogs" WHERE "startTime" BETWEEN p_first AND p_last) THEN
        RAISE EXCEPTION 'some events of this time have receipts and others rows' USING ERRCODE = 'LD002';
    END IF;
END $$;

-- Booking one event in one round trip, for a caller who waits for it: what the statements above and those of the writer do for a batch. Answers
-- booked, repeated or contradicting. Gives up with SQLSTATE LD003, having done nothing, where a window has to be moved on first.
CREATE FUNCTION ${llmdb}.llmdb_record(
    p_id uuid, p_request_id text, p_call_type text, p_api_key text, p_spend numeric, p_total_tokens bigint, p_prompt_tokens bigint,
    p_completion_tokens bigint, p_start timestamptz, p_end timestamptz, p_request_duration_ms bigint, p_completion_start timestamptz,
    p_model text, p_model_id text, p_model_group text, p_custom_llm_provider text, p_api_base text, p_user text, p_metadata jsonb,
    p_cache_hit text, p_cache_key text, p_request_tags jsonb, p_team_id text, p_organization_id text, p_end_user text,
    p_requester_ip_address text, p_messages jsonb, p_response jsonb, p_session_id text, p_status text, p_proxy_server_request jsonb,
    p_further_counters jsonb, p_digest bigint,
    -- null: the request succeeded
    p_exception_type text, p_exception_string text, p_status_code text, p_request_kwargs jsonb,
    p_tags text[], p_lease_holder uuid,
    -- all counters of the event, in the order of locks, and what is taken from the holder's leases on them; null: nothing
    p_scopes text[], p_ids text[], p_parents text[], p_models text[], p_durations text[], p_lease_epochs bigint[], p_lease_amounts numeric[],
    p_keep_spend_log boolean, p_keep_error_log boolean, p_update_counters boolean,
    p_default_end_user_budget text, p_proxy_duration text
) RETURNS text LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known bigint;
    day date := (p_start AT TIME ZONE 'UTC')::date;
    succeeded int := CASE WHEN p_exception_type IS NULL THEN 1 ELSE 0 END;
    scope text;
    moved boolean := false;
BEGIN
    IF num_nonnulls(p_messages, p_response, p_proxy_server_request) > 0 AND EXISTS (
            SELECT 1 FROM ${llmdb}."LLM_LogState" s WHERE s.table_name = 'LLM_SpendLogs' AND s.prompts_before > p_start) THEN
        -- It comes when the prompts of its time are forgotten already.
        p_messages := NULL;
        p_response := NULL;
        p_proxy_server_request := NULL;
    END IF;
    IF p_keep_spend_log THEN
        SELECT r.digest INTO known FROM ${llmdb}."LLM_SpendReceipt" r WHERE r."startTime" = p_start AND r.id = p_id;
        IF NOT FOUND THEN
            INSERT INTO ${llmdb}."LLM_SpendLogs" (
                id, request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens, "startTime", "endTime",
                request_duration_ms, "completionStartTime", model, model_id, model_group, custom_llm_provider, api_base, "user", metadata,
                cache_hit, cache_key, request_tags, team_id, organization_id, end_user, requester_ip_address, messages, response,
                session_id, status, proxy_server_request, further_counters, digest)
            VALUES (
                p_id, p_request_id, p_call_type, p_api_key, p_spend, p_total_tokens, p_prompt_tokens, p_completion_tokens, p_start, p_end,
                p_request_duration_ms, p_completion_start, p_model, p_model_id, p_model_group, p_custom_llm_provider, p_api_base, p_user,
                p_metadata, p_cache_hit, p_cache_key, p_request_tags, p_team_id, p_organization_id, p_end_user, p_requester_ip_address,
                p_messages, p_response, p_session_id, p_status, p_proxy_server_request, p_further_counters, p_digest)
            ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                SELECT l.digest INTO known FROM ${llmdb}."LLM_SpendLogs" l WHERE l."startTime" = p_start AND l.id = p_id;
            END IF;
        END IF;
    ELSE
        SELECT l.digest INTO known FROM ${llmdb}."LLM_SpendLogs" l WHERE l."startTime" = p_start AND l.id = p_id;
        IF NOT FOUND THEN
            INSERT INTO ${llmdb}."LLM_SpendReceipt" (id, "startTime", digest) VALUES (p_id, p_start, p_digest) ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                SELECT r.digest INTO known FROM ${llmdb}."LLM_SpendReceipt" r WHERE r."startTime" = p_start AND r.id = p_id;
            END IF;
        END IF;
    END IF;
    IF known IS NOT NULL THEN
        RETURN CASE WHEN known = p_digest THEN 'repeated' ELSE 'contradicting' END;
    END IF;
    PERFORM ${llmdb}.llmdb_require_kept(p_start);

    IF p_exception_type IS NOT NULL AND p_keep_error_log THEN
        INSERT INTO ${llmdb}."LLM_ErrorLogs" (id, request_id, "startTime", "endTime", api_base, model_group, llm_model_name, model_id,
            request_kwargs, exception_type, exception_string, status_code)
        VALUES (p_id, p_request_id, p_start, p_end, coalesce(p_api_base, ''), coalesce(p_model_group, ''), p_model, coalesce(p_model_id, ''),
            p_request_kwargs, p_exception_type, p_exception_string, p_status_code);
    END IF;
    IF NOT p_update_counters THEN
        RETURN 'booked';
    END IF;

    FOR i IN 1 .. cardinality(p_scopes) LOOP
        scope := CASE WHEN p_models[i] = '' AND p_durations[i] = '' THEN p_scopes[i] ELSE '' END;
        CASE scope
        WHEN 'key' THEN
            UPDATE ${llmdb}."LLM_VerificationToken" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.token = p_ids[i] AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                   AND CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL THEN c.budget_duration
                         ELSE (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) END IS NULL);
            IF NOT FOUND THEN
                moved := moved OR EXISTS (SELECT 1 FROM ${llmdb}."LLM_VerificationToken" WHERE token = p_ids[i]);
                IF NOT moved AND EXISTS (SELECT 1 FROM ${llmdb}."LLM_DeprecatedVerificationToken" d WHERE d.token = p_ids[i]) THEN
                    RAISE EXCEPTION 'the key has another hash since a rotation' USING ERRCODE = 'LD004';
                END IF;
            END IF;
        WHEN 'user' THEN
            UPDATE ${llmdb}."LLM_UserTable" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.user_id = p_ids[i] AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                   AND c.budget_duration IS NULL);
            IF NOT FOUND THEN
                moved := moved OR EXISTS (SELECT 1 FROM ${llmdb}."LLM_UserTable" WHERE user_id = p_ids[i]);
            END IF;
        WHEN 'team' THEN
            UPDATE ${llmdb}."LLM_TeamTable" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.team_id = p_ids[i] AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                   AND c.budget_duration IS NULL);
            IF NOT FOUND THEN
                moved := moved OR EXISTS (SELECT 1 FROM ${llmdb}."LLM_TeamTable" WHERE team_id = p_ids[i]);
            END IF;
        WHEN 'team_member' THEN
            UPDATE ${llmdb}."LLM_TeamMembership" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.user_id = p_ids[i] AND c.team_id = p_parents[i] AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                   AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) IS NULL);
            IF NOT FOUND THEN
                moved := moved OR EXISTS (SELECT 1 FROM ${llmdb}."LLM_TeamMembership" WHERE user_id = p_ids[i] AND team_id = p_parents[i]);
            END IF;
        WHEN 'organization' THEN
            UPDATE ${llmdb}."LLM_OrganizationTable" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.organization_id = p_ids[i] AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                   AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) IS NULL);
            IF NOT FOUND THEN
                moved := moved OR EXISTS (SELECT 1 FROM ${llmdb}."LLM_OrganizationTable" WHERE organization_id = p_ids[i]);
            END IF;
        WHEN 'organization_member' THEN
            UPDATE ${llmdb}."LLM_OrganizationMembership" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.user_id = p_ids[i] AND c.organization_id = p_parents[i] AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                   AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) IS NULL);
            IF NOT FOUND THEN
                moved := moved OR EXISTS (
                    SELECT 1 FROM ${llmdb}."LLM_OrganizationMembership" WHERE user_id = p_ids[i] AND organization_id = p_parents[i]);
            END IF;
        WHEN 'end_user' THEN
            UPDATE ${llmdb}."LLM_EndUserTable" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.user_id = p_ids[i] AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                   AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b
                   WHERE b.budget_id = coalesce(c.budget_id, p_default_end_user_budget)) IS NULL);
            IF NOT FOUND THEN
                -- With a budget, a new row's first window has to be computed.
                INSERT INTO ${llmdb}."LLM_EndUserTable" AS c (user_id, spend, total_spend)
                SELECT p_ids[i], p_spend, p_spend WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_BudgetTable" b
                    WHERE b.budget_id = p_default_end_user_budget AND b.budget_duration IS NOT NULL)
                ON CONFLICT DO NOTHING;
                moved := moved OR NOT FOUND;
            END IF;
        WHEN 'tag' THEN
            UPDATE ${llmdb}."LLM_TagTable" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.tag_name = p_ids[i] AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL
                   AND (SELECT b.budget_duration FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = c.budget_id) IS NULL);
            IF NOT FOUND THEN
                -- With a budget, a new row's first window has to be computed.
                INSERT INTO ${llmdb}."LLM_TagTable" AS c (tag_name, spend, total_spend)
                SELECT p_ids[i], p_spend, p_spend
                ON CONFLICT DO NOTHING;
                moved := moved OR NOT FOUND;
            END IF;
        ELSE
            UPDATE ${llmdb}."LLM_SpendCounter" c SET spend = c.spend + p_spend, total_spend = c.total_spend + p_spend
            WHERE c.scope = p_scopes[i] AND c.scope_id = p_ids[i] AND c.parent_id = p_parents[i] AND c.model = p_models[i]
              AND c.budget_duration = p_durations[i]
              AND (c.spend_window_start IS NULL OR p_start >= c.spend_window_start)
              AND (p_start < c.budget_reset_at OR c.budget_reset_at IS NULL AND c.budget_duration = ''
                   AND (p_proxy_duration IS NULL OR scope <> 'proxy'));
            moved := moved OR NOT FOUND;
        END CASE;
        IF moved THEN
            RAISE EXCEPTION 'a window has to be moved on before this event can be booked' USING ERRCODE = 'LD003';
        END IF;
    END LOOP;

    IF p_lease_holder IS NOT NULL THEN
        PERFORM ${llmdb}.llmdb_take_from_leases(array_agg(d.scope), array_agg(d.scope_id), array_agg(d.parent_id), array_agg(d.model),
            array_agg(d.budget_duration), array_agg(p_lease_holder), array_agg(d.epoch), array_agg(d.amount))
        FROM unnest(p_scopes, p_ids, p_parents, p_models, p_durations, p_lease_epochs, p_lease_amounts)
            d (scope, scope_id, parent_id, model, budget_duration, epoch, amount)
        WHERE d.amount > 0;
    END IF;

    INSERT INTO ${llmdb}."LLM_DailySpend" AS t (day, api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider,
        spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests)
    VALUES (day, p_api_key, coalesce(p_user, ''), coalesce(p_team_id, ''), coalesce(p_organization_id, ''), p_model,
        coalesce(p_model_group, ''), coalesce(p_custom_llm_provider, ''),
        p_spend, p_prompt_tokens, p_completion_tokens, 1, succeeded, 1 - succeeded)
    ON CONFLICT (day, api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider) DO UPDATE
    SET spend = t.spend + excluded.spend, prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = t.completion_tokens + excluded.completion_tokens, api_requests = t.api_requests + 1,
        successful_requests = t.successful_requests + excluded.successful_requests,
        failed_requests = t.failed_requests + excluded.failed_requests;
    IF p_end_user IS NOT NULL THEN
        INSERT INTO ${llmdb}."LLM_DailyEndUserSpend" AS t (day, end_user, model,
            spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests)
        VALUES (day, p_end_user, p_model, p_spend, p_prompt_tokens, p_completion_tokens, 1, succeeded, 1 - succeeded)
        ON CONFLICT (day, end_user, model) DO UPDATE
        SET spend = t.spend + excluded.spend, prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
            completion_tokens = t.completion_tokens + excluded.completion_tokens, api_requests = t.api_requests + 1,
            successful_requests = t.successful_requests + excluded.successful_requests,
            failed_requests = t.failed_requests + excluded.failed_requests;
    END IF;
    IF p_tags IS NOT NULL THEN
        INSERT INTO ${llmdb}."LLM_DailyTagSpend" AS t (day, tag, model,
            spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests)
        SELECT day, d.tag, p_model, p_spend, p_prompt_tokens, p_completion_tokens, 1, succeeded, 1 - succeeded
        FROM unnest(p_tags) d (tag) ORDER BY d.tag COLLATE "C"
        ON CONFLICT (day, tag, model) DO UPDATE
        SET spend = t.spend + excluded.spend, prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
            completion_tokens = t.completion_tokens + excluded.completion_tokens, api_requests = t.api_requests + 1,
            successful_requests = t.successful_requests + excluded.successful_requests,
            failed_requests = t.failed_requests + excluded.failed_requests;
    END IF;
    IF p_exception_type IS NOT NULL THEN
        INSERT INTO ${llmdb}."LLM_DailyErrors" AS t (day, model, model_group, exception_type, status_code, failed_requests)
        VALUES (day, p_model, coalesce(p_model_group, ''), p_exception_type, p_status_code, 1)
        ON CONFLICT (day, model, model_group, exception_type, status_code) DO UPDATE SET failed_requests = t.failed_requests + 1;
    END IF;
    PERFORM ${llmdb}.llmdb_reopen(ARRAY[date_bin('15 minutes', p_start, '2000-01-01 00:00:00+00')]);
    RETURN 'booked';
END $$;
