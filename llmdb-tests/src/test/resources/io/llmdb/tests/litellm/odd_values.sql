-- A company in a LiteLLM database of today, with every odd value that its columns can hold. Places in braces are hashes and ciphertexts.
INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget, soft_budget, tpm_limit, model_max_budget, budget_duration, budget_reset_at, allowed_models, created_by, updated_by) VALUES
    ('monthly', 100.1, 80, 1000, NULL, '30d', date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', '{gpt-4o}', 'root', 'root'),
    ('negative', -5, NULL, -1, NULL, NULL, NULL, '{}', 'root', 'root'),
    ('nan', 'NaN', 'Infinity', NULL, NULL, '30D', NULL, NULL, 'root', 'root'),
    ('fortnight', 1e300, 1e-300, NULL, NULL, '1 fortnight', 'infinity', '{}', 'root', 'root'),
    ('models', NULL, NULL, NULL, '{"gpt-4o": {"budget_limit": 0.1, "time_period": "1d"}, "old": 2.5, "bad": "much"}', '', NULL, '{}', 'root', 'root');
INSERT INTO "LiteLLM_OrganizationTable" (organization_id, organization_alias, budget_id, metadata, models, spend, created_by, updated_by) VALUES
    ('acme', 'Acme', 'monthly', '{"a": 1.10}', '{gpt-4o}', 12.25, 'root', 'root'),
    ('lost', 'Lost', 'gone', '["no object"]', NULL, 0, 'root', 'root');
INSERT INTO "LiteLLM_ModelTable" (id, aliases, created_by, updated_by) VALUES (7, '{"fast": "gpt-4o-mini", "odd": 5}', 'root', 'root'), (8, NULL, 'root', 'root');
INSERT INTO "LiteLLM_ObjectPermissionTable" (object_permission_id, mcp_servers) VALUES ('p1', '{github}');
INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, organization_id, admins, members, members_with_roles, metadata, max_budget, spend, models, model_id,
        object_permission_id, router_settings, policies, budget_limits, model_max_budget, budget_duration, budget_reset_at) VALUES
    ('red', 'Same name', 'acme', '{anna}', '{anna,bob,NULL}', '[{"role": "admin", "user_id": "anna"}, {"role": "user", "user_id": "bob"},
        {"role": "user", "user_id": "ghost"}, {"role": "user", "user_id": null, "user_email": "x@example.com"}, {"role": "user"}, "text"]',
        '{"model_tpm_limit": {"gpt-4o": 9}}', 50, 7.7, '{gpt-4o}', 7, 'p1', '{"retries": 2}', '{strict}',
        '[{"budget_duration": "1d", "max_budget": 5.5, "reset_at": "2026-01-01"}, {"max_budget": 7}]', '{}', '7d', date_trunc('week', now() AT TIME ZONE 'UTC') + interval '1 week'),
    ('blue', 'Same name', 'no-such-organization', NULL, NULL, '{}', '"{\"text\": true}"', 'NaN', 0.30000000000000004, NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL),
    ('', 'nobody', NULL, NULL, NULL, '{}', '{}', NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL);
INSERT INTO "LiteLLM_UserTable" (user_id, user_alias, sso_user_id, organization_id, password, teams, user_role, max_budget, spend, user_email, models, metadata,
        budget_duration, budget_reset_at, model_max_budget, created_at) VALUES
    ('anna', 'Anna', 'sso-1', 'acme', 'scrypt:hash', '{red}', 'internal_user', 20.5, 3.3, 'anna@example.com', '{no-default-models}', '{}', '10d',
        now() AT TIME ZONE 'UTC' + interval '3 days', '{"gpt-4o": {"max_budget": "1.5", "budget_duration": "1d"}}', '1969-12-31'),
    ('bob', NULL, '', '', NULL, '{blue,gone-team}', 'proxy_admin', NULL, 0.1, NULL, NULL, '{}', NULL, NULL, '{}', NULL),
    ('carl', NULL, NULL, NULL, NULL, NULL, NULL, 'Infinity', 'NaN', NULL, '{}', '[1]', NULL, NULL, '[]', 'infinity'),
    ('dora', NULL, NULL, 'gone', NULL, '{}', NULL, '-Infinity', -1.5, NULL, '{a,NULL}', '{}', '0d', NULL, '"x"', now());
INSERT INTO "LiteLLM_TeamMembership" (user_id, team_id, spend, total_spend, budget_id) VALUES
    ('anna', 'red', 1.1, 2.2, 'monthly'), ('zoe', 'red', 0.5, 0, NULL), ('anna', 'gone-team', 9, 9, NULL), ('bob', 'red', 0, 0, 'gone');
