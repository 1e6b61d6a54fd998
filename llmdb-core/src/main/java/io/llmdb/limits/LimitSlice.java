package io.llmdb.limits;

import io.llmdb.limits.LimitStore.Answer;
import io.llmdb.limits.LimitStore.Question;
import org.jspecify.annotations.Nullable;

/**
 * What this instance holds of one limit: what its calls have used in a minute, or have running, and what it may use
 * beyond. Guarded by itself.
 *
 * <p>The database knows the sum of both. What was used in the minute before is kept too, for a clock that is set back
 * over the turn of a minute.
 */
final class LimitSlice {

    private static final long NEVER = Long.MIN_VALUE;
    private static final long LARGEST_EXTRA = Long.MAX_VALUE / 16;
    private static final long SECOND = 1_000_000_000L;

    /** Slots that nobody asked for in this time are handed back. */
    private static final long UNUSED_NANOS = 5 * SECOND;

    /** How long a refusal is believed without asking again. */
    private static final long REFUSED_NANOS = SECOND / 10;

    private final LimitId id;
    private long limit = -1;
    private long minute = NEVER;
    private long used;

    /** What may still be used; negative where more is used, by all instances, than the limit allows. */
    private long idle;

    /** What the database counts for this instance: as much as is used, and what was idle when it was told. */
    private long told;

    private long latestMinute = NEVER;
    private long earlierMinute = NEVER;
    private long earlierUsed;
    private long owed;
    private long askedUsed;
    private long askedEarlierUsed;
    private long askedOwed;
    private boolean stale = true;

    /** Whether a question was put to which no answer has come. */
    private boolean unanswered;

    private boolean removed;
    private boolean recalled;
    private boolean contended;
    private Deadline validUntil = new Deadline(0, Long.MIN_VALUE);
    private long refusedUntilNanos = NEVER;
    private long refusedRoom;
    private long heldByAll;
    private long extra;
    private long grantedAtNanos;
    private long usedAtNanos;

    LimitSlice(LimitId id) {
        this.id = id;
    }

    LimitId id() {
        return id;
    }

    /** A part of the slice that one call holds. Its owner guards it. */
    static final class Part {
        private final LimitSlice slice;
        private final long minute;
        private final long limit;
        private long amount;

        private Part(LimitSlice slice, long minute, long limit, long amount) {
            this.slice = slice;
            this.minute = minute;
            this.limit = limit;
            this.amount = amount;
        }

        LimitId id() {
            return slice.id;
        }

        long amount() {
            return amount;
        }

        long limit() {
            return limit;
        }

        /** Hands all of it back. */
        void giveBack() {
            giveBack(amount);
        }

        /** Hands some of it back; without effect where its minute is over. */
        void giveBack(long some) {
            amount -= some;
            slice.giveBack(minute, some);
        }
    }

    /**
     * One moment, by all clocks.
     *
     * @param nanos this machine's monotonic clock, which stands still while the machine sleeps
     * @param wallMillis this machine's time of day, which may be wrong, but goes on meanwhile
     * @param minute the minute of the database's clock
     */
    record Moment(long nanos, long wallMillis, long minute) {}

    /** When something is over: by whichever clock comes first, since a machine may sleep. */
    record Deadline(long nanos, long wallMillis) {

        boolean isOver(Moment now) {
            return now.nanos - nanos >= 0 || now.wallMillis >= wallMillis;
        }
    }

    /** Takes a call's part; null where the slice does not hold that much, or may not be used now. */
    synchronized @Nullable Part reserve(LimitNeed need, Moment now) {
        if (stale || validUntil.isOver(now) || id.isPerMinute() && minute != now.minute) {
            return null;
        }
        return take(need, now.nanos);
    }

    /** The same right after an answer: the database has just said which minute it is. */
    synchronized @Nullable Part reserveGranted(LimitNeed need, long nanos) {
        return stale ? null : take(need, nanos);
    }

    private @Nullable Part take(LimitNeed need, long nanos) {
        usedAtNanos = nanos;
        if (removed || need.limit() != limit || idle < need.amount()) {
            return null;
        }
        idle -= need.amount();
        used += need.amount();
        return new Part(this, minute, limit, need.amount());
    }

    /** How the limit stands where it is known, from a moment ago, to have no room for this; otherwise null. */
    synchronized @Nullable LimitState refusal(LimitNeed need, Moment now) {
        if (refusedUntilNanos == NEVER
                || now.nanos - refusedUntilNanos >= 0
                || need.limit() != limit
                || id.isPerMinute() && minute != now.minute
                || need.amount() <= Math.max(0, idle) + refusedRoom) {
            return null;
        }
        return state();
    }

    /** As the last answer had it, and what calls of this instance have given back since. */
    synchronized LimitState state() {
        return new LimitState(
                id.counter(),
                id.kind(),
                limit,
                heldByAll - told + used,
                0,
                id.isPerMinute() ? Minutes.end(minute) : null);
    }

    private synchronized void giveBack(long ofMinute, long amount) {
        if (ofMinute == minute) {
            long back = Math.min(amount, used);
            used -= back;
            idle += isOthersToo() ? 0 : back;
        } else if (ofMinute == earlierMinute) {
            earlierUsed = Math.max(0, earlierUsed - amount);
        }
    }

