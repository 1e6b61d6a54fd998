package io.llmdb.settings;

/** When a finished request counts as safe, and so what a crash can lose. */
public enum DeliveryMode {
    /** Recorded means committed in PostgreSQL. Nothing is lost; the caller waits for the commit. */
    SYNCHRONOUS,
    /**
     * Recorded means synced to a file on this machine. Nothing is lost when the process dies or the database is away;
     * what the file holds is written at the next start.
     */
    JOURNAL,
    /** Recorded means held in memory. A crash loses what is queued: at most {@code max_queued_rows}. */
    MEMORY
}
