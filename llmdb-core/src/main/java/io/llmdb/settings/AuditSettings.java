package io.llmdb.settings;

/**
 * The log of changes to keys, people, budgets and models.
 *
 * @param storeAuditLogs {@code llm_settings.store_audit_logs}: every change leaves a row, in its own transaction
 */
public record AuditSettings(boolean storeAuditLogs) {

    /** No audit rows. */
    public static final boolean DEFAULT_STORE_AUDIT_LOGS = false;

    static AuditSettings of(Values values) {
        return new AuditSettings(values.get(Known.STORE_AUDIT_LOGS));
    }

    /** Sets them from the application; wins over every other source. Not safe for use by several threads. */
    public static final class Builder {

        private final Overrides overrides;

        Builder(Overrides overrides) {
            this.overrides = overrides;
        }

        /**
         * Whether every change leaves a row, in its own transaction.
         *
         * @param value true for rows
         * @return this
         */
        public Builder storeAuditLogs(boolean value) {
            overrides.put(Known.STORE_AUDIT_LOGS, value);
            return this;
        }
    }
}
