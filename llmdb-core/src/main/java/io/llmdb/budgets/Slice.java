package io.llmdb.budgets;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What this instance holds of one counter: a lease's amount, split into what is idle and what calls have in use.
 * Guarded by itself.
 *
 * <p>"In use" is what running calls have reserved, and what finished ones have cost until that is booked; the booking
 * takes it from the lease in the database, and {@link #booked} follows. So idle plus in use is never more than the
 * lease in the database.
 */
final class Slice {

    private static final long LARGEST_EXTRA = Units.MAX / 4;

    private final CounterId counter;
    private volatile @Nullable BigDecimal limit;
    private long idle;
    private long inUse;
    private long askedIdle;
    private boolean unlimited;
    private boolean stale = true;
    private boolean uncertain = true;
    private boolean removed;
    private long validUntilNanos;
    private @Nullable Instant windowEnd;
    private long window;
    private long extra;
    private long grantedAtNanos;
    private long usedAtNanos;

    Slice(CounterId counter) {
        this.counter = counter;
    }

    CounterId counter() {
        return counter;
    }

    /** The limit as the last call knew it, for counters whose limit the database does not know itself. */
    @Nullable
    BigDecimal limit() {
        return limit;
    }

    void setLimit(@Nullable BigDecimal value) {
        limit = value;
    }

    /** A part of the slice that one call holds. */
    static final class Hold {
        private final Slice slice;
        private final long window;
        private long amount;

        private Hold(Slice slice, long window, long amount) {
            this.slice = slice;
            this.window = window;
            this.amount = amount;
        }

        Slice slice() {
            return slice;
        }
    }

    /** Reserves for a call; null where the slice does not hold that much, or may not be used any more. */
    synchronized @Nullable Hold reserve(long amount, long nanos, Instant now) {
        if (stale || removed || nanos - validUntilNanos >= 0 || (windowEnd != null && !now.isBefore(windowEnd))) {
            return null;
        }
        usedAtNanos = nanos;
        if (unlimited) {
            return new Hold(this, -1, 0);
        }
        if (idle < amount || idle <= 0) {
            return null;
        }
        idle -= amount;
        inUse += amount;
        return new Hold(this, window, amount);
    }

    synchronized void release(Hold hold) {
        if (hold.window == window) {
            inUse -= hold.amount;
            idle += hold.amount;
        }
        hold.amount = 0;
    }

    /** The call is over; what it cost stays in use until it is booked. Returns what was held before. */
    synchronized long settle(Hold hold, long cost) {
        long before = hold.amount;
        if (hold.window == window) {
            inUse += cost - hold.amount;
            idle -= cost - hold.amount;
        }
        hold.amount = cost;
        return before;
    }

    /** The cost is in the counter and was taken from the lease. */
    synchronized void booked(Hold hold) {
        if (hold.window == window) {
            inUse -= hold.amount;
        }
        hold.amount = 0;
    }

    /**
     * What calls have in use, to be kept when the lease is set anew. Until {@link #granted} nothing more is reserved,
     * because what is idle now is handed back with the same question.
     */
    synchronized Standing prepareGrant() {
        stale = true;
        askedIdle = idle;
        Long sureIdle = uncertain ? null : idle;
        // Until an answer comes it is not known whether the question was taken.
        uncertain = true;
        return new Standing(Math.max(0, inUse), sureIdle);
    }

    /** What calls have in use, and what is idle beside; null where that is not sure. */
    record Standing(long inUse, @Nullable Long idle) {}

    /** Like {@link #markStale}, where in addition it is not known what the database has booked. */
    synchronized void markUncertain() {
        stale = true;
        uncertain = true;
    }

    /** Has the lease set anew before anything more is reserved on it. */
    synchronized void markStale() {
        stale = true;
    }

    /** How much more than needed to ask for: four times as much where the last slice was used up within a second. */
    synchronized long nextExtra(long need, long nanos) {
        if (extra == 0) {
            extra = Math.min(LARGEST_EXTRA, Math.max(1, need) * 64);
        } else if (nanos - grantedAtNanos < 1_000_000_000L) {
            extra = Math.min(LARGEST_EXTRA, extra * 4);
        } else if (nanos - grantedAtNanos > 10_000_000_000L) {
            extra = Math.max(need, extra / 4);
        }
        return extra;
    }

    /** Takes over what the database granted on top of what was in use when it was asked. */
    synchronized void granted(
            @Nullable Long amount,
            @Nullable Instant newWindowStart,
            @Nullable Instant newWindowEnd,
            long validUntil,
            long nanos) {
        if (windowEnd != null && newWindowStart != null && !newWindowStart.isBefore(windowEnd)) {
            // Whatever is still in use belongs to a window that is over; nothing is granted on that any more.
            window++;
            inUse = 0;
            idle = 0;
            askedIdle = 0;
        }
        windowEnd = newWindowEnd;
        unlimited = amount == null;
        // What calls gave back since the question, or cost above their estimates, is idle, or missing, beside what was
        // granted.
        idle = amount == null ? 0 : amount + idle - askedIdle;
        uncertain = false;
        validUntilNanos = validUntil;
        grantedAtNanos = nanos;
        stale = false;
    }

    synchronized void renewed(long validUntil) {
        validUntilNanos = validUntil;
    }

    /** Whether nothing has been asked of it for a while, so that what is idle had better go back. */
    synchronized boolean isUnused(long nanos, long forNanos) {
        return nanos - usedAtNanos > forNanos && nanos - grantedAtNanos > forNanos;
    }

    /** Takes it out of use where it holds nothing. */
    synchronized boolean removeIfEmpty() {
        removed = idle <= 0 && inUse <= 0;
        return removed;
    }
}
