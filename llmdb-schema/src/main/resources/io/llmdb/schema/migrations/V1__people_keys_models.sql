-- Everything that an administrator edits. Names and columns follow the public reference schema, so that people's SQL, dashboards and
-- backups go on working; what is ours is said beside it. Money is numeric, instants are timestamptz, lists are text[].
--
-- Every table that counts spend has the same four columns (a "counter"):
--   spend              what the current budget window has spent
--   total_spend        what was ever spent; never reset
--   spend_window_start since when "spend" counts; null: since the row was made
--   budget_reset_at    when the window ends; null: never
-- A batch may add to every row of a page at once, so half of each page is kept free: then no index has to follow (HOT).

-- The clock that instances agree on. All SQL of this library asks it rather than now(), so that tests can move it.
CREATE FUNCTION ${llmdb}.llmdb_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';

CREATE TABLE ${llmdb}."LLM_BudgetTable" (
    budget_id             text PRIMARY KEY CHECK (budget_id <> ''),
    max_budget            numeric CHECK (max_budget >= 0 AND max_budget < 'Infinity'),
    soft_budget           numeric CHECK (soft_budget >= 0 AND soft_budget < 'Infinity'),
    max_parallel_requests bigint CHECK (max_parallel_requests >= 0),
    tpm_limit             bigint CHECK (tpm_limit >= 0),
    rpm_limit             bigint CHECK (rpm_limit >= 0),
    model_max_budget      jsonb CHECK (jsonb_typeof(model_max_budget) = 'object'),
    budget_duration       text CHECK (budget_duration ~ '^[1-9][0-9]*(s|m|h|d|w|mo)$'),
    budget_reset_at       timestamptz,
    allowed_models        text[] NOT NULL DEFAULT '{}',
    -- ours: further windows on the same scope, [{"budget_duration": "1d", "max_budget": 5}]
    budget_limits         jsonb CHECK (jsonb_typeof(budget_limits) = 'array'),
    -- ours: a raise of max_budget until an instant
    temp_budget_increase  numeric CHECK (temp_budget_increase >= 0 AND temp_budget_increase < 'Infinity'),
    temp_budget_expiry    timestamptz,
    -- ours: the one object that the row was made for and goes away with, such as 'organization:acme'; null: it stands for itself
    owned_by              text,
    created_at            timestamptz NOT NULL DEFAULT now(),
    created_by            text NOT NULL DEFAULT '',
    updated_at            timestamptz NOT NULL DEFAULT now(),
    updated_by            text NOT NULL DEFAULT ''
);

CREATE TABLE ${llmdb}."LLM_OrganizationTable" (
    organization_id    text PRIMARY KEY CHECK (organization_id <> ''),
    organization_alias text NOT NULL,
    budget_id          text NOT NULL REFERENCES ${llmdb}."LLM_BudgetTable",
    metadata           jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    models             text[] NOT NULL DEFAULT '{}',
    model_spend        jsonb NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    created_by         text NOT NULL DEFAULT '',
    updated_at         timestamptz NOT NULL DEFAULT now(),
    updated_by         text NOT NULL DEFAULT '',
    spend              numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend        numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start timestamptz,
    budget_reset_at    timestamptz
) WITH (fillfactor = 50);
CREATE INDEX "LLM_OrganizationTable_budget_id_idx" ON ${llmdb}."LLM_OrganizationTable" (budget_id);

