-- What every finished request writes. The logs are partitioned by day from the start; retention drops partitions. Unique keys contain the
-- partition column, and no foreign key points here, so that logs can be spread over several servers later.
--
-- The id is a UUIDv7 that we make, and its time stamp is the row's "startTime" to the millisecond. So the primary key ("startTime", id)
-- is unique in the id alone, and one event can be stored once only, in whichever partition. It also is the order of pages, newest first.

CREATE TABLE ${llmdb}."LLM_SpendLogs" (
    id                    uuid NOT NULL,
    request_id            text NOT NULL DEFAULT '',
    call_type             text NOT NULL DEFAULT '',
    api_key               text NOT NULL DEFAULT '' CHECK (api_key NOT LIKE 'sk-%'),
    spend                 numeric NOT NULL DEFAULT 0,
    total_tokens          bigint NOT NULL DEFAULT 0,
    prompt_tokens         bigint NOT NULL DEFAULT 0,
    completion_tokens     bigint NOT NULL DEFAULT 0,
    "startTime"           timestamptz NOT NULL,
    "endTime"             timestamptz NOT NULL,
    request_duration_ms   bigint,
    "completionStartTime" timestamptz,
    model                 text NOT NULL DEFAULT '',
    model_id              text,
    model_group           text,
    custom_llm_provider   text,
    api_base              text,
    "user"                text,
    metadata              jsonb,
    cache_hit             text,
    cache_key             text,
    request_tags          jsonb,
    team_id               text,
    organization_id       text,
    end_user              text,
    requester_ip_address  text,
    messages              jsonb,
    response              jsonb,
    session_id            text,
    status                text,
    proxy_server_request  jsonb,
    -- ours: the counters beside the main ones that the row counts on, [["key", "gpt-4o", "30d"], ...]: scope, model, budget_duration, and
    -- id and parent_id where they are not the row's own; null: none
    further_counters      jsonb CHECK (jsonb_typeof(further_counters) = 'array'),
    -- ours: a hash of the whole event; the same id with other content is an error
    digest                bigint NOT NULL,
    PRIMARY KEY ("startTime", id)
) PARTITION BY RANGE ("startTime");
-- Indexes cost more than the rows do (docs/log-indexes.md), so a day that is being written has few and cheap ones: one GIN
-- over 4-byte hashes of the ids that people filter by, whether the request failed, the order of magnitude of its cost, and over the tags. It
-- finds the rows of rare values; the rows of common values are among the newest anyway. A day that is over gets a B-tree (hash, "startTime")
-- for each of these ids, requests and sessions too ("LLM_LogState"."settled_before").
-- A query says both ARRAY[hashtext(api_key), ...] @> ARRAY[hashtext('x')] and api_key = 'x', because hashes may collide.
CREATE INDEX "LLM_SpendLogs_terms_idx" ON ${llmdb}."LLM_SpendLogs" USING gin (
    (ARRAY[hashtext(api_key), hashtext("user"), hashtext(team_id), hashtext(organization_id), hashtext(end_user), hashtext(model),
        CASE WHEN status = 'failure' THEN -1 END,
        width_bucket(spend, '{0.00001,0.00003,0.0001,0.0003,0.001,0.003,0.01,0.03,0.1,0.3,1,3,10,30,100,300,1000}'::numeric[])]),
    request_tags jsonb_path_ops);
-- Which few pages may hold a request or a session. Writing pays nothing for it: a job sums up what has come in since (DaySettler), and what it has not
-- summed up yet is looked through. "startTime" is there for the planner, which takes a BRIN for useless where no column follows the order of rows.
CREATE INDEX "LLM_SpendLogs_ids_idx" ON ${llmdb}."LLM_SpendLogs" USING brin ("startTime",
    request_id text_bloom_ops (n_distinct_per_range = 128, false_positive_rate = 0.001),
    session_id text_bloom_ops (n_distinct_per_range = 128, false_positive_rate = 0.001)) WITH (pages_per_range = 8);
-- A stray row never fails; the partition job moves it to where it belongs.
CREATE TABLE ${llmdb}."LLM_SpendLogs_pdefault" PARTITION OF ${llmdb}."LLM_SpendLogs" DEFAULT;

CREATE TABLE ${llmdb}."LLM_ErrorLogs" (
    id               uuid NOT NULL,
    request_id       text NOT NULL DEFAULT '',
    "startTime"      timestamptz NOT NULL,
    "endTime"        timestamptz NOT NULL,
    api_base         text NOT NULL DEFAULT '',
    model_group      text NOT NULL DEFAULT '',
    llm_model_name   text NOT NULL DEFAULT '',
    model_id         text NOT NULL DEFAULT '',
    request_kwargs   jsonb NOT NULL DEFAULT '{}',
    exception_type   text NOT NULL DEFAULT '',
    exception_string text NOT NULL DEFAULT '',
    status_code      text NOT NULL DEFAULT '',
    PRIMARY KEY ("startTime", id)
) PARTITION BY RANGE ("startTime");
CREATE TABLE ${llmdb}."LLM_ErrorLogs_pdefault" PARTITION OF ${llmdb}."LLM_ErrorLogs" DEFAULT;

