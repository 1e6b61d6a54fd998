package io.llmdb.identity;

import io.llmdb.common.SpendState;
import java.time.Instant;

/**
 * An organization: teams, users and keys may belong to it.
 *
 * @param id its id
 * @param spec what an administrator set; its {@code budgetId} is never null
 * @param spendState what it has spent
 * @param createdAt when it was made
 * @param createdBy who made it; empty: unknown
 * @param updatedAt when it was last edited; spending is no edit
 * @param updatedBy who edited it last; empty: unknown
 */
public record Organization(
        String id,
        OrganizationSpec spec,
        SpendState spendState,
        Instant createdAt,
        String createdBy,
        Instant updatedAt,
        String updatedBy) {}
