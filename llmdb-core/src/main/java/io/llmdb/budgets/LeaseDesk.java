package io.llmdb.budgets;

import io.llmdb.budgets.LeaseStore.Answer;
import io.llmdb.budgets.LeaseStore.Question;
import io.llmdb.budgets.LeaseStore.Status;
import io.llmdb.budgets.Slice.Hold;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds this instance's slices, and is the one place that asks the database for more.
 *
 * <p>Calls that fit into the slices are admitted without it. The others queue here; one thread asks for all of them in
 * one round trip and then admits or refuses them in the order in which they came, so that a hot budget near its limit
 * costs one round trip for many callers and is exact to the last call.
 */
final class LeaseDesk implements AutoCloseable {

    /** A slice that nobody asked for in this time is handed back. */
    private static final long UNUSED_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** How often is looked whether others need what is idle here. */
    private static final long BEAT_MILLIS = 100;

    /** How long a refused call waits before it asks again whether others have handed something back. */
    private static final long RECALL_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(25);

    private static final int RENEWALS_PER_LEASE_TIME = 6;

    private static final Logger LOG = LoggerFactory.getLogger(LeaseDesk.class);

    private final LeaseStore store;
    private final LeasePolicy policy;
    private final Clock databaseClock;
    private final Map<CounterId, Slice> slices = new ConcurrentHashMap<>();
    private final LinkedBlockingQueue<Request> queue = new LinkedBlockingQueue<>();
    private final Thread thread;
    private volatile boolean closing;
    private long lastBeatNanos = System.nanoTime();
    private long lastRenewalNanos = System.nanoTime();

    LeaseDesk(LeaseStore store, LeasePolicy policy, Clock databaseClock) {
        this.store = store;
        this.policy = policy;
        this.databaseClock = databaseClock;
        this.thread = new Thread(this::run, "llmdb-leases");
        this.thread.setDaemon(true);
        this.thread.start();
    }

    /**
     * One budget that a call has to fit into; the limit is for counters whose limit the database does not know itself.
     */
    record Need(CounterId counter, @Nullable BigDecimal limit) {}

    private static final class Request {
        private final List<Need> needs;
        private final long amount;
        private final long giveUpNanos;
        private final CompletableFuture<List<Hold>> answer = new CompletableFuture<>();

        private Request(List<Need> needs, long amount, long giveUpNanos) {
            this.needs = needs;
            this.amount = amount;
            this.giveUpNanos = giveUpNanos;
        }
    }

    /** Reserves on all or none from what this instance holds; null where it does not hold enough. */
    @Nullable
    List<Hold> reserveHere(List<Need> needs, long amount) {
        long nanos = System.nanoTime();
        Instant now = databaseClock.instant();
        List<Hold> holds = new ArrayList<>(needs.size());
        for (Need need : needs) {
            Slice slice = slices.get(need.counter());
            Hold hold = slice == null ? null : slice.reserve(amount, nanos, now);
            if (hold == null) {
                holds.forEach(held -> held.slice().release(held));
                return null;
            }
            holds.add(hold);
        }
        return holds;
    }

    /**
     * Reserves on all or none, asking the database.
     *
     * @throws BudgetExceededException where it does not fit
     * @throws DatabaseUnavailableException where the database cannot be reached
     */
    CompletableFuture<List<Hold>> reserve(List<Need> needs, long amount) {
        Request request = new Request(
                needs, amount, System.nanoTime() + policy.recallWait().toNanos());
        if (closing) {
            throw new IllegalStateException("The budgets are closed");
        }
        queue.add(request);
        return request.answer;
    }

    /** Has the slices on these counters checked with the database before anything more is reserved on them. */
    void markStale(Collection<CounterId> counters) {
        for (CounterId counter : counters) {
            Slice slice = slices.get(counter);
            if (slice != null) {
                slice.markStale();
            }
        }
    }

    /** Has all slices checked that belong to the scope with this id. */
    void markStale(java.util.function.Predicate<CounterId> which) {
        slices.forEach((counter, slice) -> {
            if (which.test(counter)) {
                slice.markStale();
            }
        });
    }

