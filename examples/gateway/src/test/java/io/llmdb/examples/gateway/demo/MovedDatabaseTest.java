package io.llmdb.examples.gateway.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.examples.gateway.traffic.Reply;
import io.llmdb.examples.gateway.traffic.Reply.Kind;
import io.llmdb.move.CutOverReport;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.MoveEndpoint;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The gateway's database moves to another server under its traffic: no client sees anything of it. */
class MovedDatabaseTest {

    private static final int REQUESTS = 3_000;

    @Test
    void noRequestFailsAndTheBooksOnTheNewSideHoldThemAll() throws Exception {
        try (PostgresServer second = PostgresServer.startEmbedded(Map.of());
                TestDatabase source = PostgresServer.shared().newEmptyDatabase("llmdb");
                TestDatabase target = second.newEmptyDatabase("llmdb")) {
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            DemoOptions options = new DemoOptions(
                    source.databaseUrl(),
                    target.databaseUrl(),
                    null,
                    0,
                    REQUESTS,
                    16,
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
            try (Demo demo = Demo.open(options, new PrintStream(printed, true, StandardCharsets.UTF_8))) {
                DatabaseMove move = DatabaseMove.from(new MoveEndpoint(source.dataSource(), "llmdb", "old"))
                        .to(new MoveEndpoint(target.dataSource(), "llmdb", "new"))
                        .build();
                move.copy(progress -> {});
                move.follow();
                Callable<CutOverReport> moving = () -> {
                    Await.until(
                            "the first requests are booked",
                            Duration.ofSeconds(60),
                            () -> source.count("LLM_SpendLogs") > REQUESTS / 10);
                    return move.cutOver("the new server");
                };
                Future<CutOverReport> moved = tool.submit(moving);
                result = demo.sendTraffic();
                report = moved.get(2, TimeUnit.MINUTES);
            } finally {
                tool.shutdownNow();
            }
            String output = printed.toString(StandardCharsets.UTF_8);
            System.out.println("MOVED under " + REQUESTS + " requests; " + report);
            assertThat(result.problems()).as(output).isEmpty();
            Map<Kind, Long> kinds =
                    result.replies().stream().collect(Collectors.groupingBy(Reply::kind, Collectors.counting()));
            assertThat(kinds).as(output).doesNotContainKey(Kind.BROKEN);
            assertThat(result.replies())
                    .hasSize(REQUESTS)
                    .as("refusals because of the move")
                    .noneMatch(reply -> reply.code().equals("database_moved"));
            long before = source.count("LLM_SpendLogs");
            assertThat(before).as("booked before the move").isPositive();
            assertThat(target.count("LLM_SpendLogs"))
                    .as("on the new side, some booked there")
                    .isGreaterThan(before);
            assertThat(target.books())
                    .agree()
                    .reserveNothing()
                    .haveNoDeadLetters()
                    .haveNoDeadlock();
        }
    }
}
