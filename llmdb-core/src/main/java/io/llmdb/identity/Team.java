package io.llmdb.identity;

import io.llmdb.common.SpendState;
import java.time.Instant;

/**
 * A team. Its members are rows of their own: see {@link TeamMembershipRepository}.
 *
 * @param id its id
 * @param spec what an administrator set
 * @param spendState what it has spent
 * @param createdAt when it was made
 * @param updatedAt when it was last edited; spending is no edit
 */
public record Team(String id, TeamSpec spec, SpendState spendState, Instant createdAt, Instant updatedAt) {}
