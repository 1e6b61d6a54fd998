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
