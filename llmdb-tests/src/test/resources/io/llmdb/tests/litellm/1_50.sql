-- A LiteLLM database of the end of 2024, as its public schema has it: names and types only.
CREATE TABLE "LiteLLM_BudgetTable" (
    budget_id text PRIMARY KEY, max_budget double precision, soft_budget double precision, max_parallel_requests integer, tpm_limit bigint,
    rpm_limit bigint, model_max_budget jsonb, budget_duration text, budget_reset_at timestamp(3),
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, created_by text NOT NULL,
    updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_by text NOT NULL);
CREATE TABLE "LiteLLM_ProxyModelTable" (
    model_id text PRIMARY KEY, model_name text NOT NULL, litellm_params jsonb NOT NULL, model_info jsonb,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, created_by text NOT NULL,
    updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_by text NOT NULL);
CREATE TABLE "LiteLLM_OrganizationTable" (
    organization_id text PRIMARY KEY, organization_alias text NOT NULL, budget_id text NOT NULL, metadata jsonb NOT NULL DEFAULT '{}',
    models text[], spend double precision NOT NULL DEFAULT 0, model_spend jsonb NOT NULL DEFAULT '{}',
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, created_by text NOT NULL,
    updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_by text NOT NULL);
CREATE TABLE "LiteLLM_ModelTable" (
    id serial PRIMARY KEY, aliases jsonb, created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, created_by text NOT NULL,
    updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_by text NOT NULL);
CREATE TABLE "LiteLLM_TeamTable" (
    team_id text PRIMARY KEY, team_alias text, organization_id text, admins text[], members text[],
    members_with_roles jsonb NOT NULL DEFAULT '{}', metadata jsonb NOT NULL DEFAULT '{}', max_budget double precision,
    spend double precision NOT NULL DEFAULT 0, models text[], max_parallel_requests integer, tpm_limit bigint, rpm_limit bigint,
    budget_duration text, budget_reset_at timestamp(3), blocked boolean NOT NULL DEFAULT false,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    model_spend jsonb NOT NULL DEFAULT '{}', model_max_budget jsonb NOT NULL DEFAULT '{}', model_id integer);
CREATE TABLE "LiteLLM_UserTable" (
    user_id text PRIMARY KEY, user_alias text, team_id text, sso_user_id text UNIQUE, organization_id text, password text,
    teams text[] DEFAULT '{}', user_role text, max_budget double precision, spend double precision NOT NULL DEFAULT 0, user_email text,
    models text[], metadata jsonb NOT NULL DEFAULT '{}', max_parallel_requests integer, tpm_limit bigint, rpm_limit bigint,
    budget_duration text, budget_reset_at timestamp(3), allowed_cache_controls text[] DEFAULT '{}',
    model_spend jsonb NOT NULL DEFAULT '{}', model_max_budget jsonb NOT NULL DEFAULT '{}');
CREATE TABLE "LiteLLM_VerificationToken" (
    token text PRIMARY KEY, key_name text, key_alias text, soft_budget_cooldown boolean NOT NULL DEFAULT false,
    spend double precision NOT NULL DEFAULT 0, expires timestamp(3), models text[], aliases jsonb NOT NULL DEFAULT '{}',
    config jsonb NOT NULL DEFAULT '{}', user_id text, team_id text, permissions jsonb NOT NULL DEFAULT '{}', max_parallel_requests integer,
    metadata jsonb NOT NULL DEFAULT '{}', blocked boolean, tpm_limit bigint, rpm_limit bigint, max_budget double precision,
    budget_duration text, budget_reset_at timestamp(3), allowed_cache_controls text[] DEFAULT '{}', model_spend jsonb NOT NULL DEFAULT '{}',
    model_max_budget jsonb NOT NULL DEFAULT '{}', budget_id text);
CREATE TABLE "LiteLLM_EndUserTable" (
    user_id text PRIMARY KEY, alias text, spend double precision NOT NULL DEFAULT 0, allowed_model_region text, default_model text,
    budget_id text, blocked boolean NOT NULL DEFAULT false);
CREATE TABLE "LiteLLM_Config" (param_name text PRIMARY KEY, param_value jsonb);
CREATE TABLE "LiteLLM_SpendLogs" (
    request_id text PRIMARY KEY, call_type text NOT NULL, api_key text NOT NULL DEFAULT '', spend double precision NOT NULL DEFAULT 0,
    total_tokens integer NOT NULL DEFAULT 0, prompt_tokens integer NOT NULL DEFAULT 0, completion_tokens integer NOT NULL DEFAULT 0,
    "startTime" timestamp(3) NOT NULL, "endTime" timestamp(3) NOT NULL, "completionStartTime" timestamp(3), model text NOT NULL DEFAULT '',
    model_id text DEFAULT '', model_group text DEFAULT '', custom_llm_provider text DEFAULT '', api_base text DEFAULT '',
    "user" text DEFAULT '', metadata jsonb DEFAULT '{}', cache_hit text DEFAULT '', cache_key text DEFAULT '',
    request_tags jsonb DEFAULT '[]', team_id text, end_user text, requester_ip_address text, messages jsonb DEFAULT '{}',
    response jsonb DEFAULT '{}');
CREATE INDEX "LiteLLM_SpendLogs_startTime_idx" ON "LiteLLM_SpendLogs" ("startTime");
CREATE TABLE "LiteLLM_ErrorLogs" (
    request_id text PRIMARY KEY, "startTime" timestamp(3) NOT NULL, "endTime" timestamp(3) NOT NULL, api_base text NOT NULL DEFAULT '',
    model_group text NOT NULL DEFAULT '', litellm_model_name text NOT NULL DEFAULT '', model_id text NOT NULL DEFAULT '',
    request_kwargs jsonb NOT NULL DEFAULT '{}', exception_type text NOT NULL DEFAULT '', exception_string text NOT NULL DEFAULT '',
    status_code text NOT NULL DEFAULT '');
CREATE TABLE "LiteLLM_UserNotifications" (
    request_id text PRIMARY KEY, user_id text NOT NULL, models text[], justification text NOT NULL, status text NOT NULL);
CREATE TABLE "LiteLLM_TeamMembership" (
    user_id text, team_id text, spend double precision NOT NULL DEFAULT 0, budget_id text, PRIMARY KEY (user_id, team_id));
CREATE TABLE "LiteLLM_OrganizationMembership" (
    user_id text, organization_id text, user_role text, spend double precision DEFAULT 0, budget_id text,
    created_at timestamp(3) DEFAULT CURRENT_TIMESTAMP, updated_at timestamp(3) DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (user_id, organization_id));
CREATE TABLE "LiteLLM_InvitationLink" (
    id text PRIMARY KEY, user_id text NOT NULL, is_accepted boolean NOT NULL DEFAULT false, accepted_at timestamp(3),
    expires_at timestamp(3) NOT NULL, created_at timestamp(3) NOT NULL, created_by text NOT NULL, updated_at timestamp(3) NOT NULL,
    updated_by text NOT NULL);
CREATE TABLE "LiteLLM_AuditLog" (
    id text PRIMARY KEY, updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, changed_by text NOT NULL DEFAULT '',
    changed_by_api_key text NOT NULL DEFAULT '', action text NOT NULL, table_name text NOT NULL, object_id text NOT NULL,
    before_value jsonb, updated_values jsonb);
