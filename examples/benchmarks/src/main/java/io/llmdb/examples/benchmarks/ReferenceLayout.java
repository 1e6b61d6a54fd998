package io.llmdb.examples.benchmarks;

import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.TestDatabase;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** The log table as proxies have it: a random text as primary key, and B-trees that every row pays for. */
final class ReferenceLayout {

    static final String COLUMNS = """
            request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens, "startTime", "endTime",
            request_duration_ms, "completionStartTime", model, model_id, model_group, custom_llm_provider, api_base, "user",
            metadata, cache_hit, cache_key, request_tags, team_id, organization_id, end_user, requester_ip_address, messages,
            response, session_id, status""";

    /**
     * The same of our rows. Our ids come in the order of time, which is kind to a B-tree; providers' are random, and
     * theirs is the primary key there. Those in our rows may be missing or repeat, so they are made of ours.
     */
    static final String OF_OUR_ROWS = COLUMNS.replace("request_id,", "md5(id::text)::uuid::text,");

    private ReferenceLayout() {}

    /** A random text for an event: the one of every time that it is asked for. */
    static String requestId(SpendEvent event) {
        return UUID.nameUUIDFromBytes(event.id().toString().getBytes(StandardCharsets.US_ASCII))
                .toString();
    }

    static void createIn(TestDatabase database) {
        database.execute("""
                CREATE TABLE logs (
                    request_id text PRIMARY KEY, call_type text NOT NULL, api_key text NOT NULL, spend numeric NOT NULL,
                    total_tokens bigint NOT NULL, prompt_tokens bigint NOT NULL, completion_tokens bigint NOT NULL,
                    "startTime" timestamptz NOT NULL, "endTime" timestamptz NOT NULL, request_duration_ms bigint,
                    "completionStartTime" timestamptz, model text NOT NULL, model_id text, model_group text,
                    custom_llm_provider text, api_base text, "user" text, metadata jsonb, cache_hit text, cache_key text,
                    request_tags jsonb, team_id text, organization_id text, end_user text, requester_ip_address text,
                    messages jsonb, response jsonb, session_id text, status text);
                CREATE INDEX ON logs ("startTime");
                CREATE INDEX ON logs ("startTime", request_id);
                CREATE INDEX ON logs (end_user);
                CREATE INDEX ON logs (session_id);
                CREATE TABLE counters (scope text, id text, spend numeric NOT NULL DEFAULT 0, PRIMARY KEY (scope, id));
                CREATE TABLE daily (day date, api_key text, user_id text, team_id text, model text, spend numeric NOT NULL,
                    prompt_tokens bigint NOT NULL, completion_tokens bigint NOT NULL, requests bigint NOT NULL,
                    PRIMARY KEY (day, api_key, user_id, team_id, model));
                """);
    }
}
