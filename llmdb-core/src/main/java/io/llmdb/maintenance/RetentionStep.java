package io.llmdb.maintenance;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One thing that retention did, or in a dry run would do.
 *
 * @param kind what
 * @param table the log, such as {@code LLM_SpendLogs}
 * @param name the partition; the table itself where it has none
 * @param from the first instant that it holds; null where it holds what no other partition does
 * @param to the first instant whose rows are not touched
 * @param rows how many rows; of a partition that is dropped about how many, as PostgreSQL last counted, and -1 where it
 *     has not; of a dry run 0 where they have to be counted first
 * @param bytes what the partition took on disk, with its indexes; 0 of a table without partitions
 * @param took how long it took; zero in a dry run
 * @param failure why it was not done and is left to the next run; null: done
 */
public record RetentionStep(
        Kind kind,
        String table,
        String name,
        @Nullable Instant from,
        Instant to,
        long rows,
        long bytes,
        Duration took,
        @Nullable String failure) {

    /** What retention does. */
    public enum Kind {
        /** A partition goes with all its rows. */
        DROP_PARTITION,
        /** Old rows that were in no partition of their own are deleted. */
        DELETE_STRAY_ROWS,
        /** A partition's messages and answers go; its rows stay. */
        FORGET_PROMPTS,
        /** Dead letters that were replayed or discarded long ago are deleted; those that wait stay. */
        DELETE_DEAD_LETTERS
    }
}
