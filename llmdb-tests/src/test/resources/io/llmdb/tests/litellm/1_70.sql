-- What came until the middle of 2025.
ALTER TABLE "LiteLLM_UserTable" ADD created_at timestamp(3) DEFAULT CURRENT_TIMESTAMP, ADD updated_at timestamp(3) DEFAULT CURRENT_TIMESTAMP,
    ADD object_permission_id text;
ALTER TABLE "LiteLLM_VerificationToken" ADD organization_id text, ADD allowed_routes text[] DEFAULT '{}',
    ADD created_at timestamp(3) DEFAULT CURRENT_TIMESTAMP, ADD created_by text, ADD updated_at timestamp(3) DEFAULT CURRENT_TIMESTAMP,
    ADD updated_by text, ADD object_permission_id text;
ALTER TABLE "LiteLLM_TeamTable" ADD team_member_permissions text[] DEFAULT '{}', ADD object_permission_id text;
ALTER TABLE "LiteLLM_OrganizationTable" ADD object_permission_id text;
ALTER TABLE "LiteLLM_SpendLogs" ADD session_id text, ADD status text, ADD proxy_server_request jsonb DEFAULT '{}';
CREATE TABLE "LiteLLM_ObjectPermissionTable" (
    object_permission_id text PRIMARY KEY, mcp_servers text[] DEFAULT '{}', vector_stores text[] DEFAULT '{}');
CREATE TABLE "LiteLLM_CredentialsTable" (
    credential_id text PRIMARY KEY, credential_name text NOT NULL UNIQUE, credential_values jsonb NOT NULL, credential_info jsonb,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, created_by text NOT NULL,
    updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_by text NOT NULL);
CREATE TABLE "LiteLLM_MCPServerTable" (server_id text PRIMARY KEY, alias text, url text NOT NULL, transport text NOT NULL DEFAULT 'sse');
CREATE TABLE "LiteLLM_DailyUserSpend" (
    id text PRIMARY KEY DEFAULT gen_random_uuid()::text, user_id text, date text NOT NULL, api_key text NOT NULL, model text NOT NULL,
    model_group text, custom_llm_provider text, prompt_tokens bigint NOT NULL DEFAULT 0, completion_tokens bigint NOT NULL DEFAULT 0,
    cache_read_input_tokens bigint NOT NULL DEFAULT 0, cache_creation_input_tokens bigint NOT NULL DEFAULT 0,
    spend double precision NOT NULL DEFAULT 0, api_requests bigint NOT NULL DEFAULT 0, successful_requests bigint NOT NULL DEFAULT 0,
    failed_requests bigint NOT NULL DEFAULT 0, created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX "LiteLLM_DailyUserSpend_date_idx" ON "LiteLLM_DailyUserSpend" (date);
CREATE TABLE "LiteLLM_DailyTeamSpend" (LIKE "LiteLLM_DailyUserSpend" INCLUDING ALL);
ALTER TABLE "LiteLLM_DailyTeamSpend" RENAME user_id TO team_id;
CREATE TABLE "LiteLLM_DailyTagSpend" (LIKE "LiteLLM_DailyUserSpend" INCLUDING ALL);
ALTER TABLE "LiteLLM_DailyTagSpend" RENAME user_id TO tag;
