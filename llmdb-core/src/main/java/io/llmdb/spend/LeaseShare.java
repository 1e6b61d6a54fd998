package io.llmdb.spend;

import java.math.BigDecimal;
import java.util.Objects;

/**
 * What booking an event takes from one lease: as much of the cost as had been reserved there.
 *
 * @param counter the counter that the lease is on
 * @param epoch the lease's epoch when the request ended; what was reserved in another epoch is taken from nothing
 * @param amount how much, in the currency of the budgets
 */
public record LeaseShare(CounterId counter, long epoch, BigDecimal amount) {

    /** Checks for null. */
    public LeaseShare {
        Objects.requireNonNull(counter, "counter");
        Objects.requireNonNull(amount, "amount");
    }
}
