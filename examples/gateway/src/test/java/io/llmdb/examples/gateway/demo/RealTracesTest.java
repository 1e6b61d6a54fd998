package io.llmdb.examples.gateway.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.llmdb.examples.gateway.proxy.PriceTable;
import io.llmdb.examples.gateway.traffic.PlannedRequest;
import io.llmdb.examples.gateway.traffic.Trace;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** An hour of two production LLM services, 28,185 requests, through HTTP into the books. */
@LlmDbTest
class RealTracesTest {

    @Test
    void areLoggedToTheLastTokenAndDigit(TestDatabase database) throws Exception {
        String data = System.getProperty("llmdb.data", "");
        assumeTrue(
                !data.isEmpty(),
                "SKIPPED: -Dllmdb.data=<folder> names no folder with azure-llm-2023-conversation.csv and azure-llm-2023-code.csv");
        List<Path> traces =
                List.of(Path.of(data, "azure-llm-2023-conversation.csv"), Path.of(data, "azure-llm-2023-code.csv"));
        assertThat(traces).allSatisfy(file -> assertThat(file).exists());
        PrintStream out = System.out;
        try (Demo demo = Demo.open(DemoTest.options(database, 0, traces), out)) {
            assertThat(demo.sendTraffic().problems()).isEmpty();
        }

        // Once more in the plainest way: the files by hand, the log by SQL.
        long rows = 0;
        for (Path file : traces) {
            rows += Files.readAllLines(file).size() - 1;
        }
        assertThat(rows).isEqualTo(28_185);
        Map<String, Object> log = database.rows("""
                SELECT count(*) AS requests, sum(prompt_tokens)::bigint AS context, sum(completion_tokens)::bigint AS generated, sum(spend) AS spend
                FROM ${llmdb}."LLM_SpendLogs" WHERE status = 'success'""").get(0);
        assertThat(log.get("requests")).isEqualTo(28_185L);
        assertThat(log.get("context")).isEqualTo(40_421_844L);
        assertThat(log.get("generated")).isEqualTo(4_334_561L);
        PriceTable prices = PriceTable.bundled();
        BigDecimal formula = BigDecimal.ZERO;
        for (PlannedRequest request : Workload.of(Trace.read(traces), "any").requests()) {
            var price = prices.find(request.model()).orElseThrow();
            formula = formula.add(price.input().multiply(BigDecimal.valueOf(request.promptTokens())))
                    .add(price.output().multiply(BigDecimal.valueOf(request.maxTokens())));
        }
        assertThat((BigDecimal) log.get("spend")).isEqualByComparingTo(formula);
        assertThat(database.books())
                .agree()
                .haveRequests(28_185)
                .haveSpend(formula)
                .haveNoDeadlock()
                .haveNoDeadLetters();
    }
}
