-- Leases: slices of what is left of a budget, granted under the lock of its counter.

-- Every counter with what its window may spend now: a key's, team's or user's own columns, else the budget row that it links. limit_until is the
-- end of a temporary increase; null: there is none.
CREATE VIEW ${llmdb}.llmdb_counter AS
SELECT 'user'::text AS scope, c.user_id AS scope_id, ''::text AS parent_id, ''::text AS model, ''::text AS budget_duration,
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, c.budget_duration AS window_duration,
       c.max_budget + CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_increase ELSE 0 END AS max_budget,
       c.soft_budget, NULL::text AS budget_id,
       CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_expiry END AS limit_until
FROM ${llmdb}."LLM_UserTable" c
UNION ALL
SELECT 'team', c.team_id, '', '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, c.budget_duration AS window_duration,
       c.max_budget + CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_increase ELSE 0 END AS max_budget,
       c.soft_budget, NULL::text AS budget_id,
       CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_expiry END AS limit_until
FROM ${llmdb}."LLM_TeamTable" c
UNION ALL
SELECT 'key', c.token, '', '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at,
       CASE WHEN c.max_budget IS NOT NULL OR b.budget_id IS NULL THEN c.budget_duration ELSE b.budget_duration END,
       CASE WHEN c.max_budget IS NOT NULL OR b.budget_id IS NULL
            THEN c.max_budget + CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_increase ELSE 0 END
            ELSE b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END END,
       coalesce(c.soft_budget, b.soft_budget), c.budget_id,
       CASE WHEN c.max_budget IS NOT NULL OR b.budget_id IS NULL
            THEN CASE WHEN c.temp_budget_expiry > ${llmdb}.llmdb_now() THEN c.temp_budget_expiry END
            ELSE CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_expiry END END
FROM ${llmdb}."LLM_VerificationToken" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'team_member', c.user_id, c.team_id, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id, CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_expiry END
FROM ${llmdb}."LLM_TeamMembership" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'organization', c.organization_id, ''::text, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id, CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_expiry END
FROM ${llmdb}."LLM_OrganizationTable" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'organization_member', c.user_id, c.organization_id, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id, CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_expiry END
FROM ${llmdb}."LLM_OrganizationMembership" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'end_user', c.user_id, ''::text, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id, CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_expiry END
FROM ${llmdb}."LLM_EndUserTable" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
SELECT 'tag', c.tag_name, ''::text, '', '',
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, b.budget_duration,
       b.max_budget + CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_increase ELSE 0 END,
       b.soft_budget, c.budget_id, CASE WHEN b.temp_budget_expiry > ${llmdb}.llmdb_now() THEN b.temp_budget_expiry END
FROM ${llmdb}."LLM_TagTable" c LEFT JOIN ${llmdb}."LLM_BudgetTable" b USING (budget_id)
UNION ALL
-- What these may spend stands in JSON or in the settings; who asks says it.
SELECT c.scope, c.scope_id, c.parent_id, c.model, c.budget_duration,
       c.spend, c.total_spend, c.spend_window_start, c.budget_reset_at, nullif(c.budget_duration, ''), NULL, NULL, NULL, NULL
FROM ${llmdb}."LLM_SpendCounter" c;

CREATE TYPE ${llmdb}.llmdb_grant_answer AS (
    ordinal bigint,
    -- granted; refused; window_over: move the counter on to the present window and ask again; gone: no such counter; outdated: a later question of
    -- the same holder came before this one
    status text,
    -- what the holder may spend from now on, beyond what it has in use; null: unlimited
    granted numeric,
    -- whether what the holder has in use stays reserved; otherwise it ended, with its window or with a lease that lapsed
    kept boolean,
    -- under which the holder's bookings take from the lease from now on
    epoch bigint,
    max_budget numeric, soft_budget numeric, spend numeric,
    -- what other holders have
    reserved numeric,
    -- since when some other holder has not said what it has in use; null: no other holds anything
    others_set_at timestamptz,
    spend_window_start timestamptz, budget_reset_at timestamptz, window_duration text, limit_until timestamptz,
    answered_at timestamptz
);

