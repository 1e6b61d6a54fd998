package io.llmdb.examples.gateway.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.common.BudgetTerms;
import io.llmdb.common.RateLimits;
import io.llmdb.examples.gateway.upstream.ChatRequest;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.examples.gateway.upstream.StubUpstream;
import io.llmdb.examples.gateway.upstream.Upstream;
import io.llmdb.examples.gateway.upstream.UpstreamException;
import io.llmdb.examples.gateway.upstream.Usage;
import io.llmdb.examples.gateway.upstream.Words;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.CapturedLog;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

@LlmDbTest
class ProxyServerTest {

    private static final String SMALL = TestGateway.body("gpt-4o-mini", 10, 20, "");

    /** 10 tokens in, 20 out. */
    private static final BigDecimal SMALL_COST = new BigDecimal("0.0000135");

    private static String key(TestGateway gateway, VirtualKeySpec spec) {
        String raw = gateway.db().admin().keys().create(spec).rawKey();
        gateway.db().catchUp();
        return raw;
    }

    private static void isRefused(HttpResponse<String> response, int status, String type, String code) {
        JsonNode error = TestGateway.error(response);
        assertThat(List.of(
                        response.statusCode(),
                        error.path("type").asString(""),
                        error.path("code").asString("")))
                .as(response.body())
                .containsExactly(status, type, code);
        assertThat(error.path("message").asString("")).isNotBlank();
        assertThat(error.has("param")).isTrue();
        assertThat(response.headers().firstValue("Content-Type")).contains("application/json");
    }

    @Test
    void answersInOpenAisFormAndBooksTheExactCost(TestDatabase database) throws Exception {
        try (TestGateway gateway = TestGateway.start(database)) {
            String key = key(gateway, VirtualKeySpec.of("anna"));
            HttpResponse<String> response = gateway.chat(
                    key,
                    TestGateway.body(
                            "gpt-4o-mini",
                            10,
                            20,
                            "\"user\": \"customer-1\", \"metadata\": {\"tags\": [\"a\", \"b\"]},"),
                    "X-Request-Id",
                    "my-request");
            JsonNode answer = Json.read(response.body());
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(answer.path("object").asString()).isEqualTo("chat.completion");
            assertThat(answer.path("model").asString()).isEqualTo("gpt-4o-mini");
            assertThat(Words.count(answer.path("choices")
                            .path(0)
                            .path("message")
                            .path("content")
                            .asString()))
                    .isEqualTo(20);
            assertThat(answer.path("usage").path("prompt_tokens").asLong()).isEqualTo(10);
            assertThat(answer.path("usage").path("completion_tokens").asLong()).isEqualTo(20);
            assertThat(response.headers().firstValue("X-Request-Id")).contains("my-request");

            // It is in the books before the client has its answer.
            assertThat(database.rows("""
                    SELECT request_id, spend, prompt_tokens, completion_tokens, end_user, request_tags::text, status, api_base,
                           custom_llm_provider, requester_ip_address
                    FROM ${llmdb}."LLM_SpendLogs" """)).singleElement().satisfies(row -> {
                assertThat((BigDecimal) row.get("spend")).isEqualByComparingTo(SMALL_COST);
                assertThat(row.values())
                        .contains(
                                "my-request",
                                10L,
                                20L,
                                "customer-1",
                                "[\"a\", \"b\"]",
                                "success",
                                "stub",
                                "openai",
                                "127.0.0.1");
            });
        }
        assertThat(database.books()).agree().reserveNothing().haveRequests(1).haveSpend(SMALL_COST);
    }

