package io.llmdb.budgets;

import io.llmdb.budgets.LeaseDesk.Need;
import io.llmdb.budgets.LeaseStore.Answer;
import io.llmdb.budgets.LeaseStore.Question;
import io.llmdb.budgets.LeaseStore.Status;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.LeaseShare;
import java.math.BigDecimal;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What this instance holds of one counter: a lease's amount, split into what is idle and what calls have in use.
 * Guarded by itself.
 *
 * <p>"In use" is what running calls have reserved, and what finished ones have cost, as far as it was reserved, until
 * that is booked; the booking takes it from the lease in the database, and {@link #booked} follows. So idle plus in use
 * is never more than the lease in the database. Where an error may leave them apart, it leaves the lease too large, and
 * the next question mends that.
 */
class Slice {

    private static final long LARGEST_EXTRA = Units.MAX / 4;
    private static final long FIRST_EXTRA = 64;
    private static final long SECOND = 1_000_000_000L;

    /** How long a refusal is believed without asking again, where nobody else holds anything. */
    private static final long REFUSED_NANOS = SECOND / 20;

    private final CounterId counter;
    private volatile @Nullable BigDecimal limit;
    private long idle;
    private long inUse;
    private boolean unlimited;

    /** From a question until those who waited for its answer are served: nobody gets in before them. */
    private boolean closed = true;

    /** Whether what this holds has to be compared with the database before it is used. */
    private boolean recheck;

    /** Whether it is not known which of the last questions was taken, so that nothing may be reserved. */
    private boolean uncertain = true;

    private boolean removed;

    /** Holds of an earlier generation ended with their window, or with a lease that lapsed. */
    private long generation;

    private long epoch;
    private long askedIdle;
    private long askedEpoch;
    private boolean doubtSinceAsked;
    private Deadline deadline = Deadline.OVER;
    private @Nullable Instant windowStart;
    private @Nullable Instant windowEnd;
    private @Nullable Instant limitUntil;
    private long extra;
    private long grantedAtNanos;
    private long usedAtNanos;
    private @Nullable BudgetState refused;
    private long refusedRoom;

    /** @param epoch larger than any of an earlier slice on the same counter, whose calls may not be booked yet */
    Slice(CounterId counter, long epoch) {
        this.counter = counter;
        this.epoch = epoch;
    }

    final CounterId counter() {
        return counter;
    }

    /** The limit as the last call knew it, for counters whose limit the database does not know itself. */
    final @Nullable BigDecimal limit() {
        return limit;
    }

    final void setLimit(@Nullable BigDecimal value) {
        limit = value;
    }

    /**
     * Until when a lease may be used, by both clocks of this machine: the monotonic one does not count while the
     * machine sleeps, and the time of day may be set back.
     */
    record Deadline(long nanos, long wallMillis) {

        static final Deadline OVER = new Deadline(0, Long.MIN_VALUE);

        boolean isOver(Moment now) {
            return now.wallMillis >= wallMillis || now.nanos - nanos >= 0;
        }
    }

    /**
     * One moment, by all clocks.
     *
     * @param nanos this machine's monotonic clock
     * @param wallMillis this machine's time of day
     * @param instant the database's time, cut to milliseconds: a call that is admitted now starts then
     */
    record Moment(long nanos, long wallMillis, Instant instant) {}

    /** A part of the slice that one call holds. */
    static final class Hold {
        private final Slice slice;
        private final long generation;
        private final long reserved;
        private long amount;

        /** Whether the database may have booked the call without our knowing. */
        private boolean doubtful;

        private Hold(Slice slice, long generation, long amount) {
            this.slice = slice;
            this.generation = generation;
            this.reserved = amount;
            this.amount = amount;
        }

        Slice slice() {
            return slice;
        }

        /** For tests that plant faults. */
        Hold copy() {
            return new Hold(slice, generation, amount);
        }
    }

    /** Whether a call that starts now may reserve here, where there is enough; {@code queued} ones go before others. */
    private boolean isOpen(Moment now, boolean queued) {
        return !removed
                && !recheck
                && !uncertain
                && (queued || !closed)
                && !deadline.isOver(now)
                && (windowStart == null || !now.instant.isBefore(windowStart))
                && (windowEnd == null || now.instant.isBefore(windowEnd))
                && (limitUntil == null || now.instant.isBefore(limitUntil));
    }

    /** Whether calls that wait can all reserve here without asking. */
    synchronized boolean hasFor(long amount, Moment now) {
        return isOpen(now, true) && (unlimited || idle >= amount && idle > 0);
    }

    /** Reserves for a call; null where the slice does not hold that much, or may not be used. */
    synchronized @Nullable Hold reserve(long amount, Moment now, boolean queued) {
        if (!isOpen(now, queued)) {
            return null;
        }
        usedAtNanos = now.nanos;
        if (unlimited) {
            return new Hold(this, -1, 0);
        }
        if (idle < amount || idle <= 0) {
            return null;
        }
        idle -= amount;
        inUse += amount;
        return new Hold(this, generation, amount);
    }

    /**
     * How the budget stands where it is known, from a moment ago, to have no room for a call; null where that is not
     * known. What calls of this instance have given back since counts as room.
     */
    synchronized @Nullable BudgetState refusal(Need need, long amount, Moment now) {
        BigDecimal most = need.limit();
        BigDecimal asked = limit;
        boolean known = refused != null
                && now.nanos - grantedAtNanos < REFUSED_NANOS
                && isOpen(now, false)
                && (most == null || asked != null && most.compareTo(asked) == 0);
        return known && amount > idle && amount > refusedRoom - inUse ? refused : null;
    }

    /** Gives back what a call holds. */
    synchronized void release(Hold hold) {
        if (hold.generation == generation) {
            inUse -= hold.amount;
            if (hold.doubtful) {
                // Should it have been booked, the lease has become smaller; the next question tells.
                doubt();
            } else {
                idle += hold.amount;
            }
        }
        hold.amount = 0;
    }

    /**
     * The call is over; as much of its cost as it had reserved stays in use until it is booked, the rest is idle.
     * Returns what the booking takes from the lease, or null for nothing.
     */
    synchronized @Nullable LeaseShare settle(Hold hold, long cost) {
        if (hold.generation != generation) {
            return null;
        }
        long taken = Math.min(cost, hold.amount);
        inUse -= hold.amount - taken;
        idle += hold.amount - taken;
        hold.amount = taken;
        return taken == 0 ? null : new LeaseShare(counter, epoch, Units.money(taken));
    }

    /** Undoes {@link #settle} where it is not known whether the cost was booked, or will be. */
    synchronized void unsettle(Hold hold) {
        if (hold.generation != generation) {
            return;
        }
        // What is idle may have been handed back with a question that is under way; then the call keeps what it cost.
        long again = uncertain ? 0 : Math.max(0, Math.min(idle, hold.reserved - hold.amount));
        idle -= again;
        inUse += again;
        hold.amount += again;
        hold.doubtful = true;
        // Should it be booked later, it takes nothing from a lease that the next question sets.
        epoch++;
        doubt();
    }

    /** The cost is in the counter and was taken from the lease. */
    synchronized void booked(Hold hold) {
        if (hold.generation == generation) {
            inUse -= hold.amount;
        }
        hold.amount = 0;
        // So that who is refused next hears what is spent by now.
        refused = null;
    }

    private void doubt() {
        recheck = true;
        uncertain = true;
        doubtSinceAsked = true;
    }

    /** Has the lease set anew before anything more is reserved on it, because its limit may have changed. */
    synchronized void recheck() {
        recheck = true;
    }

    /**
     * Asks to keep what is in use, and for more beside. What is idle is handed back with the same question, so nothing
     * is reserved until {@link #granted} and {@link #open}.
     */
    synchronized Question ask(long least, long need, long more) {
        Long sureIdle = uncertain ? null : idle;
        closed = true;
        recheck = false;
        doubtSinceAsked = false;
        // Until an answer comes it is not known whether the question was taken.
        uncertain = true;
        askedIdle = idle;
        askedEpoch = epoch;
        return new Question(
                counter,
                epoch,
                windowEnd,
                Units.money(inUse),
                sureIdle == null ? null : Units.money(sureIdle),
                Units.money(least),
                Units.money(need),
                Units.money(more),
                limit);
    }

    /** How much more than needed to ask for: four times as much where the last slice was used up within a second. */
    synchronized long nextExtra(long need, long nanos) {
        if (extra == 0) {
            extra = Math.min(LARGEST_EXTRA, Math.max(1, need) * FIRST_EXTRA);
        } else if (nanos - grantedAtNanos < SECOND) {
            extra = Math.min(LARGEST_EXTRA, extra * 4);
        } else if (nanos - grantedAtNanos > 10 * SECOND) {
            extra = Math.max(need, extra / 4);
        }
        return extra;
    }

    /** Takes over what the database granted on top of what was in use when it was asked. */
    synchronized void granted(Answer answer, Deadline validUntil, long nanos) {
        if (!answer.kept()) {
            generation++;
            inUse = 0;
            idle = 0;
            askedIdle = 0;
            epoch = epoch > askedEpoch ? Math.max(epoch, answer.epoch()) + 1 : answer.epoch();
        }
        windowStart = answer.windowStart();
        windowEnd = answer.state().resetAt();
        limitUntil = answer.limitUntil();
        BigDecimal granted = answer.granted();
        unlimited = granted == null;
        // What calls gave back since the question is idle beside what was granted.
        idle = granted == null ? 0 : Units.down(granted) + idle - askedIdle;
        uncertain = doubtSinceAsked;
        deadline = validUntil;
        grantedAtNanos = nanos;
        refused = answer.status() == Status.REFUSED && answer.othersSetAt() == null ? answer.state() : null;
        refusedRoom = refused == null ? 0 : Units.down(answer.state().left());
    }

    /** Lets everybody in, after those who waited. */
    synchronized void open() {
        closed = false;
    }

    /** The lease has a new end. */
    synchronized void renewed(Deadline validUntil) {
        deadline = validUntil;
    }

    /** Whether what this holds should be told to the database, though no call asks for more. */
    synchronized boolean isToBeTold(Moment now, long unusedNanos) {
        boolean holds = idle > 0 || inUse > 0;
        boolean unused = now.nanos - usedAtNanos > unusedNanos && now.nanos - grantedAtNanos > unusedNanos;
        return unused || recheck && holds || inUse > 0 && deadline.isOver(now);
    }

    /** How much is idle, as far as that is certain. */
    synchronized long idle() {
        return uncertain || unlimited ? 0 : Math.max(0, idle);
    }

    /** Whether what a call holds is still reserved. */
    synchronized boolean isHeld(Hold hold) {
        return hold.generation == generation || hold.generation < 0;
    }

    /** Takes it out of use where it holds nothing. */
    synchronized boolean removeIfEmpty() {
        removed = idle <= 0 && inUse <= 0 && !uncertain;
        return removed;
    }

    /** Takes it out of use where nothing was ever granted: the database refuses to speak of its counter. */
    synchronized boolean removeIfNeverGranted() {
        removed = idle <= 0 && inUse <= 0 && grantedAtNanos == 0;
        return removed;
    }

    /** What calls have reserved and not booked. */
    synchronized long inUse() {
        return inUse;
    }
}
