package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.testkit.Await;
import io.llmdb.testkit.CommitFault;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

@LlmDbTest
class TcpProxyTest {

    @Test
    void letsAllPassAtFirst(TestDatabase database, TcpProxy proxy) throws Exception {
        try (Connection connection = proxy.dataSource().getConnection()) {
            long rows = connection
                    .unwrap(PGConnection.class)
                    .getCopyAPI()
                    .copyIn(
                            "COPY llmdb.\"LLM_BudgetTable\" (budget_id) FROM STDIN",
                            new java.io.StringReader(
                                    "a\n".repeat(1) + "b".repeat(200_000).substring(0, 2000) + "\n"));
            assertThat(rows).isEqualTo(2);
            assertThat(count(connection)).isEqualTo(2);
            try (Statement statement = connection.createStatement();
                    ResultSet result = statement.executeQuery("SELECT repeat('x', 3000000)")) {
                result.next();
                assertThat(result.getString(1)).hasSize(3_000_000);
            }
            assertThat(proxy.openConnections()).isEqualTo(1);
        }
        assertThat(proxy.databaseUrl()).contains(":" + proxy.port() + "/" + database.name());
    }

    @Test
    void cutsWhatIsOpenAndRefusesWhatIsNew(TcpProxy proxy) throws SQLException {
        try (Connection connection = proxy.dataSource().getConnection()) {
            assertThat(proxy.cutAll()).isEqualTo(1);
            assertThatThrownBy(() -> count(connection)).isInstanceOf(SQLException.class);
        }
        try (Connection again = proxy.dataSource().getConnection()) {
            proxy.refuseNew();
            assertThat(count(again)).isZero();
            assertThatThrownBy(() -> proxy.dataSource().getConnection())
                    .isInstanceOfSatisfying(
                            SQLException.class, e -> assertThat(e.getSQLState()).startsWith("08"));
            proxy.heal();
            proxy.dataSource().getConnection().close();
        }
    }

    @Test
    void delays(TcpProxy proxy) throws SQLException {
        try (Connection connection = proxy.dataSource().getConnection()) {
            count(connection);
            proxy.delay(Duration.ofMillis(100));
            long start = System.nanoTime();
            count(connection);
            assertThat(Duration.ofNanos(System.nanoTime() - start))
                    .isBetween(Duration.ofMillis(200), Duration.ofSeconds(5));
        }
    }

    @Test
    void swallowsUntilItIsHealed(TcpProxy proxy) throws Exception {
        try (Connection connection = proxy.dataSource().getConnection()) {
            proxy.blackHole();
            CompletableFuture<Long> answer = CompletableFuture.supplyAsync(() -> {
                try {
                    return count(connection);
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThatThrownBy(() -> answer.get(300, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
            proxy.heal();
            assertThat(answer.get(10, TimeUnit.SECONDS)).isZero();
            proxy.blackHole();
            assertThat(proxy.cutAll()).isEqualTo(1);
            assertThatThrownBy(() -> count(connection)).isInstanceOf(SQLException.class);
            Await.until("the connection is gone", Duration.ofSeconds(10), () -> proxy.openConnections() == 0);
        }
    }

    @Test
    void losesTheAnswerToACommitThatHappened(TestDatabase database, TcpProxy proxy) throws SQLException {
        proxy.breakCommits(CommitFault.ANSWER_LOST, 3);
        Set<Integer> failed = insertAll(proxy, 30);
        assertThat(failed).hasSize(10);
        assertThat(proxy.brokenCommits(CommitFault.ANSWER_LOST)).isEqualTo(10);
        assertThat(proxy.commits()).isEqualTo(30);
        assertThat(database.count("LLM_BudgetTable")).isEqualTo(30);
    }

    @Test
    void keepsACommitFromTheServer(TestDatabase database, TcpProxy proxy) throws SQLException {
        proxy.breakCommits(CommitFault.NEVER_SENT, 3);
        Set<Integer> failed = insertAll(proxy, 30);
        assertThat(failed).containsExactlyInAnyOrder(2, 5, 8, 11, 14, 17, 20, 23, 26, 29);
        assertThat(proxy.commits()).isEqualTo(20);
        assertThat(database.rows("SELECT budget_id FROM ${llmdb}.\"LLM_BudgetTable\""))
                .extracting(row -> Integer.valueOf(String.valueOf(row.get("budget_id"))))
                .hasSize(20)
                .doesNotContainAnyElementsOf(failed);
    }

    /** The driver sends a COMMIT that it has used a few times as a prepared statement. */
    @Test
    void recognizesACommitThatIsAPreparedStatement(TestDatabase database, TcpProxy proxy) throws SQLException {
        try (Connection connection = DriverManager.getConnection(
                proxy.jdbcUrl() + "?prepareThreshold=1", database.user(), database.password())) {
            connection.setAutoCommit(false);
            for (int i = 0; i < 20; i++) {
                insert(connection, i);
                connection.commit();
            }
            assertThat(proxy.commits()).isEqualTo(20);
            proxy.breakCommits(CommitFault.NEVER_SENT, 1);
            insert(connection, 20);
            assertThatThrownBy(connection::commit).isInstanceOf(SQLException.class);
        }
        for (String mode : List.of("simple", "extended", "extendedForPrepared", "extendedCacheEverything")) {
            try (Connection connection = DriverManager.getConnection(
                    proxy.jdbcUrl() + "?preferQueryMode=" + mode, database.user(), database.password())) {
                connection.setAutoCommit(false);
                insert(connection, 21);
                assertThatThrownBy(connection::commit).as(mode).isInstanceOf(SQLException.class);
            }
        }
        assertThat(database.count("LLM_BudgetTable")).isEqualTo(20);
        assertThat(proxy.commits()).isEqualTo(20);
    }

    @Test
    void breaksTheSameCommitsForTheSameSeed(TestDatabase database, TcpProxy proxy) throws SQLException {
        List<Set<Integer>> runs = new ArrayList<>();
        for (long seed : new long[] {1, 1, 2}) {
            proxy.breakCommitsAtRandom(CommitFault.NEVER_SENT, 4, seed);
            runs.add(insertAll(proxy, 60));
            database.execute("DELETE FROM ${llmdb}.\"LLM_BudgetTable\"");
        }
        assertThat(runs.get(0)).isEqualTo(runs.get(1)).isNotEqualTo(runs.get(2)).hasSizeBetween(3, 40);
    }

    /** One transaction each, with a new connection after each failure; returns those whose COMMIT failed. */
    private static Set<Integer> insertAll(TcpProxy proxy, int count) throws SQLException {
        Set<Integer> failed = new TreeSet<>();
        Connection connection = null;
        for (int i = 0; i < count; i++) {
            if (connection == null) {
                connection = proxy.dataSource().getConnection();
                connection.setAutoCommit(false);
            }
            insert(connection, i);
            try {
                connection.commit();
            } catch (SQLException e) {
                assertThat(e.getSQLState()).startsWith("08");
                failed.add(i);
                connection.close();
                connection = null;
            }
        }
        if (connection != null) {
            connection.close();
        }
        return failed;
    }

    private static void insert(Connection connection, int number) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("INSERT INTO llmdb.\"LLM_BudgetTable\" (budget_id) VALUES ('" + number + "')");
        }
    }

    private static long count(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT count(*) FROM llmdb.\"LLM_BudgetTable\"")) {
            rows.next();
            return rows.getLong(1);
        }
    }
}
