package io.llmdb.settings;

import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.WhenFull;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How finished requests get into the database, and what is held on the way.
 *
 * @param mode {@code llmdb.delivery_mode}: when a finished request counts as safe
 * @param journalDirectory {@code llmdb.journal_directory}: where the journal and what is spilled lie; never shared with
 *     another instance; null: neither is used
 * @param maxJournalBytes {@code llmdb.max_journal_bytes}: the most bytes in the journal directory, spilled ones
 *     included
 * @param maxQueuedRows {@code llmdb.max_queued_rows}: the most finished requests that wait in memory
 * @param maxQueuedBytes {@code llmdb.max_queued_bytes}: the most bytes of finished requests that wait in memory
 * @param fullQueuePolicy {@code llmdb.full_queue_policy}: what happens at either bound
 * @param fullQueueBlockTime {@code llmdb.full_queue_block_time}: the longest that {@link WhenFull#BLOCK} keeps a caller
 *     waiting
 * @param longestWait {@code general_settings.proxy_batch_write_at}: the longest that a finished request waits before
 *     its batch is written
 * @param maxBatchRows {@code llmdb.max_batch_rows}: the most finished requests that one transaction writes
 */
public record DeliverySettings(
        DeliveryMode mode,
        @Nullable Path journalDirectory,
        long maxJournalBytes,
        int maxQueuedRows,
        long maxQueuedBytes,
        WhenFull fullQueuePolicy,
        Duration fullQueueBlockTime,
        Duration longestWait,
        int maxBatchRows) {

    /** Recorded means booked. */
    public static final DeliveryMode DEFAULT_MODE = DeliveryMode.BOOKED;

    /** Most bytes in the journal directory: 10 GiB. */
    public static final long DEFAULT_MAX_JOURNAL_BYTES = 10L << 30;

    /** Most finished requests that wait in memory. */
    public static final int DEFAULT_MAX_QUEUED_ROWS = 100_000;

    /** Most bytes of finished requests that wait in memory: 64 MiB. */
    public static final long DEFAULT_MAX_QUEUED_BYTES = 64L << 20;

    /** At a full queue, callers wait. */
    public static final WhenFull DEFAULT_FULL_QUEUE_POLICY = WhenFull.BLOCK;

    /** Longest wait at a full queue. */
    public static final Duration DEFAULT_FULL_QUEUE_BLOCK_TIME = Duration.ofSeconds(5);

    /** Longest wait before a batch is written. */
    public static final Duration DEFAULT_LONGEST_WAIT = Duration.ofSeconds(10);

    /** Most rows of one batch. */
    public static final int DEFAULT_MAX_BATCH_ROWS = 20_000;

    /** Checks that what cannot be absent is there. */
    public DeliverySettings {
        Objects.requireNonNull(mode, "mode");
        Objects.requireNonNull(fullQueuePolicy, "fullQueuePolicy");
        Objects.requireNonNull(fullQueueBlockTime, "fullQueueBlockTime");
        Objects.requireNonNull(longestWait, "longestWait");
    }

    static DeliverySettings of(Values values) {
        return new DeliverySettings(
                values.get(Known.DELIVERY_MODE),
                values.find(Known.JOURNAL_DIRECTORY),
                values.get(Known.MAX_JOURNAL_BYTES),
                values.get(Known.MAX_QUEUED_ROWS),
                values.get(Known.MAX_QUEUED_BYTES),
                values.get(Known.FULL_QUEUE_POLICY),
                values.get(Known.FULL_QUEUE_BLOCK_TIME),
                values.get(Known.LONGEST_WAIT),
                values.get(Known.MAX_BATCH_ROWS));
    }

    /** Sets them from the application; wins over every other source. Not safe for use by several threads. */
    public static final class Builder {

        private final Overrides overrides;

        Builder(Overrides overrides) {
            this.overrides = overrides;
        }

        /**
         * When a finished request counts as safe.
         *
         * @param value the mode; {@link DeliveryMode#JOURNAL} needs a directory
         * @return this
         */
        public Builder mode(DeliveryMode value) {
            overrides.put(Known.DELIVERY_MODE, value);
            return this;
        }

        /**
         * Where the journal and what is spilled lie; never shared with another instance.
         *
         * @param value a directory, made where it is missing; null for none
         * @return this
         */
        public Builder journalDirectory(@Nullable Path value) {
            overrides.put(Known.JOURNAL_DIRECTORY, value);
            return this;
        }

        /**
         * The most bytes in the journal directory, spilled ones included.
         *
         * @param value from 1 MiB to 1 PiB
         * @return this
         */
        public Builder maxJournalBytes(long value) {
            overrides.put(Known.MAX_JOURNAL_BYTES, value);
            return this;
        }

        /**
         * The most finished requests that wait in memory.
         *
         * @param value from 1 to 100,000,000
         * @return this
         */
        public Builder maxQueuedRows(int value) {
            overrides.put(Known.MAX_QUEUED_ROWS, value);
            return this;
        }

        /**
         * The most bytes of finished requests that wait in memory.
         *
         * @param value from 64 KiB to 1 TiB
         * @return this
         */
        public Builder maxQueuedBytes(long value) {
            overrides.put(Known.MAX_QUEUED_BYTES, value);
            return this;
        }

        /**
         * What happens when the queue is full.
         *
         * @param value the policy; {@link WhenFull#SPILL} needs a journal directory
         * @return this
         */
        public Builder fullQueuePolicy(WhenFull value) {
            overrides.put(Known.FULL_QUEUE_POLICY, value);
            return this;
        }

        /**
         * The longest that {@link WhenFull#BLOCK} keeps a caller waiting.
         *
         * @param value from 1 ms to an hour
         * @return this
         */
        public Builder fullQueueBlockTime(Duration value) {
            overrides.put(Known.FULL_QUEUE_BLOCK_TIME, value);
            return this;
        }

        /**
         * The longest that a finished request waits before its batch is written.
         *
         * @param value from 1 ms to an hour
         * @return this
         */
        public Builder longestWait(Duration value) {
            overrides.put(Known.LONGEST_WAIT, value);
            return this;
        }

        /**
         * The most finished requests that one transaction writes.
         *
         * @param value from 1 to 1,000,000
         * @return this
         */
        public Builder maxBatchRows(int value) {
            overrides.put(Known.MAX_BATCH_ROWS, value);
            return this;
        }
    }
}
