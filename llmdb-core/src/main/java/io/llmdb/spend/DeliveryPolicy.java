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
 * @param maxJournalBytes how many bytes the journal's files may take
 * @param maxBacklogRows how many events may wait in memory
 * @param maxBacklogBytes how many bytes of events may wait in memory
 * @param whenFull what happens at either bound
 * @param blockFor how long a caller waits at the bound
 * @param longestWait how long an event is expected to wait at most; a longer wait is told in the log. Nothing waits for
 *     this time to pass
 * @param maxBatchRows how many events one transaction books at most
 * @param retryPause the pause after a failed batch; doubles up to thirty times as long
 * @param closeTimeout how long closing waits for what is queued
 */
public record DeliveryPolicy(
        DeliveryMode mode,
        @Nullable Path journalDirectory,
        long maxJournalBytes,
        int maxBacklogRows,
        long maxBacklogBytes,
        WhenFull whenFull,
        Duration blockFor,
        Duration longestWait,
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
        if (maxBacklogRows < 1 || maxBacklogBytes < 1 || maxBatchRows < 1 || maxJournalBytes < 1) {
            throw new InvalidArgumentException("maxBacklogRows " + maxBacklogRows + ", maxBacklogBytes "
                    + maxBacklogBytes + ", maxBatchRows " + maxBatchRows + ", maxJournalBytes " + maxJournalBytes
                    + ": each must be at least 1");
        }
        if (hasJournal(mode, whenFull) && journalDirectory == null) {
            throw new InvalidArgumentException("delivery by journal, or spilling to it, needs a journalDirectory");
        }
    }

    private static boolean hasJournal(DeliveryMode mode, WhenFull whenFull) {
        return mode == DeliveryMode.JOURNAL || whenFull == WhenFull.SPILL;
    }

    /** Whether events may stand in files of this machine's. */
    boolean hasJournal() {
        return hasJournal(mode, whenFull);
    }

    /**
     * For a {@link SpendRecorder} that is used alone. {@code LlmDb} takes what can be set from its settings, whose
     * defaults are others.
     *
     * @return events are booked when {@code record} returns, at most 100,000 or 256 MiB wait, callers wait up to 10 s
     *     for room
     */
    public static DeliveryPolicy booked() {
        return new DeliveryPolicy(
                DeliveryMode.BOOKED,
                null,
                10L << 30,
                100_000,
                256L << 20,
                WhenFull.BLOCK,
                Duration.ofSeconds(10),
                Duration.ofSeconds(10),
                20_000,
                Duration.ofMillis(100),
                Duration.ofSeconds(30));
    }

    /** @return events are committed when {@code record} returns; all else as in {@link #booked()} */
    public static DeliveryPolicy synchronous() {
        return booked().withMode(DeliveryMode.SYNCHRONOUS);
    }

    /**
     * @param directory where the journal is; never shared with another instance
     * @return events are on this machine's disk when {@code record} returns; all else as in {@link #booked()}
     */
    public static DeliveryPolicy journal(Path directory) {
        DeliveryPolicy base = booked();
        return new DeliveryPolicy(
                DeliveryMode.JOURNAL,
                directory,
                base.maxJournalBytes,
                base.maxBacklogRows,
                base.maxBacklogBytes,
                base.whenFull,
                base.blockFor,
                base.longestWait,
                base.maxBatchRows,
                base.retryPause,
                base.closeTimeout);
    }

    /**
     * @param value the mode
     * @return a copy with it
     */
    public DeliveryPolicy withMode(DeliveryMode value) {
        return new DeliveryPolicy(
                value,
                journalDirectory,
                maxJournalBytes,
                maxBacklogRows,
                maxBacklogBytes,
                whenFull,
                blockFor,
                longestWait,
                maxBatchRows,
                retryPause,
                closeTimeout);
    }

    /**
     * @param rows how many events may wait in memory
     * @param bytes how many bytes of events may wait in memory
     * @param journalBytes how many bytes the journal's files may take
     * @return a copy with these bounds
     */
    public DeliveryPolicy withBounds(int rows, long bytes, long journalBytes) {
        return new DeliveryPolicy(
                mode,
                journalDirectory,
                journalBytes,
                rows,
                bytes,
                whenFull,
                blockFor,
                longestWait,
                maxBatchRows,
                retryPause,
                closeTimeout);
    }

    /**
     * @param value what happens at the bounds
     * @param wait how long a caller waits there
     * @return a copy with it
     */
    public DeliveryPolicy withFull(WhenFull value, Duration wait) {
        return new DeliveryPolicy(
                mode,
                journalDirectory,
                maxJournalBytes,
                maxBacklogRows,
                maxBacklogBytes,
                value,
                wait,
                longestWait,
                maxBatchRows,
                retryPause,
                closeTimeout);
    }

    /**
     * @param rows how many events one transaction books at most
     * @param pause the pause after a failed batch
     * @param close how long closing waits for what is queued
     * @return a copy with these
     */
    public DeliveryPolicy withWriter(int rows, Duration pause, Duration close) {
        return new DeliveryPolicy(
                mode,
                journalDirectory,
                maxJournalBytes,
                maxBacklogRows,
                maxBacklogBytes,
                whenFull,
                blockFor,
                longestWait,
                rows,
                pause,
                close);
    }
}
