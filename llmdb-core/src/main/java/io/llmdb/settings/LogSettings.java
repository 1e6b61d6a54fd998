package io.llmdb.settings;

import io.llmdb.common.BudgetDuration;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What is kept of finished requests, and for how long.
 *
 * @param disableSpendLogs {@code general_settings.disable_spend_logs}: no spend log rows; counters, budgets, daily
 *     totals and every other listener go on
 * @param disableErrorLogs {@code general_settings.disable_error_logs}: no error log rows; independent of
 *     {@code disableSpendLogs}
 * @param disableSpendUpdates {@code general_settings.disable_spend_updates}: no counters either
 * @param storePrompts {@code general_settings.store_prompts_in_spend_logs}: messages and answers are kept
 * @param retentionPeriod {@code general_settings.maximum_spend_logs_retention_period}: how long spend log rows are
 *     kept; null: for ever
 * @param retentionInterval {@code general_settings.maximum_spend_logs_retention_interval}: how often what is too old is
 *     dropped, of every log
 * @param promptsRetentionPeriod {@code llmdb.prompts_retention_period}: how long messages and answers are kept; null:
 *     as long as their row
 * @param errorLogsRetentionPeriod {@code llmdb.error_logs_retention_period}: how long error log rows are kept; null:
 *     for ever
 * @param auditLogsRetentionPeriod {@code llmdb.audit_logs_retention_period}: how long audit rows are kept; null: for
 *     ever
 * @param receiptsRetentionPeriod {@code llmdb.receipts_retention_period}: how long the receipts are kept that stand in
 *     for spend log rows where these are switched off; null: as long as spend log rows
 */
public record LogSettings(
        boolean disableSpendLogs,
        boolean disableErrorLogs,
        boolean disableSpendUpdates,
        boolean storePrompts,
        @Nullable BudgetDuration retentionPeriod,
        Duration retentionInterval,
        @Nullable BudgetDuration promptsRetentionPeriod,
        @Nullable BudgetDuration errorLogsRetentionPeriod,
        @Nullable BudgetDuration auditLogsRetentionPeriod,
        @Nullable BudgetDuration receiptsRetentionPeriod) {

    /** Spend log rows are written. */
    public static final boolean DEFAULT_DISABLE_SPEND_LOGS = false;

    /** Error log rows are written. */
    public static final boolean DEFAULT_DISABLE_ERROR_LOGS = false;

    /** Counters are kept. */
    public static final boolean DEFAULT_DISABLE_SPEND_UPDATES = false;

    /** Messages and answers are not kept. */
    public static final boolean DEFAULT_STORE_PROMPTS = false;

    /** How often what is too old is dropped. */
    public static final Duration DEFAULT_RETENTION_INTERVAL = Duration.ofDays(1);

    /** Checks that what cannot be absent is there. */
    public LogSettings {
        Objects.requireNonNull(retentionInterval, "retentionInterval");
    }

    static LogSettings of(Values values) {
        return new LogSettings(
                values.get(Known.DISABLE_SPEND_LOGS),
                values.get(Known.DISABLE_ERROR_LOGS),
                values.get(Known.DISABLE_SPEND_UPDATES),
                values.get(Known.STORE_PROMPTS),
                values.find(Known.RETENTION_PERIOD),
                values.get(Known.RETENTION_INTERVAL),
                values.find(Known.PROMPTS_RETENTION_PERIOD),
                values.find(Known.ERROR_LOGS_RETENTION_PERIOD),
                values.find(Known.AUDIT_LOGS_RETENTION_PERIOD),
                values.find(Known.RECEIPTS_RETENTION_PERIOD));
    }

    /** Sets them from the application; wins over every other source. Not safe for use by several threads. */
    public static final class Builder {

        private final Overrides overrides;

        Builder(Overrides overrides) {
            this.overrides = overrides;
        }

        /**
         * Whether spend log rows are left out; counters, budgets, daily totals and every other listener go on.
         *
         * @param value true for no rows
         * @return this
         */
        public Builder disableSpendLogs(boolean value) {
            overrides.put(Known.DISABLE_SPEND_LOGS, value);
            return this;
        }

        /**
         * Whether error log rows are left out; independent of the spend log.
         *
         * @param value true for no rows
         * @return this
         */
        public Builder disableErrorLogs(boolean value) {
            overrides.put(Known.DISABLE_ERROR_LOGS, value);
            return this;
        }

        /**
         * Whether counters are left out; budgets cannot hold then.
         *
         * @param value true for no counters
         * @return this
         */
        public Builder disableSpendUpdates(boolean value) {
            overrides.put(Known.DISABLE_SPEND_UPDATES, value);
            return this;
        }

        /**
         * Whether messages and answers are kept in the spend log.
         *
         * @param value true to keep them
         * @return this
         */
        public Builder storePrompts(boolean value) {
            overrides.put(Known.STORE_PROMPTS, value);
            return this;
        }

        /**
         * How long spend log rows are kept.
         *
         * @param value a duration; null for ever
         * @return this
         */
        public Builder retentionPeriod(@Nullable BudgetDuration value) {
            overrides.put(Known.RETENTION_PERIOD, value);
            return this;
        }

        /**
         * How often what is too old is dropped, of every log.
         *
         * @param value from a second to a year
         * @return this
         */
        public Builder retentionInterval(Duration value) {
            overrides.put(Known.RETENTION_INTERVAL, value);
            return this;
        }

        /**
         * How long messages and answers are kept.
         *
         * @param value a duration; null for as long as their row
         * @return this
         */
        public Builder promptsRetentionPeriod(@Nullable BudgetDuration value) {
            overrides.put(Known.PROMPTS_RETENTION_PERIOD, value);
            return this;
        }

        /**
         * How long error log rows are kept.
         *
         * @param value a duration; null for ever
         * @return this
         */
        public Builder errorLogsRetentionPeriod(@Nullable BudgetDuration value) {
            overrides.put(Known.ERROR_LOGS_RETENTION_PERIOD, value);
            return this;
        }

        /**
         * How long audit rows are kept.
         *
         * @param value a duration; null for ever
         * @return this
         */
        public Builder auditLogsRetentionPeriod(@Nullable BudgetDuration value) {
            overrides.put(Known.AUDIT_LOGS_RETENTION_PERIOD, value);
            return this;
        }

        /**
         * How long the receipts are kept that stand in for spend log rows where these are switched off.
         *
         * @param value a duration; null for as long as spend log rows
         * @return this
         */
        public Builder receiptsRetentionPeriod(@Nullable BudgetDuration value) {
            overrides.put(Known.RECEIPTS_RETENTION_PERIOD, value);
            return this;
        }
    }
}