    @Test
    void streamsAsServerSentEventsWithUsageAtTheEnd(TestDatabase database) throws Exception {
        try (TestGateway gateway = TestGateway.start(database)) {
            String key = key(gateway, VirtualKeySpec.of("anna"));
            String stream = "\"stream\": true, \"stream_options\": {\"include_usage\": true},";
            HttpResponse<String> response = gateway.chat(key, TestGateway.body("gpt-4o-mini", 10, 20, stream));
            assertThat(response.headers().firstValue("Content-Type")).contains("text/event-stream");
            List<String> events =
                    response.body().lines().filter(line -> !line.isEmpty()).toList();
            assertThat(events).allMatch(line -> line.startsWith("data: ")).endsWith("data: [DONE]");
            StringBuilder text = new StringBuilder();
            for (String event : events.subList(0, events.size() - 2)) {
                JsonNode choice = Json.read(event.substring(6)).path("choices").path(0);
                text.append(choice.path("delta").path("content").asString(""));
            }
            assertThat(text.toString()).isEqualTo(Words.text(20));
            JsonNode last = Json.read(events.get(events.size() - 2).substring(6));
            assertThat(last.path("choices").isEmpty()).isTrue();
            assertThat(last.path("usage").path("total_tokens").asLong()).isEqualTo(30);

            String plain = gateway.chat(key, TestGateway.body("gpt-4o-mini", 10, 20, "\"stream\": true,"))
                    .body();
            assertThat(plain).doesNotContain("usage").endsWith("data: [DONE]\n\n");
        }
        assertThat(database.books()).agree().reserveNothing().haveRequests(2).haveSpend(SMALL_COST.add(SMALL_COST));
    }

    @Test
    void refusesWithTheRightStatus(TestDatabase database) throws Exception {
        try (TestGateway gateway = TestGateway.start(database)) {
            String good = key(gateway, VirtualKeySpec.of("good").withModels(List.of("gpt-4o-mini")));
            String blocked = key(gateway, VirtualKeySpec.of("blocked").withBlocked(true));
            String expired = key(
                    gateway,
                    VirtualKeySpec.of("expired").withExpires(Instant.now().minusSeconds(1)));
            String poor = key(gateway, VirtualKeySpec.of("poor").withBudget(BudgetTerms.of("0.00002", "1d")));

            isRefused(gateway.get("/v1/models"), 401, "authentication_error", "missing_api_key");
            isRefused(gateway.chat("no-key", SMALL), 401, "authentication_error", "invalid_api_key");
            isRefused(gateway.chat("sk-unknown-unknown", SMALL), 401, "authentication_error", "invalid_api_key");
            isRefused(gateway.chat(expired, SMALL), 401, "authentication_error", "expired_api_key");
            isRefused(gateway.chat(blocked, SMALL), 403, "permission_error", "key_blocked");
            String lists = key(gateway, VirtualKeySpec.of("lists").withAllowedRoutes(List.of("/v1/models")));
            isRefused(gateway.chat(lists, SMALL), 403, "permission_error", "route_not_allowed");
            assertThat(gateway.get("/v1/models", "Authorization", "Bearer " + lists)
                            .statusCode())
                    .isEqualTo(200);
            isRefused(
                    gateway.chat(good, TestGateway.body("gpt-4o", 1, 1, "")),
                    403,
                    "permission_error",
                    "model_not_allowed");
            isRefused(
                    gateway.chat(good, TestGateway.body("gpt-9", 1, 1, "")),
                    404,
                    "invalid_request_error",
                    "model_not_found");
            isRefused(gateway.get("/v1/nothing"), 404, "invalid_request_error", "not_found");
            for (String malformed : List.of(
                    "",
                    "no json",
                    "[]",
                    "{}",
                    "{\"model\": 1}",
                    "{\"model\": \"gpt-4o-mini\", \"messages\": []}",
                    TestGateway.body("gpt-4o-mini", 1, 0, ""),
                    TestGateway.body("gpt-4o-mini", 1, 1, "\"stream\": 1,"))) {
                isRefused(gateway.chat(good, malformed), 400, "invalid_request_error", "malformed_request");
            }

            assertThat(gateway.chat(poor, SMALL).statusCode()).isEqualTo(200);
            HttpResponse<String> refused = gateway.chat(poor, SMALL);
            isRefused(refused, 429, "insufficient_quota", "budget_exceeded");
            JsonNode budget = TestGateway.error(refused).path("budget");
            assertThat(budget.path("scope").asString()).isEqualTo("key");
            assertThat(budget.path("spent").asString()).isEqualTo("0.0000135");
            assertThat(budget.path("estimate").asString()).isEqualTo("0.0000135");
            assertThat(budget.path("limit").asString()).isEqualTo("0.00002");
            assertThat(Instant.parse(budget.path("reset_at").asString())).isAfter(Instant.now());
            assertThat(refused.headers().firstValueAsLong("Retry-After").orElseThrow())
                    .isBetween(1L, 86_401L);

            JsonNode models = Json.read(
                    gateway.get("/v1/models", "Authorization", "Bearer " + good).body());
            assertThat(models.path("data"))
                    .singleElement()
                    .satisfies(model -> assertThat(model.path("id").asString()).isEqualTo("gpt-4o-mini"));
            assertThat(gateway.get("/health").statusCode()).isEqualTo(200);
        }
        // One answer; refused were a known key's requests for the wrong model, for none, and beyond its budget.
        assertThat(database.books()).agree().reserveNothing().haveRequests(4).haveSpend(SMALL_COST);
        assertThat(database.rows(
                        "SELECT exception_type, status_code FROM ${llmdb}.\"LLM_ErrorLogs\" ORDER BY exception_type"))
                .map(row -> row.get("exception_type") + " " + row.get("status_code"))
                .containsExactly("budget_exceeded 429", "model_not_allowed 403", "model_not_found 404");
    }