    LeaseStore store() {
        return store;
    }

    private void run() {
        List<Request> waiting = new ArrayList<>();
        while (!closing || !waiting.isEmpty()) {
            try {
                Request first = waiting.isEmpty()
                        ? queue.poll(BEAT_MILLIS, TimeUnit.MILLISECONDS)
                        : queue.poll(RECALL_PAUSE_NANOS, TimeUnit.NANOSECONDS);
                if (first != null) {
                    waiting.add(first);
                }
                queue.drainTo(waiting);
                if (!waiting.isEmpty()) {
                    waiting = serve(waiting);
                }
                if (System.nanoTime() - lastBeatNanos > TimeUnit.MILLISECONDS.toNanos(BEAT_MILLIS)) {
                    lastBeatNanos = System.nanoTime();
                    beat();
                }
            } catch (InterruptedException e) {
                break;
            } catch (LlmDbException e) {
                LOG.warn("Leases could not be renewed: {}", e.getMessage());
            } catch (RuntimeException e) {
                LOG.error("The lease desk failed and goes on", e);
                fail(waiting, e);
                waiting = new ArrayList<>();
            }
        }
        fail(waiting, new IllegalStateException("The budgets are closed"));
    }

    private static void fail(List<Request> requests, RuntimeException reason) {
        requests.forEach(request -> request.answer.completeExceptionally(reason));
    }

    /** Serves what can be served; returns the requests that wait for others to hand something back. */
    private List<Request> serve(List<Request> requests) {
        List<Request> open = admitFromSlices(requests);
        if (open.isEmpty()) {
            return new ArrayList<>();
        }
        Map<CounterId, Answer> answers;
        try {
            answers = ask(questions(open));
        } catch (LlmDbException e) {
            fail(open, e);
            return new ArrayList<>();
        }
        List<Request> waiting = new ArrayList<>();
        for (Request request : open) {
            List<Hold> holds = reserveHere(request.needs, request.amount);
            if (holds != null) {
                complete(request, holds);
            } else {
                BudgetExceededException refusal = refusal(request, answers);
                if (refusal == null || (mayFree(request, answers) && System.nanoTime() - request.giveUpNanos < 0)) {
                    waiting.add(request);
                } else {
                    request.answer.completeExceptionally(refusal);
                }
            }
        }
        return waiting;
    }

    private List<Request> admitFromSlices(List<Request> requests) {
        List<Request> open = new ArrayList<>();
        for (Request request : requests) {
            if (request.answer.isDone()) {
                continue;
            }
            List<Hold> holds = reserveHere(request.needs, request.amount);
            if (holds == null) {
                open.add(request);
            } else {
                complete(request, holds);
            }
        }
        return open;
    }

    private static void complete(Request request, List<Hold> holds) {
        if (!request.answer.complete(holds)) {
            holds.forEach(hold -> hold.slice().release(hold));
        }
    }

    /** Asks for what all requests need together, on each counter once. */
    private List<Question> questions(List<Request> requests) {
        Map<CounterId, Long> amounts = new LinkedHashMap<>();
        Map<CounterId, Long> least = new LinkedHashMap<>();
        Map<CounterId, @Nullable BigDecimal> limits = new LinkedHashMap<>();
        for (Request request : requests) {
            for (Need need : request.needs) {
                amounts.merge(need.counter(), request.amount, Long::sum);
                least.merge(need.counter(), request.amount, Math::min);
                limits.put(need.counter(), need.limit());
            }
        }
        List<Question> questions = new ArrayList<>(amounts.size());
        long nanos = System.nanoTime();
        amounts.forEach((counter, amount) -> {
            Slice slice = slices.computeIfAbsent(counter, Slice::new);
            slice.setLimit(limits.get(counter));
            Slice.Standing standing = slice.prepareGrant();
            Long idle = standing.idle();
            questions.add(new Question(
                    counter,
                    Units.money(standing.inUse()),
                    idle == null ? null : Units.money(idle),
                    Units.money(least.getOrDefault(counter, amount)),
                    Units.money(Math.min(amount, Units.MAX)),
                    Units.money(slice.nextExtra(amount, nanos)),
                    slice.limit()));
        });
        return questions;
    }

