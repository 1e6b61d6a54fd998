package io.llmdb.maintenance;

import io.llmdb.common.BudgetDuration;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How long what is kept. Rows go by whole partitions: when the last instant of a partition is older than the period,
 * all of it goes; daily totals stay for ever. Dead letters that were replayed or discarded go after the shorter of the
 * first two periods.
 *
 * @param spendLogs how long spend log rows are kept; null: for ever
 * @param prompts how long messages and answers are kept; null: as long as their row
 * @param errorLogs how long error log rows are kept; null: for ever
 * @param auditLogs how long audit rows are kept; null: for ever
 * @param receipts how long the receipts are kept that stand in for spend log rows where these are switched off; null:
 *     as long as spend log rows
 * @param interval how often what is too old is dropped
 */
public record RetentionPolicy(
        @Nullable BudgetDuration spendLogs,
        @Nullable BudgetDuration prompts,
        @Nullable BudgetDuration errorLogs,
        @Nullable BudgetDuration auditLogs,
        @Nullable BudgetDuration receipts,
        Duration interval) {

    /** Keeps everything. */
    public static final RetentionPolicy KEEP_ALL =
            new RetentionPolicy(null, null, null, null, null, Duration.ofDays(1));

    /** Checks that the interval is there. */
    public RetentionPolicy {
        Objects.requireNonNull(interval, "interval");
    }

    @Nullable
    BudgetDuration of(LogTable table) {
        return switch (table) {
            case SPEND_LOGS -> spendLogs;
            case ERROR_LOGS -> errorLogs;
            case AUDIT_LOG -> auditLogs;
            case RECEIPTS -> receipts == null ? spendLogs : receipts;
        };
    }
}
