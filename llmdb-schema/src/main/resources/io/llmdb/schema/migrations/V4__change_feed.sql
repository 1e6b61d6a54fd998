-- One row for each change to what instances cache, written by triggers so that a change made with plain SQL counts too. Instances poll
-- for rows whose transaction is not older than the oldest one that was still running at their last poll: no commit order can hide a row.
-- The triggers name the columns that matter; booking spend sets others and fires none.

CREATE TABLE ${llmdb}."LLM_Change" (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind       text NOT NULL,
    object_id  text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX "LLM_Change_xid_idx" ON ${llmdb}."LLM_Change" (xid);
CREATE INDEX "LLM_Change_changed_at_idx" ON ${llmdb}."LLM_Change" USING brin (changed_at);

-- Arguments: the kind, then the column that holds the id. Both the old and the new id are announced where it changes.
CREATE FUNCTION ${llmdb}.llmdb_announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_id text := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) ->> TG_ARGV[1] END;
    new_id text := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) ->> TG_ARGV[1] END;
BEGIN
    INSERT INTO ${llmdb}."LLM_Change" (kind, object_id)
    SELECT DISTINCT TG_ARGV[0], c.object_id FROM (VALUES (old_id), (new_id)) c (object_id) WHERE c.object_id IS NOT NULL;
    RETURN NULL;
END $$;

-- TRUNCATE names no rows.
CREATE FUNCTION ${llmdb}.llmdb_announce_everything() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ${llmdb}."LLM_Change" (kind, object_id) VALUES ('everything', '');
    RETURN NULL;
END $$;

CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE OF token, key_alias, expires, models, aliases, config, user_id, team_id,
    permissions, max_parallel_requests, metadata, blocked, tpm_limit, rpm_limit, max_budget, soft_budget, budget_duration,
    allowed_cache_controls, allowed_routes, model_max_budget, budget_id, organization_id, budget_limits, temp_budget_increase,
    temp_budget_expiry
    ON ${llmdb}."LLM_VerificationToken" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('key', 'token');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE
    ON ${llmdb}."LLM_DeprecatedVerificationToken" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('key', 'token');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE OF team_alias, organization_id, metadata, max_budget, soft_budget, models,
    max_parallel_requests, tpm_limit, rpm_limit, budget_duration, blocked, model_max_budget, model_aliases, team_member_permissions,
    budget_limits, temp_budget_increase, temp_budget_expiry
    ON ${llmdb}."LLM_TeamTable" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('team', 'team_id');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE OF user_alias, sso_user_id, team_id, organization_id, user_role, max_budget, soft_budget,
    user_email, models, metadata, max_parallel_requests, tpm_limit, rpm_limit, budget_duration, allowed_cache_controls,
    model_max_budget, budget_limits, temp_budget_increase, temp_budget_expiry
    ON ${llmdb}."LLM_UserTable" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('user', 'user_id');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE OF organization_alias, budget_id, metadata, models
    ON ${llmdb}."LLM_OrganizationTable" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('organization', 'organization_id');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE OF user_id, team_id, budget_id, role
    ON ${llmdb}."LLM_TeamMembership" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('user', 'user_id');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE OF user_id, organization_id, budget_id, user_role
    ON ${llmdb}."LLM_OrganizationMembership" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('user', 'user_id');
CREATE TRIGGER llmdb_announce AFTER DELETE OR UPDATE OF alias, allowed_model_region, default_model, budget_id, blocked
    ON ${llmdb}."LLM_EndUserTable" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('end_user', 'user_id');
CREATE TRIGGER llmdb_announce AFTER DELETE OR UPDATE OF models, budget_id
    ON ${llmdb}."LLM_TagTable" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('tag', 'tag_name');
-- Booking makes end users and tags known that have nothing set; these change nothing for anybody. Those that an administrator makes do.
CREATE TRIGGER llmdb_announce_new AFTER INSERT ON ${llmdb}."LLM_EndUserTable" FOR EACH ROW
    WHEN (NEW.blocked OR num_nonnulls(NEW.alias, NEW.allowed_model_region, NEW.default_model, NEW.budget_id) > 0)
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('end_user', 'user_id');
CREATE TRIGGER llmdb_announce_new AFTER INSERT ON ${llmdb}."LLM_TagTable" FOR EACH ROW
    WHEN (NEW.budget_id IS NOT NULL OR NEW.models <> '{}')
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('tag', 'tag_name');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE OF budget_id, max_budget, soft_budget, max_parallel_requests, tpm_limit,
    rpm_limit, model_max_budget, budget_duration, allowed_models, budget_limits, temp_budget_increase, temp_budget_expiry
    ON ${llmdb}."LLM_BudgetTable" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('budget', 'budget_id');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE
    ON ${llmdb}."LLM_ProxyModelTable" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('model', 'model_id');
CREATE TRIGGER llmdb_announce AFTER INSERT OR DELETE OR UPDATE
    ON ${llmdb}."LLM_DatabaseState" FOR EACH ROW EXECUTE FUNCTION ${llmdb}.llmdb_announce_change('state', 'name');

CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_VerificationToken"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_DeprecatedVerificationToken"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_TeamTable"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_UserTable"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_OrganizationTable"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_TeamMembership"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_OrganizationMembership"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_EndUserTable"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_TagTable"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_BudgetTable"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_ProxyModelTable"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
CREATE TRIGGER llmdb_announce_truncate AFTER TRUNCATE ON ${llmdb}."LLM_DatabaseState"
    EXECUTE FUNCTION ${llmdb}.llmdb_announce_everything();
