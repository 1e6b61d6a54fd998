package io.llmdb.identity;

import io.llmdb.common.SpendState;
import java.time.Instant;
import java.util.List;

/**
 * An internal user. Memberships are rows of their own: see {@link TeamMembershipRepository}.
 *
 * @param id the id
 * @param spec what an administrator set
 * @param spendState what it has spent
 * @param teams the ids of the teams that the user is a member of, sorted
 * @param createdAt when it was made
 * @param updatedAt when it was last edited; spending is no edit
 */
public record User(
        String id, UserSpec spec, SpendState spendState, List<String> teams, Instant createdAt, Instant updatedAt) {

    /** Copies the list. */
    public User {
        teams = List.copyOf(teams);
    }
}
