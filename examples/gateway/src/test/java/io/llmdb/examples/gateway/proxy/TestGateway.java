package io.llmdb.examples.gateway.proxy;

import io.llmdb.LlmDb;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.examples.gateway.upstream.StubUpstream;
import io.llmdb.examples.gateway.upstream.Upstream;
import io.llmdb.examples.gateway.upstream.Words;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.testkit.RecordingSink;
import io.llmdb.testkit.TestDatabase;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import tools.jackson.databind.JsonNode;

/** A gateway on a test's database. */
final class TestGateway implements AutoCloseable {

    static final String CHAT = "/v1/chat/completions";

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final RecordingSink sink = RecordingSink.afterCommit();
    private final LlmDb db;
    private final ProxyServer server;

    private TestGateway(LlmDbSettings settings, Upstream upstream) throws IOException {
        this.db = LlmDb.builder(settings).sink(sink).open();
        this.server = ProxyServer.start(CurrentDatabase.only(db), settings, upstream, PriceTable.bundled(), 0);
    }

    /** With a stub that answers at once and never fails. */
    static TestGateway start(TestDatabase database) throws IOException {
        return start(database.settings().build(), stub(0));
    }

    static TestGateway start(LlmDbSettings settings, Upstream upstream) throws IOException {
        return new TestGateway(settings, upstream);
    }

    static StubUpstream stub(double failureRate) {
        return new StubUpstream(7, Duration.ZERO, failureRate);
    }

    LlmDb db() {
        return db;
    }

    RecordingSink sink() {
        return sink;
    }

    URI address() {
        return server.address();
    }

    /** A request whose answer has exactly {@code answer} tokens; {@code more} is put into its body. */
    static String body(String model, int prompt, int answer, String more) {
        return "{\"model\": \"%s\", \"max_tokens\": %d, \"ignore_eos\": true, %s \"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]}"
                .formatted(model, answer, more, Words.text(prompt));
    }

    HttpResponse<String> chat(String key, String body, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(address().resolve(CHAT))
                .timeout(Duration.ofSeconds(60))
                .header("Authorization", "Bearer " + key)
                .POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> get(String path, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(address().resolve(path)).timeout(Duration.ofSeconds(60));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    static JsonNode error(HttpResponse<String> response) {
        return Json.read(response.body()).path("error");
    }

    @Override
    public void close() {
        server.close();
        db.close();
    }
}
