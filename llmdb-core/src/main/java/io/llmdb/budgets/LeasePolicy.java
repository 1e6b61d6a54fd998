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
 */
public record LeasePolicy(Duration leaseTime, Duration reservationTime, Duration recallWait) {

    /** 30 seconds, 10 minutes, a second. */
    public static final LeasePolicy DEFAULT =
            new LeasePolicy(Duration.ofSeconds(30), Duration.ofMinutes(10), Duration.ofSeconds(1));

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
    }
}
