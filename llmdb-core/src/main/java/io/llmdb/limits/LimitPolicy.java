package io.llmdb.limits;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How limits are kept.
 *
 * @param leaseTime how long an instance holds slots for parallel requests, by the database's clock, without a sign of
 *     life; a killed instance's are free after it
 * @param recallWait how long a call that does not fit waits for other instances to hand back what they hold idle,
 *     before it is refused
 * @param answerWithin how long the database may take to answer, before it counts as unavailable
 * @param defaultEndUserBudgetId the budget row of end users that have none of their own; null: none
 */
public record LimitPolicy(
        Duration leaseTime,
        Duration recallWait,
        Duration answerWithin,
        @Nullable String defaultEndUserBudgetId) {

    /** 30 seconds, a second, 5 seconds. */
    public static final LimitPolicy DEFAULT =
            new LimitPolicy(Duration.ofSeconds(30), Duration.ofSeconds(1), Duration.ofSeconds(5), null);
}