    @Test
    void tellsWhenToTryAgainWhereALimitIsUsedUp(TestDatabase database) throws Exception {
        database.clock().freeze(Instant.parse("2031-03-04T05:06:17.250Z"));
        try (TestGateway gateway = TestGateway.start(database.settings().build(), TestGateway.stub(0))) {
            String key = key(gateway, VirtualKeySpec.of("anna").withRateLimits(new RateLimits(null, 1L, null)));
            assertThat(gateway.chat(key, SMALL).statusCode()).isEqualTo(200);
            HttpResponse<String> refused = gateway.chat(key, SMALL);
            isRefused(refused, 429, "rate_limit_exceeded", "requests_per_minute");
            assertThat(refused.headers().firstValueAsLong("Retry-After")).hasValue(43);
        }
    }

    @Test
    void chargesNothingForWhatTheUpstreamFailed(TestDatabase database) throws Exception {
        try (TestGateway gateway = TestGateway.start(database.settings().build(), TestGateway.stub(1))) {
            String key = key(gateway, VirtualKeySpec.of("anna").withBudget(BudgetTerms.of("0.000014")));
            for (int i = 0; i < 3; i++) {
                HttpResponse<String> response = gateway.chat(key, SMALL);
                assertThat(response.statusCode()).isIn(502, 503);
                assertThat(TestGateway.error(response).path("code").asString()).isEqualTo("upstream_error");
            }
        }
        assertThat(database.books()).agree().reserveNothing().haveRequests(3).haveSpend(BigDecimal.ZERO);
        assertThat(database.count("LLM_ErrorLogs")).isEqualTo(3);
    }

    /** Goes on until the client is gone. */
    private static final class EndlessUpstream implements Upstream {

        private final AtomicLong tokens = new AtomicLong();

        @Override
        public long countPrompt(ChatRequest request) {
            return 10;
        }

        @Override
        public Answer answer(ChatRequest request) throws UpstreamException {
            throw new UpstreamException(500, "server_error", "Streams only");
        }

        @Override
        public Usage stream(ChatRequest request, Chunks chunks) throws UpstreamException, IOException {
            long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (System.nanoTime() < end) {
                chunks.next(Json.object().put("padding", "x".repeat(1000)), tokens.incrementAndGet());
                LockSupport.parkNanos(1_000_000);
            }
            throw new UpstreamException(504, "timeout", "The client never left");
        }

        @Override
        public String address() {
            return "endless";
        }

        @Override
        public void close() {}
    }

