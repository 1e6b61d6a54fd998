package io.llmdb.identity;

import io.llmdb.common.SpendState;
import java.time.Instant;

/**
 * A user's membership in a team, with what the user spent there.
 *
 * @param teamId the team
 * @param userId the user
 * @param spec what an administrator set
 * @param spendState what it has spent
 * @param createdAt when it was made
 */
public record TeamMembership(
        String teamId, String userId, TeamMembershipSpec spec, SpendState spendState, Instant createdAt) {}
