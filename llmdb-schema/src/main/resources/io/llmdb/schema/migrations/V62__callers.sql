-- What is known of whoever holds a key, as one value instead of two hundred columns. Each row is written as PostgreSQL writes rows as text, or as "-"
-- where there is none, one after the other: until when a replaced hash is good, the key, its team, the membership of the team, the user, the organization,
-- the membership of the organization, and all budget rows that they link. Null: nobody has such a key. The columns and their order are those of the
-- version that asks (CallerQuery), so a later version with other columns makes a function of its own.
--
-- Each statement is one look-up by primary key and is planned once for each connection of the server's. All of them see the snapshot of the statement
-- that calls, because the function is STABLE. A plan that was made while a table was small must not read the whole of it when it is large.
CREATE FUNCTION ${llmdb}.llmdb_caller(p_hash text) RETURNS text LANGUAGE plpgsql STABLE STRICT
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_active_hash         text;
    v_revoke_at           text;
    v_key                 text;
    v_team                text;
    v_team_member         text;
    v_user                text;
    v_organization        text;
    v_organization_member text;
    v_budgets             text;
    v_user_id             text;
    v_team_id             text;
    v_organization_id     text;
    v_team_organization   text;
    v_key_budget          text;
    v_team_member_budget  text;
    v_organization_budget text;
    v_organization_member_budget text;
BEGIN
    SELECT k.user_id, k.team_id, k.organization_id, k.budget_id,
        ROW(k."token", k."key_name", k."key_alias", k."soft_budget_cooldown", k."expires", k."models", k."aliases", k."config", k."user_id",
        k."team_id", k."permissions", k."max_parallel_requests", k."metadata", k."blocked", k."tpm_limit", k."rpm_limit", k."max_budget",
        k."soft_budget", k."budget_duration", k."allowed_cache_controls", k."allowed_routes", k."model_max_budget", k."budget_id",
        k."organization_id", k."budget_limits", k."temp_budget_increase", k."temp_budget_expiry", k."created_at", k."created_by", k."updated_at",
        k."updated_by", k."last_active", k."rotation_count", k."auto_rotate", k."rotation_interval", k."last_rotation_at", k."key_rotation_at",
        k."spend", k."total_spend", k."spend_window_start", k."budget_reset_at")::text
    INTO v_user_id, v_team_id, v_organization_id, v_key_budget, v_key
    FROM ${llmdb}."LLM_VerificationToken" k WHERE k.token = p_hash;
    IF v_key IS NULL THEN
        -- A hash that was replaced leads to its key while its grace lasts.
        SELECT d.active_token_id, ROW(d.revoke_at)::text INTO v_active_hash, v_revoke_at
        FROM ${llmdb}."LLM_DeprecatedVerificationToken" d WHERE d.token = p_hash AND d.revoke_at > ${llmdb}.llmdb_now();
        RETURN v_revoke_at || substr(${llmdb}.llmdb_caller(v_active_hash), 2);
    END IF;
    IF v_team_id IS NOT NULL THEN
        SELECT t.organization_id,
        ROW(t."team_id", t."team_alias", t."organization_id", t."metadata", t."max_budget", t."soft_budget", t."models", t."max_parallel_requests",
        t."tpm_limit", t."rpm_limit", t."budget_duration", t."blocked", t."model_max_budget", t."model_aliases", t."team_member_permissions",
        t."budget_limits", t."temp_budget_increase", t."temp_budget_expiry", t."created_at", t."updated_at", t."spend", t."total_spend",
        t."spend_window_start", t."budget_reset_at")::text
        INTO v_team_organization, v_team
        FROM ${llmdb}."LLM_TeamTable" t WHERE t.team_id = v_team_id;
        v_organization_id := coalesce(v_organization_id, v_team_organization);
    END IF;
    IF v_organization_id IS NOT NULL THEN
        SELECT o.budget_id,
        ROW(o."organization_id", o."organization_alias", o."budget_id", o."metadata", o."models", o."created_at", o."created_by", o."updated_at",
        o."updated_by", o."spend", o."total_spend", o."spend_window_start", o."budget_reset_at")::text
        INTO v_organization_budget, v_organization
        FROM ${llmdb}."LLM_OrganizationTable" o WHERE o.organization_id = v_organization_id;
    END IF;
    IF v_user_id IS NOT NULL THEN
        SELECT ROW(u."user_id", u."user_alias", u."team_id", u."sso_user_id", u."organization_id", u."teams", u."user_role", u."max_budget",
        u."soft_budget", u."user_email", u."models", u."metadata", u."max_parallel_requests", u."tpm_limit", u."rpm_limit", u."budget_duration",
        u."allowed_cache_controls", u."model_max_budget", u."budget_limits", u."temp_budget_increase", u."temp_budget_expiry", u."created_at",
        u."updated_at", u."spend", u."total_spend", u."spend_window_start", u."budget_reset_at")::text
        INTO v_user
        FROM ${llmdb}."LLM_UserTable" u WHERE u.user_id = v_user_id;
        IF v_team_id IS NOT NULL THEN
            SELECT tm.budget_id,
        ROW(tm."user_id", tm."team_id", tm."budget_id", tm."role", tm."created_at", tm."spend", tm."total_spend", tm."spend_window_start",
        tm."budget_reset_at")::text
            INTO v_team_member_budget, v_team_member
            FROM ${llmdb}."LLM_TeamMembership" tm WHERE tm.user_id = v_user_id AND tm.team_id = v_team_id;
        END IF;
        IF v_organization_id IS NOT NULL THEN
            SELECT om.budget_id,
        ROW(om."user_id", om."organization_id", om."user_role", om."budget_id", om."created_at", om."updated_at", om."spend", om."total_spend",
        om."spend_window_start", om."budget_reset_at")::text
            INTO v_organization_member_budget, v_organization_member
            FROM ${llmdb}."LLM_OrganizationMembership" om WHERE om.user_id = v_user_id AND om.organization_id = v_organization_id;
        END IF;
    END IF;
    IF coalesce(v_key_budget, v_team_member_budget, v_organization_budget, v_organization_member_budget) IS NOT NULL THEN
        SELECT string_agg(ROW(b."budget_id", b."max_budget", b."soft_budget", b."max_parallel_requests", b."tpm_limit", b."rpm_limit", b."model_max_budget",
        b."budget_duration", b."budget_reset_at", b."allowed_models", b."budget_limits", b."temp_budget_increase", b."temp_budget_expiry",
        b."owned_by", b."created_at", b."created_by", b."updated_at", b."updated_by")::text, '')
        INTO v_budgets
        FROM ${llmdb}."LLM_BudgetTable" b
        WHERE b.budget_id = ANY (ARRAY[v_key_budget, v_team_member_budget, v_organization_budget, v_organization_member_budget]);
    END IF;
    RETURN '-' || v_key || coalesce(v_team, '-') || coalesce(v_team_member, '-') || coalesce(v_user, '-') || coalesce(v_organization, '-')
        || coalesce(v_organization_member, '-') || coalesce(v_budgets, '');
