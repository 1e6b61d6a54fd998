package io.llmdb.examples.gateway.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.common.BudgetTerms;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The same requests with each setting of {@code disable_spend_logs} and {@code disable_error_logs} in the YAML: which
 * rows there are differs; answers, refusals, counters, daily totals and other sinks do not.
 */
@LlmDbTest
class LogSwitchesTest {

    private static final int REQUESTS = 40;

    /** 10 tokens in and 20 out at gpt-4o's price. */
    private static final BigDecimal COST = new BigDecimal("0.000225");

    /** Exactly ten requests. */
    private static final String BUDGET = "0.00225";

    /** What came of the requests, without the rows of the logs. */
    private record Books(
            List<String> answers,
            long answered,
            long failed,
            long refused,
            BigDecimal key,
            BigDecimal user,
            BigDecimal team,
            BigDecimal member,
            BigDecimal daily,
            long dailyRequests,
            long sinkEvents) {}

    private record Rows(long spend, long error, long receipts) {}

    @Test
    void decideAboutRowsAndAboutNothingElse() throws Exception {
        Map<String, Books> books = new LinkedHashMap<>();
        Map<String, Rows> rows = new LinkedHashMap<>();
        for (String spendLogs : List.of("False", "True")) {
            for (String errorLogs : List.of("False", "True")) {
                String yaml = """
                        general_settings:
                          disable_spend_logs: %s
                          disable_error_logs: %s
                        """.formatted(spendLogs, errorLogs);
                try (TestDatabase database = PostgresServer.shared().newDatabase("llmdb")) {
                    String name = "disable_spend_logs: " + spendLogs + ", disable_error_logs: " + errorLogs;
                    books.put(name, run(database, yaml));
                    rows.put(name, rows(database));
                }
            }
        }
        books.forEach((name, of) -> print(name, of, rows.get(name)));

        assertThat(List.copyOf(books.values()))
                .as("all but the rows")
                .containsOnly(books.values().iterator().next());
        Books same = books.values().iterator().next();
        assertThat(same.answered).isEqualTo(10);
        assertThat(same.failed).isPositive();
        assertThat(same.refused)
                .isEqualTo(REQUESTS - same.answered - same.failed)
                .isPositive();
        assertThat(same.key).isEqualByComparingTo(COST.multiply(BigDecimal.TEN));
        assertThat(List.of(same.user, same.team, same.member, same.daily))
                .allSatisfy(spend -> assertThat(spend).isEqualByComparingTo(same.key));
        assertThat(same.dailyRequests).isEqualTo(REQUESTS);
        assertThat(same.sinkEvents).isEqualTo(REQUESTS);
        long errors = REQUESTS - same.answered;
        assertThat(List.copyOf(rows.values()))
                .containsExactly(
                        new Rows(REQUESTS, errors, 0),
                        new Rows(REQUESTS, 0, 0),
                        new Rows(0, errors, REQUESTS),
                        new Rows(0, 0, REQUESTS));
    }

    private static Books run(TestDatabase database, String yaml) throws IOException, InterruptedException {
        LlmDbSettings settings = LlmDbSettings.builder()
                .yaml(yaml, "proxy_config.yaml")
                .environment(Map.of())
                .connection(connection -> connection.databaseUrl(database.databaseUrl()))
                .build();
        try (TestGateway gateway = TestGateway.start(settings, TestGateway.stub(0.25))) {
            String key = World.in(gateway.db())
                    .team("research", BudgetTerms.of(BUDGET))
                    .members(1)
                    .keys(1)
                    .create()
                    .rawKey();
            List<String> answers = new ArrayList<>();
            for (int i = 0; i < REQUESTS; i++) {
                // Whether the stub fails follows from the request's id.
                var response =
                        gateway.chat(key, TestGateway.body("gpt-4o", 10, 20, ""), "X-Request-Id", "request-" + i);
                answers.add(response.statusCode()
                        + (response.statusCode() == 200
                                ? ""
                                : " " + TestGateway.error(response).path("code").asString()));
            }
            assertThat(gateway.db().spend().flush(Duration.ofSeconds(20))).isTrue();
            return new Books(
                    answers,
                    count(answers, "200"),
                    count(answers, "50"),
                    count(answers, "429 budget_exceeded"),
                    spend(database, "LLM_VerificationToken"),
                    spend(database, "LLM_UserTable"),
                    spend(database, "LLM_TeamTable"),
                    spend(database, "LLM_TeamMembership"),
                    spend(database, "LLM_DailySpend"),
                    database.value(Long.class, "SELECT sum(api_requests)::bigint FROM ${llmdb}.\"LLM_DailySpend\""),
                    gateway.sink().events().size());
        }
    }

    private static long count(List<String> answers, String prefix) {
        return answers.stream().filter(answer -> answer.startsWith(prefix)).count();
    }

    private static BigDecimal spend(TestDatabase database, String table) {
        return database.value(BigDecimal.class, "SELECT coalesce(sum(spend), 0) FROM ${llmdb}.\"" + table + "\"")
                .stripTrailingZeros();
    }

    private static Rows rows(TestDatabase database) {
        return new Rows(
                database.count("LLM_SpendLogs"), database.count("LLM_ErrorLogs"), database.count("LLM_SpendReceipt"));
    }

    private static void print(String name, Books books, Rows rows) {
        System.out.printf(
                """
                %s
                  requests         answered %d, failed %d, refused %d
                  LLM_SpendLogs    %d rows
                  LLM_ErrorLogs    %d rows
                  LLM_SpendReceipt %d rows
                  spend            key %s, user %s, team %s, member %s, daily totals %s of %d requests
                  other sinks      %d requests
                """,
                name,
                books.answered,
                books.failed,
                books.refused,
                rows.spend,
                rows.error,
                rows.receipts,
                books.key.toPlainString(),
                books.user.toPlainString(),
                books.team.toPlainString(),
                books.member.toPlainString(),
                books.daily.toPlainString(),
                books.dailyRequests,
                books.sinkEvents);
    }
}
