package io.llmdb.budgets;

import io.llmdb.spend.CounterId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The reference model: what budgets promise, in maps and whole numbers. It knows nothing of leases, slices and
 * questions; it is told what calls did and what the books took in, and says what must not be.
 *
 * <p>Amounts are cents, times are milliseconds of the database's clock, a window is the number of its length that have
 * passed since 1970.
 */
final class Judge {

    /** A promise was broken. */
    static final class Violation extends AssertionError {
        private static final long serialVersionUID = 1L;

        Violation(String what) {
            super(what);
        }
    }

    /** What may be spent on one counter in a window of so many milliseconds; 0: one window for ever. */
    record Terms(long limit, long windowMillis) {}

    /** One call's hold on one counter. */
    static final class Hold {
        final UUID holder;
        final CounterId counter;
        final long window;
        long amount;
        boolean ended;

        Hold(UUID holder, CounterId counter, long window, long amount) {
            this.holder = holder;
            this.counter = counter;
            this.window = window;
            this.amount = amount;
        }
    }

    /** A call that waits for its admission. */
    static final class Waiting {
        final UUID holder;
        final List<CounterId> counters;
        final long amount;
        private final long since;
        private final Map<CounterId, Long> mostUsed = new HashMap<>();

        /** What became free meanwhile, and may have been on its way from one holder to another. */
        private final Map<CounterId, Long> freed = new HashMap<>();

        private Waiting(UUID holder, List<CounterId> counters, long amount, long since) {
            this.holder = holder;
            this.counters = counters;
            this.amount = amount;
            this.since = since;
        }
    }

    private record Window(CounterId counter, long number) {}

    /** @param by whose calls alone may not have it yet; null: nobody's */
    private record Freed(
            CounterId counter,
            long amount,
            long at,
            @Nullable UUID by) {

        boolean concerns(Waiting request) {
            return by == null || by.equals(request.holder);
        }
    }

    private record Touch(UUID holder, CounterId counter) {}

    /** The slack of a refusal: what became free while an earlier one was believed, or a question before. */
    private static final long SLACK_MILLIS = 100;

    private final Map<CounterId, Terms> terms;
    private final long leaseMillis;
    private final Map<Window, Long> spent = new HashMap<>();
    private final Map<Window, Long> covered = new HashMap<>();
    private final List<Hold> holds = new ArrayList<>();
    private final List<Waiting> waiting = new ArrayList<>();
    private final Map<Touch, Long> lastTouch = new HashMap<>();
    /** What calls gave back lately: a holder that is asking at that moment tells of it with its next question only. */
    private final List<Freed> freed = new ArrayList<>();

    private final Set<UUID> withoutClock = new HashSet<>();
    private long calmSince;
    private long latest = Long.MIN_VALUE;

    Judge(Map<CounterId, Terms> terms, long leaseMillis) {
        this.terms = terms;
        this.leaseMillis = leaseMillis;
    }

    private Terms terms(CounterId counter) {
        Terms found = terms.get(counter);
        if (found == null) {
            throw new IllegalStateException("no terms of " + counter);
        }
        return found;
    }

    long window(CounterId counter, long at) {
        long length = terms(counter).windowMillis();
        return length == 0 ? 0 : Math.floorDiv(at, length);
    }

    /**
     * Something went wrong on purpose: for a lease time and a little, refusals may be for want of what is out of reach.
     */
    void disturbed(long until) {
        calmSince = Math.max(calmSince, until);
    }

    /** The database has heard of a holder's lease. */
    void touched(UUID holder, CounterId counter, long now) {
        lastTouch.put(new Touch(holder, counter), now);
    }

    private boolean isLapsed(UUID holder, CounterId counter, long now) {
        return now - lastTouch.getOrDefault(new Touch(holder, counter), Long.MIN_VALUE / 2) >= leaseMillis;
    }

    Waiting waits(UUID holder, List<CounterId> counters, long amount, long now) {
        Waiting one = new Waiting(holder, counters, amount, now);
        waiting.add(one);
        look(now);
        freed.removeIf(past -> now - past.at > SLACK_MILLIS);
        for (Freed past : freed) {
            if (past.concerns(one)) {
                one.freed.merge(past.counter, past.amount, Long::sum);
            }
        }
        return one;
    }

    /**
     * At each admission, spent + reserved is within the limit; only what calls cost above their estimates may pass it.
     * Nobody admits on a lease that the database takes for over, because others may have been granted it.
     */
    List<Hold> admitted(
            @Nullable Waiting request, UUID holder, List<CounterId> counters, long amount, long start, long now) {
        List<Hold> admitted = new ArrayList<>();
        for (CounterId counter : counters) {
            Hold hold = new Hold(holder, counter, window(counter, start), amount);
            holds.add(hold);
            admitted.add(hold);
            if (!withoutClock.contains(holder) && isLapsed(holder, counter, now)) {
                throw new Violation("late: a call was admitted on a lease of " + counter + " that had lapsed");
            }
            long sum = covered.getOrDefault(new Window(counter, hold.window), 0L) + reserved(counter, hold.window, now);
            if (sum > terms(counter).limit()) {
                throw new Violation("overspend: at an admission " + counter + " had spent and reserved " + sum + " of "
                        + terms(counter).limit());
            }
        }
        waiting.remove(request);
        look(now);
        return admitted;
    }

