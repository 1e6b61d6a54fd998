package io.llmdb.budgets;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The database as leases see it: narrow, so that a simulation can stand in for it. All calls may throw
 * {@link io.llmdb.error.DatabaseUnavailableException}, and whether they took effect is not known then.
 */
interface LeaseStore {

    /**
     * One counter's part of a question.
     *
     * @param counter which counter
     * @param epoch under which the holder's bookings take from its lease
     * @param windowEnd the end of the window that {@code inUse} was reserved in; null: it has none, or none is known
     * @param inUse what the holder has in use and keeps
     * @param idle what it has beside and hands back; null where it is not sure, as after an answer was lost
     * @param least what the smallest of the calls that wait needs
     * @param need what all of them need
     * @param extra what it would like on top
     * @param limit what a window may spend, for counters whose limit the database does not know itself
     */
    record Question(
            CounterId counter,
            long epoch,
            @Nullable Instant windowEnd,
            BigDecimal inUse,
            @Nullable BigDecimal idle,
            BigDecimal least,
            BigDecimal need,
            BigDecimal extra,
            @Nullable BigDecimal limit) {}

    /** How a question ended. */
    enum Status {
        /** At least what was needed is granted. */
        GRANTED,
        /** Less than what was needed is left; of that, what admits a call is granted. */
        REFUSED,
        /** There is no such counter; nothing limits. */
        GONE
    }

    /**
     * The answer for one counter.
     *
     * @param status how it ended
     * @param granted what the holder has beyond what it has in use; null: unlimited
     * @param kept whether what it has in use stays reserved; otherwise those reservations have ended
     * @param epoch under which its bookings take from the lease from now on
     * @param state how the budget stands, without the asker's own lease
     * @param othersSetAt since when some other holder has not said what it has in use; null: no other holds anything
     * @param windowStart the start of the current window; null: no windows
     * @param limitUntil when the limit goes down by itself, because a temporary increase ends; null: never
     * @param answeredAt the database's time
     */
    record Answer(
            Status status,
            @Nullable BigDecimal granted,
            boolean kept,
            long epoch,
            BudgetState state,
            @Nullable Instant othersSetAt,
            @Nullable Instant windowStart,
            @Nullable Instant limitUntil,
            Instant answeredAt) {}

    /**
     * Sets what this holder has of each counter; one answer for each question, in the same order.
     *
     * @param turn a number that grows from call to call; a question that arrives behind a later one changes nothing
     */
    List<Answer> grant(long turn, List<Question> questions);

    /** Gives the holder's leases that have not lapsed a new end; returns those. */
    Set<CounterId> renew();

    /** The holder's leases whose idle part somebody else was refused for want of. */
    Set<CounterId> recalled();

    /** Hands everything back. */
    void returnAll();
}
