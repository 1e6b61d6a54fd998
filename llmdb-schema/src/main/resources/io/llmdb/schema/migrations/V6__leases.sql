-- Leases: slices of what is left of a budget, granted under the lock of its counter.

-- Every counter with what its window may spend now: a key's, team's or user's own columns, else the budget row that it links.
CREATE VIEW ${llmdb}.llmdb_counter AS
SELECT 'user'::text AS scope, c.user_id AS scope_id, ''::text AS parent_id, ''::text AS model, ''::text AS budget_duration,
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, c.budget_duration AS window_duration,
       c.max_budget + CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_increase ELSE 0 END AS max_budget,
       c.soft_budget, NULL::text AS budget_id
FROM ${llmdb}."LLM_UserTable" c
UNION ALL
SELECT 'team', c.team_id, '', '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, c.budget_duration AS window_duration,
       c.max_budget + CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_increase ELSE 0 END AS max_budget,
       c.soft_budget, NULL::text AS budget_id
FROM ${llmdb}."LLM_TeamTable" c
UNION ALL
SELECT 'key', c.token, '', '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at,
       CASE WHEN c.max_budget IS NOT NULL OR b.budget_id IS NULL THEN c.budget_duration ELSE b.budget_duration END,
       CASE WHEN c.max_budget IS NOT NULL OR b.budget_id IS NULL
            THEN c.max_budget + CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_increase ELSE 0 END
            ELSE b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END END,
       coalesce(c.soft_budget, b.soft_budget), c.budget_id
FROM ${llmdb}."LLM_VerificationToken" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'team_member', c.user_id, c.team_id, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id
FROM ${llmdb}."LLM_TeamMembership" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'organization', c.organization_id, ''::text, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id
FROM ${llmdb}."LLM_OrganizationTable" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'organization_member', c.user_id, c.organization_id, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id
FROM ${llmdb}."LLM_OrganizationMembership" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'end_user', c.user_id, ''::text, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id
FROM ${llmdb}."LLM_EndUserTable" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'tag', c.tag_name, ''::text, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id
FROM ${llmdb}."LLM_TagTable" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
-- What these may spend stands in JSON or in the settings; who asks says it.
SELECT c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration,
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, nullif(c.budget_duration, ''), NULL, NULL, NULL
FROM ${llmdb}."LLM_SpendCounter" c;

CREATE TYPE ${llmdb}.llmdb_grant_answer AS (
    ordinal bigint,
    -- granted; refused; window_over: move the counter on to the present window and ask again; gone: no such counter
    status text,
    -- what the holder may spend from now on, beyond what it has in use; null: unlimited
    granted numeric,
    max_budget numeric, soft_budget numeric, spend numeric,
    -- what other holders have
    reserved numeric,
    -- how many other holders have been asked to hand back what they do not use and have not answered
    recalls_pending bigint,
    spend_window_start timestamptz, budget_reset_at timestamptz, window_duration text
);

-- Sets what one holder has of each counter: what it has in use, plus a new slice. What it has in use is its lease less what it says is idle,
-- because the lease follows bookings in their own transactions and the holder hears of them later; where it is not sure of what is idle (p_idle
-- is null), or has no live lease, its own figure counts. For each counter: at least p_need or nothing, and up to p_extra
-- more but never more than a quarter of what is left then, so that slices shrink to single calls near the limit. Locks are taken in the
-- order of llmdb_book. A lapsed lease counts for nothing; the holder's clock does not matter.
CREATE FUNCTION ${llmdb}.llmdb_grant(
    p_holder uuid, p_lease_seconds numeric,
    p_scope text[], p_id text[], p_parent text[], p_model text[], p_duration text[],
    p_in_use numeric[], p_idle numeric[], p_least numeric[], p_need numeric[], p_extra numeric[], p_max_budget numeric[],
    p_default_end_user_budget text, p_proxy_duration text
) RETURNS SETOF ${llmdb}.llmdb_grant_answer LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    asked record;
    counter record;
    answer ${llmdb}.llmdb_grant_answer;
    instant timestamptz;
    room numeric;
    kept numeric;
    own record;
    found_row boolean;
