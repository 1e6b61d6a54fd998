package io.llmdb.common;

import java.math.BigDecimal;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What an object has spent, as its row says. A window that is over counts as reset for admissions even where the row
 * still holds it.
 *
 * @param spend spent in the current window
 * @param totalSpend ever spent; never reset
 * @param windowStart since when {@code spend} counts; null: since the object was made
 * @param resetAt when the window ends; null: never
 */
public record SpendState(
        BigDecimal spend,
        BigDecimal totalSpend,
        @Nullable Instant windowStart,
        @Nullable Instant resetAt) {

    /** Nothing spent, no window. */
    public static final SpendState NONE = new SpendState(BigDecimal.ZERO, BigDecimal.ZERO, null, null);
}