INSERT INTO "LiteLLM_OrganizationMembership" (user_id, organization_id, user_role, spend, budget_id) VALUES
    ('anna', 'acme', 'org_admin', NULL, 'monthly'), ('bob', 'gone', NULL, 1, NULL);
INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias, spend, expires, models, user_id, team_id, organization_id, metadata, blocked, max_budget,
        budget_duration, budget_reset_at, budget_id, allowed_routes, aliases, rotation_interval, auto_rotate, router_settings, project_id, object_permission_id) VALUES
    ('${anna}', 'sk-...anna', 'Anna''s key', 4.4, NULL, '{gpt-4o}', 'anna', 'red', 'acme', '{"tpm": 1}', NULL, 5.5, '30d',
        date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', NULL, '{/chat/completions}', '{"quick": "gpt-4o", "bad": 1}', '30d', true, '{"a": 1}', 'project-1', 'p1'),
    ('sk-stored-raw-000000000001', 'sk-stored-raw-000000000001', 'raw', 0.1, '9999-12-31', '{}', NULL, NULL, NULL, '{}', false, NULL, NULL, NULL, NULL, NULL, '{}', NULL, true, NULL, NULL, NULL),
    ('${upper}', NULL, 'upper', 0.7, 'infinity', '{all-team-models}', 'bob', 'red', NULL, '{}', NULL, NULL, NULL, NULL, 'monthly', '{}', '{}', NULL, NULL, NULL, NULL, NULL),
    ('sk-twice-000000000000001', NULL, 'twice, raw', 1, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL),
    ('${twice}', NULL, 'twice, hashed', 1, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL),
    ('', NULL, 'empty', 0, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL),
    ('not-a-hash', NULL, 'no hash', 0, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL),
    ('${expired}', NULL, 'expired', 0, '2024-05-05 05:05:05.555', NULL, '', '', NULL, '{}', NULL, 0, 'soon', NULL, NULL, '{}', '{}', 'x', NULL, NULL, NULL, NULL),
    ('${blocked}', NULL, 'blocked', 0, NULL, NULL, NULL, NULL, NULL, '{}', true, 'NaN', '1d', '2024-01-01', 'gone', '{}', '[]', NULL, NULL, NULL, NULL, NULL),
    ('${spent}', NULL, 'spent', 9.99, NULL, '{gpt-4o}', NULL, NULL, NULL, '{}', NULL, 10, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL),
    ('${orphan}', NULL, 'no such team', 0, NULL, NULL, 'nobody', 'gone-team', 'gone', '{}', NULL, -1, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "LiteLLM_DeprecatedVerificationToken" (token, active_token_id, revoke_at) VALUES
    ('${grace}', '${anna}', now() AT TIME ZONE 'UTC' + interval '1 hour'), ('${over}', '${anna}', '2025-01-01'), ('${dangling}', 'gone', '2099-01-01');
INSERT INTO "LiteLLM_DeletedVerificationToken" (token, key_alias, spend, metadata, aliases, config, permissions, model_spend, model_max_budget, soft_budget_cooldown, agent_id, deleted_by, deleted_by_api_key) VALUES
    ('${deleted}', 'deleted', 8.08, '{}', '{}', '{}', '{}', '{}', '{}', false, 'agent-1', 'root', 'sk-deleter-raw-0000000000');
INSERT INTO "LiteLLM_DeletedTeamTable" (team_id, members_with_roles, metadata, spend, blocked, model_spend, model_max_budget, created_at, updated_at, allow_team_guardrail_config, members) VALUES
    ('old-team', '[{"role": "user", "user_id": "bob"}]', '{}', 3.03, false, '{}', '{}', now(), now(), false, '{bob}');
INSERT INTO "LiteLLM_EndUserTable" (user_id, alias, spend, budget_id, blocked, object_permission_id) VALUES
    ('customer-1', 'One', 1.25, 'monthly', false, 'p1'), ('customer-2', NULL, 0.1, 'gone', true, NULL);
INSERT INTO "LiteLLM_TagTable" (tag_name, models, spend, budget_id, created_by) VALUES ('prod', '{}', 2.5, NULL, NULL);
INSERT INTO "LiteLLM_InvitationLink" (id, user_id, is_accepted, accepted_at, expires_at, created_at, created_by, updated_at, updated_by) VALUES
    ('i1', 'anna', true, NULL, '2026-01-01', '2025-12-25', 'root', '2025-12-26', 'root'), ('i2', 'nobody', false, NULL, '2026-01-01', '2025-12-25', 'root', '2025-12-25', 'root'),
    ('i3', 'bob', false, '2025-12-26', '2026-01-01', '2025-12-25', 'root', '2025-12-26', 'root');
INSERT INTO "LiteLLM_UserNotifications" (request_id, user_id, models, justification, status) VALUES
    ('r1', 'anna', '{gpt-5}', 'please', 'pending'), ('r2', 'anna', NULL, '', 'approved'), ('r3', 'anna', NULL, '', 'perhaps');
INSERT INTO "LiteLLM_Config" VALUES ('general_settings', '{"a": 1}');
INSERT INTO "LiteLLM_MCPServerTable" (server_id, alias, url) VALUES ('m1', 'm', 'http://localhost');
INSERT INTO "LiteLLM_GuardrailsTable" VALUES ('g1', 'g', '{}');
INSERT INTO "LiteLLM_CredentialsTable" (credential_id, credential_name, credential_values, created_by, updated_by) VALUES
    ('c1', 'azure', '{"api_key": "${credential}", "api_base": "https://azure.example.com"}', 'root', 'root');
INSERT INTO "LiteLLM_ProxyModelTable" (model_id, model_name, litellm_params, model_info, blocked, created_by, updated_by) VALUES
    ('m-v3', 'gpt-4o', '{"model": "${v3 openai/gpt-4o}", "api_key": "${v3 provider-secret-three}", "rpm": 5}', '{"id": "m-v3"}', false, 'root', 'root'),
    ('m-v2', 'gpt-4o', '{"model": "${v2 openai/gpt-4o}", "api_key": "${v2 provider-secret-two}"}', NULL, true, 'root', 'root'),
    ('m-box', 'claude', '{"model": "${box anthropic/claude}", "api_key": "${box provider-secret-box}", "nested": {"x": [1.50, null]}}', NULL, false, 'root', 'root'),
    ('m-plain', 'local', '{"model": "ollama/llama", "api_key": "provider-secret-plain", "litellm_credential_name": "azure"}', '"no object"', false, 'root', 'root'),
    ('m-none', '', '{}', NULL, false, 'root', 'root');

-- The spend log: thirty days of ordinary rows, then the odd ones.
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens, "startTime", "endTime", model, model_group,
        custom_llm_provider, "user", team_id, organization_id, end_user, request_tags, status, session_id, metadata, messages, agent_id, cache_hit)
SELECT 'chatcmpl-' || i, 'acompletion',
    (ARRAY['${anna}', '${upper_as_hash}', '${raw_as_hash}', '${deleted}', ''])[1 + i % 5],
    0.1 * (i % 7) + 1e-7 * i, 30, 10, 20, start, start + interval '1.5 s', (ARRAY['gpt-4o', 'claude'])[1 + i % 2], 'group', 'openai',
    (ARRAY['anna', 'bob', '', 'gone-user'])[1 + i % 4], (ARRAY['red', 'blue', NULL, 'old-team'])[1 + i % 4], CASE i % 3 WHEN 0 THEN 'acme' END,
    (ARRAY['customer-1', 'customer-3', NULL])[1 + i % 3], (ARRAY['["prod"]', '[]', '["prod", "new", "prod"]', NULL])[1 + i % 4]::jsonb,
    CASE WHEN i % 10 = 3 THEN 'failure' WHEN i % 2 = 0 THEN 'success' END, CASE i % 3 WHEN 0 THEN 's-' || i / 9 END,
    CASE WHEN i % 10 = 3 THEN '{"error_information": {"error_class": "RateLimitError", "error_code": 429}}' ELSE '{"k": "v\t1\\2"}' END::jsonb,
    CASE i % 6 WHEN 1 THEN '[{"role": "user", "content": "Grüße, \"quoted\"\n\t\\ 😀"}]' ELSE '{}' END::jsonb, CASE i % 50 WHEN 7 THEN 'agent-7' END, 'False'
FROM generate_series(1, 1500) i, LATERAL (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') - interval '29 days' + i * interval '27 minutes' AS start) s;
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, "startTime", "endTime", request_tags, metadata, proxy_server_request, status, "user") VALUES
    ('', 'odd', '${anna}', 0.30000000000000004, now(), now(), '"[\"in text\"]"', NULL, NULL, NULL, NULL),
    ('odd-nan', 'odd', '${anna}', 'NaN', now(), now(), '{"no": "list"}', '[]', '{}', 'success', 'anna'),
    ('odd-infinity', 'odd', '${anna}', 'Infinity', now(), now(), '[1, null, {"a": 1}, ""]', '"text"', '{}', 'success', 'anna'),
    ('odd-negative', 'odd', '${anna}', -0.25, now(), now(), '[]', '{}', '{}', 'success', 'anna'),
    ('odd-tiny', 'odd', '${anna}', 5e-324, now(), now(), '[]', '{}', '{}', 'success', 'anna'),
    ('odd-1969', 'odd', '${anna}', 0.5, '1969-12-31', now(), '[]', '{}', '{}', 'success', 'anna'),
    ('odd-2999', 'odd', '${anna}', 0.5, '2999-12-31', '2999-12-31', '[]', '{}', '{}', 'success', 'anna'),
    ('odd-never', 'odd', '${anna}', 0.5, 'infinity', '-infinity', '[]', '{}', '{}', 'success', 'anna'),
    ('odd-raw', 'odd', 'sk-stored-raw-000000000001', 0.5, now(), now(), '[]', '{"headers": {"authorization": "Bearer sk-stored-raw-000000000001"}}',
        '{"body": "sk-stored-raw-000000000001"}', 'success', 'anna'),
    ('odd-upper', 'odd', '${upper}', 0.5, now(), now(), '[]', '{}', '{}', 'strange', 'anna');

-- Daily totals: ten days before the log begins, and a day of the log that differs from it.
INSERT INTO "LiteLLM_DailyUserSpend" (user_id, date, api_key, model, model_group, custom_llm_provider, prompt_tokens, completion_tokens, spend, api_requests, successful_requests, failed_requests, endpoint)
SELECT u, (date_trunc('day', now() AT TIME ZONE 'UTC') - i * interval '1 day')::date::text, '${anna}', 'gpt-4o', 'group', 'openai', 100, 10, 0.1, 10, 9, 1, e
FROM generate_series(28, 40) i, unnest(ARRAY['anna', 'bob']) u, unnest(ARRAY['/chat/completions', NULL]) e;
INSERT INTO "LiteLLM_DailyUserSpend" (user_id, date, api_key, model, spend, api_requests) VALUES ('anna', 'yesterday', '${anna}', 'gpt-4o', 1, 1), (NULL, '2025-02-30', '', '', 1, 1);
INSERT INTO "LiteLLM_DailyTeamSpend" (team_id, date, api_key, model, model_group, custom_llm_provider, prompt_tokens, completion_tokens, spend, api_requests, successful_requests, failed_requests)
SELECT 'red', (date_trunc('day', now() AT TIME ZONE 'UTC') - i * interval '1 day')::date::text, '${anna}', 'gpt-4o', 'group', 'openai', 400, 40, 0.4, 40, 36, 4 FROM generate_series(35, 40) i;
INSERT INTO "LiteLLM_DailyTagSpend" (tag, date, api_key, model, prompt_tokens, spend, api_requests)
SELECT 'prod', (date_trunc('day', now() AT TIME ZONE 'UTC') - i * interval '1 day')::date::text, '${anna}', 'gpt-4o', 400, 0.4, 40 FROM generate_series(35, 40) i;
INSERT INTO "LiteLLM_DailyEndUserSpend" (end_user_id, date, api_key, model, spend, api_requests) VALUES
    ('customer-1', (date_trunc('day', now() AT TIME ZONE 'UTC') - interval '38 days')::date::text, '${anna}', 'gpt-4o', 0.2, 3);
INSERT INTO "LiteLLM_DailyAgentSpend" (agent_id, date, api_key, model, spend) VALUES ('agent-7', '2026-01-01', '', '', 1);
INSERT INTO "LiteLLM_ErrorLogs" (request_id, "startTime", "endTime", litellm_model_name, request_kwargs, exception_type, exception_string, status_code) VALUES
    ('e1', now(), now(), 'gpt-4o', '{"api_key": "sk-stored-raw-000000000001"}', 'Timeout', 'key sk-stored-raw-000000000001 timed out', '408'),
    ('e2', '1950-01-01', now(), '', '"text"', '', '', '');
INSERT INTO "LiteLLM_AuditLog" (id, changed_by, changed_by_api_key, action, table_name, object_id, before_value, updated_values) VALUES
    ('a1', 'root', 'sk-deleter-raw-0000000000', 'created', 'LiteLLM_VerificationToken', 'sk-stored-raw-000000000001', NULL, '{"token": "sk-stored-raw-000000000001"}'),
    ('a2', 'root', '', 'regenerated', 'LiteLLM_TeamTable', 'red', '"{\"a\": 1}"', '[1]');
INSERT INTO "LiteLLM_CronJob" VALUES ('j', 'p', now());
INSERT INTO _prisma_migrations VALUES ('1', 'first');
