package io.llmdb.spend;

/**
 * What the way into the books looks like now, and what passed since the start of this instance.
 *
 * @param backlogRows events that are accepted and not booked
 * @param backlogBytes about how many bytes of memory they take
 * @param accepted events that {@code record} took
 * @param booked events booked by this instance
 * @param repeated events that had been booked before and changed nothing
 * @param contradicting events with the id of another one, put among the dead letters
 * @param deadLetters events that PostgreSQL refused, put among the dead letters
 * @param refused events that were not taken, because the backlog was full
 * @param batches transactions that booked
 * @param failedBatches transactions that failed and were tried again
 * @param sinkFailures batches that a sink after the commit failed to take
 */
public record DeliveryMetrics(
        long backlogRows,
        long backlogBytes,
        long accepted,
        long booked,
        long repeated,
        long contradicting,
        long deadLetters,
        long refused,
        long batches,
        long failedBatches,
        long sinkFailures) {}
