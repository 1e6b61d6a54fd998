package io.llmdb.limits;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Ticks;
import io.llmdb.limits.LimitSlice.Deadline;
import io.llmdb.limits.LimitSlice.Moment;
import io.llmdb.limits.LimitSlice.Part;
import io.llmdb.limits.LimitStore.Answer;
import io.llmdb.limits.LimitStore.Question;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds this instance's slices of limits, and is the one place that asks the database for more.
 *
 * <p>Calls that fit into the slices are admitted without it. The others queue here; whoever works at the desk asks for
 * all of them in one round trip and then admits or refuses them in the order in which they came. {@link #work} is for
 * one thread, the rest for any.
 */
final class LimitDesk {

    /** How often is looked whether others need what is idle here, and what is idle or owed is told. */
    static final Duration BEAT = Duration.ofMillis(100);

    /** How long a refused call waits before it asks again whether others have handed something back. */
    private static final Duration RECALL_PAUSE = Duration.ofMillis(25);

    /** The most calls that one round trip serves. */
    private static final int MOST_AT_ONCE = 1000;

    private static final int RENEWALS_PER_LEASE_TIME = 6;

    private static final Logger LOG = LoggerFactory.getLogger(LimitDesk.class);

    private final LimitStore store;
    private final LimitPolicy policy;
    private final Clock databaseClock;
    private final Ticks ticks;
    private final Map<LimitId, LimitSlice> slices = new ConcurrentHashMap<>();
    private final LinkedBlockingQueue<Request> queue = new LinkedBlockingQueue<>();
    private volatile boolean away;

    // Touched by who works at the desk alone.
    private List<Request> waiting = new ArrayList<>();
    private long lastBeatNanos;
    private long lastRenewalNanos;
    private long nextTidyNanos;
    private boolean lastFailed;

    LimitDesk(LimitStore store, LimitPolicy policy, Clock databaseClock, Ticks ticks) {
        this.store = store;
        this.policy = policy;
        this.databaseClock = databaseClock;
        this.ticks = ticks;
        this.lastBeatNanos = ticks.nanos();
        this.lastRenewalNanos = lastBeatNanos;
        this.nextTidyNanos = lastBeatNanos + tidyPause();
    }

    private static final class Request {
        private final List<LimitNeed> needs;
        private final long giveUpNanos;
        private final CompletableFuture<LimitHold> answer = new CompletableFuture<>();

        private Request(List<LimitNeed> needs, long giveUpNanos) {
            this.needs = needs;
            this.giveUpNanos = giveUpNanos;
        }
    }

    /**
     * Reserves on all or none from what this instance holds.
     *
     * @return null where it does not hold enough and the database has to be asked
     * @throws RateLimitedException where it is known from a moment ago that there is no room
     */
    @Nullable
    LimitHold reserveHere(List<LimitNeed> needs) {
        Instant instant = databaseClock.instant();
        Moment now = new Moment(ticks.nanos(), ticks.wallMillis(), Minutes.of(instant));
        List<Part> parts = new ArrayList<>(needs.size());
        for (LimitNeed need : needs) {
            LimitSlice slice = slices.get(need.id());
            Part part = slice == null ? null : slice.reserve(need, now);
            if (part == null) {
                parts.forEach(Part::giveBack);
                LimitState refusal = slice == null ? null : slice.refusal(need, now);
                if (refusal != null) {
                    throw new RateLimitedException(refusal, need.amount(), instant);
                }
                return null;
            }
            parts.add(part);
        }
        return new LimitHold(this, parts);
    }

    /**
     * Reserves on all or none, asking the database: completed with a hold, or with a {@link RateLimitedException} or
     * {@link DatabaseUnavailableException}.
     */
    CompletableFuture<LimitHold> reserve(List<LimitNeed> needs) {
        Request request = new Request(needs, ticks.nanos() + policy.recallWait().toNanos());
        if (away) {
            request.answer.completeExceptionally(new DatabaseUnavailableException(
                    "The database cannot be reached, and limits cannot be checked without it", null));
        } else {
            queue.add(request);
        }
        return request.answer;
    }

    /** The database did not answer in time: until it does, nobody has to wait for it. */
    void noteAway() {
        away = true;
    }

    private void noteFailure(LlmDbException e) {
        if (!lastFailed) {
            lastFailed = true;
            LOG.warn("Limits cannot be told to the database: {}", e.getMessage());
        }
        away = e instanceof DatabaseUnavailableException;
    }

    private void noteAnswer() {
        away = false;
        if (lastFailed) {
            lastFailed = false;
            LOG.info("Limits can be told to the database again");
        }
    }

    /** Counts what a request has really used. */
    void correct(Part part, long tokens) {
        long more = tokens - part.amount();
        if (more <= 0) {
            part.giveBack(-more);
            return;
        }
        long minute = Minutes.of(databaseClock.instant());
        while (!slices.computeIfAbsent(part.id(), LimitSlice::new).charge(more, part.limit(), minute)) {
            Thread.onSpinWait();
        }
    }

    /**
     * Serves what is queued, or what comes within a beat, and tells the database what it has to know.
     *
     * @param longest how long to wait for a call
     */
    void work(Duration longest) throws InterruptedException {
        Duration patience = waiting.isEmpty() || longest.compareTo(RECALL_PAUSE) < 0 ? longest : RECALL_PAUSE;
        Request first = queue.poll(patience.toNanos(), TimeUnit.NANOSECONDS);
        if (first != null) {
            waiting.add(first);
        }
        queue.drainTo(waiting, MOST_AT_ONCE);
        try {
            if (!waiting.isEmpty()) {
                waiting = serve(waiting);
            }
            if (ticks.nanos() - lastBeatNanos >= BEAT.toNanos()) {
                lastBeatNanos = ticks.nanos();
                beat();
            }
        } catch (LlmDbException e) {
            noteFailure(e);
        } catch (RuntimeException e) {
            LOG.error("The limits failed and go on", e);
            fail(e);
        }
    }

    /** Refuses all who wait. */
    void fail(RuntimeException reason) {
        queue.drainTo(waiting);
        waiting.forEach(request -> request.answer.completeExceptionally(reason));
        waiting = new ArrayList<>();
    }

    /** Hands back what is idle, and all slots. */
    void returnAll() {
        List<Question> questions = new ArrayList<>();
        long minute = Minutes.of(databaseClock.instant());
        for (LimitSlice slice : slices.values()) {
            if (slice.hasToTellAtTheEnd(minute)) {
                questions.add(nothingNew(slice));
            }
        }
        if (!questions.isEmpty()) {
            ask(questions);
        }
        store.returnSlots();
    }

    /** Serves what can be served; returns the requests that wait for others to hand something back. */
    private List<Request> serve(List<Request> requests) {
        List<Request> open = new ArrayList<>();
        for (Request request : requests) {
            if (!request.answer.isDone() && !admitHere(request)) {
                open.add(request);
            }
        }
        if (open.isEmpty()) {
            return new ArrayList<>();
        }
        Replies replies;
        try {
            replies = ask(questions(open));
        } catch (LlmDbException e) {
            noteFailure(e);
            open.forEach(request -> request.answer.completeExceptionally(e));
            return new ArrayList<>();
        }
        List<Request> stillWaiting = new ArrayList<>();
        for (Request request : open) {
            LimitNeed lacking = admitGranted(request);
            if (lacking == null) {
                continue;
            }
            Answer answer = replies.answers.get(lacking.id());
            if (answer == null || !answer.refused() || mayWait(request, lacking, answer)) {
                // It would have fitted, but for others that were quicker, or will when others hand something back.
                stillWaiting.add(request);
            } else {
                LimitSlice slice = slices.computeIfAbsent(lacking.id(), LimitSlice::new);
                request.answer.completeExceptionally(
                        new RateLimitedException(slice.state(), lacking.amount(), replies.now));
            }
        }
        return stillWaiting;
    }

    private boolean mayWait(Request request, LimitNeed lacking, Answer answer) {
        return answer.recallsPending() > 0
                && lacking.amount() <= lacking.limit()
                && ticks.nanos() - request.giveUpNanos < 0;
    }

    private boolean admitHere(Request request) {
        try {
            LimitHold hold = reserveHere(request.needs);
            if (hold == null) {
                return false;
            }
            complete(request, hold);
        } catch (RateLimitedException e) {
            request.answer.completeExceptionally(e);
        }
        return true;
    }

    private static void complete(Request request, LimitHold hold) {
        if (!request.answer.complete(hold)) {
            hold.release();
        }
    }

    /**
     * Admits a request from what the database has just granted; returns the limit that it does not fit into, or null.
     */
    private @Nullable LimitNeed admitGranted(Request request) {
        long nanos = ticks.nanos();
        List<Part> parts = new ArrayList<>(request.needs.size());
        for (LimitNeed need : request.needs) {
            LimitSlice slice = slices.get(need.id());
            Part part = slice == null ? null : slice.reserveGranted(need, nanos);
            if (part == null) {
                parts.forEach(Part::giveBack);
                return need;
            }
            parts.add(part);
        }
        complete(request, new LimitHold(this, parts));
        return null;
    }

    /** Asks for what all requests need together, of each limit once. */
    private List<Question> questions(List<Request> requests) {
        Map<LimitId, long[]> sums = new LinkedHashMap<>();
        for (Request request : requests) {
            for (LimitNeed need : request.needs) {
                long[] sum = sums.computeIfAbsent(need.id(), id -> new long[] {need.amount(), 0, 0});
                sum[0] = Math.min(sum[0], need.amount());
                sum[1] = saturatedSum(sum[1], need.amount());
                sum[2] = need.limit();
            }
        }
        long nanos = ticks.nanos();
        long minute = Minutes.of(databaseClock.instant());
        List<Question> questions = new ArrayList<>(sums.size());
        sums.forEach((id, sum) ->
                questions.add(slices.computeIfAbsent(id, LimitSlice::new).ask(minute, sum[0], sum[1], sum[2], nanos)));
        return questions;
    }

    private static long saturatedSum(long sum, long amount) {
        return sum > Long.MAX_VALUE / 4 - amount ? Long.MAX_VALUE / 4 : sum + amount;
    }

    private record Replies(Instant now, Map<LimitId, Answer> answers) {}

    private Replies ask(List<Question> questions) {
        long sent = ticks.nanos();
        long sentWall = ticks.wallMillis();
        LimitStore.Reply reply = store.grant(questions);
        noteAnswer();
        long nanos = ticks.nanos();
        Map<LimitId, Answer> answers = new LinkedHashMap<>();
        for (int i = 0; i < questions.size(); i++) {
            LimitId id = questions.get(i).id();
            Answer answer = reply.answers().get(i);
            answers.put(id, answer);
            LimitSlice slice = slices.get(id);
            if (slice != null) {
                slice.answered(answer, after(sent, sentWall, validFor(id, answer, reply.now())), nanos);
            }
        }
        return new Replies(reply.now(), answers);
    }

    private Duration validFor(LimitId id, Answer answer, Instant decided) {
        return id.isPerMinute() ? Duration.between(decided, Minutes.end(answer.minute())) : slotsValidFor();
    }

    private Duration slotsValidFor() {
        return policy.leaseTime().multipliedBy(3).dividedBy(4);
    }

    /** Counted from before the question left, so that it is over here before it is over in the database. */
    private static Deadline after(long sentNanos, long sentWallMillis, Duration time) {
        return new Deadline(sentNanos + time.toNanos(), sentWallMillis + time.toMillis());
    }

    /** Keeps the leases of slots alive, hands back what others want, tells what is owed. */
    private void beat() {
        long nanos = ticks.nanos();
        if (nanos - nextTidyNanos >= 0) {
            nextTidyNanos = nanos + tidyPause();
            store.tidy();
        }
        long minute = Minutes.of(databaseClock.instant());
        boolean mayBeRecalled = slices.values().stream().anyMatch(slice -> slice.mayBeRecalled(minute));
        if (mayBeRecalled || away) {
            for (LimitId id : store.recalled()) {
                LimitSlice slice = slices.get(id);
                if (slice != null) {
                    slice.recall();
                }
            }
            if (away) {
                // Who refuses to be told may be read from all the same, so that alone would be no news.
                noteAnswer();
            }
        }
        if (nanos - lastRenewalNanos > policy.leaseTime().toNanos() / RENEWALS_PER_LEASE_TIME) {
            lastRenewalNanos = nanos;
            renew();
        }
        List<Question> questions = new ArrayList<>();
        for (LimitSlice slice : slices.values()) {
            if (slice.hasToTell(nanos, minute)) {
                questions.add(nothingNew(slice));
            }
        }
        if (!questions.isEmpty()) {
            ask(questions);
        }
        slices.values().removeIf(slice -> slice.removeIfOver(nanos, minute));
    }

    private Question nothingNew(LimitSlice slice) {
        return slice.ask(Minutes.of(databaseClock.instant()), 0, 0, -1, ticks.nanos());
    }

    private void renew() {
        List<LimitSlice> holding =
                slices.values().stream().filter(LimitSlice::holdsSlots).toList();
        if (holding.isEmpty()) {
            return;
        }
        long sent = ticks.nanos();
        long sentWall = ticks.wallMillis();
        Set<LimitId> renewed = store.renew();
        for (LimitSlice slice : holding) {
            if (renewed.contains(slice.id())) {
                slice.renewed(after(sent, sentWall, slotsValidFor()));
            } else {
                slice.markLost();
            }
        }
    }

    /** Spread, so that instances do not come at once. */
    private static long tidyPause() {
        return TimeUnit.SECONDS.toNanos(ThreadLocalRandom.current().nextLong(30, 90));
    }
}