BEGIN
    FOR asked IN
        SELECT d.*, array_position(ARRAY['key', 'user', 'team', 'team_member', 'organization', 'organization_member', 'end_user', 'tag'],
                   CASE WHEN d.model = '' AND d.budget_duration = '' THEN d.scope END) AS place
        FROM unnest(p_scope, p_id, p_parent, p_model, p_duration, p_in_use, p_idle, p_least, p_need, p_extra, p_max_budget)
            WITH ORDINALITY d (scope, scope_id, parent_id, model, budget_duration, in_use, idle, least, need, extra, max_budget, ordinal)
        ORDER BY place NULLS LAST, d.scope COLLATE "C", d.scope_id COLLATE "C", d.parent_id COLLATE "C", d.model COLLATE "C",
            d.budget_duration COLLATE "C"
    LOOP
        found_row := true;
        CASE asked.place
            WHEN 1 THEN PERFORM 1 FROM ${llmdb}."LLM_VerificationToken" WHERE token = asked.scope_id FOR NO KEY UPDATE;
            WHEN 2 THEN PERFORM 1 FROM ${llmdb}."LLM_UserTable" WHERE user_id = asked.scope_id FOR NO KEY UPDATE;
            WHEN 3 THEN PERFORM 1 FROM ${llmdb}."LLM_TeamTable" WHERE team_id = asked.scope_id FOR NO KEY UPDATE;
            WHEN 4 THEN PERFORM 1 FROM ${llmdb}."LLM_TeamMembership"
                WHERE user_id = asked.scope_id AND team_id = asked.parent_id FOR NO KEY UPDATE;
            WHEN 5 THEN PERFORM 1 FROM ${llmdb}."LLM_OrganizationTable" WHERE organization_id = asked.scope_id FOR NO KEY UPDATE;
            WHEN 6 THEN PERFORM 1 FROM ${llmdb}."LLM_OrganizationMembership"
                WHERE user_id = asked.scope_id AND organization_id = asked.parent_id FOR NO KEY UPDATE;
            WHEN 7 THEN
                PERFORM 1 FROM ${llmdb}."LLM_EndUserTable" WHERE user_id = asked.scope_id FOR NO KEY UPDATE;
                IF NOT FOUND THEN
                    INSERT INTO ${llmdb}."LLM_EndUserTable" (user_id) VALUES (asked.scope_id) ON CONFLICT DO NOTHING;
                    PERFORM 1 FROM ${llmdb}."LLM_EndUserTable" WHERE user_id = asked.scope_id FOR NO KEY UPDATE;
                END IF;
            WHEN 8 THEN PERFORM 1 FROM ${llmdb}."LLM_TagTable" WHERE tag_name = asked.scope_id FOR NO KEY UPDATE;
            ELSE
                INSERT INTO ${llmdb}."LLM_SpendCounter" (scope, scope_id, parent_id, model, budget_duration)
                VALUES (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration) ON CONFLICT DO NOTHING;
                PERFORM 1 FROM ${llmdb}."LLM_SpendCounter"
                WHERE (scope, scope_id, parent_id, model, budget_duration)
                    = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration) FOR NO KEY UPDATE;
        END CASE;

        -- A statement of its own, so that it sees what was committed while this one waited for the lock.
        SELECT * INTO counter FROM ${llmdb}.llmdb_counter c
        WHERE c.scope = asked.scope AND c.scope_id = asked.scope_id AND c.parent_id = asked.parent_id AND c.model = asked.model
          AND c.budget_duration = asked.budget_duration;
        found_row := FOUND;
        answer := NULL;
        answer.ordinal := asked.ordinal;
        IF NOT found_row THEN
            answer.status := 'gone';
            RETURN NEXT answer;
            CONTINUE;
        END IF;
        IF asked.place IS NULL THEN
            counter.max_budget := asked.max_budget;
            IF asked.scope = 'proxy' AND asked.budget_duration = '' AND asked.model = '' THEN
                counter.window_duration := p_proxy_duration;
            END IF;
        ELSIF asked.place = 7 AND counter.budget_id IS NULL THEN
            SELECT b.budget_duration, b.max_budget, b.soft_budget INTO counter.window_duration, counter.max_budget, counter.soft_budget
            FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = p_default_end_user_budget;
        END IF;
        instant := ${llmdb}.llmdb_now();
        answer.max_budget := counter.max_budget;
        answer.soft_budget := counter.soft_budget;
        answer.spend := counter.spend;
        answer.spend_window_start := counter.spend_window_start;
        answer.budget_reset_at := counter.budget_reset_at;
        answer.window_duration := counter.window_duration;
        IF counter.budget_reset_at <= instant OR (counter.budget_reset_at IS NULL AND counter.window_duration IS NOT NULL) THEN
            answer.status := 'window_over';
            RETURN NEXT answer;
            CONTINUE;
        END IF;

        SELECT coalesce(sum(l.amount), 0) INTO answer.reserved
        FROM ${llmdb}."LLM_Lease" l
        WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration)
            = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration)
          AND l.holder <> p_holder AND l.expires_at > instant AND (l.window_end IS NULL OR l.window_end > instant);
        IF counter.max_budget IS NULL THEN
            answer.status := 'granted';
            kept := 0;
        ELSE
            room := counter.max_budget - counter.spend - answer.reserved;
            SELECT l.amount, l.recalled INTO own FROM ${llmdb}."LLM_Lease" l
            WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
                = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration, p_holder)
              AND l.expires_at > instant AND (l.window_end IS NULL OR l.window_end > instant);
            IF FOUND AND asked.idle IS NOT NULL AND asked.in_use > 0 THEN
                asked.in_use := greatest(0, own.amount - asked.idle);
            END IF;
            -- What is in use was granted before; it stays, as far as nobody was granted it after this holder's lease lapsed.
            kept := greatest(0, least(asked.in_use, room));
            room := room - asked.in_use;
            IF room >= asked.need THEN
                answer.status := 'granted';
                answer.granted := asked.need + CASE WHEN own.recalled THEN 0 ELSE least(asked.extra, trunc((room - asked.need) / 4, 12)) END;
            ELSE
                answer.status := 'refused';
                -- Only what admits a call: holders that keep what is too small for one would hold it against each other.
                answer.granted := CASE WHEN asked.least > 0 AND room >= asked.least
                    THEN trunc(room / asked.least) * asked.least ELSE 0 END;
                UPDATE ${llmdb}."LLM_Lease" l SET recalled = true
                WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration)
                    = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration)
                  AND l.holder <> p_holder AND l.expires_at > instant AND l.amount > 0 AND NOT l.recalled
                  AND l.may_be_idle;
                SELECT count(*) INTO answer.recalls_pending FROM ${llmdb}."LLM_Lease" l
                WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration)
                    = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration)
                  AND l.holder <> p_holder AND l.expires_at > instant AND l.recalled;
            END IF;
        END IF;
        IF kept + coalesce(answer.granted, 0) > 0 THEN
            INSERT INTO ${llmdb}."LLM_Lease" AS l
                (scope, scope_id, parent_id, model, budget_duration, holder, amount, window_start, window_end, expires_at, may_be_idle)
            VALUES (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration, p_holder,
                kept + coalesce(answer.granted, 0), counter.spend_window_start, counter.budget_reset_at,
                instant + p_lease_seconds * interval '1 second',
                answer.granted IS DISTINCT FROM (CASE WHEN answer.status = 'granted' THEN asked.need ELSE 0 END))
            ON CONFLICT (scope, scope_id, parent_id, model, budget_duration, holder) DO UPDATE
            SET amount = excluded.amount, window_start = excluded.window_start, window_end = excluded.window_end, expires_at = excluded.expires_at,
                may_be_idle = excluded.may_be_idle, recalled = false;
        ELSE
            DELETE FROM ${llmdb}."LLM_Lease" l
            WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
                = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration, p_holder);
        END IF;
        RETURN NEXT answer;
    END LOOP;
END $$;
