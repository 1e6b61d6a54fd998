package io.llmdb.common;

import io.llmdb.error.InvalidArgumentException;
import java.math.BigDecimal;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * So much money in each window: an entry of {@code budget_limits} or of {@code model_max_budget}.
 *
 * @param maxBudget what a window may spend; 0 blocks everything that costs something
 * @param duration the length of a window; null: one window for ever
 */
public record BudgetLimit(BigDecimal maxBudget, @Nullable BudgetDuration duration) {

    /**
     * Checks the amount.
     *
     * @throws InvalidArgumentException where it is negative
     */
    public BudgetLimit {
        Money.check("max_budget", Objects.requireNonNull(maxBudget, "maxBudget"));
    }

    /**
     * @param maxBudget what a window may spend, as a decimal number
     * @param duration the length of a window, such as {@code 1d}
     * @return the limit
     * @throws InvalidArgumentException where one of them is none
     */
    public static BudgetLimit of(String maxBudget, String duration) {
        return new BudgetLimit(new BigDecimal(maxBudget), BudgetDuration.parse("budget_duration", duration));
    }
}
