package io.llmdb.spend;

import java.time.Duration;
import java.util.List;

/**
 * What the way into the books looks like now, and what passed since the start of this instance.
 *
 * @param backlogRows events that are accepted and not booked, those in the journal included
 * @param backlogBytes about how many bytes of memory they take
 * @param oldestAge how long the oldest of them has waited since it was accepted; zero where none waits
 * @param journalBytes bytes of the journal's files, those included that are booked and not deleted yet
 * @param accepted events that {@code record} took
 * @param booked events booked by this instance
 * @param repeated events that had been booked before and changed nothing
 * @param contradicting events with the id of another one, put among the dead letters
 * @param deadLetters events that PostgreSQL refused, put among the dead letters
 * @param blocked calls that had to wait, because the backlog was full
 * @param refused events that were not taken, because the backlog was full
 * @param spilled events that went to the journal, because the backlog in memory was full
 * @param setAside pieces of the journal that could not be read and were kept in files of their own, and rows of the
 *     inbox that could not be read and stay there
 * @param adopted events that other instances had left in the inbox and this one took over
 * @param batches transactions that booked
 * @param failedBatches transactions that failed and were tried again
 * @param largestBatch the most events that one transaction booked
 * @param batchSizes transactions by how many events they booked, in the steps of {@link #BATCH_SIZES}
 * @param sinkFailures batches that a sink after the commit failed to take
 */
public record DeliveryMetrics(
        long backlogRows,
        long backlogBytes,
        Duration oldestAge,
        long journalBytes,
        long accepted,
        long booked,
        long repeated,
        long contradicting,
        long deadLetters,
        long blocked,
        long refused,
        long spilled,
        long setAside,
        long adopted,
        long batches,
        long failedBatches,
        long largestBatch,
        List<Long> batchSizes,
        long sinkFailures) {

    /** The most events of a transaction that {@link #batchSizes} counts in each step; in the last one any number. */
    public static final List<Integer> BATCH_SIZES = List.of(1, 10, 100, 1_000, 10_000, Integer.MAX_VALUE);

    /** Keeps a copy of the list. */
    public DeliveryMetrics {
        batchSizes = List.copyOf(batchSizes);
    }
}