CREATE TABLE ${llmdb}."LLM_TeamTable" (
    team_id                 text PRIMARY KEY CHECK (team_id <> ''),
    team_alias              text,
    organization_id         text REFERENCES ${llmdb}."LLM_OrganizationTable",
    -- Derived from "LLM_TeamMembership" by a trigger; nobody writes them.
    admins                  text[] NOT NULL DEFAULT '{}',
    members                 text[] NOT NULL DEFAULT '{}',
    members_with_roles      jsonb NOT NULL DEFAULT '[]',
    metadata                jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    max_budget              numeric CHECK (max_budget >= 0 AND max_budget < 'Infinity'),
    soft_budget             numeric CHECK (soft_budget >= 0 AND soft_budget < 'Infinity'),
    models                  text[] NOT NULL DEFAULT '{}',
    max_parallel_requests   bigint CHECK (max_parallel_requests >= 0),
    tpm_limit               bigint CHECK (tpm_limit >= 0),
    rpm_limit               bigint CHECK (rpm_limit >= 0),
    budget_duration         text CHECK (budget_duration ~ '^[1-9][0-9]*(s|m|h|d|w|mo)$'),
    blocked                 boolean NOT NULL DEFAULT false,
    model_spend             jsonb NOT NULL DEFAULT '{}',
    model_max_budget        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(model_max_budget) = 'object'),
    model_aliases           jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(model_aliases) = 'object'),
    team_member_permissions text[] NOT NULL DEFAULT '{}',
    budget_limits           jsonb CHECK (jsonb_typeof(budget_limits) = 'array'),
    temp_budget_increase    numeric CHECK (temp_budget_increase >= 0 AND temp_budget_increase < 'Infinity'),
    temp_budget_expiry      timestamptz,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    spend                   numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend             numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start      timestamptz,
    budget_reset_at         timestamptz
) WITH (fillfactor = 50);
CREATE INDEX "LLM_TeamTable_organization_id_idx" ON ${llmdb}."LLM_TeamTable" (organization_id);

CREATE TABLE ${llmdb}."LLM_UserTable" (
    user_id                text PRIMARY KEY CHECK (user_id <> ''),
    user_alias             text,
    team_id                text,
    sso_user_id            text UNIQUE,
    organization_id        text REFERENCES ${llmdb}."LLM_OrganizationTable",
    password               text,
    -- Derived from "LLM_TeamMembership" by a trigger; nobody writes it.
    teams                  text[] NOT NULL DEFAULT '{}',
    user_role              text,
    max_budget             numeric CHECK (max_budget >= 0 AND max_budget < 'Infinity'),
    soft_budget            numeric CHECK (soft_budget >= 0 AND soft_budget < 'Infinity'),
    user_email             text,
    models                 text[] NOT NULL DEFAULT '{}',
    metadata               jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    max_parallel_requests  bigint CHECK (max_parallel_requests >= 0),
    tpm_limit              bigint CHECK (tpm_limit >= 0),
    rpm_limit              bigint CHECK (rpm_limit >= 0),
    budget_duration        text CHECK (budget_duration ~ '^[1-9][0-9]*(s|m|h|d|w|mo)$'),
    allowed_cache_controls text[] NOT NULL DEFAULT '{}',
    model_spend            jsonb NOT NULL DEFAULT '{}',
    model_max_budget       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(model_max_budget) = 'object'),
    budget_limits          jsonb CHECK (jsonb_typeof(budget_limits) = 'array'),
    temp_budget_increase   numeric CHECK (temp_budget_increase >= 0 AND temp_budget_increase < 'Infinity'),
    temp_budget_expiry     timestamptz,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    spend                  numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend            numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start     timestamptz,
    budget_reset_at        timestamptz
) WITH (fillfactor = 50);
CREATE INDEX "LLM_UserTable_organization_id_idx" ON ${llmdb}."LLM_UserTable" (organization_id);
CREATE INDEX "LLM_UserTable_user_email_idx" ON ${llmdb}."LLM_UserTable" (lower(user_email));

CREATE TABLE ${llmdb}."LLM_EndUserTable" (
    user_id              text PRIMARY KEY CHECK (user_id <> ''),
    alias                text,
    allowed_model_region text,
    default_model        text,
    budget_id            text REFERENCES ${llmdb}."LLM_BudgetTable",
    blocked              boolean NOT NULL DEFAULT false,
    created_at           timestamptz NOT NULL DEFAULT now(),
    spend                numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend          numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start   timestamptz,
    budget_reset_at      timestamptz
) WITH (fillfactor = 50);
CREATE INDEX "LLM_EndUserTable_budget_id_idx" ON ${llmdb}."LLM_EndUserTable" (budget_id);

CREATE TABLE ${llmdb}."LLM_TeamMembership" (
    user_id            text NOT NULL REFERENCES ${llmdb}."LLM_UserTable",
    team_id            text NOT NULL REFERENCES ${llmdb}."LLM_TeamTable",
    budget_id          text REFERENCES ${llmdb}."LLM_BudgetTable",
    -- ours: the reference keeps it in the team's JSON
    role               text NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user')),
    created_at         timestamptz NOT NULL DEFAULT now(),
    spend              numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend        numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start timestamptz,
    budget_reset_at    timestamptz,
    PRIMARY KEY (user_id, team_id)
) WITH (fillfactor = 50);
CREATE INDEX "LLM_TeamMembership_team_id_idx" ON ${llmdb}."LLM_TeamMembership" (team_id, user_id);
CREATE INDEX "LLM_TeamMembership_budget_id_idx" ON ${llmdb}."LLM_TeamMembership" (budget_id);