CREATE TABLE ${llmdb}."LLM_AuditLog" (
    id                 uuid NOT NULL,
    updated_at         timestamptz NOT NULL,
    changed_by         text NOT NULL DEFAULT '',
    changed_by_api_key text NOT NULL DEFAULT '' CHECK (changed_by_api_key NOT LIKE 'sk-%'),
    action             text NOT NULL CHECK (action IN ('created', 'updated', 'deleted', 'rotated', 'blocked', 'unblocked')),
    table_name         text NOT NULL,
    object_id          text NOT NULL,
    before_value       jsonb,
    updated_values     jsonb,
    PRIMARY KEY (id, updated_at)
) PARTITION BY RANGE (updated_at);
CREATE TABLE ${llmdb}."LLM_AuditLog_pdefault" PARTITION OF ${llmdb}."LLM_AuditLog" DEFAULT;
CREATE INDEX "LLM_AuditLog_object_id_idx" ON ${llmdb}."LLM_AuditLog" (object_id, updated_at);
CREATE INDEX "LLM_AuditLog_changed_by_idx" ON ${llmdb}."LLM_AuditLog" (changed_by, updated_at);

-- Stands in for the log row of an event where spend logs are switched off: the event is booked once all the same.
CREATE TABLE ${llmdb}."LLM_SpendReceipt" (
    id          uuid NOT NULL,
    "startTime" timestamptz NOT NULL,
    digest      bigint NOT NULL,
    PRIMARY KEY ("startTime", id)
) PARTITION BY RANGE ("startTime");
CREATE TABLE ${llmdb}."LLM_SpendReceipt_pdefault" PARTITION OF ${llmdb}."LLM_SpendReceipt" DEFAULT;

-- What is known of each partitioned log as a whole.
CREATE TABLE ${llmdb}."LLM_LogState" (
    table_name     text PRIMARY KEY,
    -- Rows that start before this were dropped. Whether an event that old was booked cannot be told any more, so it is not booked.
    dropped_before timestamptz NOT NULL DEFAULT '-infinity',
    -- Days before this are over and have their B-trees.
    settled_before timestamptz NOT NULL DEFAULT '-infinity',
    -- Rows that start before this have lost their prompts and answers.
    prompts_before timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO ${llmdb}."LLM_LogState" (table_name) VALUES ('LLM_SpendLogs'), ('LLM_ErrorLogs'), ('LLM_SpendReceipt'), ('LLM_AuditLog');

-- Daily totals, kept when the logs are dropped. Days are UTC days of "startTime". An absent id is the empty string, so that the primary
-- key can hold it. End users and tags have tables of their own: there are many end users, and a request has several tags.
CREATE TABLE ${llmdb}."LLM_DailySpend" (
    day                 date NOT NULL,
    api_key             text NOT NULL,
    user_id             text NOT NULL,
    team_id             text NOT NULL,
    organization_id     text NOT NULL,
    model               text NOT NULL,
    model_group         text NOT NULL,
    custom_llm_provider text NOT NULL,
    spend               numeric NOT NULL,
    prompt_tokens       bigint NOT NULL,
    completion_tokens   bigint NOT NULL,
    api_requests        bigint NOT NULL,
    successful_requests bigint NOT NULL,
    failed_requests     bigint NOT NULL,
    PRIMARY KEY (day, api_key, user_id, team_id, organization_id, model, model_group, custom_llm_provider)
) WITH (fillfactor = 50);

CREATE TABLE ${llmdb}."LLM_DailyEndUserSpend" (
    day                 date NOT NULL,
    end_user            text NOT NULL,
    model               text NOT NULL,
    spend               numeric NOT NULL,
    prompt_tokens       bigint NOT NULL,
    completion_tokens   bigint NOT NULL,
    api_requests        bigint NOT NULL,
    successful_requests bigint NOT NULL,
    failed_requests     bigint NOT NULL,
    PRIMARY KEY (day, end_user, model)
) WITH (fillfactor = 50);

CREATE TABLE ${llmdb}."LLM_DailyTagSpend" (
    day                 date NOT NULL,
    tag                 text NOT NULL,
    model               text NOT NULL,
    spend               numeric NOT NULL,
    prompt_tokens       bigint NOT NULL,
    completion_tokens   bigint NOT NULL,
    api_requests        bigint NOT NULL,
    successful_requests bigint NOT NULL,
    failed_requests     bigint NOT NULL,
    PRIMARY KEY (day, tag, model)
) WITH (fillfactor = 50);

-- Failed requests by what went wrong.
CREATE TABLE ${llmdb}."LLM_DailyErrors" (
    day             date NOT NULL,
    model           text NOT NULL,
    model_group     text NOT NULL,
    exception_type  text NOT NULL,
    status_code     text NOT NULL,
    failed_requests bigint NOT NULL,
    PRIMARY KEY (day, model, model_group, exception_type, status_code)
) WITH (fillfactor = 50);

-- Events that PostgreSQL refuses, with its reason, until somebody mends and replays them, or discards them.
CREATE TABLE ${llmdb}."LLM_DeadLetter" (
    id           uuid PRIMARY KEY,
    event_id     uuid NOT NULL,
    -- of the event as it came; the same content is kept once
    digest       bigint NOT NULL,
    event        bytea NOT NULL,
    reason       text NOT NULL,
    sql_state    text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    replayed_at  timestamptz,
    discarded_at timestamptz,
    UNIQUE (event_id, digest)
);
CREATE INDEX "LLM_DeadLetter_waiting_idx" ON ${llmdb}."LLM_DeadLetter" (id) WHERE replayed_at IS NULL AND discarded_at IS NULL;