    private long reserved(CounterId counter, long window, long now) {
        long sum = 0;
        for (Hold hold : holds) {
            if (!hold.ended
                    && hold.window == window
                    && hold.counter.equals(counter)
                    && !isLapsed(hold.holder, counter, now)) {
                sum += hold.amount;
            }
        }
        return sum;
    }

    /** A call is refused where, at some moment since it asked, it did not fit; not where it fitted all the time. */
    void refused(Waiting request, long now) {
        noLongerWaits(request);
        if (request.since < calmSince || request.mostUsed.isEmpty()) {
            return;
        }
        boolean full = false;
        for (CounterId counter : request.counters) {
            // Another that waits may have been granted it already, the answer being under way.
            long others = waiting.stream()
                    .filter(other -> other.counters.contains(counter))
                    .mapToLong(other -> other.amount)
                    .sum();
            full |= window(counter, request.since) != window(counter, now)
                    || request.mostUsed.getOrDefault(counter, 0L)
                                    + request.freed.getOrDefault(counter, 0L)
                                    + others
                                    + request.amount
                            > terms(counter).limit();
        }
        if (!full) {
            throw new Violation("false refusal: a call for " + request.amount + " was refused, where at most "
                    + request.mostUsed + " was used of " + terms);
        }
    }

    void gaveUp(Waiting request) {
        noLongerWaits(request);
    }

    /** What one of its budgets had granted it is free again, but was not while others asked. */
    private void noLongerWaits(Waiting request) {
        waiting.remove(request);
        for (CounterId counter : request.counters) {
            waiting.forEach(other -> other.freed.merge(counter, request.amount, Long::sum));
        }
    }

    void released(List<Hold> released, long now) {
        released.forEach(hold -> free(new Freed(hold.counter, hold.amount, now, null)));
        holds.removeAll(released);
        look(now);
    }

    private void free(Freed one) {
        freed.add(one);
        waiting.stream()
                .filter(one::concerns)
                .forEach(request -> request.freed.merge(one.counter, one.amount, Long::sum));
    }

    /** The call cost so much; it keeps as much as it had reserved until that is booked. */
    void settled(List<Hold> settled, long cost, long now) {
        for (Hold hold : settled) {
            free(new Freed(hold.counter, Math.max(0, hold.amount - cost), now, null));
            hold.amount = Math.min(hold.amount, cost);
        }
    }

    void booked(List<Hold> booked, List<CounterId> counters, long start, long cost, long now) {
        for (CounterId counter : counters) {
            spent.merge(new Window(counter, window(counter, start)), cost, Long::sum);
        }
        for (Hold hold : booked) {
            // Its holder counts it as in use, beside what is spent, until it hears of the commit.
            free(new Freed(hold.counter, hold.amount, now, hold.holder));
            // What is booked after its hold lapsed is booked all the same, and may pass the limit.
            if (!hold.ended && holds.contains(hold) && !isLapsed(hold.holder, hold.counter, now)) {
                covered.merge(new Window(hold.counter, hold.window), Math.min(cost, hold.amount), Long::sum);
            }
        }
        holds.removeAll(booked);
        look(now);
    }

    /** Nothing is promised of how a holder that has no clock uses its lease. */
    void hasNoClock(UUID holder) {
        withoutClock.add(holder);
    }

    void crashed(UUID holder) {
        holds.removeIf(hold -> hold.holder.equals(holder));
        waiting.removeIf(request -> request.holder.equals(holder));
    }

    /** The database ended what a holder had in use. It may only where the window is over, or the lease lapsed. */
    void ended(UUID holder, CounterId counter, boolean wasLapsed, long now) {
        // A window that was over stays over, though the database's clock be set back.
        latest = Math.max(latest, now);
        for (Hold hold : holds) {
            if (hold.holder.equals(holder) && hold.counter.equals(counter) && !hold.ended) {
                if (!wasLapsed && hold.window == window(counter, latest) && hold.amount > 0) {
                    throw new Violation("lost hold: " + counter + " ended what a live holder had reserved");
                }
                hold.ended = true;
            }
        }
    }

    boolean wasLapsed(UUID holder, CounterId counter, long now) {
        return isLapsed(holder, counter, now);
    }

    /** At a grant, spent + all leases are within the limit. */
    void granted(CounterId counter, long spentAndLeased) {
        if (spentAndLeased > terms(counter).limit()) {
            throw new Violation("overspend: at a grant " + counter + " had spent and leased " + spentAndLeased + " of "
                    + terms(counter).limit());
        }
    }

    /**
     * Nothing is counted twice or lost, in any window. What was spent before a counter's first window began counts in
     * that one.
     */
    void compare(CounterId counter, Map<Long, Long> booked, long first) {
        Map<Long, Long> mine = new HashMap<>();
        spent.forEach((window, amount) -> {
            if (window.counter.equals(counter) && amount != 0) {
                mine.merge(Math.max(first, window.number), amount, Long::sum);
            }
        });
        if (!mine.equals(booked)) {
            throw new Violation("books: " + counter + " has " + booked + " by window, which should be " + mine);
        }
    }

    boolean isQuiet() {
        return waiting.isEmpty();
    }

    private void look(long now) {
        latest = Math.max(latest, now);
        for (Waiting request : waiting) {
            for (CounterId counter : request.counters) {
                long window = window(counter, now);
                long used = spent.getOrDefault(new Window(counter, window), 0L) + reserved(counter, window, now);
                request.mostUsed.merge(counter, used, Math::max);
            }
        }
    }
}
