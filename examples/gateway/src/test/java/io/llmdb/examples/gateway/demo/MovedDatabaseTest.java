package io.llmdb.examples.gateway.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.examples.gateway.traffic.Reply;
import io.llmdb.examples.gateway.traffic.Reply.Kind;
import io.llmdb.move.CutOverReport;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.FollowMethod;
import io.llmdb.move.MoveException;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.PlantedBooks;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The gateway's database moves to another server under its traffic: no client sees anything of it. */
class MovedDatabaseTest {

    private static final int REQUESTS = 3_000;
    private static final int MANY_REQUESTS = Integer.getInteger("llmdb.move.requests", 150_000);
    private static final int CLIENTS = Integer.getInteger("llmdb.move.clients", 64);
    private static final int ROWS = Integer.getInteger("llmdb.move.rows", 5_000_000);
    private static final int KEYS = Integer.getInteger("llmdb.move.keys", 20_000);
    private static final Duration PATIENCE = Duration.ofMinutes(15);

    @Test
    void noRequestFailsAndTheBooksOnTheNewSideHoldThemAll() throws Exception {
        try (PostgresServer second = PostgresServer.startEmbedded(Map.of());
                Sides sides = new Sides(PostgresServer.shared(), second)) {
            DatabaseMove move = sides.move();
            Runnable copying = () -> {
                move.copy(progress -> {});
                assertThat(move.follow().method()).isEqualTo(FollowMethod.ROW_VERSIONS);
            };
            sides.moveUnder(REQUESTS, 16, copying, () -> {
                sides.awaitRequests(REQUESTS / 10);
                return move.cutOver("the new server");
            });
        }
    }

    @Test
    @Tag("storm")
    void soItIsWithMillionsOfRowsAndAToolThatIsKilledTwice() throws Exception {
        try (PostgresServer first = PostgresServer.startEmbedded(Map.of("wal_level", "logical"));
                PostgresServer second = another();
                Sides sides = new Sides(first, second)) {
            sides.allowReplication();
            sides.source.open().close();
            PlantedBooks.plant(sides.source, KEYS, ROWS);
            sides.moveUnder(MANY_REQUESTS, CLIENTS, () -> {}, () -> {
                sides.awaitRequests(1_000);
                sides.killTheToolWhenItSays("progress");
                sides.killTheToolWhenItSays("pass");
                DatabaseMove move = sides.move();
                Await.until("the tool's sessions end", Duration.ofSeconds(30), () -> passes(move));
                assertThat(move.follow().method()).isEqualTo(FollowMethod.LOGICAL_REPLICATION);
                return move.cutOver("the new server");
            });
        }
    }

    /** Of another version where the property names a jar with its binaries, as llmdb-tests/target/servers has some. */
    private static PostgresServer another() {
        String binaries = System.getProperty("llmdb.move.binaries");
        return binaries == null
                ? PostgresServer.startEmbedded(Map.of())
                : PostgresServer.startEmbedded(Path.of(binaries), Map.of());
    }

    private static boolean passes(DatabaseMove move) {
        try {
            move.pass();
            return true;
        } catch (MoveException e) {
            return false;
        }
    }

    /** Two servers and a gateway whose database moves from the one to the other. */
    private static final class Sides implements AutoCloseable {
        private final TestDatabase source;
        private final TestDatabase target;

        private Sides(PostgresServer first, PostgresServer second) {
            this.source = first.newEmptyDatabase("llmdb");
            this.target = second.newEmptyDatabase("llmdb");
        }

        DatabaseMove move() {
            return MovingTool.between(source.dataSource(), target.dataSource());
        }

        void allowReplication() throws SQLException {
            try (Connection admin = source.adminDataSource().getConnection();
                    Statement statement = admin.createStatement()) {
                statement.execute("ALTER ROLE \"" + source.user() + "\" REPLICATION");
            }
        }

        void awaitRequests(long count) {
            long before = source.count("LLM_SpendLogs");
            Await.until(
                    "the first requests are booked",
                    Duration.ofSeconds(60),
                    () -> source.count("LLM_SpendLogs") > before + count);
        }

        void killTheToolWhenItSays(String word) {
            try (ChildJvm tool = ChildJvm.of(MovingTool.class)
                    .arguments(
                            source.jdbcUrl(),
                            source.user(),
                            source.password(),
                            target.jdbcUrl(),
                            target.user(),
                            target.password())
                    .jvmOptions("-Xmx64m")
                    .start()) {
                tool.awaitLine(word, line -> line.startsWith(word), PATIENCE);
                tool.kill();
            }
        }

        /**
         * Sends requests while it moves.
         *
         * @param before what is done before the first of them
         * @param moving what is done beside the first half of them
         */
        void moveUnder(int requests, int concurrency, Runnable before, Callable<CutOverReport> moving)
                throws Exception {
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            DemoOptions options = new DemoOptions(
                    source.databaseUrl(),
                    target.databaseUrl(),
                    null,
                    0,
                    requests,
                    concurrency,
                    42,
                    List.of(),
                    0,
                    null,
                    null,
                    null,
                    Duration.ofMillis(60),
                    0.03);
            CutOverReport report;
            Demo.Result result;
            ExecutorService tool = Executors.newSingleThreadExecutor();
            long took;
            try (Demo demo = Demo.open(options, new PrintStream(printed, true, StandardCharsets.UTF_8))) {
                before.run();
                Future<CutOverReport> moved = tool.submit(moving);
                long started = System.nanoTime();
                // However slow the machine is, some of it meets the move and some comes behind it.
                result = demo.sendTraffic(() -> done(moved), () -> {});
                took = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - started);
                report = moved.get();
            } finally {
                tool.shutdownNow();
            }
            String output = printed.toString(StandardCharsets.UTF_8);
            System.out.println("MOVED under " + requests + " requests in " + took + " s; " + report);
            assertThat(result.problems()).as(output).isEmpty();
            Map<Kind, Long> kinds =
                    result.replies().stream().collect(Collectors.groupingBy(Reply::kind, Collectors.counting()));
            assertThat(kinds).as(output).doesNotContainKey(Kind.BROKEN);
            assertThat(result.replies())
                    .hasSize(requests)
                    .as("refusals because of the move")
                    .noneMatch(reply -> reply.code().equals("database_moved"));
            long booked = source.count("LLM_SpendLogs");
            assertThat(booked).as("booked before the move").isPositive();
            assertThat(target.count("LLM_SpendLogs"))
                    .as("on the new side, some booked there")
                    .isGreaterThan(booked);
            assertThat(target.books())
                    .agree()
                    .reserveNothing()
                    .haveNoDeadLetters()
                    .haveNoDeadlock();
        }

        private static void done(Future<CutOverReport> moved) {
            try {
                moved.get(PATIENCE.toMinutes(), TimeUnit.MINUTES);
            } catch (InterruptedException | ExecutionException | TimeoutException e) {
                throw new AssertionError("the move", e);
            }
        }

        @Override
        public void close() {
            try (source;
                    target) {
                assertThat(source.deadlocks()).isZero();
            }
        }
    }
}