CREATE TABLE ${llmdb}."LLM_OrganizationMembership" (
    user_id            text NOT NULL REFERENCES ${llmdb}."LLM_UserTable",
    organization_id    text NOT NULL REFERENCES ${llmdb}."LLM_OrganizationTable",
    user_role          text,
    budget_id          text REFERENCES ${llmdb}."LLM_BudgetTable",
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    spend              numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend        numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start timestamptz,
    budget_reset_at    timestamptz,
    PRIMARY KEY (user_id, organization_id)
) WITH (fillfactor = 50);
CREATE INDEX "LLM_OrganizationMembership_organization_id_idx" ON ${llmdb}."LLM_OrganizationMembership" (organization_id, user_id);
CREATE INDEX "LLM_OrganizationMembership_budget_id_idx" ON ${llmdb}."LLM_OrganizationMembership" (budget_id);

CREATE TABLE ${llmdb}."LLM_InvitationLink" (
    id          text PRIMARY KEY,
    user_id     text NOT NULL REFERENCES ${llmdb}."LLM_UserTable",
    is_accepted boolean NOT NULL DEFAULT false,
    accepted_at timestamptz,
    expires_at  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text NOT NULL DEFAULT '',
    updated_at  timestamptz NOT NULL DEFAULT now(),
    updated_by  text NOT NULL DEFAULT '',
    CHECK (is_accepted = (accepted_at IS NOT NULL))
);
CREATE INDEX "LLM_InvitationLink_user_id_idx" ON ${llmdb}."LLM_InvitationLink" (user_id);

CREATE TABLE ${llmdb}."LLM_UserNotifications" (
    request_id    text PRIMARY KEY,
    user_id       text NOT NULL,
    models        text[] NOT NULL DEFAULT '{}',
    justification text NOT NULL DEFAULT '',
    status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'disapproved')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    decided_by    text,
    decided_at    timestamptz,
    CHECK ((status = 'pending') = (decided_at IS NULL))
);
CREATE INDEX "LLM_UserNotifications_user_id_idx" ON ${llmdb}."LLM_UserNotifications" (user_id);

CREATE TABLE ${llmdb}."LLM_VerificationToken" (
    token                  text PRIMARY KEY CHECK (token <> '' AND token NOT LIKE 'sk-%'),
    key_name               text,
    key_alias              text,
    soft_budget_cooldown   boolean NOT NULL DEFAULT false,
    expires                timestamptz,
    models                 text[] NOT NULL DEFAULT '{}',
    aliases                jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(aliases) = 'object'),
    config                 jsonb NOT NULL DEFAULT '{}',
    user_id                text,
    team_id                text,
    permissions            jsonb NOT NULL DEFAULT '{}',
    max_parallel_requests  bigint CHECK (max_parallel_requests >= 0),
    metadata               jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    blocked                boolean,
    tpm_limit              bigint CHECK (tpm_limit >= 0),
    rpm_limit              bigint CHECK (rpm_limit >= 0),
    max_budget             numeric CHECK (max_budget >= 0 AND max_budget < 'Infinity'),
    soft_budget            numeric CHECK (soft_budget >= 0 AND soft_budget < 'Infinity'),
    budget_duration        text CHECK (budget_duration ~ '^[1-9][0-9]*(s|m|h|d|w|mo)$'),
    allowed_cache_controls text[] NOT NULL DEFAULT '{}',
    allowed_routes         text[] NOT NULL DEFAULT '{}',
    model_spend            jsonb NOT NULL DEFAULT '{}',
    model_max_budget       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(model_max_budget) = 'object'),
    budget_id              text REFERENCES ${llmdb}."LLM_BudgetTable",
    organization_id        text REFERENCES ${llmdb}."LLM_OrganizationTable",
    budget_limits          jsonb CHECK (jsonb_typeof(budget_limits) = 'array'),
    temp_budget_increase   numeric CHECK (temp_budget_increase >= 0 AND temp_budget_increase < 'Infinity'),
    temp_budget_expiry     timestamptz,
    created_at             timestamptz NOT NULL DEFAULT now(),
    created_by             text NOT NULL DEFAULT '',
    updated_at             timestamptz NOT NULL DEFAULT now(),
    updated_by             text NOT NULL DEFAULT '',
    last_active            timestamptz,
    rotation_count         bigint NOT NULL DEFAULT 0 CHECK (rotation_count >= 0),
    auto_rotate            boolean NOT NULL DEFAULT false,
    rotation_interval      text CHECK (rotation_interval ~ '^[1-9][0-9]*(s|m|h|d|w|mo)$'),
    last_rotation_at       timestamptz,
    key_rotation_at        timestamptz,
    spend                  numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend            numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start     timestamptz,
    budget_reset_at        timestamptz,
    CHECK (auto_rotate = false OR rotation_interval IS NOT NULL)
) WITH (fillfactor = 50);
CREATE INDEX "LLM_VerificationToken_budget_id_idx" ON ${llmdb}."LLM_VerificationToken" (budget_id);

