package io.llmdb.models;

import java.time.Instant;

/**
 * A stored model.
 *
 * @param id its id
 * @param spec what an administrator set, secrets in plain text
 * @param createdAt when it was made
 * @param createdBy who made it; empty: unknown
 * @param updatedAt when it was last edited
 * @param updatedBy who edited it last; empty: unknown
 */
public record ProxyModel(
        String id, ProxyModelSpec spec, Instant createdAt, String createdBy, Instant updatedAt, String updatedBy) {}
