package io.llmdb.identity;

import java.util.List;

/**
 * What the deletion of an organization did.
 *
 * @param organizationId the organization
 * @param teams what was done to its teams, sorted by id
 * @param keyHashes the hashes of its own keys that belonged to no team of it, archived and deleted, sorted
 * @param memberIds the users who were members, sorted
 * @param usersDetached the users whose home it was and who go on without one, sorted
 * @param budgetsDeleted how many budget rows of its own and of its members' own were deleted; those of teams' members
 *     are counted there
 */
public record OrganizationDeletion(
        String organizationId,
        List<TeamDeletion> teams,
        List<String> keyHashes,
        List<String> memberIds,
        List<String> usersDetached,
        int budgetsDeleted) {

    /** Copies the lists. */
    public OrganizationDeletion {
        teams = List.copyOf(teams);
        keyHashes = List.copyOf(keyHashes);
        memberIds = List.copyOf(memberIds);
        usersDetached = List.copyOf(usersDetached);
    }
}
