package io.llmdb.testkit;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/**
 * Books of any size, made by a few statements: keys, log rows of the last days, and the counters and daily totals that
 * follow from them, so that they agree. For tests and measurements that need millions of rows before they begin.
 */
public final class PlantedBooks {

    /** Over how many days the rows are spread, today included. */
    public static final int DAYS = 5;

    private PlantedBooks() {}

    /**
     * A planted key, as its holder sends it.
     *
     * @param number which one, from 0
     * @return the raw key
     */
    public static String rawKey(int number) {
        return String.format(Locale.ROOT, "sk-planted-key-%09d", number);
    }

    /**
     * The hash under which a planted key stands in the database.
     *
     * @param number which one, from 0
     * @return the hash
     */
    public static String hash(int number) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256")
                            .digest(rawKey(number).getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Makes keys and log rows, spread evenly over both keys and days.
     *
     * @param database an unused database
     * @param keys how many keys
     * @param rows how many log rows
     */
    public static void plant(TestDatabase database, int keys, int rows) {
        database.execute("""
                INSERT INTO ${llmdb}."LLM_VerificationToken" (token, key_name, max_budget)
                SELECT encode(sha256(convert_to('sk-planted-key-' || lpad(i::text, 9, '0'), 'UTF8')), 'hex'), 'planted', 1000000
                FROM generate_series(0, %d) i""".formatted(keys - 1));
        for (int day = 0; day < DAYS; day++) {
            for (String table : new String[] {"LLM_SpendLogs", "LLM_ErrorLogs", "LLM_SpendReceipt"}) {
                database.rows(
                        "SELECT ${llmdb}.llmdb_make_partition(?, d, d + interval '1 day') FROM"
                                + " (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - make_interval(days => ?::int)) x (d)",
                        table,
                        day);
            }
        }
        database.execute("""
                INSERT INTO ${llmdb}."LLM_SpendLogs" (id, request_id, call_type, api_key, spend, total_tokens, prompt_tokens,
                    completion_tokens, "startTime", "endTime", request_duration_ms, model, model_group, custom_llm_provider, metadata,
                    session_id, status, digest)
                SELECT (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(i & 4095), 3, '0') || '8' || lpad(to_hex(i), 15, '0'))::uuid,
                    'chatcmpl-' || md5(i::text), 'acompletion', k.token, 0.000001 * (1 + i %% 1000), 100 + i %% 900, 80 + i %% 700, 20 + i %% 200,
                    to_timestamp(ms / 1000) + make_interval(secs => (ms %% 1000) / 1000.0), to_timestamp(ms / 1000) + interval '2 seconds',
                    1000 + i %% 1000, 'gpt-4o-mini', 'gpt-4o-mini', 'openai', jsonb_build_object('user_agent', 'planted', 'n', i),
                    'session-' || i / 20, 'success', i
                FROM generate_series(0, %1$d - 1) i
                JOIN (SELECT row_number() OVER (ORDER BY token) - 1 AS n, token FROM ${llmdb}."LLM_VerificationToken" WHERE key_name = 'planted') k
                  ON k.n = i %% %2$d
                CROSS JOIN LATERAL (SELECT floor(extract(epoch FROM
                    date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - make_interval(days => (i %% %3$d)))) * 1000
                    + CASE WHEN i %% %3$d = 0 THEN 0 ELSE (i * 17) %% 86400000 END) t (exact)
                CROSS JOIN LATERAL (SELECT exact::bigint) u (ms)""".formatted(rows, keys, DAYS));
        database.execute("""
                INSERT INTO ${llmdb}."LLM_DailySpend" (day, api_key, user_id, team_id, organization_id, model, model_group,
                    custom_llm_provider, spend, prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests)
                SELECT ("startTime" AT TIME ZONE 'UTC')::date, api_key, '', '', '', model, model_group, custom_llm_provider, sum(spend),
                    sum(prompt_tokens), sum(completion_tokens), count(*), count(*), 0
                FROM ${llmdb}."LLM_SpendLogs" GROUP BY 1, 2, 6, 7, 8;
                UPDATE ${llmdb}."LLM_VerificationToken" k SET spend = s.spend, total_spend = s.spend
                FROM (SELECT api_key, sum(spend) AS spend FROM ${llmdb}."LLM_DailySpend" GROUP BY 1) s WHERE s.api_key = k.token;
                INSERT INTO ${llmdb}."LLM_SpendCounter" (scope, scope_id, parent_id, model, budget_duration, spend, total_spend)
                SELECT 'proxy', '', '', '', '', sum(spend), sum(spend) FROM ${llmdb}."LLM_DailySpend" HAVING count(*) > 0;
                ANALYZE""");
    }
}
