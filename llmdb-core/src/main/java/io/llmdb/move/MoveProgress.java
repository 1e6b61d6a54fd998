package io.llmdb.move;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How far a copy has come.
 *
 * @param step {@code copying} or {@code verifying}
 * @param table the table or partition that was worked on last
 * @param unitsDone tables and partitions that are done
 * @param units tables and partitions in all
 * @param rows rows that were copied since this call began
 * @param bytes bytes that went over the wire since this call began
 * @param bytesPerSecond the rate since this call began
 * @param remaining how long it will about take; null where nothing is known yet
 */
public record MoveProgress(
        String step,
        String table,
        int unitsDone,
        int units,
        long rows,
        long bytes,
        long bytesPerSecond,
        @Nullable Duration remaining) {}
