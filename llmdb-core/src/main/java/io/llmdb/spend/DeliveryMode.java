package io.llmdb.spend;

/** What {@link SpendRecorder#record} has achieved when it returns. */
public enum DeliveryMode {
    /**
     * The event is booked: its log row, counters and totals are committed in PostgreSQL, and whatever speaks against
     * it, its caller is told. With {@link WhenFull#SPILL} an event that found the queue full is only in a file on this
     * machine's disk, as in {@link #JOURNAL}.
     */
    BOOKED,
    /**
     * The event is committed in PostgreSQL, in the inbox, and is booked a moment later, by another instance if need be.
     * With {@link WhenFull#SPILL} an event that found the queue full is only in a file on this machine's disk, as in
     * {@link #JOURNAL}.
     */
    SYNCHRONOUS,
    /**
     * The event is on this machine's disk, synced, and is booked as soon as PostgreSQL takes it, after a restart if
     * need be. A killed process loses nothing; a lost disk loses what is not booked yet.
     */
    JOURNAL,
    /**
     * The event is in this process's memory. What is queued when the process is killed is lost: at most the bound of
     * the queue.
     */
    MEMORY
}
