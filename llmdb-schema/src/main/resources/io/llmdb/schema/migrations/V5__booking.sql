-- Booking: adding a batch of spend to all counters in one round trip. Set-based, and locks are always taken in one order: scope by scope as
-- listed, within a scope by id in byte order, leases last. So two bookings, or a booking and a grant, cannot wait for each other.
--
-- The arrays name each counter once, with what it gets, and the first and last start of the requests behind it. A counter whose requests all
-- lie in its current window is added to here. The others are locked and returned, untouched: their window has to be moved on first, or was over
-- before the request came to be booked, and windows are computed in Java alone (BudgetCalendar).

CREATE TYPE ${llmdb}.llmdb_unbooked AS (
    scope text, scope_id text, parent_id text, model text, budget_duration text,
    spend numeric, spend_window_start timestamptz, budget_reset_at timestamptz,
    -- how long the counter's windows are now; null: one window for ever
    window_duration text,
    -- what a window may spend, for rollover; null: unlimited
    max_budget numeric
);

CREATE FUNCTION ${llmdb}.llmdb_book(
    p_scope text[], p_id text[], p_parent text[], p_model text[], p_duration text[],
    p_spend numeric[], p_first timestamptz[], p_last timestamptz[],
    p_default_end_user_budget text, p_proxy_duration text, p_proxy_max_budget numeric
) RETURNS SETOF ${llmdb}.llmdb_unbooked LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    wanted bigint;
    booked bigint;
