package io.llmdb.tests.litellm;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.litellm.ImportReport;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A million log rows, ten thousand keys: how fast, and in how much memory. */
@Tag("storm")
class LiteLlmThroughputTest {

    private static final int ROWS = Integer.getInteger("llmdb.import.rows", 1_000_000);

    @Test
    void aMillionLogRows() {
        PostgresServer server = PostgresServer.startEmbedded(Map.of("fsync", "on", "synchronous_commit", "on"));
        try (server;
                LiteLlmSource source = LiteLlmSource.on(server, "1_50", "1_70", "newest");
                TestDatabase target = server.newDatabase("llmdb");
                LlmDb db = LiteLlmImportTest.open(target)) {
            source.execute("""
                    INSERT INTO "LiteLLM_TeamTable" (team_id, spend) SELECT 'team-' || i, i FROM generate_series(1, 100) i;
                    INSERT INTO "LiteLLM_UserTable" (user_id, spend, teams) SELECT 'user-' || i, 0.1 * i, ARRAY['team-' || 1 + i % 100] FROM generate_series(1, 5000) i;
                    INSERT INTO "LiteLLM_VerificationToken" (token, spend, max_budget, user_id, team_id, budget_duration, budget_reset_at)
                        SELECT encode(sha256(('sk-' || i)::bytea), 'hex'), 0.01 * i, 1000, 'user-' || 1 + i % 5000, 'team-' || 1 + i % 100,
                            CASE i % 2 WHEN 0 THEN '30d' END, CASE i % 2 WHEN 0 THEN date_trunc('month', now()) + interval '1 month' END
                        FROM generate_series(1, 10000) i;
                    INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens, "startTime", "endTime",
                            model, model_group, custom_llm_provider, "user", team_id, end_user, request_tags, status, metadata, api_base, session_id)
                        SELECT 'chatcmpl-' || md5(i::text), 'acompletion', encode(sha256(('sk-' || 1 + i % 10000)::bytea), 'hex'), 0.00001 * (i % 1000), 300, 200, 100,
                            start, start + interval '2 s', 'gpt-4o', 'gpt-4o', 'openai', 'user-' || 1 + i % 5000, 'team-' || 1 + i % 100, 'end-user-' || i % 1000,
                            '["prod", "chat"]', 'success',
                            '{"user_api_key": "0123456789abcdef", "user_api_key_alias": "a key", "spend_logs_metadata": null, "usage_object": {"total_tokens": 300}}',
                            'https://api.openai.com', 'session-' || i / 10
                        FROM generate_series(1, ROWS) i, LATERAL (SELECT now() AT TIME ZONE 'UTC' - i * interval '2.4 s' AS start) s""".replace("ROWS", String.valueOf(ROWS)));
            long[] last = new long[1];

            ImportReport report = LiteLlmImportTest.importer(db, source).run(progress -> {
                if (progress.rows() - last[0] >= 100_000) {
                    last[0] = progress.rows();
                    System.out.println(progress);
                }
            });

            Duration took = report.took();
            System.out.printf(
                    "%d log rows and 10,000 keys in %d ms: %.0f rows/s; heap peak %d MiB of at most %d%n",
                    ROWS,
                    took.toMillis(),
                    ROWS * 1000.0 / took.toMillis(),
                    heapPeak() >> 20,
                    Runtime.getRuntime().maxMemory() >> 20);
            ImportReport again = LiteLlmImportTest.importer(db, source).run();
            System.out.printf("again, with nothing new: %d ms%n", again.took().toMillis());
            assertThat(target.count("LLM_SpendLogs")).isEqualTo(ROWS);
            assertThat(target.value(BigDecimal.class, "SELECT sum(spend) FROM llmdb.\"LLM_SpendLogs\""))
                    .isEqualByComparingTo(source.database.value(
                            BigDecimal.class, "SELECT sum(spend::text::numeric) FROM \"LiteLLM_SpendLogs\""));
            assertThat(db.usage().verify())
                    .matches(found -> found.agrees(), db.usage().verify().toString());
        }
    }

    private static long heapPeak() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .map(MemoryPoolMXBean::getPeakUsage)
                .mapToLong(usage -> usage.getUsed())
                .sum();
    }
}
