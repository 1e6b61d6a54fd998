package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.TestkitException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What can be done to a server, on one that other tests do not use. */
class PostgresServerTest {

    private static final String INSERT = "INSERT INTO ${llmdb}.\"LLM_BudgetTable\" (budget_id) VALUES (?)";
    private static PostgresServer server;

    @BeforeAll
    static void start() {
        server = PostgresServer.startEmbedded(Map.of("max_connections", "77", "work_mem", "5MB"));
    }

    @AfterAll
    static void end() {
        server.close();
    }

    @Test
    void takesSettings() {
        try (TestDatabase database = server.newDatabase("llmdb")) {
            assertThat(database.value(String.class, "SHOW max_connections")).isEqualTo("77");
            assertThat(database.value(String.class, "SHOW work_mem")).isEqualTo("5MB");
            assertThat(database.value(String.class, "SHOW synchronous_commit")).isEqualTo("on");
        }
    }

    @Test
    void keepsPortAndDataWhenItIsStoppedOrKilled() throws SQLException {
        try (TestDatabase database = server.newDatabase("llmdb");
                Connection connection = database.dataSource().getConnection()) {
            int port = server.port();
            database.execute(INSERT, "before the stop");
            server.stop();
            assertThatThrownBy(() -> connection.createStatement().execute("SELECT 1"))
                    .isInstanceOf(SQLException.class);
            assertThatThrownBy(() -> database.dataSource().getConnection()).hasMessageContaining("refused");
            assertThatThrownBy(() -> server.newDatabase("llmdb"))
                    .isInstanceOf(TestkitException.class)
                    .hasMessageContaining("is stopped");
            server.start();
            database.execute(INSERT, "before the kill");
            server.kill();
            assertThatThrownBy(() -> database.dataSource().getConnection()).isInstanceOf(SQLException.class);
            server.start();
            assertThat(server.port()).isEqualTo(port);
            assertThat(database.count("LLM_BudgetTable")).isEqualTo(2);
            server.restart();
            try (TestDatabase next = server.newDatabase("llmdb")) {
                assertThat(next.count("LLM_BudgetTable")).isZero();
            }
        }
    }

    @Test
    void answersNobodyWhileItIsPaused() throws Exception {
        try (TestDatabase database = server.newDatabase("llmdb")) {
            server.pause();
            CompletableFuture<Long> answer = CompletableFuture.supplyAsync(() -> database.count("LLM_BudgetTable"));
            assertThatThrownBy(() -> answer.get(300, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
            server.resume();
            assertThat(answer.get(10, TimeUnit.SECONDS)).isZero();
        }
    }

    @Test
    void canBeStoppedWhilePaused() {
        server.pause();
        server.stop();
        server.start();
        try (TestDatabase database = server.newDatabase("llmdb")) {
            assertThat(database.count("LLM_BudgetTable")).isZero();
        }
    }

    @Test
    void endsWhenItsJvmIsKilled() {
        try (ChildJvm child = ChildJvm.of(StartsAServer.class).start()) {
            String[] said = child.awaitLine("server ", Duration.ofSeconds(60)).split(" ");
            ProcessHandle postgres = ProcessHandle.of(Long.parseLong(said[1])).orElseThrow();
            Path directory = Path.of(said[2]);
            assertThat(directory).isDirectory();
            child.kill();
            Await.until("the server of a killed JVM ends", Duration.ofSeconds(20), () -> !postgres.isAlive());
            Await.until("its data is removed", Duration.ofSeconds(20), () -> !Files.exists(directory));
        }
    }

    @Test
    void isOneOfOnesOwnWhereItsUrlIsGiven() {
        try (TestDatabase database = server.newEmptyDatabase("llmdb")) {
            TestDatabase admin = database;
            asAdmin(admin, "CREATE ROLE creator LOGIN CREATEDB PASSWORD 'very secret'");
            String left = "llmdb_test_1_abcd_1";
            asAdmin(admin, "CREATE DATABASE " + left + " OWNER creator");
            String url = "jdbc:postgresql://localhost:" + server.port()
                    + "/postgres?user=creator&password=very%20secret&tcpKeepAlive=true";
            try (ChildJvm child = ChildJvm.of(UsesAServer.class)
                    .property("llmdb.test.postgres", url)
                    .start()) {
                child.awaitLine("used llmdb_test_", Duration.ofSeconds(60));
                child.awaitLine("refused: The server is given by URL", Duration.ofSeconds(60));
                Await.until("what an earlier run left is dropped", Duration.ofSeconds(30), () -> !exists(admin, left));
                assertThat(
                                database.rows(
                                        "SELECT 1 FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = 'creator'"))
                        .isNotEmpty();
                child.terminate();
                child.awaitExit(Duration.ofSeconds(60));
            }
            assertThat(
                            database.rows(
                                    "SELECT datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = 'creator'"))
                    .isEmpty();
        }
    }

    private static void asAdmin(TestDatabase database, String sql) {
        try (Connection connection = database.adminDataSource().getConnection()) {
            connection.createStatement().execute(sql);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean exists(TestDatabase any, String database) {
        return !any.rows("SELECT 1 FROM pg_database WHERE datname = ?", database)
                .isEmpty();
    }

    /** Uses the server that a property names, and says what it sees. */
    public static final class UsesAServer {

        private UsesAServer() {}

        public static void main(String[] args) throws Exception {
            PostgresServer own = PostgresServer.shared();
            try (TestDatabase database = own.newDatabase("llmdb")) {
                System.out.println("used " + database.name() + " with " + database.count("LLM_TeamTable") + " teams");
            }
            try {
                own.stop();
            } catch (TestkitException e) {
                System.out.println("refused: " + e.getMessage());
            }
            Thread.currentThread().join();
        }
    }

    /** Starts the shared server and waits to be killed. */
    public static final class StartsAServer {

        private StartsAServer() {}

        public static void main(String[] args) throws Exception {
            Path home = PostgresServer.shared().log().orElseThrow().getParent();
            try (var lines = Files.lines(home.resolve("data").resolve("postmaster.pid"))) {
                System.out.println("server " + lines.findFirst().orElseThrow() + " " + home);
            }
            Thread.currentThread().join();
        }
    }
}