-- Sets what one holder has of each counter: what it has in use, plus a new slice. At least p_need is granted, and up to p_extra more but never
-- more than a quarter of what is left then, or half where no other holder has anything, so that slices shrink to single calls near the limit;
-- where p_need is not left, what is left, if p_least is. While calls of another holder are refused, nobody gets more than needed. Locks are
-- taken in the order of llmdb_book. A lapsed lease counts for nothing; the holder's clock does not matter.
--
-- What the holder has in use is known twice, and neither figure is ever too small: the holder's own (p_in_use), which still counts what was booked
-- without its knowing yet, and its lease less what it says is idle. The smaller one is right. Where the holder is not sure what is idle
-- (p_idle is null) nothing is, because it uses none until this is answered.
--
-- A lease that lapsed is taken up again where there is room for all that is in use, or not at all: then those reservations have ended, and
-- another epoch begins.
--
-- A key that was rotated is asked for under any of its hashes: a lease stays under the hash that it was asked for with, and all of them count on
-- the key.
--
-- Planned once per connection: where it is planned each time, reading a counter through the view costs a multiple of everything else. And with
-- indexes, because such a plan outlives the moment when a table was small.
CREATE FUNCTION ${llmdb}.llmdb_grant(
    p_holder uuid, p_lease_seconds numeric, p_turn bigint,
    p_scope text[], p_id text[], p_parent text[], p_model text[], p_duration text[], p_epoch bigint[], p_window_end timestamptz[],
    p_in_use numeric[], p_idle numeric[], p_least numeric[], p_need numeric[], p_extra numeric[], p_max_budget numeric[],
    p_default_end_user_budget text, p_proxy_duration text
) RETURNS SETOF ${llmdb}.llmdb_grant_answer LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    asked record;
    counter record;
    answer ${llmdb}.llmdb_grant_answer;
    instant timestamptz;
    room numeric;
    in_use numeric;
    own record;
    own_found boolean;
    own_lives boolean;
    same_window boolean;
    -- the ids under which others may hold leases on the counter
    ids text[];
    others_lack boolean;
    gone bigint[] := '{}';
