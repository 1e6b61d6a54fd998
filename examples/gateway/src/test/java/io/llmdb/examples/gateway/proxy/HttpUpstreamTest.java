package io.llmdb.examples.gateway.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.common.BudgetTerms;
import io.llmdb.examples.gateway.upstream.HttpUpstream;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.examples.gateway.upstream.Words;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.net.URI;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** A gateway whose upstream is an OpenAI-compatible server: another gateway, on the same database. */
@LlmDbTest
class HttpUpstreamTest {

    @Test
    void passesAnswersStreamsAndFailuresOn(TestDatabase database) throws Exception {
        try (TestGateway far = TestGateway.start(database)) {
            IssuedKey inner =
                    far.db().admin().keys().create(VirtualKeySpec.of("inner").withBudget(BudgetTerms.of("0.0005")));
            HttpUpstream upstream = new HttpUpstream(URI.create(far.address() + "/v1/"), inner.rawKey());
            try (TestGateway near = TestGateway.start(database.settings().build(), upstream)) {
                String outer = near.db()
                        .admin()
                        .keys()
                        .create(VirtualKeySpec.of("outer"))
                        .rawKey();
                String tagged = "\"metadata\": {\"tags\": [\"near\"], \"more\": \"text\"},";

                // Each answer has 10 tokens in and 20 out, for 0.000225; the inner key can pay for two.
                JsonNode answer = Json.read(near.chat(outer, TestGateway.body("gpt-4o", 10, 20, tagged))
                        .body());
                assertThat(answer.path("choices")
                                .path(0)
                                .path("message")
                                .path("content")
                                .asString())
                        .isEqualTo(Words.text(20));
                assertThat(answer.path("usage").path("total_tokens").asLong()).isEqualTo(30);

                String stream = near.chat(outer, TestGateway.body("gpt-4o", 10, 20, "\"stream\": true," + tagged))
                        .body();
                assertThat(stream).endsWith("data: [DONE]\n\n").doesNotContain("usage");
                StringBuilder text = new StringBuilder();
                stream.lines()
                        .filter(line -> line.startsWith("data: {"))
                        .forEach(line -> text.append(Json.read(line.substring(6))
                                .path("choices")
                                .path(0)
                                .path("delta")
                                .path("content")
                                .asString("")));
                assertThat(text.toString()).isEqualTo(Words.text(20));

                // The inner key's budget is used up; the outer one is not to blame, but keeps the upstream's status.
                var refused = near.chat(outer, TestGateway.body("gpt-4o", 10, 20, tagged));
                assertThat(refused.statusCode()).isEqualTo(429);
                assertThat(TestGateway.error(refused).path("code").asString()).isEqualTo("upstream_error");

                far.db().admin().keys().block(inner.key().hash());
                far.db().catchUp();
                var blocked = near.chat(outer, TestGateway.body("gpt-4o", 10, 20, tagged));
                assertThat(blocked.statusCode()).isEqualTo(502);
                assertThat(blocked.body()).doesNotContain(inner.rawKey());
            }
            var away = new HttpUpstream(URI.create("http://localhost:1/v1"), null);
            try (TestGateway near = TestGateway.start(database.settings().build(), away)) {
                String outer = near.db()
                        .admin()
                        .keys()
                        .create(VirtualKeySpec.of("other"))
                        .rawKey();
                assertThat(near.chat(outer, TestGateway.body("gpt-4o", 10, 20, ""))
                                .statusCode())
                        .isEqualTo(502);
                assertThat(near.chat(outer, TestGateway.body("gpt-4o", 10, 20, "\"stream\": true,"))
                                .statusCode())
                        .isEqualTo(502);
            }
        }
        assertThat(database.rows("""
                SELECT k.key_alias, count(*) FILTER (WHERE l.status = 'success') AS good, count(*) AS requests, (sum(l.spend) / 0.000225)::int AS paid,
                       count(l.request_tags) AS tagged
                FROM ${llmdb}."LLM_SpendLogs" l JOIN ${llmdb}."LLM_VerificationToken" k ON k.token = l.api_key
                GROUP BY 1 ORDER BY 1"""))
                .map(row -> row.get("key_alias") + " " + row.get("good") + " of " + row.get("requests") + " answered, "
                        + row.get("paid") + " paid, " + row.get("tagged") + " tagged")
                .containsExactly(
                        "inner 2 of 3 answered, 2 paid, 0 tagged",
                        "other 0 of 2 answered, 0 paid, 0 tagged",
                        "outer 2 of 4 answered, 2 paid, 4 tagged");
        assertThat(database.books()).agree().reserveNothing();
    }
}
