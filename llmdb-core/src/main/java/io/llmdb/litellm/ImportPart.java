package io.llmdb.litellm;

/** What an import may leave out. People, keys and budgets always come. */
public enum ImportPart {
    /** Models with their credentials. */
    MODELS,
    /** Rows of the spend log. What they spent comes all the same, as part of the counters' opening balances. */
    SPEND_LOGS,
    /** Rows of the error log. */
    ERROR_LOGS,
    /** Rows of the audit log. */
    AUDIT_LOG,
    /** Daily totals of days of which the spend log does not tell. */
    DAILY_TOTALS,
    /** Archives of deleted keys and teams. */
    ARCHIVES
}
