package io.llmdb.examples.gateway.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.examples.gateway.traffic.Reply;
import io.llmdb.examples.gateway.traffic.Reply.Kind;
import io.llmdb.testkit.CapturedLog;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.SecretScan;
import io.llmdb.testkit.TestDatabase;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The run that README shows, smaller. */
@LlmDbTest
class DemoTest {

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    static DemoOptions options(TestDatabase database, int requests, List<Path> traces) {
        return new DemoOptions(
                database.databaseUrl(),
                null,
                null,
                0,
                requests,
                16,
                42,
                traces,
                0,
                null,
                null,
                null,
                Duration.ofMillis(requests > 0 ? 4 : 0),
                requests > 0 ? 0.03 : 0);
    }

    @Test
    void someRunOutOfBudgetAndTheBooksAgree(TestDatabase database) throws Exception {
        Demo.Result result;
        Map<String, String> secrets;
        try (CapturedLog log = CapturedLog.start("io.llmdb");
                Demo demo = Demo.open(
                        options(database, 800, List.of()), new PrintStream(printed, true, StandardCharsets.UTF_8))) {
            result = demo.sendTraffic();
            secrets = demo.company().rawKeys();
            SecretScan.of(secrets.values())
                    .over(database)
                    .over("what it printed", printed.toString(StandardCharsets.UTF_8))
                    .over("the log", log.text() + ".")
                    .foundNothing();
        }
        assertThat(result.problems())
                .as(printed.toString(StandardCharsets.UTF_8))
                .isEmpty();
        assertThat(result.replies()).hasSize(800);
        Map<Kind, Long> kinds =
                result.replies().stream().collect(Collectors.groupingBy(Reply::kind, Collectors.counting()));
        assertThat(kinds)
                .containsKeys(Kind.ANSWERED, Kind.REFUSED, Kind.FAILED, Kind.LEFT)
                .doesNotContainKey(Kind.BROKEN);
        assertThat(result.replies().stream()
                        .filter(reply -> reply.kind() == Kind.REFUSED)
                        .map(reply -> (reply.status() + " " + reply.code() + " " + reply.scope()).strip())
                        .distinct())
                .contains(
                        "401 invalid_api_key",
                        "401 expired_api_key",
                        "403 key_blocked",
                        "403 model_not_allowed",
                        "429 budget_exceeded key",
                        "429 budget_exceeded team",
                        "429 budget_exceeded team_member",
                        "429 budget_exceeded end_user",
                        "429 budget_exceeded tag");
        assertThat(printed.toString(StandardCharsets.UTF_8))
                .contains("Spend by team", "Spend by model", "Latency", "The books agree.");
        assertThat(database.books()).agree().stayWithinLimits().haveNoDeadlock().haveNoDeadLetters();
    }

    /** Two runs on one database do not get into each other's way. */
    @Test
    void runsAgainOnTheSameDatabase(TestDatabase database) throws Exception {
        for (int i = 0; i < 2; i++) {
            try (Demo demo = Demo.open(
                    options(database, 60, List.of()), new PrintStream(printed, true, StandardCharsets.UTF_8))) {
                assertThat(demo.sendTraffic().problems())
                        .as(printed.toString(StandardCharsets.UTF_8))
                        .isEmpty();
            }
        }
        assertThat(database.books()).agree().stayWithinLimits();
    }

    /** The check can fail: a cent more on one counter, a row less in the log. */
    @Test
    void findsWhatDoesNotAgree(TestDatabase database) throws Exception {
        for (String damage : List.of(
                "UPDATE ${llmdb}.\"LLM_TeamTable\" SET spend = spend + 0.01, total_spend = total_spend + 0.01",
                "DELETE FROM ${llmdb}.\"LLM_SpendLogs\" WHERE id = (SELECT id FROM ${llmdb}.\"LLM_SpendLogs\" WHERE spend > 0 LIMIT 1)",
                "UPDATE ${llmdb}.\"LLM_DailySpend\" SET completion_tokens = completion_tokens + 1")) {
            try (Demo demo = Demo.open(
                    options(database, 40, List.of()), new PrintStream(printed, true, StandardCharsets.UTF_8))) {
                Demo.Result result = demo.sendTraffic(() -> database.execute(damage));
                assertThat(result.problems()).as(damage).isNotEmpty();
            }
        }
        assertThat(printed.toString(StandardCharsets.UTF_8))
                .contains("THE BOOKS DO NOT AGREE")
                .contains("DIFFERS");
    }
}
