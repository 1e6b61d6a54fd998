package io.llmdb.examples.gateway.traffic;

import io.llmdb.examples.gateway.traffic.Reply.Kind;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.examples.gateway.upstream.Usage;
import io.llmdb.examples.gateway.upstream.Words;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Sends requests as an OpenAI client does, over HTTP, and reads what comes back. Safe for use by several threads. */
public final class Client {

    private static final Duration TIMEOUT = Duration.ofMinutes(2);
    private static final String DATA = "data: ";

    static {
        // In seconds. Kept for longer, a connection may be closed by the server just when the next request is sent on
        // it.
        System.setProperty("jdk.httpclient.keepalive.timeout", "10");
    }

    private final HttpClient http;
    private final URI completions;
    private final boolean wordsAreTokens;

    /**
     * @param gateway the gateway's address
     * @param wordsAreTokens whether an answer has as many words as it says it has tokens, which is then checked
     */
    public Client(URI gateway, boolean wordsAreTokens) {
        this.http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        this.completions = gateway.resolve("/v1/chat/completions");
        this.wordsAreTokens = wordsAreTokens;
    }

    /**
     * Sends a request and waits for its end.
     *
     * @param request the request
     * @param key the virtual key
     * @return what came of it; failures too
     * @throws InterruptedException where the thread is interrupted
     */
    public Reply send(PlannedRequest request, String key) throws InterruptedException {
        long start = System.nanoTime();
        if (request.leaves()) {
            return sendAndLeave(request, key, new Exchange(request, start));
        }
        HttpRequest http = HttpRequest.newBuilder(completions)
                .timeout(TIMEOUT)
                .header("Authorization", "Bearer " + key)
                .header("Content-Type", "application/json")
                .header("X-Request-Id", request.id())
                .POST(BodyPublishers.ofByteArray(body(request)))
                .build();
        Exchange exchange = new Exchange(request, start);
        try {
            HttpResponse<InputStream> response = this.http.send(http, BodyHandlers.ofInputStream());
            try (InputStream in = response.body()) {
                if (response.statusCode() != 200) {
                    return exchange.refused(response.statusCode(), in.readAllBytes());
                }
                return request.stream() ? exchange.stream(in) : exchange.whole(in.readAllBytes());
            }
        } catch (IOException | JacksonException e) {
            return exchange.end(Kind.BROKEN, 0, e.getClass().getSimpleName() + ": " + e.getMessage(), "", null);
        }
    }

    /**
     * Closes the connection after the first part of the answer. On a connection of its own: {@link HttpClient} may hand
     * one that is just being closed to the next request.
     */
    private Reply sendAndLeave(PlannedRequest request, String key, Exchange exchange) {
        try {
            HttpURLConnection connection =
                    (HttpURLConnection) completions.toURL().openConnection();
            connection.setDoOutput(true);
            connection.setReadTimeout((int) TIMEOUT.toMillis());
            connection.setRequestProperty("Authorization", "Bearer " + key);
            connection.setRequestProperty("Content-Type", "application/json");
            connection.setRequestProperty("X-Request-Id", request.id());
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body(request));
            }
            try {
                return connection.getResponseCode() == 200
                        ? exchange.stream(connection.getInputStream())
                        : exchange.refused(
                                connection.getResponseCode(),
                                connection.getErrorStream().readAllBytes());
            } finally {
                connection.disconnect();
            }
        } catch (IOException | JacksonException e) {
            return exchange.end(Kind.BROKEN, 0, e.getClass().getSimpleName() + ": " + e.getMessage(), "", null);
        }
    }

    private static byte[] body(PlannedRequest request) {
        ObjectNode body = Json.object().put("model", request.model()).put("max_tokens", request.maxTokens());
        body.putArray("messages").addObject().put("role", "user").put("content", Words.text(request.promptTokens()));
        if (request.exact()) {
            body.put("ignore_eos", true);
        }
        if (request.stream()) {
            body.put("stream", true);
            body.putObject("stream_options").put("include_usage", true);
        }
        if (!request.endUser().isEmpty()) {
            body.put("user", request.endUser());
        }
        if (!request.tags().isEmpty()) {
            var tags = body.putObject("metadata").putArray("tags");
            request.tags().forEach(tags::add);
        }
        return Json.bytes(body);
    }

    private final class Exchange {

        private final PlannedRequest request;
        private final long start;
        private long firstPartNanos;

        Exchange(PlannedRequest request, long start) {
            this.request = request;
            this.start = start;
        }

        Reply whole(byte[] body) {
            JsonNode answer = Json.read(body);
            return answered(
                    answer.path("usage"),
                    Words.count(answer.path("choices")
                            .path(0)
                            .path("message")
                            .path("content")
                            .asString("")));
        }

        Reply stream(InputStream in) throws IOException {
            StringBuilder text = new StringBuilder();
            JsonNode usage = Json.object();
            BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.startsWith(DATA)) {
                    continue;
                }
                if (firstPartNanos == 0) {
                    firstPartNanos = System.nanoTime() - start;
                    if (request.leaves()) {
                        return end(Kind.LEFT, 200, "", "", null);
                    }
                }
                String data = line.substring(DATA.length());
                if (data.equals("[DONE]")) {
                    // To the very end, or the connection cannot be used again.
                    in.transferTo(OutputStream.nullOutputStream());
                    return answered(usage, Words.count(text.toString()));
                }
                JsonNode part = Json.read(data);
                JsonNode error = part.path("error");
                if (error.isObject()) {
                    in.transferTo(OutputStream.nullOutputStream());
                    return end(Kind.FAILED, 200, error.path("code").asString("error"), "", null);
                }
                for (JsonNode choice : part.path("choices")) {
                    text.append(choice.path("delta").path("content").asString(""));
                }
                usage = part.path("usage").isObject() ? part.path("usage") : usage;
            }
            return end(Kind.BROKEN, 200, "the stream broke off", "", null);
        }

        Reply refused(int status, byte[] body) {
            JsonNode error = Json.read(body).path("error");
            String code = error.path("code").asString("");
            return end(
                    code.equals("upstream_error") ? Kind.FAILED : status < 500 ? Kind.REFUSED : Kind.BROKEN,
                    status,
                    code,
                    error.path("budget").path("scope").asString(""),
                    null);
        }

        private Reply answered(JsonNode usage, long words) {
            Usage told = new Usage(
                    usage.path("prompt_tokens").asLong(-1),
                    usage.path("completion_tokens").asLong(-1));
            if (told.promptTokens() < 0
                    || wordsAreTokens
                            && (told.promptTokens() != request.promptTokens() || told.completionTokens() != words)) {
                return end(
                        Kind.BROKEN,
                        200,
                        "the answer says " + told + ", the text says " + request.promptTokens() + " and " + words,
                        "",
                        null);
            }
            return end(Kind.ANSWERED, 200, "", "", told);
        }

        Reply end(Kind kind, int status, String code, String scope, @Nullable Usage usage) {
            return new Reply(request, kind, status, code, scope, usage, System.nanoTime() - start, firstPartNanos);
        }
    }
}
