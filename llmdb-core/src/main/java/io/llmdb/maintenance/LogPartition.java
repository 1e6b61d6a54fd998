package io.llmdb.maintenance;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a log.
 *
 * @param table the log, such as {@code LLM_SpendLogs}
 * @param name the partition's own name
 * @param from the first instant that it holds; null for the default partition, which holds what no other does
 * @param to the first instant behind it; null for the default partition
 * @param rows about how many rows it has, as PostgreSQL last counted; -1 where it has not yet
 * @param bytes what it takes on disk, with its indexes
 */
public record LogPartition(
        String table,
        String name,
        @Nullable Instant from,
        @Nullable Instant to,
        long rows,
        long bytes) {}