    @Test
    void chargesWhoeverLeavesForWhatWasMadeUntilThen(TestDatabase database) throws Exception {
        EndlessUpstream upstream = new EndlessUpstream();
        try (TestGateway gateway = TestGateway.start(database.settings().build(), upstream)) {
            String key = key(gateway, VirtualKeySpec.of("anna").withBudget(BudgetTerms.of("1")));
            byte[] body = TestGateway.body("gpt-4o-mini", 10, 16_000, "\"stream\": true,")
                    .getBytes(StandardCharsets.UTF_8);
            try (Socket socket = new Socket("localhost", gateway.address().getPort())) {
                socket.getOutputStream()
                        .write(("POST " + TestGateway.CHAT + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                                        + key + "\r\nContent-Length: " + body.length + "\r\n\r\n")
                                .getBytes(StandardCharsets.UTF_8));
                socket.getOutputStream().write(body);
                BufferedReader in =
                        new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
                assertThat(in.readLine()).isEqualTo("HTTP/1.1 200 OK");
                assertThat(in.lines().anyMatch(line -> line.startsWith("data: ")))
                        .isTrue();
            }
            Await.until("the request is booked", Duration.ofSeconds(20), () -> database.count("LLM_SpendLogs") == 1);
            // The row is seen a moment before its caller hears of the commit.
            Await.until(
                    "its admission is over",
                    Duration.ofSeconds(20),
                    () -> gateway.db().budgets().openAdmissions() == 0);
        }
        long tokens = upstream.tokens.get();
        BigDecimal cost = new BigDecimal("0.00000015")
                .multiply(BigDecimal.TEN)
                .add(new BigDecimal("0.0000006").multiply(BigDecimal.valueOf(tokens)));
        assertThat(database.books()).agree().reserveNothing().haveRequests(1).haveSpend(cost);
        assertThat(database.rows("SELECT exception_type, status_code FROM ${llmdb}.\"LLM_ErrorLogs\""))
                .singleElement()
                .satisfies(row -> assertThat(row.values()).containsExactly("client_closed_request", "499"));
    }

    @Test
    void keepsPromptsOnlyWhereTheSettingsSaySo(TestDatabase database) throws Exception {
        for (boolean store : List.of(false, true)) {
            try (CapturedLog log = CapturedLog.start();
                    TestGateway gateway = TestGateway.start(
                            database.settings()
                                    .logs(logs -> logs.storePrompts(store))
                                    .build(),
                            TestGateway.stub(0))) {
                String key = key(gateway, VirtualKeySpec.of("anna-" + store));
                for (String stream : List.of("", "\"stream\": true,")) {
                    String body =
                            TestGateway.body("gpt-4o-mini", 3, 2, stream).replace(Words.text(3), "my secret question");
                    assertThat(gateway.chat(key, body).statusCode()).isEqualTo(200);
                }
                // The HTTP server and the driver talk on other levels; none of them quotes a body.
                assertThat(log.text()).doesNotContain("my secret question").doesNotContain(key.substring(3));
            }
            assertThat(database.count("LLM_SpendLogs")).isEqualTo(store ? 4 : 2);
            assertThat(database.value(Long.class, """
                    SELECT count(*) FROM ${llmdb}."LLM_SpendLogs"
                    WHERE messages::text LIKE '%my secret question%' AND response::text LIKE ?""", "%" + Words.text(2) + "%"))
                    .isEqualTo(store ? 2 : 0);
        }
    }

    @Test
    void saysThatTheDatabaseIsAwayAndNeverThatAKeyIsUnknown(TestDatabase database, TcpProxy proxy) throws Exception {
        var settings = database.settings()
                .connection(connection ->
                        connection.databaseUrl(proxy.databaseUrl()).connectionTimeout(Duration.ofMillis(500)))
                .build();
        try (TestGateway gateway = TestGateway.start(settings, new StubUpstream(1, Duration.ZERO, 0))) {
            String known = key(gateway, VirtualKeySpec.of("known"));
            String unseen = key(gateway, VirtualKeySpec.of("unseen"));
            assertThat(gateway.chat(known, SMALL).statusCode()).isEqualTo(200);

            proxy.refuseNew();
            proxy.cutAll();
            for (String key : List.of(unseen, known)) {
                HttpResponse<String> response = gateway.chat(key, SMALL);
                isRefused(response, 503, "service_unavailable", "database_unavailable");
                assertThat(response.headers().firstValue("Retry-After")).contains("1");
            }
            proxy.heal();
            for (String key : List.of(unseen, known)) {
                // A pool that could not connect pauses for up to five seconds.
                Await.until(
                        "the gateway answers again",
                        Duration.ofSeconds(30),
                        () -> gateway.chat(key, SMALL).statusCode() == 200);
            }
        }
        assertThat(database.books()).agree().reserveNothing();
    }
}