-- Hashes that a rotation replaced and that still let their holder in until revoke_at. They are kept as long as the key: what was called under
-- such a hash and is booked later counts on the key all the same.
CREATE TABLE ${llmdb}."LLM_DeprecatedVerificationToken" (
    token           text PRIMARY KEY CHECK (token <> '' AND token NOT LIKE 'sk-%'),
    active_token_id text NOT NULL REFERENCES ${llmdb}."LLM_VerificationToken" (token) ON UPDATE CASCADE ON DELETE CASCADE,
    revoke_at       timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX "LLM_DeprecatedVerificationToken_active_token_id_idx" ON ${llmdb}."LLM_DeprecatedVerificationToken" (active_token_id);

-- Archives: the whole row as it was, and the columns that people look it up by.
CREATE TABLE ${llmdb}."LLM_DeletedVerificationToken" (
    id                 uuid PRIMARY KEY,
    token              text NOT NULL,
    key_alias          text,
    user_id            text,
    team_id            text,
    organization_id    text,
    total_spend        numeric NOT NULL DEFAULT 0,
    reason             text NOT NULL CHECK (reason IN ('deleted', 'rotated')),
    key_row            jsonb NOT NULL,
    deleted_at         timestamptz NOT NULL DEFAULT now(),
    deleted_by         text NOT NULL DEFAULT '',
    deleted_by_api_key text NOT NULL DEFAULT ''
);
CREATE INDEX "LLM_DeletedVerificationToken_token_idx" ON ${llmdb}."LLM_DeletedVerificationToken" (token);

CREATE TABLE ${llmdb}."LLM_DeletedTeamTable" (
    id                 uuid PRIMARY KEY,
    team_id            text NOT NULL,
    team_alias         text,
    organization_id    text,
    total_spend        numeric NOT NULL DEFAULT 0,
    team_row           jsonb NOT NULL,
    deleted_at         timestamptz NOT NULL DEFAULT now(),
    deleted_by         text NOT NULL DEFAULT '',
    deleted_by_api_key text NOT NULL DEFAULT ''
);
CREATE INDEX "LLM_DeletedTeamTable_team_id_idx" ON ${llmdb}."LLM_DeletedTeamTable" (team_id);

CREATE TABLE ${llmdb}."LLM_TagTable" (
    tag_name           text PRIMARY KEY CHECK (tag_name <> ''),
    description        text,
    models             text[] NOT NULL DEFAULT '{}',
    model_info         jsonb,
    budget_id          text REFERENCES ${llmdb}."LLM_BudgetTable",
    created_at         timestamptz NOT NULL DEFAULT now(),
    created_by         text NOT NULL DEFAULT '',
    updated_at         timestamptz NOT NULL DEFAULT now(),
    spend              numeric NOT NULL DEFAULT 0 CHECK (spend < 'Infinity'),
    total_spend        numeric NOT NULL DEFAULT 0 CHECK (total_spend < 'Infinity'),
    spend_window_start timestamptz,
    budget_reset_at    timestamptz
) WITH (fillfactor = 50);
CREATE INDEX "LLM_TagTable_budget_id_idx" ON ${llmdb}."LLM_TagTable" (budget_id);

CREATE TABLE ${llmdb}."LLM_ProxyModelTable" (
    model_id   text PRIMARY KEY CHECK (model_id <> ''),
    model_name text NOT NULL CHECK (model_name <> ''),
    llm_params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(llm_params) = 'object'),
    model_info jsonb,
    blocked    boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL DEFAULT ''
);
CREATE INDEX "LLM_ProxyModelTable_model_name_idx" ON ${llmdb}."LLM_ProxyModelTable" (model_name);

