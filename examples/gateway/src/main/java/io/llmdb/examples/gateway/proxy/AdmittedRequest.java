package io.llmdb.examples.gateway.proxy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.error.LlmDbException;
import io.llmdb.examples.gateway.proxy.Bookkeeper.Outcome;
import io.llmdb.examples.gateway.upstream.ChatRequest;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.examples.gateway.upstream.Shapes;
import io.llmdb.examples.gateway.upstream.Upstream;
import io.llmdb.examples.gateway.upstream.Upstream.Answer;
import io.llmdb.examples.gateway.upstream.UpstreamException;
import io.llmdb.examples.gateway.upstream.Usage;
import io.llmdb.spend.RequestError;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A request with its estimate reserved, from the call of the upstream to the end of the answer. */
final class AdmittedRequest {

    private final HttpCall http;
    private final ChatRequest request;
    private final Price price;
    private final LlmDb db;
    private final Admission admission;
    private final Upstream upstream;
    private final Bookkeeper books;
    private final Duration reservationTime;
    private final long admittedAt = System.nanoTime();
    private long settlingNanos;

    // What a stream has brought so far.
    private HttpCall.@Nullable Events events;
    private long tokens;
    private @Nullable Instant firstToken;
    private long reservedAt = admittedAt;
    private final StringBuilder text = new StringBuilder();

    AdmittedRequest(
            HttpCall http,
            ChatRequest request,
            Price price,
            LlmDb db,
            Admission admission,
            Upstream upstream,
            Bookkeeper books,
            Duration reservationTime) {
        this.http = http;
        this.request = request;
        this.price = price;
        this.db = db;
        this.admission = admission;
        this.upstream = upstream;
        this.books = books;
        this.reservationTime = reservationTime;
    }

    long admittedAt() {
        return admittedAt;
    }

    long settlingNanos() {
        return settlingNanos;
    }

    void answer() throws IOException {
        Answer answer;
        try {
            answer = upstream.answer(request);
        } catch (UpstreamException e) {
            settle(new Usage(0, 0), failure(e), null);
            http.error(ApiError.of(e));
            return;
        }
        settle(answer.usage(), null, books.storesPrompts() ? Json.text(answer.body()) : null);
        http.json(200, answer.body());
    }

    void stream() throws IOException {
        Usage usage;
        try {
            usage = upstream.stream(request, this::forward);
        } catch (UpstreamException e) {
            settle(usageSoFar(), failure(e), streamedText());
            ApiError error = ApiError.of(e);
            if (events == null) {
                http.error(error);
            } else {
                events.fail(error);
            }
            return;
        } catch (IOException e) {
            // Nobody reads any more; the provider wants to be paid for what it has made all the same.
            settle(
                    usageSoFar(),
                    RequestError.of("client_closed_request", "The client left after " + tokens + " tokens", 499),
                    streamedText());
            throw e;
        }
        HttpCall.Events out = events == null ? http.events() : events;
        try {
            settle(usage, null, streamedText());
        } catch (LlmDbException e) {
            out.fail(ApiErrors.of(e));
            return;
        }
        if (request.includeUsage()) {
            out.send(Shapes.usageChunk(request, usage));
        }
        out.done();
    }

    private void forward(ObjectNode chunk, long tokensSoFar) throws IOException {
        tokens = tokensSoFar;
        if (firstToken == null) {
            firstToken = admission.startTime().plusNanos(System.nanoTime() - admittedAt);
        }
        if (books.storesPrompts()) {
            for (JsonNode choice : chunk.path("choices")) {
                text.append(choice.path("delta").path("content").asString(""));
            }
        }
        if (System.nanoTime() - reservedAt > reservationTime.toNanos() / 2) {
            reservedAt = System.nanoTime();
            admission.extend(reservationTime);
        }
        if (events == null) {
            events = http.events();
        }
        events.send(chunk);
    }

    private void settle(Usage usage, @Nullable RequestError error, @Nullable String response) {
        long from = System.nanoTime();
        BigDecimal cost = price.of(usage);
        books.settle(db, admission, http, request, price, new Outcome(usage, cost, firstToken, error, response));
        settlingNanos = System.nanoTime() - from;
    }

    /** Where the first token never came, nothing is charged. */
    private Usage usageSoFar() {
        return tokens == 0 ? new Usage(0, 0) : new Usage(upstream.countPrompt(request), tokens);
    }

    private @Nullable String streamedText() {
        return books.storesPrompts() ? Json.text(Json.object().put("content", text.toString())) : null;
    }

    private static RequestError failure(UpstreamException e) {
        return RequestError.of(e.type(), e.text(), e.status());
    }
}