BEGIN
    FOR asked IN
        SELECT d.*, coalesce(r.active_token_id, d.scope_id) AS counter_id,
               array_position(ARRAY['key', 'user', 'team', 'team_member', 'organization', 'organization_member', 'end_user', 'tag'],
                   CASE WHEN d.model = '' AND d.budget_duration = '' THEN d.scope END) AS place
        FROM unnest(p_scope, p_id, p_parent, p_model, p_duration, p_epoch, p_window_end, p_in_use, p_idle, p_least, p_need, p_extra, p_max_budget)
            WITH ORDINALITY
            d (scope, scope_id, parent_id, model, budget_duration, epoch, window_end, in_use, idle, least, need, extra, max_budget, ordinal)
        LEFT JOIN ${llmdb}."LLM_DeprecatedVerificationToken" r ON r.token = d.scope_id AND d.scope = 'key'
        ORDER BY place NULLS LAST, d.scope COLLATE "C", coalesce(r.active_token_id, d.scope_id) COLLATE "C", d.parent_id COLLATE "C", d.model COLLATE "C",
            d.budget_duration COLLATE "C"
    LOOP
        CASE asked.place
            WHEN 1 THEN PERFORM 1 FROM ${llmdb}."LLM_VerificationToken" WHERE token = asked.counter_id FOR NO KEY UPDATE;
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
                VALUES (asked.scope, asked.counter_id, asked.parent_id, asked.model, asked.budget_duration) ON CONFLICT DO NOTHING;
                PERFORM 1 FROM ${llmdb}."LLM_SpendCounter"
                WHERE (scope, scope_id, parent_id, model, budget_duration)
                    = (asked.scope, asked.counter_id, asked.parent_id, asked.model, asked.budget_duration) FOR NO KEY UPDATE;
        END CASE;
        IF asked.scope = 'key' THEN
            IF EXISTS (SELECT 1 FROM ${llmdb}."LLM_DeprecatedVerificationToken" r WHERE r.token = asked.counter_id) THEN
                RAISE EXCEPTION 'the key was rotated since the questions were sorted: ask again' USING ERRCODE = '40001';
            END IF;
            ids := asked.counter_id
                || ARRAY(SELECT r.token FROM ${llmdb}."LLM_DeprecatedVerificationToken" r WHERE r.active_token_id = asked.counter_id);
        ELSE
            ids := ARRAY[asked.counter_id];
        END IF;

        -- A statement of its own, so that it sees what was committed while this one waited for the lock.
        SELECT * INTO counter FROM ${llmdb}.llmdb_counter c
        WHERE c.scope = asked.scope AND c.scope_id = asked.counter_id AND c.parent_id = asked.parent_id AND c.model = asked.model
          AND c.budget_duration = asked.budget_duration;
        own_found := FOUND;
        instant := ${llmdb}.llmdb_now();
        answer := NULL;
        answer.ordinal := asked.ordinal;
        answer.answered_at := instant;
        answer.epoch := asked.epoch;
        IF NOT own_found THEN
            gone := gone || asked.ordinal;
            answer.status := 'gone';
            answer.kept := true;
            RETURN NEXT answer;
            CONTINUE;
        END IF;
        IF asked.place IS NULL THEN
            counter.max_budget := asked.max_budget;
            IF asked.scope = 'proxy' AND asked.budget_duration = '' AND asked.model = '' THEN
                counter.window_duration := p_proxy_duration;
            END IF;
        ELSIF asked.place = 7 AND counter.budget_id IS NULL THEN
            SELECT b.budget_duration,
                b.max_budget + CASE WHEN b.temp_budget_expiry > instant THEN b.temp_budget_increase ELSE 0 END,
                b.soft_budget, CASE WHEN b.temp_budget_expiry > instant THEN b.temp_budget_expiry END
            INTO counter.window_duration, counter.max_budget, counter.soft_budget, counter.limit_until
            FROM ${llmdb}."LLM_BudgetTable" b WHERE b.budget_id = p_default_end_user_budget;
        END IF;
        answer.max_budget := counter.max_budget;
        answer.soft_budget := counter.soft_budget;
        answer.spend := counter.spend;
        answer.spend_window_start := counter.spend_window_start;
        answer.budget_reset_at := counter.budget_reset_at;
        answer.window_duration := counter.window_duration;
        answer.limit_until := counter.limit_until;
        IF counter.budget_reset_at <= instant OR (counter.budget_reset_at IS NULL AND counter.window_duration IS NOT NULL) THEN
            answer.status := 'window_over';
            RETURN NEXT answer;
            CONTINUE;
        END IF;

        SELECT coalesce(sum(l.amount), 0), min(l.set_at) FILTER (WHERE l.amount > 0),
            coalesce(bool_or(l.refused_at > instant - interval '1 second'), false)
        INTO answer.reserved, answer.others_set_at, others_lack
        FROM ${llmdb}."LLM_Lease" l
        WHERE l.scope = asked.scope AND l.scope_id = ANY (ids)
          AND (l.parent_id, l.model, l.budget_duration) = (asked.parent_id, asked.model, asked.budget_duration)
          AND (l.holder, l.scope_id) <> (p_holder, asked.scope_id) AND l.expires_at > instant AND (l.window_end IS NULL OR l.window_end > instant);
        SELECT l.amount, l.recalled, l.turn, l.epoch, l.expires_at > instant AND (l.window_end IS NULL OR l.window_end > instant) AS lives
        INTO own FROM ${llmdb}."LLM_Lease" l
        WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
            = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration, p_holder);
        own_found := FOUND;
        own_lives := own_found AND own.lives;
        IF own_found AND own.turn > p_turn THEN
            answer.status := 'outdated';
            RETURN NEXT answer;
            CONTINUE;
        END IF;

        same_window := asked.window_end IS NULL OR counter.spend_window_start IS NULL OR counter.spend_window_start < asked.window_end;
        IF counter.max_budget IS NULL THEN
            answer.status := 'granted';
            answer.kept := true;
            in_use := 0;
        ELSE
            room := counter.max_budget - counter.spend - answer.reserved;
            IF own_lives AND same_window AND own.epoch <= asked.epoch THEN
                answer.kept := true;
                in_use := least(asked.in_use, greatest(0, own.amount - coalesce(asked.idle, 0)));
            ELSIF same_window AND asked.in_use <= greatest(0, room) AND (NOT own_found OR own.epoch <= asked.epoch) THEN
                answer.kept := true;
                in_use := asked.in_use;
            ELSE
                answer.kept := false;
                answer.epoch := greatest(asked.epoch, own.epoch) + 1;
                in_use := 0;
            END IF;
            room := room - in_use;
            IF room >= asked.need THEN
                answer.status := 'granted';
                answer.granted := asked.need
                    + CASE WHEN others_lack OR (own_lives AND own.recalled) THEN 0 ELSE
                        least(asked.extra, trunc((room - asked.need) / CASE WHEN answer.others_set_at IS NULL THEN 2 ELSE 4 END, 12)) END;
            ELSE
                answer.status := 'refused';
                -- Only where it admits a call: holders that keep what is too small for one would hold it against each other.
                answer.granted := CASE WHEN asked.least > 0 AND room >= asked.least THEN trunc(room, 12) ELSE 0 END;
                IF asked.need > 0 THEN
                    UPDATE ${llmdb}."LLM_Lease" l SET recalled = true
                    WHERE l.scope = asked.scope AND l.scope_id = ANY (ids)
                      AND (l.parent_id, l.model, l.budget_duration) = (asked.parent_id, asked.model, asked.budget_duration)
                      AND (l.holder, l.scope_id) <> (p_holder, asked.scope_id) AND l.expires_at > instant AND l.amount > 0 AND NOT l.recalled;
                END IF;
            END IF;
        END IF;
        IF in_use + coalesce(answer.granted, 0) > 0 OR (answer.status = 'refused' AND asked.need > 0) THEN
            INSERT INTO ${llmdb}."LLM_Lease" AS l
                (scope, scope_id, parent_id, model, budget_duration, holder, amount, window_start, window_end, expires_at, turn, epoch, set_at,
                refused_at)
            VALUES (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration, p_holder,
                in_use + coalesce(answer.granted, 0), counter.spend_window_start, counter.budget_reset_at,
                instant + p_lease_seconds * interval '1 second', p_turn, answer.epoch, instant,
                CASE WHEN answer.status = 'refused' AND asked.need > 0 THEN instant END)
            ON CONFLICT (scope, scope_id, parent_id, model, budget_duration, holder) DO UPDATE
            SET amount = excluded.amount, window_start = excluded.window_start, window_end = excluded.window_end, expires_at = excluded.expires_at,
                turn = excluded.turn, epoch = excluded.epoch, set_at = excluded.set_at,
                -- who only tells what it has may still have calls that wait
                refused_at = CASE WHEN asked.need > 0 THEN excluded.refused_at ELSE l.refused_at END,
                recalled = false;
        ELSIF own_found THEN
            DELETE FROM ${llmdb}."LLM_Lease" l
            WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration, l.holder)
                = (asked.scope, asked.scope_id, asked.parent_id, asked.model, asked.budget_duration, p_holder);
        END IF;
        RETURN NEXT answer;
    END LOOP;
    IF gone <> '{}' THEN
        -- Behind all counters, whose locks nobody has who waits for these.
        PERFORM 1 FROM ${llmdb}."LLM_Lease" l
        JOIN unnest(p_scope, p_id, p_parent, p_model, p_duration) WITH ORDINALITY d (scope, scope_id, parent_id, model, budget_duration, ordinal)
          ON (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration) = (d.scope, d.scope_id, d.parent_id, d.model, d.budget_duration)
        WHERE l.holder = p_holder AND l.turn <= p_turn AND d.ordinal = ANY (gone)
        ORDER BY array_position(ARRAY['key', 'user', 'team', 'team_member', 'organization', 'organization_member', 'end_user', 'tag'],
                CASE WHEN l.model = '' AND l.budget_duration = '' THEN l.scope END) NULLS LAST,
            l.scope COLLATE "C", l.scope_id COLLATE "C", l.parent_id COLLATE "C", l.model COLLATE "C", l.budget_duration COLLATE "C"
        FOR UPDATE OF l;
        DELETE FROM ${llmdb}."LLM_Lease" l
        USING unnest(p_scope, p_id, p_parent, p_model, p_duration) WITH ORDINALITY d (scope, scope_id, parent_id, model, budget_duration, ordinal)
        WHERE (l.scope, l.scope_id, l.parent_id, l.model, l.budget_duration) = (d.scope, d.scope_id, d.parent_id, d.model, d.budget_duration)
          AND l.holder = p_holder AND l.turn <= p_turn AND d.ordinal = ANY (gone);
    END IF;
END $$;

-- Hands back all that a holder has. Locks are taken in the order in which grants and bookings come to leases: counter by counter.
CREATE FUNCTION ${llmdb}.llmdb_return_leases(p_holder uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ${llmdb}."LLM_Lease" l
    LEFT JOIN ${llmdb}."LLM_DeprecatedVerificationToken" r ON r.token = l.scope_id AND l.scope = 'key'
    WHERE l.holder = p_holder
    ORDER BY array_position(ARRAY['key', 'user', 'team', 'team_member', 'organization', 'organization_member', 'end_user', 'tag'],
            CASE WHEN l.model = '' AND l.budget_duration = '' THEN l.scope END) NULLS LAST,
        l.scope COLLATE "C", coalesce(r.active_token_id, l.scope_id) COLLATE "C", l.parent_id COLLATE "C", l.model COLLATE "C",
        l.budget_duration COLLATE "C", l.scope_id COLLATE "C"
    FOR UPDATE OF l;
    DELETE FROM ${llmdb}."LLM_Lease" l WHERE l.holder = p_holder;
END $$;
