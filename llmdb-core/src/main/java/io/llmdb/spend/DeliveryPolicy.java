package io.llmdb.spend;

import io.llmdb.error.InvalidArgumentException;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How events travel from the caller to the books.
 *
 * @param mode what is safe when {@code record} returns
 * @param journalDirectory where the journal is, or null where there is none
 * @param maxBacklogRows how many events may wait in memory
 * @param maxBacklogBytes how many bytes of events may wait in memory
 * @param whenFull what happens at either bound
 * @param blockFor how long a caller waits at the bound
 * @param maxBatchRows how many events one transaction books at most
 * @param retryPause the pause after a failed batch; doubles up to thirty times as long
 * @param closeTimeout how long closing waits for what is queued
 */
public record DeliveryPolicy(
        DeliveryMode mode,
        @Nullable Path journalDirectory,
        int maxBacklogRows,
        long maxBacklogBytes,
        WhenFull whenFull,
        Duration blockFor,
        int maxBatchRows,
        Duration retryPause,
        Duration closeTimeout) {

    /**
     * Checks the bounds.
     *
     * @throws InvalidArgumentException where a bound is less than 1, or a journal is asked for and no directory is
     *     given
     */
    public DeliveryPolicy {
        if (maxBacklogRows < 1 || maxBacklogBytes < 1 || maxBatchRows < 1) {
            throw new InvalidArgumentException("maxBacklogRows " + maxBacklogRows + ", maxBacklogBytes "
                    + maxBacklogBytes + ", maxBatchRows " + maxBatchRows + ": each must be at least 1");
        }
        if ((mode == DeliveryMode.JOURNAL || whenFull == WhenFull.SPILL) && journalDirectory == null) {
            throw new InvalidArgumentException("delivery by journal, or spilling to it, needs a journalDirectory");
        }
    }

    /**
     * @return events are committed when {@code record} returns, at most 100,000 or 256 MiB wait, callers wait up to 10
     *     s for room
     */
    public static DeliveryPolicy synchronous() {
        return new DeliveryPolicy(
                DeliveryMode.SYNCHRONOUS,
                null,
                100_000,
                256L << 20,
                WhenFull.BLOCK,
                Duration.ofSeconds(10),
                10_000,
                Duration.ofMillis(100),
                Duration.ofSeconds(30));
    }

    /**
     * @param value the mode
     * @return a copy with it
     */
    public DeliveryPolicy withMode(DeliveryMode value) {
        return new DeliveryPolicy(
                value,
                journalDirectory,
                maxBacklogRows,
                maxBacklogBytes,
                whenFull,
                blockFor,
                maxBatchRows,
                retryPause,
                closeTimeout);
    }
}
