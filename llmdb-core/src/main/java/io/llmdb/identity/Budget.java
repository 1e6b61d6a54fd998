package io.llmdb.identity;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A budget row. What was spent is not here but on each object that links it: ten members of one tier have ten purses.
 *
 * @param id its id
 * @param spec what an administrator set
 * @param resetAt the end of the window that was current when the duration was set; objects that link the row keep their
 *     own
 * @param owner what the row was made for, such as {@code organization:acme}, and goes away with; null: a row of its own
 *     standing
 * @param createdAt when it was made
 * @param createdBy who made it; empty: unknown
 * @param updatedAt when it was last edited; spending is no edit
 * @param updatedBy who edited it last; empty: unknown
 */
public record Budget(
        String id,
        BudgetSpec spec,
        @Nullable Instant resetAt,
        @Nullable String owner,
        Instant createdAt,
        String createdBy,
        Instant updatedAt,
        String updatedBy) {}
