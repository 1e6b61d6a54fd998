package io.llmdb.limits;

import io.llmdb.error.CallInterruptedException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ticks;
import io.llmdb.keys.Caller;
import io.llmdb.spend.CounterId;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Limits that hold: a request is admitted on every limit that applies or on none, with any number of threads and
 * instances.
 *
 * <p>A minute is one of the database's clock, from second 0 on, and in none of them are more requests, or more tokens
 * by their estimates, admitted than the limit says. Only what a request uses above its own estimate can pass a limit;
 * it counts in the minute in which that becomes known. Safe for use by several threads.
 */
public final class LimitService implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(LimitService.class);

    private final LimitPolicy policy;
    private final LimitScopes scopes;
    private final DbLimitStore store;
    private final LimitDesk desk;
    private final Thread thread;
    private volatile boolean closing;

    /**
     * Starts the thread that asks the database.
     *
     * @param db the database
     * @param databaseClock the database's clock
     * @param directory finds end users and tags
     * @param policy how limits are kept
     */
    public LimitService(Db db, Clock databaseClock, LimitDirectory directory, LimitPolicy policy) {
        this.policy = policy;
        this.scopes = new LimitScopes(directory, policy.defaultEndUserBudgetId());
        this.store = new DbLimitStore(db, UUID.randomUUID(), policy);
        this.desk = new LimitDesk(store, policy, databaseClock, Ticks.SYSTEM);
        this.thread = new Thread(this::run, "llmdb-limits");
        this.thread.setDaemon(true);
        this.thread.start();
    }

    /**
     * Admits a request where it fits into every limit that applies.
     *
     * @param caller who calls
     * @param call the request
     * @param allowWhenUnavailable whether it passes unchecked where the database cannot be reached
     * @return what it holds of the limits, to be settled or released
     * @throws RateLimitedException where it does not fit; the first limit in the way is named
     * @throws io.llmdb.keys.EndUserBlockedException where the end user that the call names is blocked
     * @throws DatabaseUnavailableException where the database has to be asked, cannot be reached, and the request may
     *     not pass unchecked
     * @throws CallInterruptedException where the thread is interrupted while it waits; nothing is held
     */
    public LimitHold admit(Caller caller, LimitedCall call, boolean allowWhenUnavailable) {
        try {
            List<LimitNeed> needs = scopes.of(caller, call);
            if (needs.isEmpty()) {
                return LimitHold.NONE;
            }
            LimitHold hold = desk.reserveHere(needs);
            return hold == null ? ask(needs) : hold;
        } catch (DatabaseUnavailableException e) {
            if (allowWhenUnavailable) {
                return LimitHold.NONE;
            }
            throw e;
        }
    }

    private LimitHold ask(List<LimitNeed> needs) {
        if (closing) {
            throw new IllegalStateException("The limits are closed");
        }
        CompletableFuture<LimitHold> answer = desk.reserve(needs);
        Duration patience = policy.answerWithin().plus(policy.recallWait());
        try {
            return answer.get(patience.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            desk.noteAway();
            return withdraw(
                    answer,
                    new DatabaseUnavailableException(
                            "The database has not answered within " + patience.toMillis() + " ms"));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return withdraw(
                    answer, new CallInterruptedException("Interrupted while waiting for room within the limits", e));
        }
    }

    /** Gives up waiting; an answer that comes all the same holds nothing, or counts if it came just before. */
    private static LimitHold withdraw(CompletableFuture<LimitHold> answer, LlmDbException reason) {
        if (answer.completeExceptionally(reason) || answer.isCompletedExceptionally()) {
            throw reason;
        }
        return answer.join();
    }

    /**
     * How the limits stand that a request would have to fit into; nothing is reserved.
     *
     * @param caller who calls
     * @param call the request
     * @return the limits; empty where none applies
     * @throws io.llmdb.keys.EndUserBlockedException where the end user that the call names is blocked
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public List<LimitState> dryRun(Caller caller, LimitedCall call) {
        List<LimitState> states = new ArrayList<>();
        for (LimitNeed need : scopes.of(caller, call)) {
            LimitState now = standing(need.id().counter()).stream()
                    .filter(state -> state.kind() == need.id().kind()
                            && state.counter().equals(need.id().counter()))
                    .findFirst()
                    .orElse(new LimitState(need.id().counter(), need.id().kind(), need.limit(), 0, 0, null));
            states.add(new LimitState(now.counter(), now.kind(), need.limit(), now.used(), now.held(), now.resetAt()));
        }
        return states;
    }

    /**
     * How the limits of somebody stand in the present minute, on all instances, for an administrator.
     *
     * @param counter whose, such as {@code CounterId.of(Scope.TEAM, "research")}; with a model for the limits on that
     *     model alone, otherwise all of them
     * @return the limits that somebody has asked for in this minute, with the limit as it was then; empty where nobody
     *     has
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    public List<LimitState> standing(CounterId counter) {
        return store.read(counter);
    }

    private void run() {
        while (!closing) {
            try {
                desk.work(LimitDesk.BEAT);
            } catch (InterruptedException e) {
                break;
            }
        }
        desk.fail(new IllegalStateException("The limits are closed"));
    }

    /** Hands back what is idle, and all slots. */
    @Override
    public void close() {
        closing = true;
        thread.interrupt();
        try {
            thread.join(Duration.ofSeconds(10).toMillis());
            desk.returnAll();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (LlmDbException e) {
            LOG.warn("Slots could not be handed back and will lapse after {}: {}", policy.leaseTime(), e.getMessage());
        }
    }
}
