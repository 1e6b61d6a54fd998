package io.llmdb.budgets;

import io.llmdb.error.InvalidArgumentException;
import java.time.Duration;

/**
 * How long holds last.
 *
 * @param leaseTime how long a lease lasts by the database's clock without a sign of life of its holder; what a killed
 *     instance had reserved is free again after it
 * @param reservationTime how long one call's reservation lasts where the call neither settles, releases nor extends it
 * @param recallWait how long a call that does not fit waits for other instances to hand back what they hold idle,
 *     before it is refused
 * @param answerWait how long a call waits for the database's answer before the database counts as unreachable
 */
public record LeasePolicy(Duration leaseTime, Duration reservationTime, Duration recallWait, Duration answerWait) {

    /** 30 seconds, 10 minutes, a second, 5 seconds. */
    public static final LeasePolicy DEFAULT = new LeasePolicy(
            Duration.ofSeconds(30), Duration.ofMinutes(10), Duration.ofSeconds(1), Duration.ofSeconds(5));

    /**
     * Waits as long as {@link #DEFAULT} does.
     *
     * @param leaseTime how long a lease lasts
     * @param reservationTime how long one call's reservation lasts
     */
    public LeasePolicy(Duration leaseTime, Duration reservationTime) {
        this(leaseTime, reservationTime, DEFAULT.recallWait, DEFAULT.answerWait);
    }

    /**
     * Checks.
     *
     * @throws InvalidArgumentException where the lease time is less than two seconds, or another time is negative
     */
    public LeasePolicy {
        if (leaseTime.compareTo(Duration.ofSeconds(2)) < 0) {
            throw new InvalidArgumentException(
                    "lease_time " + leaseTime + ": at least 2 s, so that a pause does not lose it");
        }
        if (reservationTime.isNegative() || reservationTime.isZero() || recallWait.isNegative()) {
            throw new InvalidArgumentException(
                    "reservation_time " + reservationTime + ", recallWait " + recallWait + ": must not be negative");
        }
        if (answerWait.isNegative() || answerWait.isZero()) {
            throw new InvalidArgumentException("answerWait " + answerWait + ": must be more than nothing");
        }
    }
}