    /**
     * Whether what is given back may be wanted elsewhere: others may have used tokens above their estimates, so it is
     * free only where the database says so.
     */
    private boolean isOthersToo() {
        return contended && id.kind() == LimitKind.TOKENS;
    }

    /** Counts tokens above their estimate, now; false where the slice is out of use. */
    synchronized boolean charge(long amount, long limitThen, long presentMinute) {
        if (removed) {
            return false;
        }
        if (minute == presentMinute) {
            used += amount;
            idle -= amount;
        } else {
            owed += amount;
        }
        limit = limit < 0 ? limitThen : limit;
        return true;
    }

    /**
     * Puts a question. Until it is {@link #answered} nothing more is reserved, because what is idle is handed back with
     * it.
     */
    synchronized Question ask(long presentMinute, long least, long need, long limitNow, long nanos) {
        stale = true;
        unanswered = true;
        limit = limitNow < 0 ? limit : limitNow;
        askedUsed = used;
        askedEarlierUsed = earlierUsed;
        askedOwed = owed;
        long window = id.isPerMinute() ? presentMinute : 0;
        Long kept;
        if (window == minute) {
            kept = used;
        } else if (window == earlierMinute) {
            kept = earlierUsed;
        } else {
            // In a minute that has been before something may have been used.
            kept = window > latestMinute ? 0L : null;
        }
        return new Question(id, window, kept, owed, least, need, need == 0 ? 0 : nextExtra(need, nanos), limit);
    }

    /** How much more than needed to ask for: four times as much where the last slice was used up within a second. */
    private long nextExtra(long need, long nanos) {
        if (extra == 0) {
            extra = need >= LARGEST_EXTRA / 64 ? LARGEST_EXTRA : need * 64;
        } else if (nanos - grantedAtNanos < SECOND) {
            extra = Math.min(LARGEST_EXTRA, extra * 4);
        } else if (nanos - grantedAtNanos > 10 * SECOND) {
            extra = Math.max(need, extra / 4);
        }
        return extra;
    }

    synchronized void answered(Answer answer, Deadline until, long nanos) {
        long change;
        if (answer.minute() == minute) {
            change = used - askedUsed;
        } else {
            long nextEarlier = used;
            change = answer.minute() == earlierMinute ? earlierUsed - askedEarlierUsed : 0;
            earlierMinute = minute;
            earlierUsed = nextEarlier;
            minute = answer.minute();
            latestMinute = Math.max(latestMinute, minute);
            refusedUntilNanos = NEVER;
        }
        contended = answer.contended();
        used = Math.max(0, answer.kept() + change);
        idle = answer.granted() + Math.min(0, answer.room()) - (isOthersToo() ? Math.max(0, change) : change);
        told = answer.kept() + answer.granted();
        owed -= askedOwed;
        askedOwed = 0;
        recalled = false;
        heldByAll = answer.used() + answer.granted();
        refusedRoom = Math.max(0, answer.room());
        if (answer.refused() && answer.recallsPending() == 0) {
            refusedUntilNanos = nanos + REFUSED_NANOS;
        }
        validUntil = until;
        grantedAtNanos = nanos;
        stale = false;
        unanswered = false;
    }

    synchronized void renewed(Deadline until) {
        validUntil = until;
    }

    /** Has the lease told anew before it is used again. */
    synchronized void markLost() {
        stale = true;
        recalled = true;
    }

    /** Somebody else was refused for want of what may be idle here. */
    synchronized void recall() {
        recalled = true;
        contended = true;
    }

    /**
     * Whether there is something that the database had better know: what is idle and wanted, or is owed, or what an
     * answer that was lost may have left there. To be asked when no question is on its way.
     */
    synchronized boolean hasToTell(long nanos, long presentMinute) {
        if (limit < 0) {
            return false;
        }
        if (owed > 0 || recalled || unanswered) {
            return true;
        }
        if (id.isPerMinute()) {
            return minute == presentMinute && (used > told || contended && used < told);
        }
        return used < told && (contended || isUnused(nanos));
    }

    /** Whether something of it is of use to others, or is owed, when this instance closes. */
    synchronized boolean hasToTellAtTheEnd(long presentMinute) {
        return limit >= 0 && id.isPerMinute() && (owed > 0 || minute == presentMinute && used != told);
    }

    /** Whether others may want something of it. */
    synchronized boolean mayBeRecalled(long presentMinute) {
        return !contended && told > 0 && (!id.isPerMinute() || minute == presentMinute);
    }

    synchronized boolean holdsSlots() {
        return !id.isPerMinute() && told > 0;
    }

    /** Takes it out of use where it is over. */
    synchronized boolean removeIfOver(long nanos, long presentMinute) {
        removed = owed == 0
                && (id.isPerMinute() ? latestMinute < presentMinute - 2 : used == 0 && told == 0)
                && isUnused(nanos);
        return removed;
    }

    private boolean isUnused(long nanos) {
        return nanos - usedAtNanos > UNUSED_NANOS && nanos - grantedAtNanos > UNUSED_NANOS;
    }
}