-- Membership rows alone are the truth; the reference's lists follow them. The locks make the UPDATEs' snapshots see every membership that was
-- committed before, so that parallel changes lose none. They are taken users first, then teams, each in byte order, as booking takes them (V5),
-- once for a whole statement, so that statements that add many users to many teams cannot wait for each other.
CREATE FUNCTION ${llmdb}.llmdb_derive_members(p_users text[], p_teams text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ${llmdb}."LLM_UserTable" WHERE user_id = ANY (p_users) ORDER BY user_id COLLATE "C" FOR NO KEY UPDATE;
    PERFORM 1 FROM ${llmdb}."LLM_TeamTable" WHERE team_id = ANY (p_teams) ORDER BY team_id COLLATE "C" FOR NO KEY UPDATE;
    UPDATE ${llmdb}."LLM_UserTable" u
    SET teams = ARRAY(SELECT m.team_id FROM ${llmdb}."LLM_TeamMembership" m WHERE m.user_id = u.user_id ORDER BY m.team_id)
    WHERE u.user_id = ANY (p_users);
    UPDATE ${llmdb}."LLM_TeamTable" t
    SET admins = ARRAY(SELECT m.user_id FROM ${llmdb}."LLM_TeamMembership" m WHERE m.team_id = t.team_id AND m.role = 'admin' ORDER BY m.user_id),
        members = ARRAY(SELECT m.user_id FROM ${llmdb}."LLM_TeamMembership" m WHERE m.team_id = t.team_id ORDER BY m.user_id),
        members_with_roles = coalesce(
            (SELECT jsonb_agg(jsonb_build_object('user_id', m.user_id, 'role', m.role) ORDER BY m.user_id)
             FROM ${llmdb}."LLM_TeamMembership" m WHERE m.team_id = t.team_id), '[]')
    WHERE t.team_id = ANY (p_teams);
END $$;

-- For statements that add or remove rows.
CREATE FUNCTION ${llmdb}.llmdb_memberships_came_or_went() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    users text[];
    teams text[];
BEGIN
    SELECT array_agg(DISTINCT c.user_id), array_agg(DISTINCT c.team_id) INTO users, teams FROM changed c;
    IF users IS NOT NULL THEN
        PERFORM ${llmdb}.llmdb_derive_members(users, teams);
    END IF;
    RETURN NULL;
END $$;

-- For edits, row by row: a trigger with a table of all changed rows cannot be limited to columns, and booking spend must not fire it.
CREATE FUNCTION ${llmdb}.llmdb_membership_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ${llmdb}.llmdb_derive_members(
        CASE WHEN (OLD.user_id, OLD.team_id) <> (NEW.user_id, NEW.team_id) THEN ARRAY[OLD.user_id, NEW.user_id] ELSE '{}' END,
        ARRAY[OLD.team_id, NEW.team_id]);
    RETURN NULL;
END $$;

CREATE TRIGGER llmdb_derive_members_on_insert AFTER INSERT ON ${llmdb}."LLM_TeamMembership"
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION ${llmdb}.llmdb_memberships_came_or_went();
CREATE TRIGGER llmdb_derive_members_on_delete AFTER DELETE ON ${llmdb}."LLM_TeamMembership"
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION ${llmdb}.llmdb_memberships_came_or_went();
CREATE TRIGGER llmdb_derive_members_on_update AFTER UPDATE OF user_id, team_id, role ON ${llmdb}."LLM_TeamMembership"
    FOR EACH ROW WHEN ((OLD.user_id, OLD.team_id, OLD.role) IS DISTINCT FROM (NEW.user_id, NEW.team_id, NEW.role))
    EXECUTE FUNCTION ${llmdb}.llmdb_membership_edited();
