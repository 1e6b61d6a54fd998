-- What came until the end of 2026.
ALTER TABLE "LiteLLM_BudgetTable" ADD allowed_models text[] DEFAULT '{}';
ALTER TABLE "LiteLLM_ProxyModelTable" ADD blocked boolean NOT NULL DEFAULT false;
ALTER TABLE "LiteLLM_TeamTable" ADD soft_budget double precision, ADD router_settings jsonb DEFAULT '{}',
    ADD access_group_ids text[] DEFAULT '{}', ADD policies text[] DEFAULT '{}', ADD default_team_member_models text[] DEFAULT '{}',
    ADD budget_limits jsonb, ADD allow_team_guardrail_config boolean NOT NULL DEFAULT false;
ALTER TABLE "LiteLLM_UserTable" ADD policies text[] DEFAULT '{}';
ALTER TABLE "LiteLLM_VerificationToken" ADD router_settings jsonb DEFAULT '{}', ADD agent_id text, ADD project_id text,
    ADD policies text[] DEFAULT '{}', ADD access_group_ids text[] DEFAULT '{}', ADD last_active timestamp(3),
    ADD rotation_count integer DEFAULT 0, ADD auto_rotate boolean DEFAULT false, ADD rotation_interval text,
    ADD last_rotation_at timestamp(3), ADD key_rotation_at timestamp(3), ADD budget_limits jsonb;
ALTER TABLE "LiteLLM_EndUserTable" ADD object_permission_id text;
ALTER TABLE "LiteLLM_TeamMembership" ADD total_spend double precision NOT NULL DEFAULT 0;
ALTER TABLE "LiteLLM_SpendLogs" ADD request_duration_ms integer, ADD organization_id text, ADD mcp_namespaced_tool_name text,
    ADD agent_id text;
CREATE TABLE "LiteLLM_DeprecatedVerificationToken" (
    id text PRIMARY KEY DEFAULT gen_random_uuid()::text, token text NOT NULL UNIQUE, active_token_id text NOT NULL,
    revoke_at timestamp(3) NOT NULL, created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE "LiteLLM_DeletedVerificationToken" (LIKE "LiteLLM_VerificationToken");
ALTER TABLE "LiteLLM_DeletedVerificationToken" ADD id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    ADD deleted_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, ADD deleted_by text, ADD deleted_by_api_key text,
    ADD litellm_changed_by text;
CREATE TABLE "LiteLLM_DeletedTeamTable" (LIKE "LiteLLM_TeamTable");
ALTER TABLE "LiteLLM_DeletedTeamTable" ADD id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    ADD deleted_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, ADD deleted_by text, ADD deleted_by_api_key text,
    ADD litellm_changed_by text;
CREATE TABLE "LiteLLM_TagTable" (
    tag_name text PRIMARY KEY, description text, models text[], model_info jsonb, spend double precision NOT NULL DEFAULT 0, budget_id text,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, created_by text, updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
ALTER TABLE "LiteLLM_DailyUserSpend" ADD mcp_namespaced_tool_name text, ADD endpoint text;
ALTER TABLE "LiteLLM_DailyTeamSpend" ADD mcp_namespaced_tool_name text, ADD endpoint text;
ALTER TABLE "LiteLLM_DailyTagSpend" ADD mcp_namespaced_tool_name text, ADD endpoint text, ADD request_id text;
CREATE TABLE "LiteLLM_DailyOrganizationSpend" (LIKE "LiteLLM_DailyUserSpend" INCLUDING ALL);
ALTER TABLE "LiteLLM_DailyOrganizationSpend" RENAME user_id TO organization_id;
CREATE TABLE "LiteLLM_DailyEndUserSpend" (LIKE "LiteLLM_DailyUserSpend" INCLUDING ALL);
ALTER TABLE "LiteLLM_DailyEndUserSpend" RENAME user_id TO end_user_id;
CREATE TABLE "LiteLLM_DailyAgentSpend" (LIKE "LiteLLM_DailyUserSpend" INCLUDING ALL);
ALTER TABLE "LiteLLM_DailyAgentSpend" RENAME user_id TO agent_id;
CREATE TABLE "LiteLLM_GuardrailsTable" (guardrail_id text PRIMARY KEY, guardrail_name text UNIQUE, litellm_params jsonb NOT NULL);
CREATE TABLE "LiteLLM_CronJob" (cronjob_id text PRIMARY KEY, pod_id text NOT NULL, ttl timestamp(3) NOT NULL);
CREATE TABLE _prisma_migrations (id text PRIMARY KEY, migration_name text NOT NULL);
