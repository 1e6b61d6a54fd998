package io.llmdb.identity;

import io.llmdb.common.SpendState;
import java.time.Instant;

/**
 * A user's membership in an organization, with what the user spent there.
 *
 * @param organizationId the organization
 * @param userId the user
 * @param spec what an administrator set
 * @param spendState what it has spent
 * @param createdAt when it was made
 * @param updatedAt when it was last edited
 */
public record OrganizationMembership(
        String organizationId,
        String userId,
        OrganizationMembershipSpec spec,
        SpendState spendState,
        Instant createdAt,
        Instant updatedAt) {}
