package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.schema.SchemaMigrator;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbExtension;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.TestkitException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class TestDatabaseTest {

    private static final int DATABASES = 40;

    @RegisterExtension
    static final LlmDbExtension LLMDB = LlmDbExtension.create();

    @Test
    void isMigratedAndItsOwnerIsNoSuperuser(TestDatabase database) {
        assertThat(SchemaMigrator.of(database.dataSource(), database.schema())
                        .inspect()
                        .isCurrent())
                .isTrue();
        assertThat(database.count("LLM_SpendLogs")).isZero();
        assertThat(database.value(Boolean.class, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
                .isFalse();
    }

    @Test
    void anotherSchemaNameHasATemplateOfItsOwn() {
        try (TestDatabase database = PostgresServer.shared().newDatabase("Odd-Näme".replace("ä", "a"))) {
            assertThat(database.count("LLM_TeamTable")).isZero();
            assertThat(database.value(
                            Long.class, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('llmdb', 'Odd-Name')"))
                    .isEqualTo(1);
        }
    }

    @Test
    void anEmptyOneIsEmpty() {
        try (TestDatabase database = PostgresServer.shared().newEmptyDatabase("llmdb")) {
            assertThat(database.value(Long.class, "SELECT count(*) FROM pg_namespace WHERE nspname = 'llmdb'"))
                    .isZero();
        }
    }

    @Test
    void itsSessionsAreNotInUtc(TestDatabase database) {
        assertThat(database.value(
                        String.class,
                        "SELECT setconfig::text FROM pg_db_role_setting s JOIN pg_database d"
                                + " ON d.oid = s.setdatabase WHERE d.datname = current_database()"))
                .contains("Asia/Kathmandu");
        // The driver sets the JVM's zone, which the build chooses.
        assertThat(database.value(String.class, "SHOW timezone")).isNotIn("UTC", "Etc/UTC", "GMT");
    }

    @Test
    void aWrongPasswordIsRefused(TestDatabase database) {
        if (database.server().isControllable()) {
            assertThatThrownBy(() -> DriverManager.getConnection(database.jdbcUrl(), database.user(), "wrong"))
                    .isInstanceOfSatisfying(
                            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("28P01"));
        }
    }

    /** The promise is for servers that do not sync to disk, on a machine that has nothing else to do. */
    @Test
    @Tag("storm")
    void costsFarLessThanAHundredMilliseconds(TestDatabase warmUp) throws SQLException {
        double median = printCost(warmUp);
        if (warmUp.value(String.class, "SHOW fsync").equals("off")) {
            assertThat(median).isLessThan(100);
        }
    }

    @Test
    void tellsWhatOneCosts(TestDatabase warmUp) throws SQLException {
        assertThat(printCost(warmUp)).isPositive();
    }

    /** One straight after the other, faster than tests need them. */
    private static double printCost(TestDatabase warmUp) throws SQLException {
        List<Long> whole = new ArrayList<>();
        List<Long> alone = new ArrayList<>();
        for (int i = 0; i < DATABASES; i++) {
            long start = System.nanoTime();
            try (TestDatabase database = PostgresServer.shared().newDatabase("llmdb")) {
                alone.add((System.nanoTime() - start) / 1000);
                database.execute("INSERT INTO ${llmdb}.\"LLM_BudgetTable\" (budget_id) VALUES ('a')");
                assertThat(database.count("LLM_BudgetTable")).isEqualTo(1);
            }
            whole.add((System.nanoTime() - start) / 1000);
        }
        System.out.printf(
                "Per-test database on %s: median %.1f ms, slowest %.1f ms; with a connection, an insert, a count: median %.1f ms%n",
                warmUp.server(),
                median(alone),
                alone.stream().mapToLong(Long::longValue).max().orElse(0) / 1000.0,
                median(whole));
        return median(alone);
    }

    @Test
    void manyThreadsGetADifferentOneEach() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            CountDownLatch start = new CountDownLatch(1);
            List<Future<String>> names = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                names.add(threads.submit(() -> {
                    start.await();
                    try (TestDatabase database = PostgresServer.shared().newDatabase("llmdb")) {
                        database.execute("INSERT INTO ${llmdb}.\"LLM_BudgetTable\" (budget_id) VALUES ('a')");
                        return database.name();
                    }
                }));
            }
            start.countDown();
            Set<String> different = new HashSet<>();
            for (Future<String> name : names) {
                different.add(name.get());
            }
            assertThat(different).hasSize(8);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void isDroppedAfterwardsAlsoWithSessions(TestDatabase other) throws SQLException {
        TestDatabase database = PostgresServer.shared().newDatabase("llmdb");
        try (Connection leaked = database.dataSource().getConnection()) {
            assertThat(leaked.isValid(5)).isTrue();
            assertThat(database.connections())
                    .singleElement()
                    .satisfies(session -> assertThat(session.application()).isEqualTo("test"));
            database.close();
            Await.until(
                    "the database is dropped",
                    Duration.ofSeconds(20),
                    () -> other.rows("SELECT 1 FROM pg_database WHERE datname = ?", database.name())
                            .isEmpty());
        }
    }

    @Test
    void countsDeadlocks(TestDatabase database) throws Exception {
        assertThat(database.deadlocks()).isZero();
        database.execute("INSERT INTO ${llmdb}.\"LLM_BudgetTable\" (budget_id) VALUES ('a'), ('b')");
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try (Connection one = database.dataSource().getConnection();
                Connection two = database.dataSource().getConnection()) {
            lock(one, "a");
            lock(two, "b");
            Future<?> first = threads.submit(() -> lock(one, "b"));
            Future<?> second = threads.submit(() -> lock(two, "a"));
            assertThatThrownBy(() -> {
                        first.get();
                        second.get();
                    })
                    .hasMessageContaining("deadlock detected");
        } finally {
            threads.shutdownNow();
        }
        Await.untilAsserted(
                "the deadlock is counted",
                Duration.ofSeconds(15),
                () -> assertThat(database.deadlocks()).isEqualTo(1));
    }

    private static Void lock(Connection connection, String budget) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("SELECT 1 FROM llmdb.\"LLM_BudgetTable\" WHERE budget_id = '" + budget + "' FOR UPDATE");
        }
        return null;
    }

    @Test
    void wrongSqlIsAnErrorThatNamesIt(TestDatabase database) {
        assertThatThrownBy(() -> database.execute("SELEC 1"))
                .isInstanceOf(TestkitException.class)
                .hasMessageContaining("SELEC 1")
                .hasMessageContaining(database.name());
        assertThatThrownBy(() -> database.value(Long.class, "SELECT 1::bigint WHERE false"))
                .isInstanceOf(AssertionError.class);
    }

    private static double median(List<Long> micros) {
        return micros.stream().sorted().skip(micros.size() / 2).findFirst().orElseThrow() / 1000.0;
    }
}
