package io.llmdb.examples.gateway.upstream;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Hands requests on to an OpenAI-compatible server. */
public final class HttpUpstream implements Upstream {

    /** Until the first byte of the answer. */
    private static final Duration TIMEOUT = Duration.ofMinutes(2);

    private static final String DATA = "data:";
    private static final int LONGEST_ERROR = 64 * 1024;

    private final HttpClient client =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    private final URI base;
    private final @Nullable String apiKey;

    /**
     * @param base the address up to and with {@code /v1}
     * @param apiKey the key for it; null: it wants none
     */
    public HttpUpstream(URI base, @Nullable String apiKey) {
        this.base = URI.create(base.toString().replaceAll("/+$", ""));
        this.apiKey = apiKey;
    }

    /** A token is three bytes or more of most texts; what it is less often is booked in full all the same. */
    @Override
    public long countPrompt(ChatRequest request) {
        long tokens = 0;
        for (String text : request.texts()) {
            tokens += text.getBytes(StandardCharsets.UTF_8).length / 3 + 8;
        }
        return tokens;
    }

    @Override
    public Answer answer(ChatRequest request) throws UpstreamException {
        try (InputStream in = send(request, request.body())) {
            if (!(Json.read(in.readAllBytes()) instanceof ObjectNode body)) {
                throw noAnswer("an answer that is no object");
            }
            Usage usage = usage(body.path("usage"));
            return new Answer(body, usage == null ? new Usage(countPrompt(request), 0) : usage);
        } catch (JacksonException e) {
            throw noAnswer("an answer that is no JSON");
        } catch (IOException e) {
            throw noAnswer(e.getClass().getSimpleName());
        }
    }

    @Override
    public Usage stream(ChatRequest request, Chunks chunks) throws UpstreamException, IOException {
        ObjectNode body = request.body().deepCopy();
        body.withObjectProperty("stream_options").put("include_usage", true);
        long tokens = 0;
        Usage told = null;
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(send(request, body), StandardCharsets.UTF_8))) {
            for (String line = readLine(lines); line != null; line = readLine(lines)) {
                if (!line.startsWith(DATA)) {
                    continue;
                }
                String data = line.substring(DATA.length()).strip();
                if (data.equals("[DONE]")) {
                    return told == null ? new Usage(countPrompt(request), tokens) : told;
                }
                ObjectNode chunk = parse(data);
                Usage usage = usage(chunk.path("usage"));
                told = usage == null ? told : usage;
                if (usage != null && chunk.path("choices").isEmpty()) {
                    continue;
                }
                for (JsonNode choice : chunk.path("choices")) {
                    tokens += choice.path("delta").path("content").asString("").isEmpty() ? 0 : 1;
                }
                chunks.next(chunk, told == null ? tokens : told.completionTokens());
            }
        }
        throw noAnswer("a stream that breaks off");
    }

    @Override
    public String address() {
        return base.toString();
    }

    @Override
    public void close() {}

    private InputStream send(ChatRequest request, ObjectNode body) throws UpstreamException {
        ObjectNode sent = body;
        if (sent.path("metadata").has("tags")) {
            // Our own word; servers that know "metadata" want texts in it.
            sent = body.deepCopy();
            sent.withObjectProperty("metadata").remove("tags");
        }
        HttpRequest.Builder http = HttpRequest.newBuilder(URI.create(base + "/chat/completions"))
                .timeout(TIMEOUT)
                .header("Content-Type", "application/json")
                .header("X-Request-Id", request.id())
                .POST(BodyPublishers.ofByteArray(Json.bytes(sent)));
        if (apiKey != null) {
            http.header("Authorization", "Bearer " + apiKey);
        }
        try {
            HttpResponse<InputStream> response = client.send(http.build(), BodyHandlers.ofInputStream());
            if (response.statusCode() == 200) {
                return response.body();
            }
            try (InputStream in = response.body()) {
                throw refused(response.statusCode(), in.readNBytes(LONGEST_ERROR));
            }
        } catch (HttpTimeoutException e) {
            throw new UpstreamException(504, "timeout", "The upstream did not answer in time");
        } catch (IOException e) {
            throw noAnswer(e.getClass().getSimpleName());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UpstreamException(503, "server_error", "The gateway is closing");
        }
    }

    /** The upstream's failures are no matter of whoever takes the chunks. */
    private @Nullable String readLine(BufferedReader lines) throws UpstreamException {
        try {
            return lines.readLine();
        } catch (IOException e) {
            throw noAnswer("a stream that breaks off");
        }
    }

    private static ObjectNode parse(String data) throws UpstreamException {
        try {
            if (Json.read(data) instanceof ObjectNode chunk) {
                if (chunk.path("error").isObject()) {
                    throw new UpstreamException(
                            502,
                            "server_error",
                            chunk.path("error").path("message").asString("The upstream failed"));
                }
                return chunk;
            }
        } catch (JacksonException e) {
            throw noAnswer("a chunk that is no JSON");
        }
        throw noAnswer("a chunk that is no object");
    }

    private static @Nullable Usage usage(JsonNode node) {
        return node.isObject()
                ? new Usage(
                        node.path("prompt_tokens").asLong(0),
                        node.path("completion_tokens").asLong(0))
                : null;
    }

    /** What the request is to blame for keeps its status; what the gateway or the upstream is to blame for does not. */
    private static UpstreamException refused(int status, byte[] body) {
        String message = "The upstream answered with status " + status;
        String type = "server_error";
        try {
            JsonNode error = Json.read(body).path("error");
            message = error.path("message").asString(message);
            type = error.path("type").asString(type);
        } catch (JacksonException e) {
            // A status will do.
        }
        return switch (status) {
            case 400, 404, 413, 422, 429 -> new UpstreamException(status, type, message);
            case 401, 403 ->
                new UpstreamException(502, "server_error", "The upstream does not accept the gateway's credentials");
            default -> new UpstreamException(502, type, message);
        };
    }

    private static UpstreamException noAnswer(String what) {
        return new UpstreamException(502, "server_error", "The upstream gave no answer: " + what);
    }
}