END $$;

-- The first two of these rows alone, for whoever holds the others in memory: a single look-up, in a quarter of the time.
CREATE FUNCTION ${llmdb}.llmdb_caller_key(p_hash text) RETURNS text LANGUAGE plpgsql STABLE STRICT
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_active_hash text;
    v_revoke_at   text;
    v_key         text;
BEGIN
    SELECT
        ROW(k."token", k."key_name", k."key_alias", k."soft_budget_cooldown", k."expires", k."models", k."aliases", k."config", k."user_id",
        k."team_id", k."permissions", k."max_parallel_requests", k."metadata", k."blocked", k."tpm_limit", k."rpm_limit", k."max_budget",
        k."soft_budget", k."budget_duration", k."allowed_cache_controls", k."allowed_routes", k."model_max_budget", k."budget_id",
        k."organization_id", k."budget_limits", k."temp_budget_increase", k."temp_budget_expiry", k."created_at", k."created_by", k."updated_at",
        k."updated_by", k."last_active", k."rotation_count", k."auto_rotate", k."rotation_interval", k."last_rotation_at", k."key_rotation_at",
        k."spend", k."total_spend", k."spend_window_start", k."budget_reset_at")::text
    INTO v_key
    FROM ${llmdb}."LLM_VerificationToken" k WHERE k.token = p_hash;
    IF v_key IS NULL THEN
        SELECT d.active_token_id, ROW(d.revoke_at)::text INTO v_active_hash, v_revoke_at
        FROM ${llmdb}."LLM_DeprecatedVerificationToken" d WHERE d.token = p_hash AND d.revoke_at > ${llmdb}.llmdb_now();
        RETURN v_revoke_at || substr(${llmdb}.llmdb_caller_key(v_active_hash), 2);
    END IF;
    RETURN '-' || v_key;
END $$;
