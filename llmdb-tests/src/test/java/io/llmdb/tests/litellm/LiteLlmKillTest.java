package io.llmdb.tests.litellm;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A process that is killed while it imports, twice, and one that goes on. */
class LiteLlmKillTest {

    private static final Duration DEADLINE = Duration.ofSeconds(60);

    @Test
    void whatWasKilledGoesOnWhereItWas() {
        try (LiteLlmSource source = LiteLlmSource.withOddValues();
                TestDatabase target = PostgresServer.shared().newDatabase("llmdb");
                LlmDb db = LiteLlmImportTest.open(target)) {
            source.execute("""
                    INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, "startTime", "endTime", "user", team_id)
                    SELECT 'many-' || i, 'x', '${anna}', 0.001, now() - i * interval '50 s', now(), 'anna', 'red' FROM generate_series(1, 40000) i""");
            killAt(source, target, "at LiteLLM_UserTable");
            agree(db);
            assertThat(target.count("LLM_SpendLogs")).isZero();
            killAt(source, target, "at LiteLLM_SpendLogs 2");
            agree(db);
            assertThat(target.count("LLM_SpendLogs")).isBetween(1L, 40_000L);

            try (ChildJvm last = start(source, target)) {
                last.awaitLine("finished", DEADLINE);
            }

            agree(db);
            assertThat(target.count("LLM_SpendLogs")).isEqualTo(source.count("LiteLLM_SpendLogs") - 1);
            assertThat(target.value(BigDecimal.class, "SELECT sum(spend) FROM llmdb.\"LLM_SpendLogs\""))
                    .isEqualByComparingTo(
                            source.database.value(
                                    BigDecimal.class,
                                    "SELECT sum(CASE WHEN spend::text ~ '[aI]' THEN 0 ELSE spend::text::numeric END) FROM \"LiteLLM_SpendLogs\" WHERE request_id <> 'odd-2999'"));
            assertThat(target.deadlocks()).isZero();
        }
    }

    private static ChildJvm start(LiteLlmSource source, TestDatabase target) {
        return ChildJvm.of(ImportMain.class)
                .arguments(
                        target.databaseUrl(),
                        source.database.jdbcUrl(),
                        source.database.user(),
                        source.database.password())
                .start();
    }

    private static void killAt(LiteLlmSource source, TestDatabase target, String line) {
        try (ChildJvm child = start(source, target)) {
            child.awaitLine(line, DEADLINE);
            child.kill();
        }
        // Its connections, and the lock with them, go when the server notices.
        Await.until(
                "the killed import's connections to go",
                DEADLINE,
                () -> target.rows(
                                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
                        .isEmpty());
    }

    private static void agree(LlmDb db) {
        assertThat(db.usage().verify())
                .matches(found -> found.agrees(), db.usage().verify().toString());
    }
}