BEGIN

    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope = 'key';
    IF wanted > 0 THEN
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_VerificationToken" c
            WHERE c.token = ANY (ARRAY(SELECT d.scope_id FROM unnest(p_scope, p_id) d (scope, scope_id) WHERE d.scope = 'key'))
            ORDER BY c.token COLLATE "C" FOR NO KEY UPDATE;
        END IF;
        UPDATE ${llmdb}."LLM_VerificationToken" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM (SELECT d.scope_id, d.parent_id, d.spend, d.first_start, d.last_start FROM unnest(p_scope, p_id, p_parent, p_spend, p_first, p_last) d (scope, scope_id, parent_id, spend, first_start, last_start) WHERE d.scope = 'key') d
        WHERE c.token = d.scope_id
          AND CASE WHEN c.budget_reset_at IS NULL THEN (SELECT CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL THEN c.budget_duration ELSE b.budget_duration END FROM (SELECT 1) one LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id) IS NULL
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT d.scope, d.scope_id, d.parent_id, ''::text, ''::text, c.spend, c.spend_window_start, c.budget_reset_at,
                   CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL THEN c.budget_duration ELSE b.budget_duration END, CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL THEN c.max_budget ELSE b.max_budget END
            FROM unnest(p_scope, p_id, p_parent, p_first, p_last) d (scope, scope_id, parent_id, first_start, last_start)
            JOIN ${llmdb}."LLM_VerificationToken" c ON c.token = d.scope_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE d.scope = 'key'
              AND NOT CASE WHEN c.budget_reset_at IS NULL THEN CASE WHEN c.max_budget IS NOT NULL OR c.budget_id IS NULL THEN c.budget_duration ELSE b.budget_duration END IS NULL
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope = 'user';
    IF wanted > 0 THEN
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_UserTable" c
            WHERE c.user_id = ANY (ARRAY(SELECT d.scope_id FROM unnest(p_scope, p_id) d (scope, scope_id) WHERE d.scope = 'user'))
            ORDER BY c.user_id COLLATE "C" FOR NO KEY UPDATE;
        END IF;
        UPDATE ${llmdb}."LLM_UserTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM (SELECT d.scope_id, d.parent_id, d.spend, d.first_start, d.last_start FROM unnest(p_scope, p_id, p_parent, p_spend, p_first, p_last) d (scope, scope_id, parent_id, spend, first_start, last_start) WHERE d.scope = 'user') d
        WHERE c.user_id = d.scope_id
          AND CASE WHEN c.budget_reset_at IS NULL THEN c.budget_duration IS NULL
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT d.scope, d.scope_id, d.parent_id, ''::text, ''::text, c.spend, c.spend_window_start, c.budget_reset_at,
                   c.budget_duration, c.max_budget
            FROM unnest(p_scope, p_id, p_parent, p_first, p_last) d (scope, scope_id, parent_id, first_start, last_start)
            JOIN ${llmdb}."LLM_UserTable" c ON c.user_id = d.scope_id
            WHERE d.scope = 'user'
              AND NOT CASE WHEN c.budget_reset_at IS NULL THEN c.budget_duration IS NULL
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope = 'team';
    IF wanted > 0 THEN
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_TeamTable" c
            WHERE c.team_id = ANY (ARRAY(SELECT d.scope_id FROM unnest(p_scope, p_id) d (scope, scope_id) WHERE d.scope = 'team'))
            ORDER BY c.team_id COLLATE "C" FOR NO KEY UPDATE;
        END IF;
        UPDATE ${llmdb}."LLM_TeamTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM (SELECT d.scope_id, d.parent_id, d.spend, d.first_start, d.last_start FROM unnest(p_scope, p_id, p_parent, p_spend, p_first, p_last) d (scope, scope_id, parent_id, spend, first_start, last_start) WHERE d.scope = 'team') d
        WHERE c.team_id = d.scope_id
          AND CASE WHEN c.budget_reset_at IS NULL THEN c.budget_duration IS NULL
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT d.scope, d.scope_id, d.parent_id, ''::text, ''::text, c.spend, c.spend_window_start, c.budget_reset_at,
                   c.budget_duration, c.max_budget
            FROM unnest(p_scope, p_id, p_parent, p_first, p_last) d (scope, scope_id, parent_id, first_start, last_start)
            JOIN ${llmdb}."LLM_TeamTable" c ON c.team_id = d.scope_id
            WHERE d.scope = 'team'
              AND NOT CASE WHEN c.budget_reset_at IS NULL THEN c.budget_duration IS NULL
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope = 'team_member';
    IF wanted > 0 THEN
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_TeamMembership" c
            JOIN unnest(p_scope, p_id, p_parent) d (scope, scope_id, parent_id) ON c.user_id = d.scope_id AND c.team_id = d.parent_id
            WHERE d.scope = 'team_member' ORDER BY c.user_id COLLATE "C", c.team_id COLLATE "C" FOR NO KEY UPDATE OF c;
        END IF;
        UPDATE ${llmdb}."LLM_TeamMembership" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM (SELECT d.scope_id, d.parent_id, d.spend, d.first_start, d.last_start FROM unnest(p_scope, p_id, p_parent, p_spend, p_first, p_last) d (scope, scope_id, parent_id, spend, first_start, last_start) WHERE d.scope = 'team_member') d
        WHERE c.user_id = d.scope_id AND c.team_id = d.parent_id
          AND CASE WHEN c.budget_reset_at IS NULL THEN (SELECT b.budget_duration FROM (SELECT 1) one LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id) IS NULL
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT d.scope, d.scope_id, d.parent_id, ''::text, ''::text, c.spend, c.spend_window_start, c.budget_reset_at,
                   b.budget_duration, b.max_budget
            FROM unnest(p_scope, p_id, p_parent, p_first, p_last) d (scope, scope_id, parent_id, first_start, last_start)
            JOIN ${llmdb}."LLM_TeamMembership" c ON c.user_id = d.scope_id AND c.team_id = d.parent_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE d.scope = 'team_member'
              AND NOT CASE WHEN c.budget_reset_at IS NULL THEN b.budget_duration IS NULL
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope = 'organization';
    IF wanted > 0 THEN
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_OrganizationTable" c
            WHERE c.organization_id = ANY (ARRAY(SELECT d.scope_id FROM unnest(p_scope, p_id) d (scope, scope_id) WHERE d.scope = 'organization'))
            ORDER BY c.organization_id COLLATE "C" FOR NO KEY UPDATE;
        END IF;
        UPDATE ${llmdb}."LLM_OrganizationTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM (SELECT d.scope_id, d.parent_id, d.spend, d.first_start, d.last_start FROM unnest(p_scope, p_id, p_parent, p_spend, p_first, p_last) d (scope, scope_id, parent_id, spend, first_start, last_start) WHERE d.scope = 'organization') d
        WHERE c.organization_id = d.scope_id
          AND CASE WHEN c.budget_reset_at IS NULL THEN (SELECT b.budget_duration FROM (SELECT 1) one LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id) IS NULL
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT d.scope, d.scope_id, d.parent_id, ''::text, ''::text, c.spend, c.spend_window_start, c.budget_reset_at,
                   b.budget_duration, b.max_budget
            FROM unnest(p_scope, p_id, p_parent, p_first, p_last) d (scope, scope_id, parent_id, first_start, last_start)
            JOIN ${llmdb}."LLM_OrganizationTable" c ON c.organization_id = d.scope_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE d.scope = 'organization'
              AND NOT CASE WHEN c.budget_reset_at IS NULL THEN b.budget_duration IS NULL
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope = 'organization_member';
    IF wanted > 0 THEN
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_OrganizationMembership" c
            JOIN unnest(p_scope, p_id, p_parent) d (scope, scope_id, parent_id) ON c.user_id = d.scope_id AND c.organization_id = d.parent_id
            WHERE d.scope = 'organization_member' ORDER BY c.user_id COLLATE "C", c.organization_id COLLATE "C" FOR NO KEY UPDATE OF c;
        END IF;
        UPDATE ${llmdb}."LLM_OrganizationMembership" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM (SELECT d.scope_id, d.parent_id, d.spend, d.first_start, d.last_start FROM unnest(p_scope, p_id, p_parent, p_spend, p_first, p_last) d (scope, scope_id, parent_id, spend, first_start, last_start) WHERE d.scope = 'organization_member') d
        WHERE c.user_id = d.scope_id AND c.organization_id = d.parent_id
          AND CASE WHEN c.budget_reset_at IS NULL THEN (SELECT b.budget_duration FROM (SELECT 1) one LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id) IS NULL
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT d.scope, d.scope_id, d.parent_id, ''::text, ''::text, c.spend, c.spend_window_start, c.budget_reset_at,
                   b.budget_duration, b.max_budget
            FROM unnest(p_scope, p_id, p_parent, p_first, p_last) d (scope, scope_id, parent_id, first_start, last_start)
            JOIN ${llmdb}."LLM_OrganizationMembership" c ON c.user_id = d.scope_id AND c.organization_id = d.parent_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE d.scope = 'organization_member'
              AND NOT CASE WHEN c.budget_reset_at IS NULL THEN b.budget_duration IS NULL
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope = 'end_user';
    IF wanted > 0 THEN
        INSERT INTO ${llmdb}."LLM_EndUserTable" (user_id)
        SELECT d.scope_id FROM unnest(p_scope, p_id) d (scope, scope_id)
        WHERE d.scope = 'end_user' AND NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_EndUserTable" c WHERE c.user_id = d.scope_id)
        ORDER BY d.scope_id COLLATE "C"
        ON CONFLICT DO NOTHING;
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_EndUserTable" c
            WHERE c.user_id = ANY (ARRAY(SELECT d.scope_id FROM unnest(p_scope, p_id) d (scope, scope_id) WHERE d.scope = 'end_user'))
            ORDER BY c.user_id COLLATE "C" FOR NO KEY UPDATE;
        END IF;
        UPDATE ${llmdb}."LLM_EndUserTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM (SELECT d.scope_id, d.parent_id, d.spend, d.first_start, d.last_start FROM unnest(p_scope, p_id, p_parent, p_spend, p_first, p_last) d (scope, scope_id, parent_id, spend, first_start, last_start) WHERE d.scope = 'end_user') d
        WHERE c.user_id = d.scope_id
          AND CASE WHEN c.budget_reset_at IS NULL THEN (SELECT b.budget_duration FROM (SELECT 1) one LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = coalesce(c.budget_id, p_default_end_user_budget)) IS NULL
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT d.scope, d.scope_id, d.parent_id, ''::text, ''::text, c.spend, c.spend_window_start, c.budget_reset_at,
                   b.budget_duration, b.max_budget
            FROM unnest(p_scope, p_id, p_parent, p_first, p_last) d (scope, scope_id, parent_id, first_start, last_start)
            JOIN ${llmdb}."LLM_EndUserTable" c ON c.user_id = d.scope_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = coalesce(c.budget_id, p_default_end_user_budget)
            WHERE d.scope = 'end_user'
              AND NOT CASE WHEN c.budget_reset_at IS NULL THEN b.budget_duration IS NULL
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope = 'tag';
    IF wanted > 0 THEN
        INSERT INTO ${llmdb}."LLM_TagTable" (tag_name)
        SELECT d.scope_id FROM unnest(p_scope, p_id) d (scope, scope_id)
        WHERE d.scope = 'tag' AND NOT EXISTS (SELECT 1 FROM ${llmdb}."LLM_TagTable" c WHERE c.tag_name = d.scope_id)
        ORDER BY d.scope_id COLLATE "C"
        ON CONFLICT DO NOTHING;
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_TagTable" c
            WHERE c.tag_name = ANY (ARRAY(SELECT d.scope_id FROM unnest(p_scope, p_id) d (scope, scope_id) WHERE d.scope = 'tag'))
            ORDER BY c.tag_name COLLATE "C" FOR NO KEY UPDATE;
        END IF;
        UPDATE ${llmdb}."LLM_TagTable" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM (SELECT d.scope_id, d.parent_id, d.spend, d.first_start, d.last_start FROM unnest(p_scope, p_id, p_parent, p_spend, p_first, p_last) d (scope, scope_id, parent_id, spend, first_start, last_start) WHERE d.scope = 'tag') d
        WHERE c.tag_name = d.scope_id
          AND CASE WHEN c.budget_reset_at IS NULL THEN (SELECT b.budget_duration FROM (SELECT 1) one LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id) IS NULL
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT d.scope, d.scope_id, d.parent_id, ''::text, ''::text, c.spend, c.spend_window_start, c.budget_reset_at,
                   b.budget_duration, b.max_budget
            FROM unnest(p_scope, p_id, p_parent, p_first, p_last) d (scope, scope_id, parent_id, first_start, last_start)
            JOIN ${llmdb}."LLM_TagTable" c ON c.tag_name = d.scope_id
            LEFT JOIN ${llmdb}."LLM_BudgetTable" b ON b.budget_id = c.budget_id
            WHERE d.scope = 'tag'
              AND NOT CASE WHEN c.budget_reset_at IS NULL THEN b.budget_duration IS NULL
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;

    -- Further windows, budgets by model and the whole proxy have rows of their own, made when they are first needed.
    SELECT count(*) INTO wanted FROM unnest(p_scope) s (scope) WHERE s.scope LIKE '+%';
    IF wanted > 0 THEN
        INSERT INTO ${llmdb}."LLM_SpendCounter" (scope, scope_id, parent_id, model, budget_duration)
        SELECT substr(d.scope, 2), d.scope_id, d.parent_id, d.model, d.budget_duration
        FROM unnest(p_scope, p_id, p_parent, p_model, p_duration) d (scope, scope_id, parent_id, model, budget_duration)
        WHERE d.scope LIKE '+%' AND NOT EXISTS (
            SELECT 1 FROM ${llmdb}."LLM_SpendCounter" c
            WHERE (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
                = (substr(d.scope, 2), d.scope_id, d.parent_id, d.model, d.budget_duration))
        ORDER BY substr(d.scope, 2) COLLATE "C", d.scope_id COLLATE "C", d.parent_id COLLATE "C", d.model COLLATE "C",
            d.budget_duration COLLATE "C"
        ON CONFLICT DO NOTHING;
        IF wanted > 1 THEN
            PERFORM 1 FROM ${llmdb}."LLM_SpendCounter" c
            JOIN unnest(p_scope, p_id, p_parent, p_model, p_duration) d (scope, scope_id, parent_id, model, budget_duration)
              ON (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
               = (substr(d.scope, 2), d.scope_id, d.parent_id, d.model, d.budget_duration)
            WHERE d.scope LIKE '+%'
            ORDER BY c.scope COLLATE "C", c.scope_id COLLATE "C", c.parent_id COLLATE "C", c.model COLLATE "C", c.budget_duration COLLATE "C"
            FOR NO KEY UPDATE OF c;
        END IF;
        UPDATE ${llmdb}."LLM_SpendCounter" c
        SET spend = c.spend + d.spend, total_spend = c.total_spend + d.spend
        FROM unnest(p_scope, p_id, p_parent, p_model, p_duration, p_spend, p_first, p_last)
            d (scope, scope_id, parent_id, model, budget_duration, spend, first_start, last_start)
        WHERE d.scope LIKE '+%'
          AND (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
            = (substr(d.scope, 2), d.scope_id, d.parent_id, d.model, d.budget_duration)
          AND CASE WHEN c.budget_reset_at IS NULL
                   THEN c.budget_duration = '' AND (c.scope <> 'proxy' OR p_proxy_duration IS NULL)
                   ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END;
        GET DIAGNOSTICS booked = ROW_COUNT;
        IF booked < wanted THEN
            RETURN QUERY
            SELECT c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration, c.spend, c.spend_window_start, c.budget_reset_at,
                   CASE WHEN c.scope = 'proxy' AND c.budget_duration = '' THEN p_proxy_duration ELSE nullif(c.budget_duration, '') END,
                   CASE WHEN c.scope = 'proxy' AND c.budget_duration = '' THEN p_proxy_max_budget END
            FROM unnest(p_scope, p_id, p_parent, p_model, p_duration, p_first, p_last)
                d (scope, scope_id, parent_id, model, budget_duration, first_start, last_start)
            JOIN ${llmdb}."LLM_SpendCounter" c
              ON (c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration)
               = (substr(d.scope, 2), d.scope_id, d.parent_id, d.model, d.budget_duration)
            WHERE d.scope LIKE '+%'
              AND NOT CASE WHEN c.budget_reset_at IS NULL
                           THEN c.budget_duration = '' AND (c.scope <> 'proxy' OR p_proxy_duration IS NULL)
                           ELSE d.last_start < c.budget_reset_at AND (c.spend_window_start IS NULL OR d.first_start >= c.spend_window_start) END
            FOR NO KEY UPDATE OF c;
        END IF;
    END IF;
END $$;
