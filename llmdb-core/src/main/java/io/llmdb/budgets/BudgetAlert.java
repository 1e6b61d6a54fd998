package io.llmdb.budgets;

import io.llmdb.spend.CounterId;
import java.math.BigDecimal;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A budget's window has passed a mark. It blocks nothing.
 *
 * @param kind which mark
 * @param counter whose budget
 * @param spent what the window had spent when that was noticed
 * @param threshold the mark
 * @param windowStart the start of the window; null: since the counter was made
 * @param raisedAt when it was noticed, by the database's clock
 */
public record BudgetAlert(
        Kind kind,
        CounterId counter,
        BigDecimal spent,
        BigDecimal threshold,
        @Nullable Instant windowStart,
        Instant raisedAt) {

    /** Which mark was passed. */
    public enum Kind {
        /** The soft budget. */
        SOFT_BUDGET,
        /** 80 % of the maximum. */
        MAX_BUDGET_80_PERCENT
    }
}
