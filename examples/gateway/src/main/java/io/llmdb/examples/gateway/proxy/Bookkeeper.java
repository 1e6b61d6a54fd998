package io.llmdb.examples.gateway.proxy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import io.llmdb.examples.gateway.upstream.ChatRequest;
import io.llmdb.examples.gateway.upstream.Json;
import io.llmdb.examples.gateway.upstream.Upstream;
import io.llmdb.examples.gateway.upstream.Usage;
import io.llmdb.identity.Organization;
import io.llmdb.keys.Caller;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.spend.RequestError;
import io.llmdb.spend.SpendEvent;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts requests into the books, however they ended: each one once. */
final class Bookkeeper {

    private static final Logger LOG = LoggerFactory.getLogger(Bookkeeper.class);

    /** How long booking is tried again where the database is away; the client waits meanwhile. */
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(10);

    private final CurrentDatabase database;
    private final Upstream upstream;
    private final boolean storePrompts;

    Bookkeeper(CurrentDatabase database, Upstream upstream, boolean storePrompts) {
        this.database = database;
        this.upstream = upstream;
        this.storePrompts = storePrompts;
    }

    /** How a request that reached the upstream ended. */
    record Outcome(
            Usage usage,
            BigDecimal cost,
            @Nullable Instant firstToken,
            @Nullable RequestError error,
            @Nullable String response) {}

    /** Whether prompts and answers have to be collected at all. */
    boolean storesPrompts() {
        return storePrompts;
    }

    /**
     * Books what a request has cost.
     *
     * @param from where it was admitted
     * @throws LlmDbException where it could not be booked; the cost stands in the log then
     */
    void settle(LlmDb from, Admission admission, HttpCall http, ChatRequest request, Price price, Outcome outcome) {
        SpendEvent event = describe(admission.event(), http, request)
                .provider(price.provider())
                .apiBase(upstream.address())
                .tokens(outcome.usage.promptTokens(), outcome.usage.completionTokens())
                .cost(outcome.cost)
                .completionStartTime(outcome.firstToken)
                .error(outcome.error)
                .messages(storePrompts ? Json.text(request.body().path("messages")) : null)
                .response(storePrompts ? outcome.response : null)
                .build();
        long start = System.nanoTime();
        while (true) {
            try {
                // The event is the same each time, so a first attempt that did reach the books is no harm.
                admission.settle(event);
                return;
            } catch (DatabaseUnavailableException e) {
                if (System.nanoTime() - start > PATIENCE) {
                    LOG.error("{} could not be booked: {}", event, e.getMessage());
                    throw e;
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
            } catch (DatabaseMovedException e) {
                // Once the move is known here, it is booked where the database is now.
                if (System.nanoTime() - start > PATIENCE || !database.follow(from, e)) {
                    LOG.error("{} could not be booked: {}", event, e.getMessage());
                    throw e;
                }
            } catch (LlmDbException e) {
                LOG.error("{} could not be booked: {}", event, e.getMessage());
                throw e;
            }
        }
    }

    /** Logs a request of a known caller that was refused before it reached the upstream; it costs nothing. */
    void refused(Caller caller, HttpCall http, ChatRequest request, ApiError error) {
        VirtualKeySpec key = caller.key().spec();
        Organization organization = caller.organization();
        SpendEvent.Builder event = SpendEvent.builder(Instant.now())
                .endTime(Instant.now())
                .keyHash(caller.key().hash())
                .model(request.model())
                .modelGroup(request.model())
                .endUser(request.endUser())
                .tags(request.tags())
                .error(RequestError.of(error.code(), error.message(), error.status()));
        if (key.userId() != null) {
            event.userId(key.userId());
        }
        if (key.teamId() != null) {
            event.teamId(key.teamId());
        }
        if (organization != null) {
            event.organizationId(organization.id());
        }
        try {
            SpendEvent refused = describe(event, http, request).build();
            database.ask(db -> {
                db.spend().record(refused);
                return refused;
            });
        } catch (LlmDbException e) {
            // The refusal holds all the same.
            LOG.warn("A refused request is not in the log: {}", e.getMessage());
        }
    }

    private static SpendEvent.Builder describe(SpendEvent.Builder event, HttpCall http, ChatRequest request) {
        return event.requestId(request.id()).requesterIp(http.remoteAddress());
    }
}
