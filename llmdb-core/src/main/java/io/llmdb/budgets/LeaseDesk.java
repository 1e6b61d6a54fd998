package io.llmdb.budgets;

import io.llmdb.budgets.LeaseStore.Answer;
import io.llmdb.budgets.LeaseStore.Question;
import io.llmdb.budgets.LeaseStore.Status;
import io.llmdb.budgets.Slice.Deadline;
import io.llmdb.budgets.Slice.Hold;
import io.llmdb.budgets.Slice.Moment;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Ticks;
import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Holds this instance's slices, and decides what to ask the database.
 *
 * <p>Calls that fit into the slices are admitted without it. The others queue here, and one question asks for all of
 * them; then they are admitted or refused in the order in which they came, so that a hot budget near its limit costs
 * one round trip for many callers and is exact to the last call.
 *
 * <p>This is a state machine without threads, sleep or a clock of its own: {@link #reserveHere} and {@link #enqueue}
 * may be called by anybody; {@link #next} says what to do next, and whoever drives it does that and tells the outcome
 * before it asks again. {@link LeaseThread} drives it in a proxy, a simulation in the tests.
 */
class LeaseDesk {

    /** A slice that nobody asked for in this time is handed back. */
    private static final long UNUSED_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** How often is looked whether others need what is idle here. */
    private static final long BEAT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** How long a refused call waits before it asks again whether others have handed something back. */
    private static final long RECALL_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(25);

    private static final int RENEWALS_PER_LEASE_TIME = 6;

    /** After so many steps in a row that failed, nobody waits for the database any more until it answers. */
    private static final int FAILURES_UNTIL_AWAY = 2;

    /** More than a slice can begin between two questions. */
    private static final long EPOCHS_PER_TURN = 1_000_000_000L;

    private final LeasePolicy policy;
    private final Ticks ticks;
    private final Clock databaseClock;
    private final Map<CounterId, Slice> slices = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<Request> arrivals = new ConcurrentLinkedQueue<>();

    private volatile boolean away;

    // Of who drives it.
    private int failures;
    private final List<Request> waiting = new ArrayList<>();
    private final Set<CounterId> toTell = new LinkedHashSet<>();
    private long turn;
    private long lastBeat;
    private long lastRenewal;

    LeaseDesk(LeasePolicy policy, Ticks ticks, Clock databaseClock) {
        this.policy = policy;
        this.ticks = ticks;
        this.databaseClock = databaseClock;
        this.lastBeat = ticks.nanos();
        this.lastRenewal = lastBeat;
    }

    /**
     * One budget that a call has to fit into; the limit is for counters whose limit the database does not know itself.
     */
    record Need(CounterId counter, @Nullable BigDecimal limit) {}

    /** What is to be done next. */
    sealed interface Step {

        /** Ask {@link LeaseStore#grant}. */
        record Grant(long turn, List<Question> questions, long sentNanos, long sentWallMillis) implements Step {}

        /** Ask {@link LeaseStore#renew}. */
        record Renew(long sentNanos, long sentWallMillis) implements Step {}

        /** Ask {@link LeaseStore#recalled}. */
        record LookForRecalls() implements Step {}

        /** Nothing, for so long or until a call is queued. */
        record Rest(long nanos) implements Step {}
    }

    private static final class Request {
        private final List<Need> needs;
        private final long amount;
        private final CompletableFuture<Reservation> answer = new CompletableFuture<>();
        private final Map<CounterId, Instant> firstRefusedAt = new HashMap<>();
        private boolean tried;
        private long askedTurn;
        private long giveUpNanos;
        private long askAgainNanos;

        private Request(List<Need> needs, long amount, long nanos) {
            this.needs = needs;
            this.amount = amount;
            this.askAgainNanos = nanos;
        }
    }

    /** Tests put in slices that have a fault. */
    Slice newSlice(CounterId counter, long epoch) {
        return new Slice(counter, epoch);
    }

    /** Reserves on all or none from what this instance holds; null where it does not hold enough. */
    @Nullable
    Reservation reserveHere(List<Need> needs, long amount) {
        return reserve(needs, amount, now(), false);
    }

    /** The budget that is known, from a moment ago, to have no room for a call; null where that has to be asked. */
    @Nullable
    BudgetState refusedHere(List<Need> needs, long amount) {
        Moment now = now();
        for (Need need : needs) {
            Slice slice = slices.get(need.counter());
            BudgetState refusal = slice == null ? null : slice.refusal(need, amount, now);
            if (refusal != null) {
                return refusal;
            }
        }
        return null;
    }

    private @Nullable Reservation reserve(List<Need> needs, long amount, Moment now, boolean queued) {
        List<Hold> holds = new ArrayList<>(needs.size());
        for (int i = 0; i < needs.size(); i++) {
            Slice slice = slices.get(needs.get(i).counter());
            Hold hold = slice == null ? null : slice.reserve(amount, now, queued);
            if (hold == null) {
                holds.forEach(held -> held.slice().release(held));
                return null;
            }
            holds.add(hold);
        }
        return new Reservation(holds, now.instant());
    }

    final Moment now() {
        return new Moment(
                ticks.nanos(), ticks.wallMillis(), databaseClock.instant().truncatedTo(ChronoUnit.MILLIS));
    }

    /**
     * Has all or none reserved with the database's help. Completes exceptionally with {@link BudgetExceededException}
     * where it does not fit, {@link DatabaseUnavailableException} where the database cannot be asked: at once, where
     * that is known. Whoever gives up waiting completes it himself.
     */
    CompletableFuture<Reservation> enqueue(List<Need> needs, long amount) {
        Request request = new Request(needs, amount, ticks.nanos());
        if (away) {
            request.answer.completeExceptionally(new DatabaseUnavailableException(
                    "The database cannot be reached, and budgets cannot be checked without it"));
        } else {
            arrivals.add(request);
        }
        return request.answer;
    }

    /** Has the slices on some counters checked with the database before anything more is reserved on them. */
    void recheck(Predicate<CounterId> which) {
        slices.forEach((counter, slice) -> {
            if (which.test(counter)) {
                slice.recheck();
            }
        });
    }

    /** What this instance holds of a counter and no call uses. */
    long idle(CounterId counter) {
        Slice slice = slices.get(counter);
        return slice == null ? 0 : slice.idle();
    }

    /** The slices that there are. */
    final Collection<Slice> slices() {
        return slices.values();
    }

    /** Whether {@link #next} has something to do at once. */
    final boolean hasArrivals() {
        return !arrivals.isEmpty();
    }

    /** What to do next. */
    Step next() {
        Moment now = now();
        for (Request request = arrivals.poll(); request != null; request = arrivals.poll()) {
            waiting.add(request);
        }
        if (away) {
            if (waiting.isEmpty() && now.nanos() - lastBeat >= BEAT_NANOS) {
                lastBeat = now.nanos();
                return new Step.LookForRecalls();
            }
        } else if (!slices.isEmpty()) {
            if (now.nanos() - lastRenewal >= policy.leaseTime().toNanos() / RENEWALS_PER_LEASE_TIME) {
                lastRenewal = now.nanos();
                return new Step.Renew(now.nanos(), now.wallMillis());
            }
            if (now.nanos() - lastBeat >= BEAT_NANOS) {
                lastBeat = now.nanos();
                return new Step.LookForRecalls();
            }
        }
        waiting.removeIf(request -> isServed(request, now));
        boolean due = waiting.stream().anyMatch(request -> now.nanos() - request.askAgainNanos >= 0);
        if (due || !toTell.isEmpty()) {
            turn++;
            List<Question> questions = questions(due, now);
            // Where a call gave back this very moment what those who wait need, they have it without asking.
            return questions.isEmpty()
                    ? new Step.Rest(0)
                    : new Step.Grant(turn, questions, now.nanos(), now.wallMillis());
        }
        return new Step.Rest(untilNext(now.nanos()));
    }

    private long untilNext(long nanos) {
        long rest = slices.isEmpty() && !away ? Long.MAX_VALUE : Math.max(0, lastBeat + BEAT_NANOS - nanos);
        for (Request request : waiting) {
            rest = Math.min(rest, Math.max(0, request.askAgainNanos - nanos));
        }
        return rest;
    }

    /** Whether there is nothing more to do for a request; admits it where the slices have enough by now. */
    private boolean isServed(Request request, Moment now) {
        if (request.answer.isDone()) {
            return true;
        }
        Reservation reservation = reserve(request.needs, request.amount, now, true);
        if (reservation == null) {
            return false;
        }
        if (!request.answer.complete(reservation)) {
            reservation.release();
        }
        return true;
    }

    /**
     * Asks for what all waiting requests need together, on each counter once. A counter is left out of which enough is
     * here for all of them, so that a key near its limit does not have the rows of its team and organization locked.
     * Who has asked before without being served asks for everything: others may take what is here.
     */
    private List<Question> questions(boolean forWaiting, Moment now) {
        Map<CounterId, Long> needs = new LinkedHashMap<>();
        Map<CounterId, Long> least = new LinkedHashMap<>();
        if (forWaiting) {
            Set<CounterId> askedAgain = new HashSet<>();
            for (Request request : waiting) {
                request.askedTurn = turn;
                for (Need need : request.needs) {
                    needs.merge(need.counter(), request.amount, Units::plus);
                    least.merge(need.counter(), request.amount, Math::min);
                }
                if (request.tried) {
                    askedAgain.addAll(counters(request));
                }
            }
            needs.entrySet()
                    .removeIf(need -> !askedAgain.contains(need.getKey())
                            && !toTell.contains(need.getKey())
                            && slice(need.getKey()).hasFor(need.getValue(), now));
            waiting.stream()
                    .flatMap(request -> request.needs.stream())
                    .filter(need -> needs.containsKey(need.counter()))
                    .forEach(need -> slice(need.counter()).setLimit(need.limit()));
        }
        toTell.forEach(counter -> needs.putIfAbsent(counter, 0L));
        List<Question> questions = new ArrayList<>(needs.size());
        needs.forEach((counter, need) -> {
            Slice slice = slice(counter);
            questions.add(slice.ask(
                    least.getOrDefault(counter, 0L), need, need == 0 ? 0 : slice.nextExtra(need, now.nanos())));
        });
        return questions;
    }

    private Slice slice(CounterId counter) {
        return slices.computeIfAbsent(counter, id -> newSlice(id, turn * EPOCHS_PER_TURN));
    }

    /** Earlier than the database thinks the lease over, so that a process that lost the database stops first. */
    Deadline validUntil(long sentNanos, long sentWallMillis) {
        return new Deadline(
                sentNanos + policy.leaseTime().toNanos() * 3 / 4,
                sentWallMillis + policy.leaseTime().toMillis() * 3 / 4);
    }

    /** The answer to a question. */
    void granted(Step.Grant asked, List<Answer> answers) {
        noteAnswer();
        Moment now = now();
        Deadline validUntil = validUntil(asked.sentNanos(), asked.sentWallMillis());
        Map<CounterId, Answer> byCounter = new LinkedHashMap<>();
        for (int i = 0; i < answers.size(); i++) {
            CounterId counter = asked.questions().get(i).counter();
            byCounter.put(counter, answers.get(i));
            slice(counter).granted(answers.get(i), validUntil, now.nanos());
        }
        for (Iterator<Request> requests = waiting.iterator(); requests.hasNext(); ) {
            Request request = requests.next();
            if (request.askedTurn == asked.turn() && isAnswered(request, byCounter, now)) {
                requests.remove();
            }
        }
        for (CounterId counter : byCounter.keySet()) {
            slice(counter).open();
            // Handed back as a whole, the lease is gone from the database too.
            if (toTell.remove(counter)) {
                slices.computeIfPresent(counter, (id, slice) -> slice.removeIfEmpty() ? null : slice);
            }
        }
    }

    private static List<CounterId> counters(Request request) {
        return request.needs.stream().map(Need::counter).toList();
    }

    /** Admits or refuses a request, or has it ask again. */
    private boolean isAnswered(Request request, Map<CounterId, Answer> answers, Moment now) {
        if (isServed(request, now)) {
            return true;
        }
        Answer refusal = null;
        boolean mayFree = true;
        for (Need need : request.needs) {
            Answer answer = answers.get(need.counter());
            if (answer != null && answer.status() == Status.REFUSED) {
                refusal = refusal == null ? answer : refusal;
                Instant first = request.firstRefusedAt.computeIfAbsent(need.counter(), c -> answer.answeredAt());
                Instant othersSetAt = answer.othersSetAt();
                // Who has handed back what was idle since this call was refused there first has no more for it.
                mayFree &= othersSetAt != null && othersSetAt.isBefore(first);
            }
        }
        if (!request.tried) {
            request.tried = true;
            request.giveUpNanos = now.nanos() + policy.recallWait().toNanos();
        }
        boolean patient = now.nanos() - request.giveUpNanos < 0;
        // What a question left out may be gone when it is answered.
        boolean lacksWhatWasLeftOut = refusal == null && !answers.keySet().containsAll(counters(request));
        request.askAgainNanos = lacksWhatWasLeftOut ? now.nanos() : now.nanos() + RECALL_PAUSE_NANOS;
        if (refusal == null) {
            // It was granted and could not be used: the answer came too late, or a window or an increase ended
            // meanwhile.
            return !patient
                    && request.answer.completeExceptionally(
                            new DatabaseUnavailableException(
                                    "What the database grants is over when it comes: its answers are slow, or its clock jumps"));
        }
        return !(mayFree && patient)
                && request.answer.completeExceptionally(
                        new BudgetExceededException(refusal.state(), Units.money(request.amount)));
    }

    /** The answer to {@link Step.Renew}. */
    void renewed(Step.Renew asked, Set<CounterId> renewed) {
        noteAnswer();
        Deadline validUntil = validUntil(asked.sentNanos(), asked.sentWallMillis());
        for (CounterId counter : renewed) {
            Slice slice = slices.get(counter);
            if (slice == null) {
                // Of a question that arrived after we had given it up.
                toTell.add(counter);
            } else {
                slice.renewed(validUntil);
            }
        }
    }

    /** The answer to {@link Step.LookForRecalls}. */
    void recalled(Set<CounterId> recalled) {
        noteAnswer();
        toTell.addAll(recalled);
        Moment now = now();
        for (Slice slice : slices.values()) {
            if (slice.isToBeTold(now, UNUSED_NANOS)) {
                toTell.add(slice.counter());
            }
        }
    }

    private void noteAnswer() {
        failures = 0;
        away = false;
    }

    /** The database did not answer. */
    void failed(Step asked, LlmDbException reason) {
        if (reason instanceof DatabaseUnavailableException) {
            failures++;
            away = failures >= FAILURES_UNTIL_AWAY;
        }
        if (asked instanceof Step.Grant grant) {
            // What was to be told stays so, and is found again by the next beat.
            toTell.clear();
            fail(reason);
            if (!(reason instanceof DatabaseUnavailableException)) {
                grant.questions()
                        .forEach(question -> slices.computeIfPresent(
                                question.counter(), (id, slice) -> slice.removeIfNeverGranted() ? null : slice));
            }
        }
    }

    /** Fails all that wait. */
    void fail(RuntimeException reason) {
        for (Request request = arrivals.poll(); request != null; request = arrivals.poll()) {
            waiting.add(request);
        }
        waiting.forEach(request -> request.answer.completeExceptionally(reason));
        waiting.clear();
    }
}