    private Map<CounterId, Answer> ask(List<Question> questions) {
        long sent = System.nanoTime();
        List<Answer> answers = store.grant(questions);
        long now = System.nanoTime();
        Map<CounterId, Answer> byCounter = new LinkedHashMap<>();
        for (int i = 0; i < questions.size(); i++) {
            Answer answer = answers.get(i);
            CounterId counter = questions.get(i).counter();
            byCounter.put(counter, answer);
            Slice slice = slices.get(counter);
            if (slice != null) {
                BigDecimal granted = answer.granted();
                slice.granted(
                        granted == null ? null : Units.down(granted),
                        answer.windowStart(),
                        answer.state().resetAt(),
                        validUntil(sent),
                        now);
            }
        }
        return byCounter;
    }

    /** Earlier than the database thinks the lease over, so that a process that lost the database stops first. */
    private long validUntil(long sentNanos) {
        return sentNanos + policy.leaseTime().toNanos() * 3 / 4;
    }

    /** Why a request does not fit; null where it would have, but for others that were quicker. */
    private static @Nullable BudgetExceededException refusal(Request request, Map<CounterId, Answer> answers) {
        for (Need need : request.needs) {
            Answer answer = answers.get(need.counter());
            if (answer != null && answer.status() == Status.REFUSED) {
                return new BudgetExceededException(answer.state(), Units.money(request.amount));
            }
        }
        return null;
    }

    private static boolean mayFree(Request request, Map<CounterId, Answer> answers) {
        for (Need need : request.needs) {
            Answer answer = answers.get(need.counter());
            if (answer != null && answer.status() == Status.REFUSED && answer.recallsPending() == 0) {
                return false;
            }
        }
        return true;
    }

    /** Keeps the leases alive, and hands back what is recalled or unused. */
    private void beat() {
        if (slices.isEmpty()) {
            return;
        }
        long sent = System.nanoTime();
        if (sent - lastRenewalNanos > policy.leaseTime().toNanos() / RENEWALS_PER_LEASE_TIME) {
            lastRenewalNanos = sent;
            renew(sent);
        }
        Set<CounterId> recalled = store.recalled();
        List<Question> returned = new ArrayList<>();
        for (Slice slice : slices.values()) {
            if (recalled.contains(slice.counter()) || slice.isUnused(sent, UNUSED_NANOS)) {
                returned.add(handBack(slice));
            }
        }
        if (!returned.isEmpty()) {
            ask(returned);
            // Handed back as a whole, the lease is gone from the database too.
            returned.forEach(question -> forgetIfEmpty(question.counter()));
        }
    }

    private void renew(long sent) {
        Set<CounterId> renewed = store.renew();
        for (Slice slice : slices.values()) {
            if (renewed.contains(slice.counter())) {
                slice.renewed(validUntil(sent));
            }
        }
    }

    private static Question handBack(Slice slice) {
        Slice.Standing standing = slice.prepareGrant();
        Long idle = standing.idle();
        return new Question(
                slice.counter(),
                Units.money(standing.inUse()),
                idle == null ? null : Units.money(idle),
                BigDecimal.ZERO,
                BigDecimal.ZERO,
                BigDecimal.ZERO,
                slice.limit());
    }

    private void forgetIfEmpty(CounterId counter) {
        slices.computeIfPresent(counter, (id, slice) -> slice.removeIfEmpty() ? null : slice);
    }

    /**
     * Stops admitting and hands everything back; what calls have in use by then is free at once, so close the recorder
     * before.
     */
    @Override
    public void close() {
        closing = true;
        thread.interrupt();
        try {
            thread.join(Duration.ofSeconds(10).toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        fail(new ArrayList<>(queue), new IllegalStateException("The budgets are closed"));
        try {
            store.returnAll();
        } catch (LlmDbException e) {
            LOG.warn("Leases could not be handed back and will lapse after {}: {}", policy.leaseTime(), e.getMessage());
        }
    }
}
