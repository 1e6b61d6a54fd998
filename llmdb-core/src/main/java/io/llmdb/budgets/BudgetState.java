package io.llmdb.budgets;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How a budget stands.
 *
 * @param counter whose budget
 * @param spent what the current window has spent
 * @param reserved what is reserved on it beside, by all instances
 * @param limit what a window may spend; null: unlimited
 * @param resetAt when the window ends; null: never
 */
public record BudgetState(
        CounterId counter,
        BigDecimal spent,
        BigDecimal reserved,
        @Nullable BigDecimal limit,
        @Nullable Instant resetAt) {

    /**
     * @param estimate what a request is expected to cost
     * @return whether it fits
     */
    public boolean hasRoomFor(BigDecimal estimate) {
        return limit == null || spent.add(reserved).add(estimate).compareTo(limit) <= 0 && !isUsedUp();
    }

    /** What is neither spent nor reserved; less than nothing where more is; zero where nothing limits. */
    BigDecimal left() {
        return limit == null ? BigDecimal.ZERO : limit.subtract(spent).subtract(reserved);
    }

    /** @return whether the maximum is reached, so that nothing that costs anything is admitted */
    public boolean isUsedUp() {
        return limit != null && spent.compareTo(limit) >= 0;
    }
}
