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
     * @param inUse what the holder has in use and keeps
     * @param idle what it has beside and hands back; null where it is not sure, as after an answer was lost
     * @param least what the smallest of the calls that wait needs
     * @param need what it needs beyond that; less is not granted as "granted"
     * @param extra what it would like on top
     * @param limit what a window may spend, for counters whose limit the database does not know itself
     */
    record Question(
            CounterId counter,
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
        /** Less than what was needed is left; what is left is granted. */
        REFUSED,
        /** There is no such counter; nothing limits. */
        GONE
    }

    /**
     * The answer for one counter.
     *
     * @param status how it ended
     * @param granted what the holder has beyond what it has in use; null: unlimited
     * @param state how the budget stands, without the asker's own lease
     * @param softBudget the soft budget, or null
     * @param recallsPending how many other holders were asked to hand back what they hold idle and have not answered
     * @param windowStart the start of the current window; null: no windows
     */
    record Answer(
            Status status,
            @Nullable BigDecimal granted,
            BudgetState state,
            @Nullable BigDecimal softBudget,
            long recallsPending,
            @Nullable Instant windowStart) {}

    /** Sets what this holder has of each counter; one answer for each question, in the same order. */
    List<Answer> grant(List<Question> questions);

    /** Gives the holder's leases that have not lapsed a new end; returns those. */
    Set<CounterId> renew();

    /** The holder's leases whose idle part somebody else was refused for want of. */
    Set<CounterId> recalled();

    /** Hands everything back. */
    void returnAll();

    /** How budgets stand, without changing anything. */
    List<BudgetState> read(List<Question> questions);
}
