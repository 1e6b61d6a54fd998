package io.llmdb.spend;

/** What happens to an event when the backlog has reached its bound. Every case is counted. */
public enum WhenFull {
    /** The caller waits for room, up to a deadline, and is refused then. */
    BLOCK,
    /** The caller is refused at once with {@link BacklogFullException}. */
    REFUSE,
    /** The event goes to the journal on disk and is booked from there; needs a journal directory. */
    SPILL
}
