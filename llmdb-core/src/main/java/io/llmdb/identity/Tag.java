package io.llmdb.identity;

import io.llmdb.common.SpendState;
import java.time.Instant;

/**
 * A tag.
 *
 * @param name the tag as calls carry it
 * @param spec what an administrator set
 * @param spendState what it has spent
 * @param createdAt when it was made
 * @param createdBy who made it; empty: unknown
 * @param updatedAt when it was last edited
 */
public record Tag(
        String name, TagSpec spec, SpendState spendState, Instant createdAt, String createdBy, Instant updatedAt) {}
