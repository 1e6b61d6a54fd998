package io.llmdb.identity;

import java.util.List;

/**
 * What the deletion of a user did.
 *
 * @param userId the user
 * @param keyHashes the hashes of the user's keys, personal ones and those in teams, all archived and deleted, sorted
 * @param teamIds the teams that the user was a member of, sorted
 * @param organizationIds the organizations that the user was a member of, sorted
 * @param invitationsDeleted how many invitations were deleted
 * @param requestsDeleted how many requests for models were deleted
 * @param budgetsDeleted how many budget rows of the memberships' own were deleted
 */
public record UserDeletion(
        String userId,
        List<String> keyHashes,
        List<String> teamIds,
        List<String> organizationIds,
        int invitationsDeleted,
        int requestsDeleted,
        int budgetsDeleted) {

    /** Copies the lists. */
    public UserDeletion {
        keyHashes = List.copyOf(keyHashes);
        teamIds = List.copyOf(teamIds);
        organizationIds = List.copyOf(organizationIds);
    }
}
