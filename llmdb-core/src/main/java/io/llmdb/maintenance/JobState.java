package io.llmdb.maintenance;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A job that one instance does for all.
 *
 * @param name its name
 * @param nextRunAt when it is due; null: at once
 * @param lastRunAt when its last run ended, well or not; null: never
 * @param lastError what went wrong in the last run; null: nothing
 * @param claimedBy the instance that runs it now; null: none
 * @param claimedUntil when the claim lapses unless that instance puts it off; null: none
 */
public record JobState(
        String name,
        @Nullable Instant nextRunAt,
        @Nullable Instant lastRunAt,
        @Nullable String lastError,
        @Nullable UUID claimedBy,
        @Nullable Instant claimedUntil) {}
