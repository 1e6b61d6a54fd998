package io.llmdb.examples.gateway.proxy;

import com.sun.net.httpserver.HttpExchange;
import io.llmdb.examples.gateway.proxy.ApiError.Refusal;
import io.llmdb.examples.gateway.upstream.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** One HTTP request and its answer. */
final class HttpCall {

    private static final Pattern REQUEST_ID = Pattern.compile("[A-Za-z0-9._:-]{1,128}");
    private static final Pattern BEARER = Pattern.compile("(?i)Bearer +(\\S+) *");

    private final HttpExchange exchange;
    private final String requestId;
    private boolean answered;

    HttpCall(HttpExchange exchange) {
        this.exchange = exchange;
        String sent = exchange.getRequestHeaders().getFirst("X-Request-Id");
        this.requestId = sent != null && REQUEST_ID.matcher(sent).matches()
                ? sent
                : UUID.randomUUID().toString();
        exchange.getResponseHeaders().set("X-Request-Id", requestId);
    }

    String method() {
        return exchange.getRequestMethod();
    }

    String path() {
        return exchange.getRequestURI().getPath();
    }

    /** The client's id of the request, or a new one where it sends none that can be used. */
    String requestId() {
        return requestId;
    }

    String remoteAddress() {
        return exchange.getRemoteAddress().getAddress().getHostAddress();
    }

    /** The virtual key as it was sent. */
    String bearer() {
        String header = exchange.getRequestHeaders().getFirst("Authorization");
        var matcher = BEARER.matcher(header == null ? "" : header);
        if (!matcher.matches()) {
            throw new Refusal(ApiError.of(
                    401,
                    "authentication_error",
                    "missing_api_key",
                    "Send a virtual key as \"Authorization: Bearer sk-...\""));
        }
        return matcher.group(1);
    }

    byte[] body(int limit) throws IOException {
        byte[] bytes = exchange.getRequestBody().readNBytes(limit + 1);
        if (bytes.length > limit) {
            throw new Refusal(ApiError.of(
                    413, "invalid_request_error", "body_too_large", "The body has more than " + limit + " bytes"));
        }
        return bytes;
    }

    boolean isAnswered() {
        return answered;
    }

    void json(int status, ObjectNode body) throws IOException {
        answered = true;
        byte[] bytes = Json.bytes(body);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
        }
    }

    void error(ApiError error) throws IOException {
        Long seconds = error.retryAfterSeconds();
        if (seconds != null) {
            exchange.getResponseHeaders().set("Retry-After", Long.toString(seconds));
        }
        json(error.status(), error.toJson());
    }

    /** Begins an answer of server-sent events. */
    Events events() throws IOException {
        answered = true;
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.getResponseHeaders().set("Cache-Control", "no-cache");
        exchange.sendResponseHeaders(200, 0);
        return new Events(exchange.getResponseBody());
    }

    /** An answer in parts. */
    static final class Events {

        private static final byte[] DATA = "data: ".getBytes(StandardCharsets.US_ASCII);
        private static final byte[] END = "\n\n".getBytes(StandardCharsets.US_ASCII);
        private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII);

        private final OutputStream out;

        private Events(OutputStream out) {
            this.out = out;
        }

        void send(ObjectNode event) throws IOException {
            out.write(DATA);
            out.write(Json.bytes(event));
            out.write(END);
            out.flush();
        }

        void done() throws IOException {
            out.write(DONE);
            out.close();
        }

        void fail(@Nullable ApiError error) throws IOException {
            if (error != null) {
                send(error.toJson());
            }
            out.close();
        }
    }
}
