-- What a counter takes with it. Log rows name keys, users, teams by their ids and outlive them. So that "counter = log rows + adjustments" still
-- holds where an id is used again, and for a key whose hash was replaced, a row that goes away leaves an adjustment that cancels its log
-- rows, and a row that comes under a new id brings one with its balance.

-- Arguments: the scope, the column that holds the id, and the one that holds the parent id. The adjustment's id follows from what it says, so that
-- the same deletion done on a copy of the database makes the same row.
CREATE FUNCTION ${llmdb}.llmdb_close_counter() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone jsonb := to_jsonb(OLD);
    come jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(NEW) END;
    counter_scope text := coalesce(nullif(TG_ARGV[0], ''), gone ->> 'scope');
    counter_model text := CASE WHEN TG_ARGV[0] = '' THEN gone ->> 'model' ELSE '' END;
    counter_duration text := CASE WHEN TG_ARGV[0] = '' THEN gone ->> 'budget_duration' ELSE '' END;
    gone_id text := gone ->> TG_ARGV[1];
    gone_parent text := coalesce(gone ->> TG_ARGV[2], '');
    come_id text := come ->> TG_ARGV[1];
    come_parent text := coalesce(come ->> TG_ARGV[2], '');
    instant timestamptz := ${llmdb}.llmdb_now();
    adjusted record;
BEGIN
    SELECT coalesce(sum(a.amount), 0) AS amount, coalesce(sum(a.total_amount), 0) AS total_amount, count(*) AS number INTO adjusted
    FROM ${llmdb}."LLM_SpendAdjustment" a
    WHERE (a.scope, a.scope_id, a.parent_id, a.model, a.budget_duration)
        = (counter_scope, gone_id, gone_parent, counter_model, counter_duration);
    IF OLD.total_spend <> 0 OR adjusted.number > 0 THEN
        INSERT INTO ${llmdb}."LLM_SpendAdjustment"
            (id, scope, scope_id, parent_id, model, budget_duration, amount, total_amount, effective_at, reason, created_at)
        VALUES (md5(concat_ws('|', 'closed', counter_scope, gone_id, gone_parent, counter_model, counter_duration, adjusted.number))::uuid,
            counter_scope, gone_id, gone_parent, counter_model, counter_duration,
            -- What the log rows hold is the total without its adjustments.
            -(OLD.total_spend - adjusted.total_amount + adjusted.amount), -OLD.total_spend, instant, 'row deleted', instant);
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.total_spend <> 0 OR NEW.spend <> 0) THEN
        INSERT INTO ${llmdb}."LLM_SpendAdjustment"
            (id, scope, scope_id, parent_id, model, budget_duration, amount, total_amount, effective_at, reason, created_at)
        VALUES (md5(concat_ws('|', 'opened', counter_scope, come_id, come_parent, counter_model, counter_duration, gone_id, gone_parent,
                adjusted.number))::uuid,
            counter_scope, come_id, come_parent, counter_model, counter_duration, NEW.spend, NEW.total_spend, instant,
            'balance of the id before', instant);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_VerificationToken"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('key', 'token', '');
CREATE TRIGGER llmdb_close_renamed AFTER UPDATE OF token ON ${llmdb}."LLM_VerificationToken"
    FOR EACH ROW WHEN (OLD.token <> NEW.token) EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('key', 'token', '');
CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_UserTable"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('user', 'user_id', '');
CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_TeamTable"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('team', 'team_id', '');
CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_TeamMembership"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('team_member', 'user_id', 'team_id');
CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_OrganizationTable"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('organization', 'organization_id', '');
CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_OrganizationMembership"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('organization_member', 'user_id', 'organization_id');
CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_EndUserTable"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('end_user', 'user_id', '');
CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_TagTable"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('tag', 'tag_name', '');
CREATE TRIGGER llmdb_close AFTER DELETE ON ${llmdb}."LLM_SpendCounter"
    FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('', 'scope_id', 'parent_id');
CREATE TRIGGER llmdb_close_renamed AFTER UPDATE OF scope_id ON ${llmdb}."LLM_SpendCounter"
    FOR EACH ROW WHEN (OLD.scope_id <> NEW.scope_id) EXECUTE FUNCTION ${llmdb}.llmdb_close_counter('', 'scope_id', 'parent_id');
