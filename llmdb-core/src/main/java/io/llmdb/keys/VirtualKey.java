package io.llmdb.keys;

import io.llmdb.common.SpendState;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A virtual key as the database knows it: by its hash, never by itself.
 *
 * @param hash the lower-case SHA-256 hex of the whole key in UTF-8; changes when the key is rotated
 * @param keyName the key with all but its end left out, {@code sk-...} and four characters; null in some rows that come
 *     from elsewhere
 * @param spec what an administrator set
 * @param spendState what it has spent; in what comes from a cache, as of when it was read
 * @param rotationCount how often it was rotated
 * @param lastRotationAt when it was rotated last; null: never
 * @param nextRotationAt when it is rotated next; null: not by schedule
 * @param lastActive when it was used last, as far as that was noted; null: unknown
 * @param createdAt when it was made
 * @param createdBy who made it; empty: unknown
 * @param updatedAt when it was last edited; spending is no edit
 * @param updatedBy who edited it last; empty: unknown
 */
public record VirtualKey(
        String hash,
        @Nullable String keyName,
        VirtualKeySpec spec,
        SpendState spendState,
        long rotationCount,
        @Nullable Instant lastRotationAt,
        @Nullable Instant nextRotationAt,
        @Nullable Instant lastActive,
        Instant createdAt,
        String createdBy,
        Instant updatedAt,
        String updatedBy) {}
