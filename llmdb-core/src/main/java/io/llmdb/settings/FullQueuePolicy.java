package io.llmdb.settings;

/** What happens to a finished request when the queue before the database is at its bound. Every case is counted. */
public enum FullQueuePolicy {
    /** It goes to a file in {@code journal_directory} and is written later. */
    SPILL,
    /** Its caller waits for room, at most {@code full_queue_block_time}, and is refused then. */
    BLOCK,
    /** Its caller gets an error at once. */
    REFUSE
}
