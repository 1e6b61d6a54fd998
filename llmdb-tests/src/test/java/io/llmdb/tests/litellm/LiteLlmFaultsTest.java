package io.llmdb.tests.litellm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.litellm.LiteLlmImport;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.tests.move.FullDisk;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Map;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** What an import says where a connection is lost or a disk is full, that nothing is half done, and that it goes on. */
class LiteLlmFaultsTest {

    private static final int ROWS = 40_000;

    private static LiteLlmSource source() {
        LiteLlmSource source = LiteLlmSource.withOddValues();
        source.execute("""
                INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, "startTime", "endTime", "user", team_id)
                SELECT 'many-' || i, 'x', '${anna}', 0.001, now() - i * interval '50 s', now(), 'anna', 'red'
                FROM generate_series(1, %d) i""".formatted(ROWS));
        return source;
    }

    private static LiteLlmImport importer(LlmDb db, DataSource from) {
        return db.importFromLiteLlm(from).saltKey(LiteLlmSource.SALT_KEY);
    }

    private static void cutAt(LiteLlmImport run, TcpProxy proxy, String table, int after) {
        assertThatThrownBy(() -> run.run(progress -> {
                    if (progress.table().equals(table) && progress.rows() > after) {
                        proxy.cutAll();
                    }
                }))
                .isInstanceOf(DatabaseUnavailableException.class)
                .hasMessageContaining("broken off")
                .hasMessageContaining("run the import again");
    }

    private static void everythingCame(LiteLlmSource source, TestDatabase target) {
        assertThat(target.count("LLM_SpendLogs")).isEqualTo(source.count("LiteLLM_SpendLogs") - 1);
        assertThat(target.value(
                        BigDecimal.class,
                        "SELECT sum(spend) FROM llmdb.\"LLM_SpendLogs\" WHERE request_id LIKE 'many-%'"))
                .isEqualByComparingTo(new BigDecimal("0.001").multiply(BigDecimal.valueOf(ROWS)));
    }

    /** The pool may still hold connections that were cut. */
    private static void agree(LlmDb db) {
        Await.until("the books agree", Duration.ofSeconds(30), () -> {
            try {
                return db.usage().verify().agrees();
            } catch (DatabaseUnavailableException e) {
                return false;
            }
        });
    }

    @Test
    void aLostConnectionToTheSource() {
        try (LiteLlmSource source = source();
                TestDatabase target = PostgresServer.shared().newDatabase("llmdb");
                LlmDb db = LiteLlmImportTest.open(target);
                TcpProxy proxy = TcpProxy.to(source.database)) {
            LiteLlmImport run = importer(db, proxy.dataSource());
            for (String table : new String[] {"LiteLLM_UserTable", "LiteLLM_SpendLogs"}) {
                cutAt(run, proxy, table, 0);
                agree(db);
            }
            run.run();
            agree(db);
            everythingCame(source, target);
        }
    }

    @Test
    void aLostConnectionToTheTarget() {
        try (LiteLlmSource source = source();
                TestDatabase target = PostgresServer.shared().newDatabase("llmdb");
                TcpProxy proxy = TcpProxy.to(target);
                LlmDb db = LlmDb.open(target.settings()
                        .connection(connection -> connection.databaseUrl(proxy.databaseUrl()))
                        .models(models -> models.saltKey(io.llmdb.settings.Secret.of("a salt key of the target's own"))
                                .storeModelInDb(true))
                        .build())) {
            LiteLlmImport run = importer(db, source.dataSource());
            cutAt(run, proxy, "LiteLLM_UserTable", 0);
            agree(db);
            cutAt(run, proxy, "LiteLLM_SpendLogs", 20_000);
            agree(db);
            run.run();
            agree(db);
            everythingCame(source, target);
        }
    }

    @Test
    void aFullDiskOfTheTarget() throws Exception {
        try (FullDisk disk = FullDisk.of(12);
                PostgresServer server = PostgresServer.startEmbedded(Map.of("autovacuum", "off"));
                LiteLlmSource source = source();
                TestDatabase target = server.newDatabase("llmdb")) {
            disk.holdTablesOf(target);
            try (LlmDb db = LiteLlmImportTest.open(target)) {
                LiteLlmImport run = importer(db, source.dataSource());
                assertThatThrownBy(run::run)
                        .isInstanceOf(DatabaseFailureException.class)
                        .hasMessageContaining("cannot write to its disk: free or add space there")
                        .hasMessageContaining("run the import again");
                assertThat(target.count("LLM_SpendLogs")).isLessThan(ROWS);
                disk.grow(600);
                agree(db);
                run.run();
                agree(db);
                everythingCame(source, target);
            }
        }
    }
}
