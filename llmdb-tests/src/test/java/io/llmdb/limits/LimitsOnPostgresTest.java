package io.llmdb.limits;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The histories of the simulation, against the real tables and functions instead of their model. */
@LlmDbTest
class LimitsOnPostgresTest {

    @Test
    void noHistoryBreaksALimit(TestDatabase database) {
        run(database, 1_000_000, 8);
    }

    @Test
    @Tag("storm")
    void noneOfAThousandHistoriesBreaksALimit(TestDatabase database) {
        run(database, 2_000_000, 1000);
    }

    private static void run(TestDatabase database, long first, int count) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(database.dataSource());
        PostgresLimits.install(database);
        config.setMaximumPoolSize(2);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            for (long seed = first; seed < first + count; seed++) {
                try {
                    new LimitSimulation(new PostgresLimits(database, pool)).run(LimitSimulationTest.history(seed));
                } catch (AssertionError e) {
                    throw new AssertionError("History of seed " + seed, e);
                }
            }
        }
    }
}
