package io.llmdb.examples.gateway.proxy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.error.LlmDbException;
import io.llmdb.examples.gateway.proxy.ApiError.Refusal;
import io.llmdb.examples.gateway.upstream.ChatRequest;
import io.llmdb.examples.gateway.upstream.ChatRequest.MalformedException;
import io.llmdb.examples.gateway.upstream.Upstream;
import io.llmdb.examples.gateway.upstream.Usage;
import io.llmdb.keys.Caller;
import java.io.IOException;
import java.time.Duration;

/**
 * {@code POST /v1/chat/completions}: who calls, may they, what will it cost, is there room for it; then the call; then
 * the books, before the client has the end of its answer. An answer that a client has read to its end is in the books.
 */
final class ChatCompletions {

    private static final int BODY_LIMIT = 32 << 20;

    private final CurrentDatabase database;
    private final Upstream upstream;
    private final PriceTable prices;
    private final Bookkeeper books;
    private final Duration reservationTime;
    private final Latencies overhead;

    /**
     * @param reservationTime how long the library holds a reservation; a stream that goes on for longer extends it
     * @param overhead gets the time that the gateway itself takes for each request that reached the upstream
     */
    ChatCompletions(
            CurrentDatabase database,
            Upstream upstream,
            PriceTable prices,
            Bookkeeper books,
            Duration reservationTime,
            Latencies overhead) {
        this.database = database;
        this.upstream = upstream;
        this.prices = prices;
        this.books = books;
        this.reservationTime = reservationTime;
        this.overhead = overhead;
    }

    void handle(HttpCall http) throws IOException {
        long arrived = System.nanoTime();
        byte[] body = http.body(BODY_LIMIT);
        Caller caller = database.ask(db -> db.authenticate(http.bearer()));
        caller.requireRoute(http.path());
        ChatRequest request;
        try {
            request = ChatRequest.parse(http.requestId(), body);
        } catch (MalformedException e) {
            throw new Refusal(ApiError.of(e));
        }
        Admitted admitted;
        Price price;
        try {
            price = price(request);
            requireModel(caller, request);
            admitted = admit(caller, request, price);
        } catch (LlmDbException e) {
            throw refused(caller, http, request, ApiErrors.of(e));
        } catch (Refusal e) {
            throw refused(caller, http, request, e.error());
        }
        // Closing releases what was not settled, whatever happens in between.
        try (Admission admission = admitted.admission()) {
            AdmittedRequest work = new AdmittedRequest(
                    http, request, price, admitted.by(), admission, upstream, books, reservationTime);
            if (request.stream()) {
                work.stream();
            } else {
                work.answer();
            }
            overhead.add(work.admittedAt() - arrived + work.settlingNanos());
        }
    }

    private record Admitted(LlmDb by, Admission admission) {}

    private Price price(ChatRequest request) {
        return prices.find(request.model())
                .orElseThrow(() -> new Refusal(new ApiError(
                        404,
                        "invalid_request_error",
                        "model_not_found",
                        "model",
                        "There is no model \"" + request.model() + "\"; GET /v1/models lists them",
                        null,
                        null)));
    }

    private static void requireModel(Caller caller, ChatRequest request) {
        String list = ModelRules.refusedBy(caller, request.model());
        if (list != null) {
            throw new Refusal(new ApiError(
                    403,
                    "permission_error",
                    "model_not_allowed",
                    "model",
                    "The models that this " + list + " may call do not include \"" + request.model() + "\"",
                    null,
                    null));
        }
    }

    private Admitted admit(Caller caller, ChatRequest request, Price price) {
        Integer asked = request.maxTokens();
        Usage most = new Usage(
                upstream.countPrompt(request),
                (long) request.answers() * (asked == null ? price.maxOutputTokens() : asked));
        Call call = Call.of(request.model())
                .withEstimate(price.of(most))
                .withEstimatedTokens(most.promptTokens() + most.completionTokens())
                .withEndUser(request.endUser())
                .withTags(request.tags());
        return database.ask(db -> new Admitted(db, db.budgets().admit(caller, call)));
    }

    private Refusal refused(Caller caller, HttpCall http, ChatRequest request, ApiError error) {
        // Without the database there is nowhere to log it.
        if (error.status() != 503) {
            books.refused(caller, http, request, error);
        }
        return new Refusal(error);
    }
}
