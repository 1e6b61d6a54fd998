package io.llmdb.spend;

/** What {@link SpendRecorder#record} has achieved when it returns. */
public enum DeliveryMode {
    /**
     * The event is booked: its log row, counters and totals are committed in PostgreSQL. Nothing can be lost, and
     * whatever speaks against the event, its caller is told.
     */
    BOOKED,
    /**
     * The event is committed in PostgreSQL, in the inbox, and is booked a moment later, by another instance if need be.
     * Nothing can be lost.
     */
    SYNCHRONOUS,
    /**
     * The event is on this machine's disk and is booked as soon as PostgreSQL takes it, after a restart if need be.
     * Nothing can be lost.
     */
    JOURNAL,
    /**
     * The event is in this process's memory. What is queued when the process is killed is lost: at most the bound of
     * the queue.
     */
    MEMORY
}
